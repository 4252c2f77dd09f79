//! What can happen.

use model::{SnapshotId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Writes events with their kinds; the comment of an event is what its kind says of itself.
macro_rules! events {
    ($($(#[doc = $meaning:literal])+ $name:ident $({ $($(#[doc = $words:literal])+ $field:ident: $type:ty,)+ })?;)+) => {
        /// Something that happened on the device, or was learnt from the server.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "event", rename_all = "snake_case")]
        pub enum Event {
            $($(#[doc = $meaning])+ $name $({ $($(#[doc = $words])+ $field: $type,)+ })?,)+
        }

        /// The kind of an event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Kind {
            $($(#[doc = $meaning])+ $name,)+
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// What happened, for people.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($meaning),+).trim_ascii(),)+ }
            }
        }

        impl Event {
            /// Its kind.
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$name { .. } => Kind::$name,)+ }
            }
        }
    };
}

events! {
    /// This machine became a device.
    Activated;
    /// The agent started, and its last end was a clean one.
    Started;
    /// The agent started in another boot than the one in which it ended without being stopped.
    StartedAfterRestart;
    /// The agent started in the same boot in which it ended without being stopped.
    StartedAfterCrash {
        /// A random name under which the log tells of it.
        incident: String,
    };
    /// The agent was stopped.
    Stopped;
    /// Somebody asked for the status and found no agent.
    FoundNoAgent;

    /// A backup is due, and something holds it back.
    HeldBack;
    /// A backup was asked for, by the schedule or by somebody.
    RunAsked {
        /// Who asked.
        by: Asker,
        /// It is of another set than the one that the schedule is for.
        beside: bool,
    };
    /// The server let it begin.
    LeaseGranted;
    /// The first bytes were sent.
    UploadBegan;
    /// The server stored something of it.
    UploadAccepted;
    /// All is sent.
    AllUploaded;
    /// The server refused what it refers to, and it begins anew.
    BegunAnew;
    /// The server accepted it.
    Committed {
        /// Its snapshot.
        snapshot: SnapshotId,
        /// Files that were missed, kept from before, or read while they changed.
        missed: u64,
        /// Those of them that the system did not let the agent read.
        denied: u64,
        /// Folders of the set that are not where they should be.
        missing_folders: Vec<String>,
    };
    /// Somebody stopped it.
    Canceled {
        /// Who.
        by: Canceler,
        /// Why, if it was said.
        reason: Option<String>,
    };
    /// The agent ended it for a while, to go on later.
    Cut;
    /// The system could not hold the files still.
    SnapshotFailed {
        /// What the system said.
        error: String,
    };
    /// What was sent arrived too slowly for a while.
    LowBandwidth;
    /// What is sent arrives fast enough again.
    BandwidthSufficient;
    /// Something failed that has no better name.
    Failed {
        /// A random name under which the log tells of it.
        incident: String,
        /// What failed.
        error: String,
    };
    /// The server has no room for another backup now, or cannot use its storage.
    Busy {
        /// When to come back.
        retry_at: Timestamp,
    };
    /// The server's storage is full.
    StorageFull;
    /// The user's quota is used up.
    QuotaRefused;
    /// The quota was raised, or less of it is used.
    QuotaRaised;
    /// The server told how much of the quota is used.
    QuotaUsed {
        /// In a hundred.
        percent: u8,
    };

    /// The server was tried and could not be reached.
    Unreachable {
        /// Why.
        error: String,
    };
    /// The server answered this device.
    Accepted;
    /// The server says that the device was removed, or that another took its place.
    DeviceRemoved {
        /// Another took its place.
        replaced: bool,
    };
    /// The server says that the account or the device is switched off.
    Disabled {
        /// Only this device is.
        device_only: bool,
    };
    /// The server says that this agent is too old.
    TooOld;
    /// The server's certificate is not trusted.
    CertificateRefused {
        /// Why.
        error: String,
    };

    /// The user paused backup.
    Paused {
        /// When the pause ends by itself.
        until: Timestamp,
    };
    /// The pause ended, by itself or by the user.
    PauseEnded;
    /// A blackout window began, or its end changed.
    BlackoutBegan {
        /// When it ends.
        until: Timestamp,
    };
    /// The blackout window ended.
    BlackoutEnded;
    /// The way to the server leads over a network on which no backup is allowed.
    NetworkBlocked {
        /// What people call it.
        network: String,
    };
    /// The way to the server leads over another network, or this one was allowed.
    NetworkAllowed;
    /// The device runs on battery, and that is too empty for a backup.
    BatteryLow {
        /// The charge below which none runs, in a hundred.
        limit: u8,
    };
    /// The device is plugged in, or the battery is full enough.
    PowerSuffices;
    /// A backup runs on a network on which there was none before.
    NewNetwork {
        /// What people call it.
        network: String,
    };

    /// There is nothing to back up.
    NoFolders;
    /// The folders of the set were looked at, and some are there.
    FoldersFound {
        /// Those that are not where they should be.
        missing_folders: Vec<String>,
    };
    /// It was counted how long ago the last backup was.
    DaysCounted {
        /// Days without a backup from which on the user is told.
        limit: u32,
    };

    /// A restore was asked for.
    RestoreAsked {
        /// Its number.
        id: u64,
    };
    /// It began.
    RestoreBegan {
        /// Its number.
        id: u64,
    };
    /// It is over.
    RestoreEnded {
        /// Its number.
        id: u64,
        /// Files that could not be brought back.
        missed: u64,
    };
    /// It ended early.
    RestoreFailed {
        /// Its number.
        id: u64,
        /// Why.
        error: String,
    };
    /// Somebody stopped it, or took it out of the queue.
    RestoreCanceled {
        /// Its number.
        id: u64,
    };
}

/// Who asked for a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asker {
    /// Nobody: it was due.
    Schedule,
    /// The user.
    User,
    /// The administrator.
    Administrator,
}

/// Who stopped a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Canceler {
    /// The user.
    User,
    /// The administrator.
    Administrator,
}

