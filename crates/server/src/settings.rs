//! What an administrator may decide, with the defaults that a server starts on. One document in the database.

use crate::Result;
use meta::Meta;
use model::policy::PolicyPart;
use model::retention::Retention;
use model::{Custody, UserId};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

const KEY: &str = "settings";
/// The port of agents unless another one is chosen.
pub const PORT: u16 = 8443;
const DAY_SECONDS: u64 = 86_400;
const GIB: u64 = 1 << 30;

/// The settings. Fields that an older server did not write have their defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Where `serve` listens.
    pub listen: SocketAddr,
    /// The addresses that agents are told, in this order.
    pub urls: Vec<String>,
    /// Folder of the object store; a relative one lies in the data folder.
    pub store: PathBuf,
    /// Identity of the object store; another one is refused.
    pub store_id: String,
    /// Public half of the organisation's key pair.
    pub org_recipient: String,
    /// Custody of new vaults.
    pub custody: Custody,
    /// Users whose new vaults have another custody than the rest.
    pub custody_of: BTreeMap<String, Custody>,
    /// Which snapshots are kept.
    pub retention: Retention,
    /// What is set of the policies of all devices, but for custody and retention, which stand above.
    #[serde(deserialize_with = "stored_part")]
    pub policy: PolicyPart,
    /// Time between the two passes of a cleanup, in seconds.
    pub grace_seconds: u64,
    /// How long a deleted snapshot can be brought back, in seconds.
    pub undo_seconds: u64,
    /// Time between scheduled cleanups, in seconds.
    pub cleanup_every_seconds: u64,
    /// Backups that may run at once.
    pub leases_max: u64,
    /// Disk space that uploads leave free, in bytes; `None` chooses by the size of the disk.
    pub reserve_bytes: Option<u64>,
}

/// Fields that only another version knows are left out: they must not keep the server from its start.
fn stored_part<'de, D: Deserializer<'de>>(stored: D) -> Result<PolicyPart, D::Error> {
    let (part, left_out) = PolicyPart::of_stored(Deserialize::deserialize(stored)?);
    if !left_out.is_empty() {
        tracing::warn!(?left_out, "fields of the policy are not known to this server");
    }
    Ok(part)
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT),
            urls: Vec::new(),
            store: PathBuf::from("store"),
            store_id: String::new(),
            org_recipient: String::new(),
            custody: Custody::Managed,
            custody_of: BTreeMap::new(),
            retention: Retention::default(),
            policy: PolicyPart::default(),
            grace_seconds: DAY_SECONDS,
            undo_seconds: 7 * DAY_SECONDS,
            cleanup_every_seconds: 3_600,
            leases_max: 64,
            reserve_bytes: None,
        }
    }
}

impl Settings {
    /// Reads them from the database.
    pub async fn read(meta: &dyn Meta) -> Result<Self> {
        let Some(value) = meta.setting(KEY).await? else { return Ok(Self::default()) };
        serde_json::from_value(value)
            .map_err(|error| meta::Error::Damaged { problem: format!("the settings: {error}") }.into())
    }

    /// Writes them to the database.
    pub async fn write(&self, meta: &dyn Meta) -> Result<()> {
        let value = serde_json::to_value(self)
            .map_err(|error| crate::Error::Broken { problem: format!("the settings: {error}") })?;
        Ok(meta.set_setting(KEY, &value).await?)
    }

    /// Custody that was chosen for the vaults of this user alone.
    pub fn custody_of(&self, user: UserId) -> Option<Custody> {
        self.custody_of.get(&user.to_string()).copied()
    }

    /// Time between the two passes of a cleanup.
    pub const fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_seconds)
    }

    /// How long a deleted snapshot can be brought back.
    pub const fn undo(&self) -> Duration {
        Duration::from_secs(self.undo_seconds)
    }

    /// Space that uploads leave free on a disk of this size, so that reads, deletions and cleanup go on: 5 % of
    /// the disk, at least 1 GiB and at most 8, but never above an eighth of it. Cleanup rewrites a pack at a time,
    /// so that larger disks need no larger reserve.
    pub fn reserve(&self, total_bytes: u64) -> u64 {
        self.reserve_bytes.unwrap_or_else(|| (total_bytes / 20).clamp(GIB, 8 * GIB).min(total_bytes / 8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_an_older_server_are_read() {
        let read: Settings = serde_json::from_value(serde_json::json!({"leases_max": 3, "gone": 1})).unwrap();
        assert_eq!(read, Settings { leases_max: 3, ..Settings::default() });
    }

    #[test]
    fn the_reserve_fits_small_and_large_disks() {
        let settings = Settings::default();
        assert_eq!(settings.reserve(64 << 20), 8 << 20);
        assert_eq!(settings.reserve(16 * GIB), GIB);
        assert_eq!(settings.reserve(100 * GIB), 5 * GIB);
        assert_eq!(settings.reserve(1_000 * GIB), 8 * GIB);
        let set = Settings { reserve_bytes: Some(7), ..settings };
        assert_eq!(set.reserve(1_000 * GIB), 7);
    }

    #[test]
    fn a_user_may_have_another_custody() {
        let user = UserId::random();
        let mut settings = Settings::default();
        settings.custody_of.insert(user.to_string(), Custody::Private);
        assert_eq!(settings.custody_of(user), Some(Custody::Private));
        assert_eq!(settings.custody_of(UserId::random()), None);
    }
}
