//! A gate that everything passes that reads files or sends bytes, so that a run can be held still and let go on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How often who waits looks whether its run was stopped for another reason.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A gate, open at first. Clones are the same gate.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    closed: AtomicBool,
    stopped: AtomicBool,
    /// Held while one of both changes, so that nobody misses it between looking and waiting.
    changes: Mutex<()>,
    changed: Condvar,
}

impl Gate {
    /// Nobody passes from now on. Who is through goes on to the next time.
    pub fn close(&self) {
        self.set(&self.0.closed, true);
    }

    /// All pass again.
    pub fn open(&self) {
        self.set(&self.0.closed, false);
    }

    /// Lets all pass for good, to find out that the run is over.
    pub fn stop(&self) {
        self.set(&self.0.stopped, true);
    }

    /// Whether who comes now has to wait.
    pub fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::SeqCst) && !self.is_stopped()
    }

    /// Whether the run is over.
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::SeqCst)
    }

    /// Waits while the gate is closed, unless `leave` says that there is nothing to wait for any more.
    pub(crate) fn pass(&self, leave: impl Fn() -> bool) {
        if !self.is_closed() {
            return;
        }
        let mut guard = self.0.changes.lock().unwrap_or_else(PoisonError::into_inner);
        while self.is_closed() && !leave() {
            let waited = self.0.changed.wait_timeout(guard, LOOK_EVERY);
            guard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn set(&self, flag: &AtomicBool, value: bool) {
        let guard = self.0.changes.lock().unwrap_or_else(PoisonError::into_inner);
        flag.store(value, Ordering::SeqCst);
        drop(guard);
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_goes_on_when_the_gate_opens_or_the_run_ends() {
        for end in [Gate::open, Gate::stop] {
            let gate = Gate::default();
            gate.pass(|| false);
            gate.close();
            assert!(gate.is_closed());
            let waiting = std::thread::spawn({
                let gate = gate.clone();
                move || gate.pass(|| false)
            });
            std::thread::sleep(Duration::from_millis(20));
            assert!(!waiting.is_finished());
            end(&gate);
            waiting.join().unwrap();
            assert!(!gate.is_closed());
        }
        let gate = Gate::default();
        gate.close();
        gate.pass(|| true);
    }
}
