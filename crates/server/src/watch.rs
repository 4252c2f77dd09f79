//! How long work tells where it stands and learns that nobody waits for it any more.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where the work stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What is being done, in a few words.
    pub phase: String,
    /// How much of it is done.
    pub done: u64,
    /// How much there is; 0 when that is not known.
    pub total: u64,
    /// What is counted, such as `packs`.
    pub unit: String,
}

type Sink = dyn Fn(&Progress) + Send + Sync;

/// Told by the work, read by whoever waits. Cheap to clone.
#[derive(Clone)]
pub struct Watch {
    sink: Arc<Sink>,
    stop: Arc<AtomicBool>,
}

impl Watch {
    /// Calls `sink` for each progress.
    pub fn new(sink: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        Self { sink: Arc::new(sink), stop: Arc::default() }
    }

    /// Nobody looks.
    pub fn silent() -> Self {
        Self::new(|_| {})
    }

    /// Tells where the work stands.
    pub fn tell(&self, phase: &str, done: u64, total: u64, unit: &str) {
        (self.sink)(&Progress { phase: phase.to_owned(), done, total, unit: unit.to_owned() });
    }

    /// Asks the work to stop at the next good place.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// An error when the work was asked to stop.
    pub fn check(&self) -> Result<()> {
        if self.is_stopped() { Err(Error::Stopped) } else { Ok(()) }
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("stopped", &self.is_stopped()).finish_non_exhaustive()
    }
}
