//! What a run has done so far, as counters that another thread may read at any time, the wish to stop, and the gate that
//! holds it still.

use crate::{EngineError, Gate};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Asking the server, reading the cache.
    Preparing = 0,
    /// Walking, reading, sending; or fetching and writing in a restore.
    Working = 1,
    /// Waiting for the last packs and the commit; or setting attributes of folders in a restore.
    Finishing = 2,
}

/// A point that a backup has reached. One that is repeated reaches them anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Milestone {
    /// The server let it begin.
    Granted,
    /// The first bytes of the first pack are sent.
    UploadBegan,
    /// The server has stored a pack.
    UploadAccepted,
    /// All is sent, and the server is asked to accept the snapshot. From here on nothing stops the run.
    Committing,
}

/// Who is told of milestones, on the thread that reached one.
#[derive(Default)]
struct Observer(Option<Box<dyn Fn(Milestone) + Send + Sync>>);

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observer").field(&self.0.is_some()).finish()
    }
}

/// Values of `will`.
const GOES_ON: u8 = 0;
const SHALL_STOP: u8 = 1;
const COMMITS: u8 = 2;

/// Counters of one run. Bytes are of file content unless the name says otherwise.
#[derive(Debug, Default)]
pub struct Progress {
    phase: AtomicU8,
    /// Whether the run goes on, shall stop, or commits and cannot stop any more: one of them at any time.
    will: AtomicU8,
    gate: Gate,
    observer: Observer,
    has_sent: AtomicBool,
    has_stored: AtomicBool,
    failed: AtomicBool,
    total_known: AtomicBool,
    /// Files that the counting pass has found so far.
    pub total_files: AtomicU64,
    /// Their bytes.
    pub total_bytes: AtomicU64,
    /// Files that are done, unchanged ones included.
    pub done_files: AtomicU64,
    /// Their bytes.
    pub done_bytes: AtomicU64,
    /// Bytes that were read from files.
    pub read_bytes: AtomicU64,
    /// Bytes in chunks that the vault did not have.
    pub new_bytes: AtomicU64,
    /// Bytes of packs that the server has acknowledged as stored, compressed and encrypted.
    pub stored_bytes: AtomicU64,
    /// Findings so far.
    pub findings: AtomicU64,
}

impl Progress {
    /// All zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// All zero; the run passes this gate, and tells `observer` of its milestones.
    pub fn observed(gate: Gate, observer: impl Fn(Milestone) + Send + Sync + 'static) -> Self {
        Self { gate, observer: Observer(Some(Box::new(observer))), ..Self::default() }
    }

    /// The present phase.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Preparing,
            1 => Phase::Working,
            _ => Phase::Finishing,
        }
    }

    /// Asks the run to stop soon, without a commit. False when it is committing already: then it goes on to its end.
    pub fn stop(&self) -> bool {
        let asked = self.will.compare_exchange(GOES_ON, SHALL_STOP, Ordering::SeqCst, Ordering::SeqCst);
        let stops = asked.is_ok() || asked == Err(SHALL_STOP);
        if stops {
            self.gate.stop();
        }
        stops
    }

    /// Begins the commit, from where on nothing stops the run.
    pub(crate) fn begin_commit(&self) -> Result<(), EngineError> {
        self.go_on()?;
        let begun = self.will.compare_exchange(GOES_ON, COMMITS, Ordering::SeqCst, Ordering::SeqCst);
        begun.map_err(|_| EngineError::Stopped)?;
        self.tell(Milestone::Committing);
        Ok(())
    }

    /// Tells of a milestone.
    pub(crate) fn tell(&self, milestone: Milestone) {
        if let Some(observer) = &self.observer.0 {
            observer(milestone);
        }
    }

    /// Bytes of a pack are about to be sent.
    pub(crate) fn sends(&self) {
        if !self.has_sent.swap(true, Ordering::Relaxed) {
            self.tell(Milestone::UploadBegan);
        }
    }

    /// The server has stored a pack.
    pub(crate) fn stored(&self) {
        if !self.has_stored.swap(true, Ordering::Relaxed) {
            self.tell(Milestone::UploadAccepted);
        }
    }

    /// Whether the counting pass is through, so that the totals are final.
    pub fn total_is_known(&self) -> bool {
        self.total_known.load(Ordering::Relaxed)
    }

    /// Shows this phase from now on.
    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// The totals are final from now on.
    pub fn total_known(&self) {
        self.total_known.store(true, Ordering::Relaxed);
    }

    /// Lets all threads of a run end after one of them failed; the failure is what the run reports.
    pub(crate) fn stop_for_failure(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Forgets an earlier failure and what was seen, for another attempt. What was stored is stored.
    pub(crate) fn begin_attempt(&self) {
        self.total_known.store(false, Ordering::Relaxed);
        let seen = [&self.total_files, &self.total_bytes, &self.done_files, &self.done_bytes];
        for counter in seen.into_iter().chain([&self.read_bytes, &self.new_bytes, &self.findings]) {
            counter.store(0, Ordering::Relaxed);
        }
        self.failed.store(false, Ordering::Relaxed);
        self.has_sent.store(false, Ordering::Relaxed);
        self.has_stored.store(false, Ordering::Relaxed);
        // The commit was refused: until the next one the run can be stopped again.
        let _ = self.will.compare_exchange(COMMITS, GOES_ON, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Whether the run was asked to stop, or a part of it failed.
    pub fn is_stopped(&self) -> bool {
        self.will.load(Ordering::Relaxed) == SHALL_STOP || self.failed.load(Ordering::Relaxed)
    }

    /// Passes the gate, which may take long. Fails when the run is to end.
    pub(crate) fn go_on(&self) -> Result<(), EngineError> {
        self.gate.pass(|| self.is_stopped());
        if self.is_stopped() { Err(EngineError::Stopped) } else { Ok(()) }
    }
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn a_run_stops_or_commits_and_never_both() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let progress = Progress::observed(Gate::default(), {
            let told = Arc::clone(&told);
            move |milestone| told.lock().unwrap().push(milestone)
        });
        progress.begin_commit().unwrap();
        assert!(!progress.stop(), "too late");
        assert!(!progress.is_stopped());
        // The commit was refused.
        progress.begin_attempt();
        assert!(progress.stop() && progress.stop());
        assert!(matches!(progress.begin_commit(), Err(EngineError::Stopped)));
        progress.begin_attempt();
        assert!(progress.is_stopped(), "another attempt does not forget it");
        assert_eq!(*told.lock().unwrap(), [Milestone::Committing]);
    }

    #[test]
    fn the_first_pack_alone_is_a_milestone() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let progress = Progress::observed(Gate::default(), {
            let told = Arc::clone(&told);
            move |milestone| told.lock().unwrap().push(milestone)
        });
        for _ in 0..2 {
            progress.sends();
            progress.stored();
        }
        assert_eq!(*told.lock().unwrap(), [Milestone::UploadBegan, Milestone::UploadAccepted]);
    }
}
