//! The state machine of the status with what keeps it: every change is written down before anybody is told.

use crate::AgentError;
use crate::state::State;
use crate::state::event_log::{EventLog, read_events};
use crate::state::status::{read_status, write_status};
use model::Timestamp;
use notices::Notice;
use status::{Change, Event, Refusal, Transition};

/// The status of this device, kept on disk.
#[derive(Debug)]
pub(super) struct Book {
    state: State,
    status: status::State,
    log: EventLog,
    /// Changes below this number are written down, and would be there after a kill.
    written: u64,
    /// Events that were told and are over, for the desktop.
    told: Vec<Transition>,
    /// Changes that could not be written yet, as on a full disk: they are with the next.
    unwritten: Vec<Transition>,
}

impl Book {
    /// The book of this state; a new one for a device that never had a service.
    pub(super) fn open(state: &State, now: Timestamp) -> Result<Self, AgentError> {
        if let Some(status) = read_status(state)? {
            let log = EventLog::open(state, status.next_sequence())?;
            return Ok(Self::new(state, status, log));
        }
        // A number is never given twice, also where only the log is left.
        let last = read_events(state)?.last().map_or(0, |change| change.sequence);
        let (status, changes) = status::State::begin(now, last + 1);
        let mut log = EventLog::open(state, last + 1)?;
        log.append(&changes)?;
        write_status(state, &status)?;
        Ok(Self::new(state, status, log))
    }

    fn new(state: &State, status: status::State, log: EventLog) -> Self {
        let written = status.next_sequence();
        Self { state: state.clone(), status, log, written, told: Vec::new(), unwritten: Vec::new() }
    }

    /// The number below which all changes are written down. Others may get another meaning, should the service be killed.
    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    /// What holds.
    pub(super) const fn status(&self) -> &status::State {
        &self.status
    }

    /// Whether this notice holds.
    pub(super) fn holds(&self, notice: &Notice) -> bool {
        self.status.held().iter().any(|held| held.notice == notice)
    }

    /// The events that were told since this was asked last.
    pub(super) fn take_told(&mut self) -> Vec<Transition> {
        std::mem::take(&mut self.told)
    }

    /// Takes in an event; gives whether something that is shown has changed.
    pub(super) fn apply(&mut self, event: &Event, now: Timestamp) -> Result<bool, Refusal> {
        let before = self.status.clone();
        let changes = self.status.apply(event, now).inspect_err(|refusal| {
            tracing::debug!(?refusal, "refused");
        })?;
        if self.status == before {
            return Ok(false);
        }
        for change in &changes {
            tracing::info!(code = change.code, change = ?change.change, "status");
        }
        let is_told = |change: &&Transition| change.change == Change::Told;
        self.told.extend(changes.iter().filter(is_told).cloned());
        self.unwritten.extend(changes);
        let written = self.log.append(&self.unwritten).and_then(|()| {
            self.unwritten.clear();
            write_status(&self.state, &self.status)
        });
        match written {
            Ok(()) => self.written = self.status.next_sequence(),
            // Backups and the truth about them matter more than that it survives a restart.
            Err(error) => tracing::error!(%error, "the status could not be written"),
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_there_after_a_restart_and_no_number_comes_twice() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path().to_owned());
        state.prepare().unwrap();
        let now = Timestamp::from_secs(50);
        let away = Event::Unreachable { error: "away".into() };
        let mut book = Book::open(&state, now).unwrap();
        assert!(book.apply(&away, now).unwrap());
        assert!(!book.apply(&away, now).unwrap(), "the same again is no news");
        assert!(book.apply(&Event::PauseEnded, now).is_err());
        let status = book.status().clone();
        drop(book);
        assert_eq!(*Book::open(&state, now).unwrap().status(), status);
        let codes = |state: &State| {
            let events = read_events(state).unwrap();
            events.iter().map(|change| (change.sequence, change.code.clone())).collect::<Vec<_>>()
        };
        let told = [(1, "activated".to_owned()), (2, "server_connection_lost".to_owned())];
        assert_eq!(codes(&state), told);
        // The status is lost, the log is not.
        std::fs::remove_file(state.settings_folder().join("status.json")).unwrap();
        let book = Book::open(&state, now).unwrap();
        assert_eq!(book.status().next_sequence(), 4);
        assert_eq!(codes(&state)[..2], told);
        assert!(read_events(&state).unwrap().iter().all(|change| change.change == Change::Raised));
    }
}
