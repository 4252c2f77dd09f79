//! Leases, packs, commits and the list of snapshots.

use crate::{Error, Hash, Incarnation};
use model::{DeviceId, LeaseId, SetId, SnapshotId, Timestamp};
use serde::{Deserialize, Serialize};

/// Body of `POST /vaults/{vault}/leases`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRequest {
    /// The set that will be backed up.
    pub set: SetId,
    /// The clone counter as the device has it stored.
    pub counter: Option<u64>,
}

/// Answer of `POST /vaults/{vault}/leases`, with what tells a run whether it has to ask anything else before it begins:
/// over a slow network each further answer is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseAnswer {
    /// The lease.
    pub lease: LeaseId,
    /// The index's incarnation.
    pub incarnation: Incarnation,
    /// The last number of the vault's log, the lease's epoch.
    pub sequence: u64,
    /// When the lease ends.
    pub deadline: Timestamp,
    /// The server's present time.
    pub server_time: Timestamp,
    /// The clone counter to store before the lease is used.
    pub counter: u64,
    /// Ids of data chunks in a copy of the whole index.
    #[serde(default)]
    pub data_ids: u64,
    /// The newest snapshots of the set that are not hidden, checkpoints included, the very newest first; at most
    /// [`limits::NEWEST_SNAPSHOTS`](crate::limits::NEWEST_SNAPSHOTS).
    pub newest: Vec<SnapshotId>,
    /// Whether anything in the vault is known to be damaged.
    pub has_damage: bool,
}

/// Which ids the segments of the index have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexIds {
    /// All.
    #[default]
    All,
    /// Those of hunks alone: the table of data ids is empty.
    Hunks,
}

/// Query of `GET /vaults/{vault}/index`: the place after which the log is wanted, and which ids of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexQuery {
    /// The incarnation known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<Incarnation>,
    /// The last number known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Which ids.
    #[serde(default)]
    pub ids: IndexIds,
}

impl IndexQuery {
    /// The place asked for; `None` for everything. One field without the other is refused.
    pub const fn position(self) -> Result<Option<(Incarnation, u64)>, Error> {
        match (self.incarnation, self.after) {
            (Some(incarnation), Some(after)) => Ok(Some((incarnation, after))),
            (None, None) => Ok(None),
            _ => Err(Error::malformed("query", "incarnation and after, or neither")),
        }
    }
}

/// Answer of `PUT …/packs/{pack}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackAnswer {
    /// False when the server had this very pack already.
    pub stored: bool,
    /// The log entry that added it.
    pub sequence: u64,
}

/// Answer of `PUT …/snapshots/{snapshot}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitAnswer {
    /// The vault's number of the snapshot.
    pub sequence: u64,
    /// When the server received it.
    pub time: Timestamp,
}

/// Answer of `GET /device/quota`: the sizes of the newest complete snapshots of all sets of all devices of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaAnswer {
    /// What the user has, in bytes.
    pub used_bytes: u64,
    /// What the user may have, in bytes; 0 for any amount.
    pub limit_bytes: u64,
}

/// Query of `PUT …/snapshots/{snapshot}/labels`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelsQuery {
    /// BLAKE3 of the object that is replaced; nothing when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Hash>,
}

/// One row of `GET /vaults/{vault}/snapshots`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRow {
    /// Its id.
    pub id: SnapshotId,
    /// The device that made it.
    pub device: DeviceId,
    /// That device's name.
    pub device_name: String,
    /// Its set.
    pub set: SetId,
    /// The vault's number of it.
    pub sequence: u64,
    /// When the server received it.
    pub time: Timestamp,
    /// False for a checkpoint.
    pub complete: bool,
    /// Files in it.
    pub files: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
    /// Findings in it.
    pub findings: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_without_counter_says_null() {
        let request = LeaseRequest { set: SetId::from_bytes([1; 16]), counter: None };
        let json = serde_json::to_value(request).unwrap();
        assert!(json["counter"].is_null());
        assert_eq!(serde_json::from_value::<LeaseRequest>(json).unwrap(), request);
    }

    #[test]
    fn a_place_is_whole_or_absent() {
        let incarnation = Some(Incarnation([1; 16]));
        let query = |incarnation, after| IndexQuery { incarnation, after, ids: IndexIds::All }.position();
        assert_eq!(query(None, None), Ok(None));
        assert_eq!(query(incarnation, Some(4)), Ok(Some((Incarnation([1; 16]), 4))));
        assert!(query(incarnation, None).is_err());
        assert!(query(None, Some(4)).is_err());
    }
}
