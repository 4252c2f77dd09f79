//! Watches the folders of a set, so that the next run need not walk those in which nothing happened.
//!
//! What makes that safe: a folder counts as changed from the moment it gets its watch, and whatever the system tells of it
//! afterwards makes it so again. A run takes all that changed before it began; what happens while it walks belongs to the
//! next one. So a folder that is left out has been walked since its watch began, and nothing was told of it since that
//! walk began. What the system does not tell of is always walked: folders without a watch, file systems of other machines,
//! files with further names; and a run with a full walk is due now and then, since writing through a mapping of a file is
//! told only when its last user closes it.

mod changed;
mod folders;
mod tree;

use super::rules::Rules;
use super::walk::normalised;
use crate::EngineError;
pub use changed::Changed;
use folders::Folders;
use model::SnapshotId;
use platform::MountTable;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tree::Tree;

/// How often the thread looks whether it shall end.
const LOOK_UP: Duration = Duration::from_millis(500);

/// What is watched: the folders that a backup with the same fields walks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedSet {
    /// As in [`BackupRequest`](super::BackupRequest).
    pub paths: Vec<PathBuf>,
    /// As there.
    pub exclusions: Vec<String>,
    /// As there.
    pub exclude_caches: bool,
    /// As there.
    pub one_file_system: bool,
    /// As there.
    pub own_folders: Vec<PathBuf>,
}

/// The watch over a set, with a thread that takes in what the system tells. It ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What a run is told, and what becomes of it. Dropped without [`committed`](Self::committed), all of it is left to the
/// next run.
#[derive(Debug)]
pub struct Hints {
    shared: Arc<Shared>,
    /// What changed, when it is known since when.
    changed: Option<Arc<Changed>>,
    taken: folders::Taken,
    mounts: Option<MountTable>,
}

struct Shared {
    set: WatchedSet,
    rules: Rules,
    roots: Vec<Vec<u8>>,
    is_over: AtomicBool,
    state: Mutex<State>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("set", &self.set).finish_non_exhaustive()
    }
}

struct State {
    folders: Folders,
    /// The snapshot whose run saw all that was told before it began, and what was mounted then.
    base: Option<(SnapshotId, MountTable)>,
}

impl Watch {
    /// Begins to watch. The folders get their watches when the first run asks for what changed. Fails where the system
    /// tells nothing, and with rules that cannot be read.
    pub fn start(set: WatchedSet) -> Result<Self, EngineError> {
        let rules = Rules::new(&set.exclusions, set.exclude_caches, &set.own_folders)?;
        let roots = normalised(&set.paths)?;
        let folders = Folders::new(&roots).map_err(|source| {
            let path = set.paths.first().cloned().unwrap_or_default();
            EngineError::Local { path, source }
        })?;
        let state = Mutex::new(State { folders, base: None });
        let shared = Arc::new(Shared { set, rules, roots, is_over: AtomicBool::new(false), state });
        let at_work = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("watch".into()).spawn(move || at_work.listen());
        let thread = thread.map_err(|_| EngineError::Defect("there is no thread to watch folders"))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// What is watched.
    pub fn set(&self) -> &WatchedSet {
        &self.shared.set
    }

    /// A run begins: all that happened up to now is its business.
    pub fn begin(&self) -> Hints {
        let mounts = MountTable::read().ok();
        let mut state = self.shared.lock();
        state.folders.take_in(&self.shared.tree());
        state.folders.try_again(&self.shared.tree());
        let taken = state.folders.take();
        let base = state.base.as_ref().filter(|(_, then)| mounts.as_ref() == Some(then));
        let changed = base.and_then(|(base, _)| state.folders.changed(*base, &taken)).map(Arc::new);
        Hints { shared: Arc::clone(&self.shared), changed, taken, mounts }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Hints {
    /// For [`BackupRequest::changed`](super::BackupRequest::changed); none when everything is to be walked.
    pub fn changed(&self) -> Option<Arc<Changed>> {
        self.changed.clone()
    }

    /// The run has made this snapshot: what happened before it is in there.
    pub fn committed(mut self, snapshot: SnapshotId) {
        self.taken = folders::Taken::default();
        let mounts = self.mounts.take();
        self.shared.lock().base = mounts.map(|mounts| (snapshot, mounts));
    }
}

impl Drop for Hints {
    fn drop(&mut self) {
        self.shared.lock().folders.give_back(std::mem::take(&mut self.taken));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tree(&self) -> Tree<'_> {
        Tree { rules: &self.rules, roots: &self.roots, one_file_system: self.set.one_file_system }
    }

    /// Takes in what happens, before the system has to drop any of it.
    fn listen(&self) {
        while !self.is_over.load(Ordering::Relaxed) {
            let watch = self.lock().folders.watch();
            match watch.wait(LOOK_UP) {
                Ok(true) => self.lock().folders.take_in(&self.tree()),
                Ok(false) => {}
                // The next run finds out, and walks everything.
                Err(_) => std::thread::sleep(LOOK_UP),
            }
        }
    }
}

#[cfg(test)]
mod tests;
