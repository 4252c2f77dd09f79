//! The signals that ask a process to end.

use crate::{Result, sys};

/// What asks this process to end: an interrupt from the terminal, a request to terminate, and the end of the terminal
/// unless the process was started to outlive it (`nohup`). Caught from the moment that this is made.
#[derive(Debug)]
pub struct EndSignals(sys::EndSignals);

impl EndSignals {
    /// Catches the signals from now on. Called inside a runtime.
    pub fn install() -> Result<Self> {
        sys::catch_end_signals().map(Self)
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        sys::next_end_signal(&mut self.0).await;
    }
}
