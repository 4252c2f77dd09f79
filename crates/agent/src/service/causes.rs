//! What an error of a run or of asking the server means for the status.

use crate::AgentError;
use engine::backup::BackupSummary;
use model::{Code, Finding, FindingReason, Timestamp};
use status::Event;
use std::time::Duration;

/// When the server names no time.
const BUSY: Duration = Duration::from_secs(10 * 60);

/// What happened, as an event of the run that it ended.
pub(super) fn event_of(error: &AgentError, now: Timestamp) -> Event {
    let words = error.to_string();
    let busy = || {
        let asked = match error {
            AgentError::Remote(error) => error.retry_after_seconds,
            _ => None,
        };
        Event::Busy { retry_at: now.after(asked.map_or(BUSY, Duration::from_secs)) }
    };
    match error.code() {
        Code::ServerUnreachable | Code::RequestTimeout | Code::ResponseInvalid => {
            Event::Unreachable { error: words }
        }
        Code::ServerBusy | Code::RateLimited | Code::StoreUnusable => busy(),
        Code::StorageFull => Event::StorageFull,
        Code::CertificateUntrusted | Code::CertificateExpired => Event::CertificateRefused { error: words },
        Code::DeviceDeactivated | Code::DeviceDeleted => Event::DeviceRemoved { replaced: false },
        // Whoever has this device's keys goes on as it; this one was replaced.
        Code::DeviceCloned | Code::DeviceReplaced => Event::DeviceRemoved { replaced: true },
        Code::AccountDisabled => Event::Disabled { device_only: false },
        Code::DeviceDisabled => Event::Disabled { device_only: true },
        Code::QuotaReached => Event::QuotaRefused,
        Code::ProtocolTooOld => Event::TooOld,
        Code::SetEmpty | Code::SetUnknown => Event::NoFolders,
        code => {
            let incident = incident();
            tracing::error!(incident, %code, error = words, "a backup ended because of this");
            Event::Failed { incident, error: words }
        }
    }
}

/// The same outside of a run; none for what says nothing of the way to the server or of the device.
pub(super) fn contact_event(error: &AgentError, now: Timestamp) -> Option<Event> {
    let event = match error.code() {
        Code::ServerUnreachable
        | Code::RequestTimeout
        | Code::ResponseInvalid
        | Code::CertificateUntrusted
        | Code::CertificateExpired
        | Code::DeviceDeactivated
        | Code::DeviceDeleted
        | Code::DeviceCloned
        | Code::DeviceReplaced
        | Code::AccountDisabled
        | Code::DeviceDisabled
        | Code::ProtocolTooOld => event_of(error, now),
        _ => return None,
    };
    Some(event)
}

/// A random name under which the log tells of what happened.
pub(super) fn incident() -> String {
    model::SnapshotId::from_bytes(model::ids::random_bytes()).to_string()[..8].to_owned()
}

/// What a backup that was made says to the status.
pub(super) fn committed(summary: &BackupSummary) -> Event {
    let count =
        |fits: fn(&Finding) -> bool| summary.findings.iter().filter(|finding| fits(finding)).count() as u64;
    // What vanished before it could be read was deleted, not missed.
    let vanished = count(|finding| finding.reason == FindingReason::Vanished);
    let missing = summary.findings.iter().filter(|finding| finding.reason == FindingReason::RootMissing);
    Event::Committed {
        snapshot: summary.snapshot,
        missed: summary.finding_count.saturating_sub(vanished),
        denied: count(is_denied),
        missing_folders: missing.map(|finding| String::from_utf8_lossy(&finding.path).into_owned()).collect(),
    }
}

/// The system refused; the reason says it for files, and for folders and lists of attributes the error number does.
fn is_denied(finding: &Finding) -> bool {
    finding.reason == FindingReason::Denied
        || (finding.reason == FindingReason::FolderUnreadable
            && platform::Error::Os { op: "list", errno: finding.errno }.is_denied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::remote::RemoteError;
    use model::SnapshotId;
    use status::Kind;

    fn kind(code: Code, retry_after_seconds: Option<u64>) -> Event {
        let error = RemoteError { retry_after_seconds, ..RemoteError::new(code, "") };
        event_of(&error.into(), Timestamp::from_secs(100))
    }

    #[test]
    fn the_server_names_the_time_to_come_back() {
        let at = |secs| Event::Busy { retry_at: Timestamp::from_secs(secs) };
        assert_eq!(kind(Code::ServerBusy, Some(30)), at(130));
        assert_eq!(kind(Code::StoreUnusable, None), at(700));
    }

    #[test]
    fn credentials_that_nobody_knows_are_no_removed_device() {
        assert_eq!(kind(Code::DeviceUnknown, None).kind(), Kind::Failed);
        assert_eq!(kind(Code::DeviceDeactivated, None), Event::DeviceRemoved { replaced: false });
        let error = RemoteError::new(Code::DeviceUnknown, "");
        assert_eq!(contact_event(&error.into(), Timestamp::from_secs(0)), None);
    }

    #[test]
    fn what_vanished_was_not_missed() {
        let finding = |reason, errno| Finding {
            path: b"/a".to_vec(),
            reason,
            errno,
            first_seen: Timestamp::from_secs(0),
            kept_previous: false,
        };
        let findings = vec![
            finding(FindingReason::Vanished, 2),
            finding(FindingReason::Denied, 13),
            finding(FindingReason::FolderUnreadable, 13),
            finding(FindingReason::FolderUnreadable, 5),
            finding(FindingReason::RootMissing, 2),
        ];
        let summary = BackupSummary {
            snapshot: SnapshotId::from_bytes([1; 16]),
            files: 0,
            entries: 0,
            bytes: 0,
            read_bytes: 0,
            new_bytes: 0,
            stored_bytes: 0,
            finding_count: findings.len() as u64,
            findings,
        };
        let Event::Committed { missed, denied, missing_folders, .. } = committed(&summary) else { panic!() };
        assert_eq!((missed, denied, missing_folders), (4, 2, vec!["/a".to_owned()]));
    }
}
