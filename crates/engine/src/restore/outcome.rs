//! What all threads of a restore report to: counters, findings, and why the work ends early.

use crate::EngineError;
use crate::progress::{Progress, add};
use format::limits;
use model::{Clock, Code, Finding, FindingReason, Timestamp};
use platform::errno;
use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Why one entry could not be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) reason: FindingReason,
    /// The operating system's error number; 0 when there is none.
    pub(super) errno: i32,
}

impl Trouble {
    pub(super) const fn new(reason: FindingReason, errno: i32) -> Self {
        Self { reason, errno }
    }

    /// The stored content is damaged, missing, or not what its entry says.
    pub(super) const DAMAGED: Self = Self::new(FindingReason::Damaged, 0);

    /// True when nothing else can be written either.
    const fn is_final(&self) -> bool {
        matches!(self.reason, FindingReason::TargetFull) || self.errno == errno::EROFS
    }
}

impl From<platform::Error> for Trouble {
    fn from(error: platform::Error) -> Self {
        let number = error.errno().unwrap_or(0);
        let reason = match &error {
            platform::Error::Unsupported { .. } | platform::Error::BadName { .. } => {
                FindingReason::Unsupported
            }
            error if error.is_full() => FindingReason::TargetFull,
            _ => match number {
                // The first four are what file systems of other kinds say to names and sizes that they cannot hold.
                errno::EINVAL
                | errno::EILSEQ
                | errno::ENAMETOOLONG
                | errno::EFBIG
                | errno::ENOSYS
                | errno::EOPNOTSUPP => FindingReason::Unsupported,
                _ => FindingReason::WriteFailed,
            },
        };
        Self { reason, errno: number }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        platform::Error::from_io("write file", &error).into()
    }
}

/// Counters, findings and the end of one restore.
pub(super) struct Outcome<'p> {
    pub(super) progress: &'p Progress,
    pub(super) files: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) entries: AtomicU64,
    pub(super) unchanged: AtomicU64,
    pub(super) skipped: AtomicU64,
    pub(super) kept_both: AtomicU64,
    now: Timestamp,
    found: Mutex<(Vec<Finding>, u64)>,
    ended_early: Mutex<Option<Code>>,
    failure: Mutex<Option<EngineError>>,
    stop: AtomicBool,
}

impl<'p> Outcome<'p> {
    pub(super) fn new(progress: &'p Progress) -> Self {
        Self {
            progress,
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            entries: AtomicU64::new(0),
            unchanged: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            kept_both: AtomicU64::new(0),
            now: Clock::system().now(),
            found: Mutex::default(),
            ended_early: Mutex::default(),
            failure: Mutex::default(),
            stop: AtomicBool::new(false),
        }
    }

    /// Notes a finding about an entry; one that makes all further work pointless ends the restore.
    pub(super) fn note(&self, path: &[u8], trouble: Trouble) {
        let Trouble { reason, errno } = trouble;
        let first_seen = self.now;
        self.push(Finding { path: path.to_vec(), reason, errno, first_seen, kept_previous: false });
        if trouble.is_final() {
            let code = if trouble.errno == errno::EROFS { Code::LocalFailed } else { Code::TargetFull };
            lock(&self.ended_early).get_or_insert(code);
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    /// Adds a finding as it is.
    pub(super) fn push(&self, finding: Finding) {
        add(&self.progress.findings, 1);
        let mut found = lock(&self.found);
        found.1 += 1;
        if found.0.len() < limits::SNAPSHOT_FINDINGS_MAX {
            found.0.push(finding);
        }
    }

    /// Paths of the findings so far.
    pub(super) fn paths(&self) -> HashSet<Vec<u8>> {
        lock(&self.found).0.iter().map(|finding| finding.path.clone()).collect()
    }

    /// Ends the restore with an error; the first one counts.
    pub(super) fn fail(&self, error: EngineError) {
        lock(&self.failure).get_or_insert(error);
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether what is left is not to be done.
    pub(super) fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.progress.is_stopped()
    }

    /// The present time of the restore, for findings.
    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    /// The error that ended the restore.
    pub(super) fn take_failure(&self) -> Option<EngineError> {
        lock(&self.failure).take()
    }

    /// Findings sorted by path, their number, and why the restore ended early.
    pub(super) fn finish(&self) -> (Vec<Finding>, u64, Option<Code>) {
        let (mut list, count) = std::mem::take(&mut *lock(&self.found));
        list.sort_by(|a, b| format::path::compare(&a.path, &b.path));
        (list, count, *lock(&self.ended_early))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
