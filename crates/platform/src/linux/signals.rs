//! SIGINT, SIGTERM and SIGHUP.

use super::process::ignores_hangup;
use crate::{Error, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

#[derive(Debug)]
pub(crate) struct EndSignals {
    interrupt: Signal,
    terminate: Signal,
    /// `None` for a process that was started with SIGHUP ignored.
    hangup: Option<Signal>,
}

pub(crate) fn catch_end_signals() -> Result<EndSignals> {
    let caught = |kind| signal(kind).map_err(|error| Error::from_io("catch signals", &error));
    // Where it cannot be told, the default of the system holds: the end of the terminal ends the process.
    let outlives_terminal = ignores_hangup().unwrap_or(false);
    Ok(EndSignals {
        interrupt: caught(SignalKind::interrupt())?,
        terminate: caught(SignalKind::terminate())?,
        hangup: (!outlives_terminal).then(|| caught(SignalKind::hangup())).transpose()?,
    })
}

pub(crate) async fn next_end_signal(signals: &mut EndSignals) {
    let hangup = async {
        match &mut signals.hangup {
            Some(hangup) => hangup.recv().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = signals.interrupt.recv() => {}
        _ = signals.terminate.recv() => {}
        _ = hangup => {}
    }
}
