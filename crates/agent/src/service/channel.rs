//! The control channel: a thread that hears what the server wants of this device and hands it to the loop. Nothing is
//! lost while it is cut: what it tells is a state, which the loop asks for now and then in any case.

use super::contact::{random_unit, test_pause};
use super::event_loop::Input;
use crate::AgentError;
use crate::session::{Dialling, Session};
use crate::state::State;
use client::RetryPolicy;
use std::sync::mpsc::Sender;
use std::time::Duration;

/// The longest pause after a channel has ended, and after the first failure, doubled with each. The pause is any part of
/// it, so that a hundred thousand devices that lost their server together come back over so long.
const FIRST: Duration = Duration::from_secs(20);
/// And at most.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// Keeps the channel open as long as the loop is there.
pub(super) fn keep_open(state: &State, dialling: Dialling, inputs: &Sender<Input>) {
    let (state, inputs) = (state.clone(), inputs.clone());
    let dialling = Dialling { retry: RetryPolicy::never(), ..dialling };
    let work = move || {
        let mut failures = 0;
        loop {
            let (mut was_open, mut is_over) = (false, false);
            let ended = hear(&state, &dialling, &inputs, &mut was_open, &mut is_over);
            if is_over {
                return;
            }
            failures = if was_open { 0 } else { failures + 1 };
            tracing::debug!(?ended, was_open, failures, "the control channel ended");
            if inputs.send(Input::ChannelEnded(ended)).is_err() {
                return;
            }
            std::thread::sleep(pause(failures, random_unit()));
        }
    };
    let thread = std::thread::Builder::new().name("channel".into()).spawn(work);
    if let Err(error) = thread {
        tracing::warn!(%error, "no thread for the control channel; the server is asked now and then");
    }
}

/// Opens the channel and hands on what it tells, to its end.
fn hear(
    state: &State,
    dialling: &Dialling,
    inputs: &Sender<Input>,
    was_open: &mut bool,
    is_over: &mut bool,
) -> Result<(), AgentError> {
    let session = Session::open(state.clone(), dialling)?;
    session.vault.connection().listen(|told| {
        *was_open = true;
        *is_over = inputs.send(Input::Told(told)).is_err();
        !*is_over
    })?;
    Ok(())
}

/// The pause after so many failures in a row.
fn pause(failures: u32, random: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(8);
    let full = test_pause().unwrap_or_else(|| FIRST.saturating_mul(1 << doublings).min(LONGEST));
    full.mul_f64(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_spread_over_their_whole_length() {
        let most = |failures| pause(failures, 1.0).as_secs();
        assert_eq!([0, 1, 2, 3, 6, 7, u32::MAX].map(most), [20, 20, 40, 80, 600, 600, 600]);
        assert_eq!(pause(3, 0.0), Duration::ZERO);
        assert_eq!(pause(3, 0.5), Duration::from_secs(40));
    }
}
