//! What goes on at one connection, so that one on which nothing goes on can be closed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The state of one connection. Cheap to clone.
#[derive(Clone)]
pub(super) struct Activity(Arc<Mutex<State>>);

struct State {
    /// Requests for which there is no answer yet.
    handlers: usize,
    /// Answers whose body is not fully taken.
    bodies: usize,
    /// The last time a request came, an answer was there, or a part of one was taken.
    last: Instant,
}

/// What a look at a connection says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Something goes on.
    Keep,
    /// No request for a while.
    Idle,
    /// The peer takes nothing of its answer.
    Stalled,
}

/// A request without an answer.
pub(super) struct Handling(Activity);

/// An answer whose body is not fully taken.
pub(super) struct Answering(Activity);

impl Activity {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State { handlers: 0, bodies: 0, last: Instant::now() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn handling(&self) -> Handling {
        let mut state = self.state();
        state.handlers += 1;
        state.last = Instant::now();
        Handling(self.clone())
    }

    pub(super) fn answering(&self) -> Answering {
        let mut state = self.state();
        state.bodies += 1;
        state.last = Instant::now();
        Answering(self.clone())
    }

    /// A handler may take as long as it likes; the limits are for the peer.
    pub(super) fn verdict(&self, idle: Duration, stalled: Duration) -> Verdict {
        let state = self.state();
        let quiet = state.last.elapsed();
        match (state.handlers, state.bodies) {
            (0, 0) if quiet >= idle => Verdict::Idle,
            (0, bodies) if bodies > 0 && quiet >= stalled => Verdict::Stalled,
            _ => Verdict::Keep,
        }
    }
}

impl Answering {
    /// A part of the body was taken.
    pub(super) fn progress(&self) {
        self.0.state().last = Instant::now();
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.handlers -= 1;
        state.last = Instant::now();
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.bodies -= 1;
        state.last = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(30);
    const STALLED: Duration = Duration::from_secs(120);

    #[tokio::test(start_paused = true)]
    async fn only_a_quiet_peer_is_judged() {
        let activity = Activity::new();
        let verdict = || activity.verdict(IDLE, STALLED);
        assert_eq!(verdict(), Verdict::Keep);
        tokio::time::advance(IDLE).await;
        assert_eq!(verdict(), Verdict::Idle);

        let handling = activity.handling();
        tokio::time::advance(STALLED * 10).await;
        assert_eq!(verdict(), Verdict::Keep);

        let answering = activity.answering();
        drop(handling);
        tokio::time::advance(STALLED - IDLE).await;
        assert_eq!(verdict(), Verdict::Keep);
        answering.progress();
        tokio::time::advance(STALLED - IDLE).await;
        assert_eq!(verdict(), Verdict::Keep);
        tokio::time::advance(IDLE).await;
        assert_eq!(verdict(), Verdict::Stalled);

        drop(answering);
        assert_eq!(verdict(), Verdict::Keep);
        tokio::time::advance(IDLE).await;
        assert_eq!(verdict(), Verdict::Idle);
    }
}
