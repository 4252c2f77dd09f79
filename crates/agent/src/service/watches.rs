//! The watches over the sets of this machine, so that scheduled runs need not walk folders in which nothing happened.

use crate::AgentError;
use crate::run::Chosen;
use crate::state::State;
use crate::state::settings::Settings;
use engine::backup::{Changed, Hints, Watch};
use model::{Clock, SnapshotId, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// After so long everything is walked, whatever was told: not every change is.
const WALK_ALL_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// The watches, each over the set of its name.
#[derive(Debug, Default)]
pub(super) struct Watches(Mutex<HashMap<String, Watched>>);

#[derive(Debug)]
struct Watched {
    watch: Watch,
    /// When a run that walked everything began last.
    walked: Option<Timestamp>,
}

/// What one run is told.
#[derive(Debug)]
pub(super) struct Told<'w> {
    watches: &'w Watches,
    set: String,
    hints: Hints,
    /// What changed; none when everything is to be walked.
    pub(super) changed: Option<Arc<Changed>>,
    began: Timestamp,
}

impl Watches {
    /// A run of this set begins, which walks everything when `all`. None where nothing can be watched: then it does so
    /// anyhow.
    pub(super) fn begin(&self, state: &State, chosen: &Chosen, all: bool) -> Option<Told<'_>> {
        match self.try_begin(state, chosen, all) {
            Ok(told) => Some(told),
            Err(error) => {
                tracing::debug!(%error, "folders cannot be watched");
                None
            }
        }
    }

    fn try_begin(&self, state: &State, chosen: &Chosen, all: bool) -> Result<Told<'_>, AgentError> {
        let (set, began) = (chosen.choice.name.clone(), Clock::system().now());
        let sets = Settings::read(state)?.sets;
        let mut watches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = chosen.watched_set(state);
        // Of sets that are gone or are others now nothing is known.
        watches.retain(|name, watched| {
            sets.contains_key(name) && (*name != set || *watched.watch.set() == wanted)
        });
        if !watches.contains_key(&set) {
            watches.insert(set.clone(), Watched { watch: Watch::start(wanted)?, walked: None });
        }
        let watched = &watches[&set];
        let hints = watched.watch.begin();
        let is_due =
            watched.walked.is_none_or(|walked| walked.after(WALK_ALL_EVERY) <= began || walked > began);
        let changed = hints.changed().filter(|_| !all && !is_due);
        drop(watches);
        Ok(Told { watches: self, set, hints, changed, began })
    }
}

impl Told<'_> {
    /// The run made this snapshot.
    pub(super) fn committed(self, snapshot: SnapshotId) {
        self.hints.committed(snapshot);
        let mut watches = self.watches.0.lock().unwrap_or_else(PoisonError::into_inner);
        if self.changed.is_none()
            && let Some(watched) = watches.get_mut(&self.set)
        {
            watched.walked = Some(self.began);
        }
    }
}
