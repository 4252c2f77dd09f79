//! Collects findings of a run and remembers since when each is known.

use format::limits;
use model::{Finding, FindingReason, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// `ENAMETOOLONG` on Linux.
pub(super) const NAME_TOO_LONG: i32 = 36;

/// The findings of one run, from any thread.
pub(super) struct Findings {
    now: Timestamp,
    earlier: HashMap<(Vec<u8>, FindingReason), Timestamp>,
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
        Self { now, earlier: known.collect(), found: Mutex::default() }
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

/// What kind of finding an error of the operating system is.
pub(super) fn reason_of(error: &platform::Error) -> FindingReason {
    match error {
        error if error.is_denied() => FindingReason::Denied,
        error if error.errno() == Some(NAME_TOO_LONG) => FindingReason::NameTooLong,
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
