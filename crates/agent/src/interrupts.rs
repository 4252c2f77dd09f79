//! Signals that ask the program to end: a run is asked to stop and ends cleanly; everything else ends at once. A second
//! signal, or a run that does not end in time, ends the process too, which every part of Holdfast survives.

use crate::{AgentError, Output};
use engine::progress::Progress;
use model::code::exit;
use platform::signals::EndSignals;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A run may have a pack on a slow line; waiting longer would look like ignoring the signal.
const GRACE: Duration = Duration::from_secs(20);

/// What signals reach.
#[derive(Debug, Default)]
pub struct Interrupts {
    run: Mutex<Option<Arc<Progress>>>,
    ended: Condvar,
    caught: AtomicBool,
}

impl Interrupts {
    /// Catches the signals from now on.
    pub fn install(output: Arc<Output>) -> Result<Arc<Self>, AgentError> {
        let defect = |error: &dyn std::fmt::Display| AgentError::Defect(format!("signals: {error}"));
        let interrupts = Arc::new(Self::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| defect(&error))?;
        let mut signals = {
            let _guard = runtime.enter();
            EndSignals::install().map_err(|error| defect(&error))?
        };
        let shared = Arc::clone(&interrupts);
        let waiting = move || {
            let mut next = || runtime.block_on(signals.next());
            next();
            shared.caught.store(true, Ordering::SeqCst);
            if shared.ask_to_stop() {
                output.note("stopping; once more to stop at once");
                std::thread::spawn({
                    let (shared, output) = (Arc::clone(&shared), Arc::clone(&output));
                    move || shared.end_after(GRACE, &output)
                });
                next();
                std::process::exit(exit::INTERRUPTED.into());
            }
            end_now(&output);
        };
        std::thread::Builder::new().name("signals".into()).spawn(waiting).map_err(|error| defect(&error))?;
        Ok(interrupts)
    }

    /// From now until the guard is dropped a signal stops this run instead of the process.
    pub fn guard(&self, progress: &Arc<Progress>) -> Guard<'_> {
        *self.lock() = Some(Arc::clone(progress));
        // A signal that came just before ends the process; it must not be lost between both.
        if self.caught() {
            progress.stop();
        }
        Guard { interrupts: self }
    }

    /// Whether a signal came.
    pub fn caught(&self) -> bool {
        self.caught.load(Ordering::SeqCst)
    }

    /// Whether there is a run, which then was asked to stop.
    fn ask_to_stop(&self) -> bool {
        self.lock().as_ref().is_some_and(|progress| {
            progress.stop();
            true
        })
    }

    /// Ends the process when the run has not ended within `grace`.
    fn end_after(&self, grace: Duration, output: &Output) {
        let waited = self
            .ended
            .wait_timeout_while(self.lock(), grace, |run| run.is_some())
            .unwrap_or_else(PoisonError::into_inner);
        let late = waited.1.timed_out();
        drop(waited);
        if late {
            end_now(output);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Progress>>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run that signals stop.
#[derive(Debug)]
pub struct Guard<'a> {
    interrupts: &'a Interrupts,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        *self.interrupts.lock() = None;
        self.interrupts.ended.notify_all();
    }
}

fn end_now(output: &Output) -> ! {
    output.last_words(&AgentError::Interrupted);
    std::process::exit(exit::INTERRUPTED.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_asked_to_stop_while_it_is_guarded() {
        let interrupts = Interrupts::default();
        let progress = Arc::new(Progress::new());
        assert!(!interrupts.ask_to_stop(), "without a run the process ends");
        let guard = interrupts.guard(&progress);
        assert!(interrupts.ask_to_stop());
        drop(guard);
        assert!(!interrupts.ask_to_stop());
        // The wait for its end returns, since the run is over.
        interrupts.end_after(Duration::from_secs(600), &Output::new(false));
    }
}
