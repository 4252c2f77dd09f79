//! Telling the server what changed in the status, in order, until it has said that it has it.

use super::contact::pause;
use super::event_loop::Input;
use super::for_server::next_events;
use crate::AgentError;
use crate::session::{Dialling, Session};
use crate::state::State;
use crate::state::event_log::read_events;
use crate::state::told::Told;
use api::events::EventsRequest;
use client::RetryPolicy;
use std::sync::mpsc::Sender;
use std::time::Instant;

/// When to tell next. What was told is kept beside the log, and in doubt the server says it.
#[derive(Debug)]
pub(super) struct Telling {
    /// What the server has by its last answer; none before the first.
    acknowledged: Option<u64>,
    next: Instant,
    failures: u32,
    is_telling: bool,
}

impl Telling {
    /// Tells as soon as it may.
    pub(super) fn new() -> Self {
        Self { acknowledged: None, next: Instant::now(), failures: 0, is_telling: false }
    }

    /// Whether there is something to tell, and it is time, when changes below `until` are written down.
    pub(super) fn is_due(&self, until: u64) -> bool {
        let is_news = self.acknowledged.is_none_or(|acknowledged| acknowledged + 1 < until);
        is_news && !self.is_telling && Instant::now() >= self.next
    }

    /// Tells on a thread of its own; the answer comes to the loop.
    pub(super) fn tell(&mut self, state: &State, dialling: Dialling, until: u64, inputs: &Sender<Input>) {
        let (state, inputs) = (state.clone(), inputs.clone());
        let dialling = Dialling { retry: RetryPolicy::never(), ..dialling };
        let is_first = self.acknowledged.is_none();
        let work = move || {
            let _ = inputs.send(Input::EventsTold(tell(state, &dialling, until, is_first)));
        };
        let thread = std::thread::Builder::new().name("telling".into()).spawn(work);
        self.is_telling =
            thread.inspect_err(|error| tracing::warn!(%error, "no thread to tell the server")).is_ok();
        if !self.is_telling {
            self.wait();
        }
    }

    /// Takes in what came of it.
    pub(super) fn told(&mut self, result: Result<u64, AgentError>) {
        self.is_telling = false;
        match result {
            Ok(acknowledged) => {
                (self.acknowledged, self.failures) = (Some(acknowledged), 0);
            }
            Err(error) => {
                tracing::info!(%error, "the server was not told what changed, and will be later");
                self.wait();
            }
        }
    }

    /// The server answers this device: nothing is in the way of telling it.
    pub(super) fn note_answer(&mut self) {
        (self.next, self.failures) = (Instant::now(), 0);
    }

    fn wait(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.next = Instant::now() + pause(self.failures, super::contact::random_unit());
    }
}

/// Tells all changes below `until` that the server does not have; gives the last that it has.
fn tell(state: State, dialling: &Dialling, until: u64, is_first: bool) -> Result<u64, AgentError> {
    let session = Session::open(state, dialling)?;
    let (state, connection) = (&session.state, session.vault.connection());
    let custody = session.keyring().custody();
    let known = Told::read(state)?;
    let mut told = match known {
        Some(told) if !is_first => told,
        // Who was started anew may know less than the server, or more.
        known => {
            let last = connection.send_events(&EventsRequest::default())?.last_sequence;
            Told::aligned(known, last, until.saturating_sub(1))
        }
    };
    if known != Some(told) {
        // By another offset the same change would get another number.
        told.write(state)?;
    }
    let log = read_events(state)?;
    loop {
        let events = next_events(&log, told, until, custody);
        let Some(last) = events.last().map(|event| event.sequence) else { return Ok(told.acknowledged) };
        connection.send_events(&EventsRequest { events })?;
        told.acknowledged = last - told.offset;
        told.write(state)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_told_at_once_and_later_where_that_failed() {
        let mut telling = Telling::new();
        assert!(telling.is_due(1), "what the server has is not known");
        telling.told(Ok(4));
        assert!(!telling.is_due(5));
        assert!(telling.is_due(6));
        telling.told(Err(AgentError::Interrupted));
        assert!(!telling.is_due(6));
        telling.note_answer();
        assert!(telling.is_due(6));
    }
}
