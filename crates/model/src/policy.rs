//! What an administrator sets for a group of users, field by field: typed values, what each may be, and which layer a
//! value comes from. Server and agent share it.

mod choices;
mod network;
mod part;
mod values;

pub use choices::UserChoices;
pub use network::NetworkMatch;
pub use part::{ChangeError, PART_MAX};
pub use values::{ENTRIES_MAX, Notifications, PolicyError, SnapshotMode, TEXT_MAX};

use crate::Custody;
use crate::retention::Retention;
use crate::schedule::Schedule;
use serde::{Deserialize, Serialize};
use std::fmt;
use values::{any, folders, in_range, networks, schedule, texts};

/// Which layer a value comes from. A later one wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// What holds when nobody has said anything.
    BuiltIn,
    /// The settings of the server.
    Server,
    /// The group of the user.
    Group,
    /// The user, as far as the policy allows it.
    User,
}

impl Origin {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "built_in",
            Self::Server => "server",
            Self::Group => "group",
            Self::User => "user",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Writes a policy with all values, a part of one, where each value comes from, and the list of the fields.
macro_rules! policy {
    ($($(#[doc = $words:literal])+ $field:ident: $type:ty = $default:expr, $check:expr;)+) => {
        /// Every value of a policy. One that an older server did not write has its default.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Policy {
            $($(#[doc = $words])+ pub $field: $type,)+
        }

        impl Default for Policy {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl Policy {
            /// Every field: its name, and what it says.
            pub const FIELDS: &[(&str, &str)] =
                &[$((stringify!($field), concat!($($words,)+).trim_ascii()),)+];

            /// The values that hold when these layers lie over what is built in, and where each comes from.
            pub fn of_layers(layers: impl IntoIterator<Item = (Origin, PolicyPart)>) -> (Self, Origins) {
                let mut policy = Self::default();
                let mut origins = Origins { $($field: Origin::BuiltIn,)+ };
                for (origin, part) in layers {
                    $(if let Some(value) = part.$field {
                        policy.$field = value;
                        origins.$field = origin;
                    })+
                }
                (policy, origins)
            }
        }

        /// Those values of a policy that one layer sets. The others come from the layer below.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct PolicyPart {
            $($(#[doc = $words])+
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub $field: Option<$type>,)+
        }

        impl PolicyPart {
            /// Refuses a value that is not allowed; the error names the field and what is.
            pub fn check(&self) -> Result<(), PolicyError> {
                $(if let Some(value) = &self.$field {
                    $check(stringify!($field), value)?;
                })+
                Ok(())
            }
        }

        /// Where each value of a policy comes from.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub struct Origins {
            $($(#[doc = $words])+ pub $field: Origin,)+
        }
    };
}

policy! {
    /// When backups are made: interval, start windows and blackouts.
    schedule: Schedule = Schedule::default(), schedule;
    /// Whether users may set the interval themselves.
    user_may_change_interval: bool = true, any;
    /// The shortest interval that a user may set, in minutes.
    user_interval_min_minutes: u32 = 5, in_range(5..=525_600);
    /// The longest interval that a user may set, in minutes.
    user_interval_max_minutes: u32 = 1_440, in_range(5..=525_600);
    /// Below this many KiB a second a backup is interrupted; 0 for never.
    bandwidth_floor_kib: u32 = 2, in_range(0..=1_048_576);
    /// A backup sends at most this many KiB a second; 0 for any number.
    bandwidth_ceiling_kib: u32 = 0, in_range(0..=1_048_576);
    /// Whether backups leave processor and disk to other programs first.
    low_priority: bool = true, any;
    /// Whether backups run over networks that count what is sent.
    metered_networks: bool = false, any;
    /// On battery, backups run from this charge on, in percent; 0 for always, 100 for never.
    battery_min_percent: u32 = 20, in_range(0..=100);
    /// Backups run on these networks alone; none for all.
    networks_allowed: Vec<NetworkMatch> = Vec::new(), networks;
    /// Backups do not run on these networks.
    networks_restricted: Vec<NetworkMatch> = Vec::new(), networks;
    /// Whether files are read from a snapshot of their file system.
    snapshot: SnapshotMode = SnapshotMode::Prefer, any;
    /// Which snapshots are kept.
    retention: Retention = Retention::default(), any;
    /// Who holds the keys of new vaults.
    custody: Custody = Custody::Managed, any;
    /// Which categories of notices come up on the desktop.
    notifications: Notifications = Notifications::default(), any;
    /// Whether users may change which categories come up.
    user_may_change_notifications: bool = true, any;
    /// Whether users may switch Critical notices off, too.
    user_may_silence_critical: bool = false, any;
    /// Whether the icon in the tray is shown.
    tray_icon: bool = true, any;
    /// Whether users may pause backups.
    user_may_pause: bool = true, any;
    /// The longest pause, in hours.
    user_pause_max_hours: u32 = 24, in_range(1..=8_760);
    /// Whether users may cancel a backup that runs.
    user_may_cancel: bool = true, any;
    /// Whether users may add folders to what is backed up.
    user_may_add_folders: bool = true, any;
    /// Whether users may restore.
    user_may_restore: bool = true, any;
    /// Whether users may keep backups off a network.
    user_may_block_networks: bool = true, any;
    /// A network that a user keeps backups off has at least this many bits of prefix: a hotspot, not the office.
    user_block_min_prefix: u32 = 24, in_range(0..=32);
    /// Folders of the default set. `~` stands for the home folder of each user of the device.
    folders: Vec<String> = vec!["~".to_owned()], folders;
    /// Rules of the default set in the syntax of gitignore, after the built-in ones.
    exclusions: Vec<String> = Vec::new(), texts;
    /// After this many days without a backup a device counts as not backed up.
    not_backed_up_days: u32 = 7, in_range(1..=365);
    /// What a user may have backed up, in bytes: the newest snapshots of all devices together; 0 for any amount.
    quota_bytes: u64 = 0, any;
}

#[cfg(test)]
mod tests;
