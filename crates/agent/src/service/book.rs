//! The state machine of the status with what keeps it: every change is written down before anybody is told.

use crate::AgentError;
use crate::state::State;
use crate::state::event_log::EventLog;
use crate::state::status::{read_status, write_status};
use model::Timestamp;
use status::{Event, Refusal, Transition};

/// The status of this device, kept on disk.
#[derive(Debug)]
pub(super) struct Book {
    state: State,
    status: status::State,
    log: EventLog,
    /// Changes that could not be written yet, as on a full disk: they are with the next.
    unwritten: Vec<Transition>,
}

impl Book {
    /// The book of this state; a new one for a device that never had a service.
    pub(super) fn open(state: &State, now: Timestamp) -> Result<Self, AgentError> {
        let status = read_status(state)?.unwrap_or_else(|| status::State::new(now));
        let log = EventLog::open(state, status.next_sequence())?;
        Ok(Self { state: state.clone(), status, log, unwritten: Vec::new() })
    }

    /// What holds.
    pub(super) const fn status(&self) -> &status::State {
        &self.status
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
        self.unwritten.extend(changes);
        let written = self.log.append(&self.unwritten).and_then(|()| {
            self.unwritten.clear();
            write_status(&self.state, &self.status)
        });
        if let Err(error) = written {
            // Backups and the truth about them matter more than that it survives a restart.
            tracing::error!(%error, "the status could not be written");
        }
        Ok(true)
    }
}
