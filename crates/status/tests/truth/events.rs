//! Events to choose from, with few names so that they meet.

use model::{SnapshotId, Timestamp};
use notices::{Value, Values};
use status::{Asker, Canceler, Event};
use std::time::Duration;

/// A notice with the names in its values, by which it is one episode or another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Named {
    pub(crate) code: String,
    pub(crate) names: Vec<String>,
}

impl Named {
    pub(crate) fn of(code: &str, values: &Values) -> Self {
        let names = values.values().filter_map(|value| match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        });
        Self { code: code.into(), names: names.collect() }
    }

    pub(crate) fn plain(code: &str) -> Self {
        Self { code: code.into(), names: Vec::new() }
    }

    pub(crate) fn with(code: &str, name: &str) -> Self {
        Self { code: code.into(), names: vec![name.into()] }
    }
}

pub(crate) fn snapshot(number: u8) -> SnapshotId {
    SnapshotId::from_bytes([number; 16])
}

type Make = fn(Timestamp, usize) -> Event;

fn committed(round: usize, missed: u64, denied: u64, missing: &[&str]) -> Event {
    Event::Committed {
        snapshot: snapshot(round as u8),
        missed,
        denied,
        missing_folders: missing.iter().map(|name| (*name).into()).collect(),
    }
}

fn restore_number(round: usize) -> u64 {
    u64::from(round.is_multiple_of(5))
}

fn soon(now: Timestamp) -> Timestamp {
    now.after(Duration::from_secs(3600))
}

/// Every kind of event, some more than once.
pub(crate) const POOL: &[Make] = &[
    |_, _| Event::Activated,
    |_, _| Event::Started,
    |_, _| Event::StartedAfterRestart,
    |_, _| Event::StartedAfterCrash { incident: "0a1b".into() },
    |_, _| Event::Stopped,
    |_, _| Event::FoundNoAgent,
    |_, _| Event::HeldBack,
    |_, _| Event::RunAsked { by: Asker::Schedule, beside: false },
    |_, _| Event::RunAsked { by: Asker::Schedule, beside: false },
    |_, _| Event::RunAsked { by: Asker::User, beside: true },
    |_, _| Event::LeaseGranted,
    |_, _| Event::LeaseGranted,
    |_, _| Event::UploadBegan,
    |_, _| Event::UploadAccepted,
    |_, _| Event::AllUploaded,
    |_, _| Event::AllUploaded,
    |_, _| Event::BegunAnew,
    |_, round| committed(round, 0, 0, &[]),
    |_, round| committed(round, 0, 0, &[]),
    |_, round| committed(round, 3, 0, &[]),
    |_, round| committed(round, 3, 2, &["/a", "/b"]),
    |_, round| committed(round, 1, 0, &["/b"]),
    |_, _| Event::Canceled { by: Canceler::User, reason: None },
    |_, _| Event::Canceled { by: Canceler::Administrator, reason: Some("too late".into()) },
    |_, _| Event::Cut,
    |_, _| Event::SnapshotFailed { error: "no space".into() },
    |_, _| Event::LowBandwidth,
    |_, _| Event::BandwidthSufficient,
    |_, _| Event::Failed { incident: "2c3d".into(), error: "defect".into() },
    |now, _| Event::Busy { retry_at: soon(now) },
    |_, _| Event::StorageFull,
    |_, _| Event::QuotaRefused,
    |_, _| Event::QuotaRaised,
    |_, _| Event::QuotaUsed { percent: 79 },
    |_, _| Event::QuotaUsed { percent: 80 },
    |_, _| Event::QuotaUsed { percent: 94 },
    |_, _| Event::QuotaUsed { percent: 100 },
    |_, _| Event::Unreachable { error: "refused".into() },
    |_, _| Event::Accepted,
    |_, _| Event::DeviceRemoved { replaced: false },
    |_, _| Event::DeviceRemoved { replaced: true },
    |_, _| Event::Disabled { device_only: true },
    |_, _| Event::TooOld,
    |_, _| Event::CertificateRefused { error: "expired".into() },
    |now, _| Event::Paused { until: soon(now) },
    |_, _| Event::PauseEnded,
    |now, _| Event::BlackoutBegan { until: soon(now) },
    |_, _| Event::BlackoutEnded,
    |_, _| Event::NetworkBlocked { network: "cafe".into() },
    |_, _| Event::NetworkBlocked { network: "train".into() },
    |_, _| Event::NetworkAllowed,
    |_, _| Event::BatteryLow { limit: 20 },
    |_, _| Event::PowerSuffices,
    |_, _| Event::NewNetwork { network: "home".into() },
    |_, _| Event::NoFolders,
    |_, _| Event::FoldersFound { missing_folders: vec![] },
    |_, _| Event::FoldersFound { missing_folders: vec!["/a".into()] },
    |_, _| Event::DaysCounted { limit: 2 },
    |_, round| Event::RestoreAsked { id: restore_number(round) },
    |_, round| Event::RestoreBegan { id: restore_number(round) },
    |_, round| Event::RestoreEnded { id: restore_number(round), missed: 0 },
    |_, round| Event::RestoreEnded { id: restore_number(round), missed: 4 },
    |_, round| Event::RestoreFailed { id: restore_number(round), error: "full".into() },
    |_, round| Event::RestoreCanceled { id: restore_number(round) },
];
