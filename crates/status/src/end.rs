//! How runs end.

use model::Timestamp;
use model::schedule::{Last, Outcome};
use serde::{Deserialize, Serialize};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Its snapshot was committed.
    Committed,
    /// Somebody stopped it.
    Canceled,
    /// It was cut short by what is no failure: the device was restarted, the agent stopped, or a pause lasted long.
    Cut,
    /// The server could not be reached.
    Unreachable,
    /// What was sent arrived too slowly.
    Slow,
    /// The server had no room for it.
    Busy,
    /// The server's storage was full.
    StorageFull,
    /// The system could not hold the files still.
    SnapshotFailed,
    /// Something else failed, or the agent died.
    Failed,
    /// The server takes nothing from this device.
    TurnedAway,
    /// The server's certificate was not trusted.
    Untrusted,
    /// The user's quota was used up.
    QuotaUsedUp,
    /// There was nothing to back up.
    NoFolders,
}

impl End {
    /// Whether there is something to go on with.
    pub const fn leaves_unfinished(self) -> bool {
        !matches!(self, Self::Committed | Self::Canceled)
    }

    /// Whether it counts as one of several failures in a row.
    pub const fn is_failure(self) -> bool {
        matches!(
            self,
            Self::Unreachable | Self::Slow | Self::StorageFull | Self::SnapshotFailed | Self::Failed
        )
    }
}

/// The last run that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastRun {
    pub(crate) ended: Timestamp,
    pub(crate) end: End,
    /// When the server wants to see this device again, if it was busy.
    pub(crate) retry_at: Option<Timestamp>,
    /// Runs that failed since one did not.
    pub(crate) failures: u32,
    /// What was in its way is gone.
    pub(crate) healed: bool,
}

impl LastRun {
    /// What the schedule needs to know of it.
    pub(crate) fn last(&self) -> Last {
        let outcome = match self.end {
            _ if self.healed => Outcome::Resumable,
            End::Committed => Outcome::Complete,
            End::Canceled => Outcome::Canceled,
            End::Cut => Outcome::Resumable,
            End::Busy => Outcome::Busy { retry_at: self.retry_at.unwrap_or(self.ended) },
            End::TurnedAway => Outcome::TurnedAway,
            End::Untrusted | End::QuotaUsedUp | End::NoFolders => Outcome::Blocked,
            End::Unreachable | End::Slow | End::StorageFull | End::SnapshotFailed | End::Failed => {
                Outcome::Failed { in_a_row: self.failures }
            }
        };
        Last { ended: self.ended, outcome }
    }
}
