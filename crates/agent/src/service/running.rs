//! A backup on its way, on a thread of its own.

use super::event_loop::Input;
use super::protocol::Reply;
use super::watches::Watches;
use crate::AgentError;
use crate::run::{Chosen, Manner};
use crate::session::{Dialling, Session};
use crate::state::State;
use engine::Gate;
use engine::backup::BackupSummary;
use engine::progress::Progress;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Instant;
use tokio::sync::mpsc::UnboundedSender;

/// Where answers to a command go.
pub(super) type Replies = UnboundedSender<Reply>;

/// A backup that was begun. Dropping it does not end it.
#[derive(Debug)]
pub(super) struct Running {
    /// Its number, which tells its words from those of one before.
    pub(super) number: u64,
    /// When it began.
    pub(super) began: Instant,
    /// The name of its set.
    pub(super) set: String,
    /// How far it is, and the way to stop it.
    pub(super) progress: Arc<Progress>,
    /// What holds it still.
    pub(super) gate: Gate,
    /// Since when it is held.
    pub(super) held_since: Option<Instant>,
    /// The status says already how it ended: nothing more is told of it.
    pub(super) is_over: bool,
    /// Who waits for its end.
    pub(super) askers: Vec<Replies>,
}

impl Running {
    /// Begins a backup.
    pub(super) fn begin(
        number: u64,
        state: &State,
        dialling: Dialling,
        chosen: Chosen,
        manner: Manner,
        watches: &Arc<Watches>,
        inputs: &Sender<Input>,
    ) -> Result<Self, AgentError> {
        let (gate, set) = (dialling.gate.clone(), chosen.choice.name.clone());
        let told = inputs.clone();
        let progress = Arc::new(Progress::observed(gate.clone(), move |milestone| {
            // A loop that has ended needs to know nothing more.
            let _ = told.send(Input::Reached(number, milestone));
        }));
        let work = {
            let (state, progress, inputs) = (state.clone(), Arc::clone(&progress), inputs.clone());
            let watches = Arc::clone(watches);
            move || {
                let run = || back_up(state, &dialling, &chosen, manner, &watches, &progress);
                let result = catch_unwind(AssertUnwindSafe(run))
                    .unwrap_or_else(|_| Err(AgentError::Defect("the thread of the backup failed".into())));
                let _ = inputs.send(Input::Ended(number, Box::new(result)));
            }
        };
        let thread = std::thread::Builder::new().name("backup".into()).spawn(work);
        thread.map_err(|error| AgentError::Defect(format!("no thread for a backup: {error}")))?;
        let began = Instant::now();
        Ok(Self { number, began, set, progress, gate, held_since: None, is_over: false, askers: Vec::new() })
    }

    /// Tells everybody who waits.
    pub(super) fn tell(&self, reply: &Reply) {
        for asker in &self.askers {
            // Who has gone needs no answer.
            let _ = asker.send(reply.clone());
        }
    }
}

fn back_up(
    state: State,
    dialling: &Dialling,
    chosen: &Chosen,
    manner: Manner,
    watches: &Watches,
    progress: &Progress,
) -> Result<BackupSummary, AgentError> {
    let session = Session::open(state, dialling)?;
    let told = watches.begin(&session.state, chosen, manner.walks_all);
    let changed = told.as_ref().and_then(|told| told.changed.clone());
    let summary = chosen.back_up(&session, manner, changed, progress)?;
    if let Some(told) = told {
        told.committed(summary.snapshot);
    }
    Ok(summary)
}
