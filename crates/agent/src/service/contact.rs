//! Asking the server now and then whether it is there and takes this device, while no backup does that.

use super::event_loop::Input;
use crate::AgentError;
use crate::session::{Dialling, Session};
use crate::state::State;
use api::control::DeviceState;
use api::runs::QuotaAnswer;
use client::RetryPolicy;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// How often while all is well.
const WELL: Duration = Duration::from_secs(5 * 60);
/// After the first failure, doubled with each.
const FIRST: Duration = Duration::from_secs(60);
/// And at most.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// When to ask next.
#[derive(Debug)]
pub(super) struct Contact {
    next: Instant,
    failures: u32,
    is_asking: bool,
}

impl Contact {
    /// Asks as soon as it may.
    pub(super) fn new() -> Self {
        Self { next: Instant::now(), failures: 0, is_asking: false }
    }

    /// Whether it is time.
    pub(super) fn is_due(&self) -> bool {
        !self.is_asking && Instant::now() >= self.next
    }

    /// Asks as soon as it may: what the server would say has changed.
    pub(super) fn ask_soon(&mut self) {
        self.next = Instant::now();
    }

    /// Asks on a thread of its own; the answer comes to the loop.
    pub(super) fn ask(&mut self, state: &State, dialling: Dialling, inputs: &Sender<Input>) {
        let (state, inputs) = (state.clone(), inputs.clone());
        let dialling = Dialling { retry: RetryPolicy::never(), ..dialling };
        let work = move || {
            let _ = inputs.send(Input::Answered(asked(state, &dialling)));
        };
        let thread = std::thread::Builder::new().name("contact".into()).spawn(work);
        self.is_asking =
            thread.inspect_err(|error| tracing::warn!(%error, "no thread to ask the server")).is_ok();
        self.next = Instant::now() + WELL;
    }

    /// An answer came. Whether it counts: a backup that reached the server since the question knows better.
    pub(super) fn take_answer(&mut self) -> bool {
        std::mem::take(&mut self.is_asking)
    }

    /// Takes in whether the server was reached, by asking or by a backup.
    pub(super) fn note(&mut self, well: bool) {
        self.is_asking = false;
        self.failures = if well { 0 } else { self.failures.saturating_add(1) };
        self.next = Instant::now() + pause(self.failures, random_unit());
    }
}

/// What the server says of this device.
#[derive(Debug)]
pub(super) struct Answer {
    /// How it sees it.
    pub(super) state: DeviceState,
    /// How full the quota of its user is; none for a device that is turned away.
    pub(super) quota: Option<QuotaAnswer>,
}

fn asked(state: State, dialling: &Dialling) -> Result<Answer, AgentError> {
    let session = Session::open(state, dialling)?;
    let connection = session.vault.connection();
    let state = connection.device_state()?;
    // A device that is turned away is told no quota.
    let quota = if state.refusal().is_none() { Some(connection.quota()?) } else { None };
    Ok(Answer { state, quota })
}

/// The pause after so many failures. A random part of up to a half is taken off, so that agents that lost the server
/// together do not come back together.
pub(super) fn pause(failures: u32, random: f64) -> Duration {
    let full = match failures {
        0 => WELL,
        failures => FIRST.saturating_mul(1 << (failures - 1).min(8)).min(LONGEST),
    };
    test_pause().unwrap_or_else(|| full.mul_f64(1.0 - random / 2.0))
}

pub(super) fn random_unit() -> f64 {
    f64::from(u32::from_le_bytes(model::ids::random_bytes())) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(not(feature = "test-hooks"))]
pub(super) const fn test_pause() -> Option<Duration> {
    None
}

/// Tests cannot wait for minutes.
#[cfg(feature = "test-hooks")]
pub(super) fn test_pause() -> Option<Duration> {
    let seconds = std::env::var("HOLDFAST_TEST_CONTACT_SECONDS").ok()?.parse().ok()?;
    Some(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_looked_for_less_and_less_often_and_never_seldom() {
        let full = |failures| pause(failures, 0.0).as_secs();
        assert_eq!([0, 1, 2, 3, 4, 5, 6, u32::MAX].map(full), [300, 60, 120, 240, 480, 900, 900, 900]);
        assert_eq!(pause(1, 0.999_999).as_secs_f64().round() as u64, 30);
    }
}
