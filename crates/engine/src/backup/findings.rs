//! Collects findings of a run and remembers since when each is known.

use format::limits;
use model::{Finding, FindingReason, Timestamp};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// The findings of one run, from any thread.
pub(super) struct Findings {
    now: Timestamp,
    earlier: HashMap<(Vec<u8>, FindingReason), Timestamp>,
    /// Entries whose attributes were not stored: nothing in them says so.
    without_attributes: HashSet<Vec<u8>>,
    /// What could not be kept since the vault had lost it, and is not told yet.
    lost: Mutex<Vec<Vec<u8>>>,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    list: Vec<Finding>,
    paths_bytes: usize,
    count: u64,
}

impl Findings {
    /// `earlier` are those of the base: a finding that stays keeps the time when it was first seen.
    pub(super) fn new(now: Timestamp, earlier: &[Finding]) -> Self {
        let known =
            earlier.iter().map(|finding| ((finding.path.clone(), finding.reason), finding.first_seen));
        let without_attributes = earlier.iter().filter(|finding| {
            matches!(finding.reason, FindingReason::AttributesUnreadable | FindingReason::AttributesTooLarge)
        });
        let lost = earlier.iter().filter(|finding| finding.reason == FindingReason::Damaged);
        Self {
            now,
            lost: Mutex::new(lost.map(|finding| finding.path.clone()).collect()),
            earlier: known.collect(),
            without_attributes: without_attributes.map(|finding| finding.path.clone()).collect(),
            found: Mutex::default(),
        }
    }

    /// Whether the entry of the base at `path` lacks attributes that could not be stored.
    pub(super) fn lacks_attributes(&self, path: &[u8]) -> bool {
        self.without_attributes.contains(path)
    }

    /// Notes once more what the base tells as damaged and does not have, where `stays` says that what it has stays.
    pub(super) fn tell_lost(&self, stays: impl Fn(&[u8]) -> bool) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let told = lost.extract_if(.., |path| stays(path)).collect::<Vec<_>>();
        drop(lost);
        told.iter().for_each(|path| self.note(path, FindingReason::Damaged, 0, false));
    }

    /// Notes one.
    pub(super) fn note(&self, path: &[u8], reason: FindingReason, errno: i32, kept_previous: bool) {
        let first_seen = self.earlier.get(&(path.to_vec(), reason)).copied().unwrap_or(self.now);
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.count += 1;
        let paths_bytes = found.paths_bytes + path.len();
        if found.list.len() < limits::SNAPSHOT_FINDINGS_MAX
            && paths_bytes <= limits::SNAPSHOT_FINDINGS_BYTES_MAX
        {
            found.paths_bytes = paths_bytes;
            found.list.push(Finding { path: path.to_vec(), reason, errno, first_seen, kept_previous });
        }
    }

    /// How many there are so far.
    pub(super) fn count(&self) -> u64 {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).count
    }

    /// Those so far, sorted by path, and how many there are in all.
    pub(super) fn list(&self) -> (Vec<Finding>, u64) {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list = found.list.clone();
        list.sort_by(|a, b| format::path::compare(&a.path, &b.path));
        (list, found.count)
    }
}

/// Whether an error says of a root that nothing is there: below something that is no folder nothing is.
pub(super) fn is_missing(error: &platform::Error) -> bool {
    error.is_not_found() || error.is_not_a_folder()
}

/// What kind of finding an error of the operating system is.
pub(super) fn reason_of(error: &platform::Error) -> FindingReason {
    match error {
        error if error.is_denied() => FindingReason::Denied,
        error if error.errno() == Some(platform::errno::ENAMETOOLONG) => FindingReason::NameTooLong,
        error if error.is_not_found() => FindingReason::Vanished,
        _ => FindingReason::ReadError,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_bounded_by_the_length_of_its_paths_and_the_count_is_not() {
        let findings = Findings::new(Timestamp::from_micros(1), &[]);
        let long = vec![b'x'; 1 << 20];
        for _ in 0..20 {
            findings.note(&long, FindingReason::Denied, 13, false);
        }
        let (list, count) = findings.list();
        assert_eq!(
            (list.len(), count, findings.count()),
            (limits::SNAPSHOT_FINDINGS_BYTES_MAX >> 20, 20, 20)
        );
    }
}
