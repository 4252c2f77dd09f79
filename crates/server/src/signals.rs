//! The signals that ask this process to end: SIGINT, SIGTERM, and SIGHUP unless it was started to outlive its
//! terminal (`nohup`).

use crate::{Error, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Caught from the moment that it is made.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
}

impl Signals {
    /// Catches the signals from now on. Called inside a runtime.
    pub fn install() -> Result<Self> {
        let caught = |kind| {
            signal(kind)
                .map_err(|error| Error::Broken { problem: format!("cannot wait for signals: {error}") })
        };
        let hangup = !platform::process::ignores_hangup();
        Ok(Self {
            interrupt: caught(SignalKind::interrupt())?,
            terminate: caught(SignalKind::terminate())?,
            hangup: hangup.then(|| caught(SignalKind::hangup())).transpose()?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hangup => {}
        }
    }
}
