//! The steps of a run.

use serde::{Deserialize, Serialize};

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// There is none.
    Idle,
    /// It was asked for, and the server has not let it begin.
    Waiting,
    /// It looks for what has changed.
    Initializing,
    /// It sends what is new.
    InProgress,
    /// All is sent, and the server is asked to accept it. Nothing stops a run here.
    Finishing,
}

impl Step {
    /// All of them, in the order in which a run takes them.
    pub const ALL: [Self; 5] =
        [Self::Idle, Self::Waiting, Self::Initializing, Self::InProgress, Self::Finishing];

    /// The stable text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Waiting => "waiting",
            Self::Initializing => "initializing",
            Self::InProgress => "in_progress",
            Self::Finishing => "finishing",
        }
    }

    /// Whether a pause can hold the run back here.
    pub const fn can_be_held(self) -> bool {
        !matches!(self, Self::Idle | Self::Finishing)
    }
}