impl Kind {
    /// The stable text: the one that stands in its JSON.
    pub fn as_str(self) -> String {
        let mut text = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_ascii_uppercase() && !text.is_empty() {
                text.push('_');
            }
            text.push(letter.to_ascii_lowercase());
        }
        text
    }
}

impl Event {
    /// What there is to say beside a notice that it raises. Errors may name paths: the server of a private vault must
    /// not learn them.
    pub(crate) fn details(&self) -> BTreeMap<String, String> {
        let pairs: Vec<(&str, String)> = match self {
            Self::StartedAfterCrash { incident } => {
                vec![
                    ("incident", incident.clone()),
                    ("error", "the agent ended without being stopped".into()),
                ]
            }
            Self::Failed { incident, error } => {
                vec![("incident", incident.clone()), ("error", error.clone())]
            }
            Self::SnapshotFailed { error }
            | Self::Unreachable { error }
            | Self::CertificateRefused { error }
            | Self::RestoreFailed { error, .. } => vec![("error", error.clone())],
            Self::Committed { snapshot, missed, .. } => {
                vec![("snapshot", snapshot.to_string()), ("missed", missed.to_string())]
            }
            Self::Canceled { reason: Some(reason), .. } => vec![("reason", reason.clone())],
            Self::Busy { retry_at } => vec![("retry_at", retry_at.to_string())],
            Self::DeviceRemoved { replaced } => vec![("replaced", replaced.to_string())],
            Self::Disabled { device_only } => vec![("device_only", device_only.to_string())],
            Self::RestoreEnded { missed, .. } => vec![("missed", missed.to_string())],
            _ => Vec::new(),
        };
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// How a busy server, a commit or a count answers the conditions of the table.
    pub(crate) fn missing_folders(&self) -> &[String] {
        match self {
            Self::Committed { missing_folders, .. } | Self::FoldersFound { missing_folders } => {
                missing_folders
            }
            _ => &[],
        }
    }
}
