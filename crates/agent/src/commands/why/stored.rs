//! What the vault has of one path: the newest version of it, and what the last backup of each set says.

use crate::AgentError;
use crate::catalog;
use crate::session::Session;
use api::runs::SnapshotRow;
use engine::EngineError;
use engine::reader::SnapshotReader;
use format::entry::Entry;
use format::path::is_within;
use model::{Finding, SetId};
use std::collections::HashMap;

/// What is looked for.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) path: &'a [u8],
    /// The only set whose snapshots are looked at.
    pub(super) only: Option<SetId>,
    /// The sets that have the path, each with the root that it belongs to.
    pub(super) sets: HashMap<SetId, &'a [u8]>,
}

/// A version of the path in a snapshot.
#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) row: SnapshotRow,
    pub(super) set: String,
    pub(super) entry: Entry,
}

/// What the last complete backup of a set says of the path.
#[derive(Debug, Clone, Default)]
pub(super) struct Report {
    /// Findings of the path itself, or of a folder above it that hold for it too.
    pub(super) findings: Vec<Finding>,
    /// How many lie below it.
    pub(super) below: u64,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) newest: Option<Version>,
    pub(super) reports: HashMap<SetId, Report>,
}

/// Goes through the snapshots of this device, the newest first, as far as is needed.
pub(super) fn search(session: &Session, asked: &Asked<'_>) -> Result<Stored, AgentError> {
    let own = session.identity.device;
    let wanted = |set: SetId| asked.only.is_none_or(|only| only == set);
    let mut listed = catalog::list(session, |row| row.device == own && wanted(row.set))?;
    listed.sort_by_key(|listed| std::cmp::Reverse(listed.row.sequence));
    let mut stored = Stored::default();
    for listed in listed {
        // One whose record is damaged tells nothing.
        let Some(names) = &listed.names else { continue };
        let row = listed.row;
        let root =
            asked.sets.get(&row.set).filter(|_| row.complete && !stored.reports.contains_key(&row.set));
        let may_have =
            stored.newest.is_none() && names.paths.iter().any(|path| is_within(asked.path, &path.0));
        if root.is_none() && !may_have {
            continue;
        }
        let reader = match SnapshotReader::open(&session.vault, session.keyring(), row.id) {
            Err(error) if error.code().is_data_lost() => continue,
            other => other?,
        };
        if let Some(root) = root {
            stored.reports.insert(row.set, report(&reader.sealed().findings, asked.path, root));
        }
        if may_have && let Some(entry) = find(&reader, asked.path)? {
            let set = String::from_utf8_lossy(&names.set.0).into_owned();
            stored.newest = Some(Version { row, set, entry });
        }
        if stored.newest.is_some() && stored.reports.len() == asked.sets.len() {
            break;
        }
    }
    Ok(stored)
}

/// The entry of the path. A part of the list that cannot be read must not hide an older version.
fn find(reader: &SnapshotReader<'_>, path: &[u8]) -> Result<Option<Entry>, EngineError> {
    match reader.find(path) {
        Err(error @ EngineError::Damaged { .. }) => {
            tracing::warn!(snapshot = %reader.clear().snapshot, %error, "a part of the list cannot be read");
            Ok(None)
        }
        other => other,
    }
}

/// A finding of a folder counts for what lies below when that was missed or kept with it; what belongs to a root below
/// the folder has its own.
fn report(findings: &[Finding], path: &[u8], root: &[u8]) -> Report {
    let mut report = Report::default();
    for finding in findings {
        let holds_below = finding.is_missed() || finding.kept_previous;
        let is_above = is_within(path, &finding.path) && is_within(&finding.path, root);
        if finding.path == path || (is_above && holds_below) {
            report.findings.push(finding.clone());
        } else if is_within(&finding.path, path) {
            report.below += 1;
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{FindingReason, Timestamp};

    #[test]
    fn findings_hold_for_what_lies_below_them_within_the_root() {
        let finding = |path: &str, reason, kept_previous| Finding {
            path: path.as_bytes().to_vec(),
            reason,
            errno: 0,
            first_seen: Timestamp::from_secs(0),
            kept_previous,
        };
        let all = [
            finding("/a", FindingReason::RootMissing, true),
            finding("/a/b", FindingReason::FolderUnreadable, false),
            finding("/a/b", FindingReason::AttributesUnreadable, false),
            finding("/a/b/c", FindingReason::Changing, false),
            finding("/a/b/c/d", FindingReason::Denied, false),
            finding("/a/bc", FindingReason::Denied, false),
        ];
        let seen = |path: &str, root: &str| {
            let report = report(&all, path.as_bytes(), root.as_bytes());
            (report.findings.len(), report.below)
        };
        assert_eq!(seen("/a/b/c", "/a"), (3, 1));
        assert_eq!(seen("/a/b/c", "/a/b"), (2, 1));
        assert_eq!(seen("/a/b/x", "/a"), (2, 0));
        assert_eq!(seen("/a/b/x", "/a/b/x"), (0, 0));
        assert_eq!(seen("/a", "/a"), (1, 5));
    }
}
