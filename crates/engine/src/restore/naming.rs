//! A folder that a restore makes has a temporary name while the first entries are made in it. Those get their own names
//! at once, and all of them are there with the renaming of the folder: to give a file a temporary name first costs
//! about as much as to make it. What comes later into the folder is made under temporary names.

use super::folder::Folder;
use super::outcome::Trouble;
use model::{FindingReason, failpoint};
use platform::{Dir, errno};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How far a new folder is from its name.
#[derive(Debug)]
pub(super) struct Naming {
    /// Its name when its own was taken meanwhile.
    beside: Vec<u8>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// More entries may be made under their own names.
    is_open: bool,
    /// Those that are not ended.
    pending: u32,
    /// Why the folder could not get its name.
    failed: Option<Trouble>,
}

impl Naming {
    /// A folder that was just made under a temporary name.
    pub(super) const fn new(beside: Vec<u8>) -> Self {
        Self { beside, state: Mutex::new(State { is_open: true, pending: 0, failed: None }) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An entry that is made under its own name in a folder that has none yet. When the last one is dropped, whatever became
/// of it, and no more are to come, the folder gets its name.
#[derive(Debug)]
pub(super) struct Berth {
    folder: Arc<Folder>,
    dir: Arc<Dir>,
}

impl Berth {
    /// A place for one more entry, if `folder`, open as `dir`, still has a temporary name.
    pub(super) fn take(folder: &Arc<Folder>, dir: Option<&Arc<Dir>>) -> Option<Self> {
        let (naming, dir) = (folder.naming.as_ref()?, dir?);
        let mut state = naming.lock();
        if !state.is_open {
            return None;
        }
        state.pending += 1;
        Some(Self { folder: Arc::clone(folder), dir: Arc::clone(dir) })
    }
}

impl Drop for Berth {
    fn drop(&mut self) {
        let Some(naming) = &self.folder.naming else { return };
        let mut state = naming.lock();
        state.pending -= 1;
        // After a defect nothing is known of what is in it.
        if state.pending == 0 && !state.is_open && !std::thread::panicking() {
            drop(state);
            self.folder.give_name(&self.dir);
        }
    }
}

impl Folder {
    /// Nothing more is made in this folder, open as `dir`, under its own name: it gets its own as soon as what was begun
    /// is ended. Later calls do nothing.
    pub(super) fn end_berths(&self, dir: Option<&Dir>) {
        let Some(naming) = &self.naming else { return };
        let mut state = naming.lock();
        let was_open = std::mem::replace(&mut state.is_open, false);
        if !was_open || state.pending > 0 {
            return;
        }
        let Some(dir) = dir else {
            state.failed = Some(Trouble::new(FindingReason::WriteFailed, 0));
            return;
        };
        drop(state);
        self.give_name(dir);
    }

    /// Why the folder is not there under its name.
    pub(super) fn naming_trouble(&self) -> Option<Trouble> {
        self.naming.as_ref().and_then(|naming| naming.lock().failed)
    }

    fn give_name(&self, dir: &Dir) {
        if let Some(naming) = &self.naming
            && let Err(trouble) = self.rename(dir, naming)
        {
            naming.lock().failed = Some(trouble);
        }
    }

    fn rename(&self, dir: &Dir, naming: &Naming) -> Result<(), Trouble> {
        let Some(temp) = self.place.temp_name() else { return Ok(()) };
        let above = self.open_above(dir)?;
        failpoint::hit("restore.before_rename");
        if let Err(error) = above.rename_noreplace(&temp, self.place.name()) {
            // What was restored is kept; where that cannot be either, it stays under its temporary name.
            if above.rename_noreplace(&temp, &naming.beside).is_ok() {
                self.place.rename(Some(naming.beside.as_slice().into()));
            }
            return Err(if error.is_already_exists() {
                Trouble::new(FindingReason::Skipped, errno::EEXIST)
            } else {
                error.into()
            });
        }
        self.place.rename(None);
        failpoint::hit("restore.after_rename");
        Ok(())
    }
}
