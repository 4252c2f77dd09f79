//! Which of several notices that hold at once comes first.

use crate::catalogue::*;
use crate::{Notice, Role};

/// Every notice that can hold, the first to be shown first.
///
/// What keeps Holdfast from doing anything comes before what is being done, that before what is put off, that before
/// the reasons why the last try failed, and how the last work ended comes last: the status line never says "complete"
/// while something is in the way.
pub static ORDER: &[&Notice] = &[
    // Nothing can happen.
    &AGENT_NOT_RUNNING,
    &AGENT_TOO_OLD,
    &DEVICE_DEACTIVATED,
    &ACCOUNT_DISABLED,
    &SERVER_CERTIFICATE_UNTRUSTED,
    // Restores run even when no backup is accepted.
    &RESTORE_IN_PROGRESS,
    // No backup can be accepted.
    &QUOTA_REACHED,
    &SERVER_STORAGE_FULL,
    &NO_FOLDERS,
    // A backup runs, the last step first.
    &BACKUP_FINISHING,
    &BACKUP_IN_PROGRESS,
    &BACKUP_INITIALIZING,
    &BACKUP_RESUMING,
    // Backup is put off on purpose.
    &BACKUP_PAUSED,
    &BACKUP_PAUSED_BLACKOUT,
    &BACKUP_PAUSED_BATTERY,
    // The last try failed.
    &BACKUP_INTERRUPTED_NETWORK_DISABLED,
    &INTERNAL_ERROR,
    &BACKUP_INTERRUPTED_SERVER_UNREACHABLE,
    &SERVER_CONNECTION_LOST,
    &BACKUP_INTERRUPTED_SERVER_BUSY,
    &BACKUP_INTERRUPTED_LOW_BANDWIDTH,
    &BACKUP_INCOMPLETE_SNAPSHOT_ERROR,
    // Nothing is in the way: what waits, and how the last work ended.
    &RESTORE_QUEUED,
    &RESTORE_FAILED,
    &BACKUP_CANCELED_BY_ADMINISTRATOR,
    &BACKUP_CANCELED_BY_USER,
    &RESTORE_COMPLETED_FILES_MISSED,
    &RESTORE_CANCELED,
    &BACKUP_COMPLETE_FILES_MISSED,
    &BACKUP_COMPLETE_MAIL_ERRORS,
    &RESTORE_COMPLETED,
    &ACTIVATED,
    &BACKUP_COMPLETE,
    // Beside the status line.
    &DEVICE_NOT_BACKED_UP,
    &QUOTA_95_PERCENT,
    &PERMISSION_NEEDED,
    &FOLDER_MISCONFIGURED,
    &QUOTA_80_PERCENT,
    // Below it.
    &MAIL_RESOURCES_INSUFFICIENT,
    &MAIL_STORE_CORRUPT,
    &MAIL_STORE_MISSING,
    &MAIL_STORE_NOT_ACCESSIBLE,
    &MAIL_STORE_NOT_OPENED,
    &MAIL_STORE_SKIPPED,
    &MAIL_FOLDER_SKIPPED,
    &MAIL_ITEM_ERRORS,
];

/// The place of a notice in [`ORDER`], counted from 1; none for one that never holds.
pub fn rank(notice: &Notice) -> Option<usize> {
    ORDER.iter().position(|other| other.code == notice.code).map(|place| place + 1)
}

/// What the status line shows while these notices hold.
pub fn status_line<'n>(holding: impl IntoIterator<Item = &'n Notice>) -> Option<&'n Notice> {
    holding.into_iter().filter(|notice| notice.role == Role::State).min_by_key(|notice| rank(notice))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;
    use std::collections::BTreeSet;

    #[test]
    fn every_notice_that_can_hold_has_one_rank() {
        let ranks: Vec<_> = catalogue::all().iter().filter_map(|notice| rank(notice)).collect();
        assert_eq!(ranks.iter().collect::<BTreeSet<_>>().len(), ORDER.len(), "no two have the same");
        assert_eq!(ranks.len(), ORDER.len());
        for notice in catalogue::all() {
            assert_eq!(rank(notice).is_none(), notice.role == Role::Event, "{}", notice.code);
        }
    }

    #[test]
    fn the_status_line_shows_the_first_of_those_that_hold() {
        assert_eq!(status_line([]), None);
        for (place, first) in ORDER.iter().enumerate().filter(|(_, notice)| notice.role == Role::State) {
            let holding = ORDER[place..].iter().rev().copied();
            assert_eq!(status_line(holding).map(|shown| shown.code), Some(first.code));
        }
    }

    #[test]
    fn what_stands_beside_the_line_never_takes_its_place() {
        let overlays = ORDER.iter().copied().filter(|notice| notice.role != Role::State);
        assert_eq!(status_line(overlays.clone()), None);
        let holding = overlays.chain([&BACKUP_INTERRUPTED_SERVER_BUSY]);
        assert_eq!(status_line(holding).map(|shown| shown.code), Some("backup_interrupted_server_busy"));
    }
}
