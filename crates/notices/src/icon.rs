//! The sign beside a notice.

use serde::{Deserialize, Serialize};

/// A class of icons. What is drawn for it, and in which colour, is up to who shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Icon {
    /// All is well.
    Success,
    /// Work is under way.
    InProgress,
    /// Work was put off on purpose.
    Paused,
    /// Something to know.
    Info,
    /// Something is in the way.
    Amber,
}
