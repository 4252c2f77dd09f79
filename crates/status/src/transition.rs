//! What changed in the notices that hold: what the desktop tells, and the server's log of events.

use model::Timestamp;
use notices::Values;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// Its number: one more than that of the change before.
    pub sequence: u64,
    /// When.
    pub time: Timestamp,
    /// What changed.
    pub change: Change,
    /// The code of the notice.
    pub code: String,
    /// The values of its parameters.
    pub values: Values,
    /// The episode that it belongs to.
    pub episode: u64,
    /// What there is to say besides; see [`crate::Held::details`].
    pub details: BTreeMap<String, String>,
}

/// What changed for a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It holds from now on: an episode begins.
    Raised,
    /// It goes on with other values.
    Changed,
    /// It holds no longer: the episode is over.
    Cleared,
    /// It was told, and is over with that.
    Told,
}
