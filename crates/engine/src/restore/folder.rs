//! Folders of the target that are being filled. A folder gets its attributes when the last user of it and of all
//! folders below it has let go, so that filling it does not change them again.

use super::attributes::{ACCESS_LIST, Attributes, DEFAULT_LIST, Ids, Made, remove_if_there};
use super::naming::Naming;
use super::outcome::{Outcome, Trouble};
use super::place::Place;
use super::temp_names::TempNames;
use format::entry::{Entry, flags};
use model::{FindingReason, failpoint};
use platform::{Dir, FileSystemKind, Node, Stat};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

/// Mode of a folder that is being filled: closed to others, and with a bit that such a folder has no use for, so that
/// a resumed restore recognises it.
pub const FILLING_MODE: u32 = 0o1700;
const SET_GROUP: u32 = 0o2000;

/// What the places that set attributes need.
pub(super) struct Maker<'m> {
    pub(super) attributes: Attributes<'m>,
    pub(super) outcome: &'m Outcome<'m>,
    pub(super) temp_names: TempNames,
}

/// An open folder, as long as it is open.
pub(super) type Handle = Mutex<Option<Arc<Dir>>>;

/// A folder of the target.
#[derive(Debug)]
pub(super) struct Folder {
    parent: Option<Arc<Folder>>,
    pub(super) place: Arc<Place>,
    /// `None` for a folder that does not exist, in a dry run, or whose handle was given back for a while.
    handle: Arc<Handle>,
    /// Device and inode: known before a handle is given back.
    identity: OnceLock<(u64, u64)>,
    /// Attributes to be set in the end.
    finish: OnceLock<Box<Entry>>,
    pub(super) traits: Traits,
    /// Of a folder that was made under a temporary name.
    pub(super) naming: Option<Naming>,
}

/// What the folder means for what is made in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Traits {
    /// It holds nothing that was not put there by this restore.
    pub(super) is_new: bool,
    /// It does not exist and is not made: a dry run.
    pub(super) is_imaginary: bool,
    /// Owner and group that new entries get here, where that is certain.
    pub(super) made_as: Option<Ids>,
    /// New entries take over its default access list.
    pub(super) hands_down: bool,
    /// Folders in it can be renamed while they are open: network file systems may refuse that.
    pub(super) is_local: bool,
}

impl Traits {
    /// A new entry here, before its attributes are set.
    pub(super) const fn made(&self, mode: Option<u32>) -> Made {
        Made { owner: self.made_as, inherits: self.hands_down, mode }
    }

    /// A folder that is there already.
    pub(super) fn of_existing(dir: &Dir) -> Self {
        let lists = Node::Dir(dir).xattrs();
        let hands_down =
            lists.map_or(true, |lists| lists.entries.iter().any(|xattr| xattr.name == DEFAULT_LIST));
        let is_local = dir.file_system_kind() == Ok(FileSystemKind::Local);
        Self { hands_down, is_local, ..Self::default() }
    }
}

impl Folder {
    /// A folder that is open, or imaginary.
    pub(super) fn new(
        parent: Option<&Arc<Self>>,
        place: Arc<Place>,
        dir: Option<Arc<Dir>>,
        traits: Traits,
    ) -> Arc<Self> {
        Arc::new(Self {
            parent: parent.map(Arc::clone),
            place,
            handle: Arc::new(Mutex::new(dir)),
            identity: OnceLock::new(),
            finish: OnceLock::new(),
            traits,
            naming: None,
        })
    }

    /// Makes the folder `name` in `parent`, open as `dir`, closed to others until it is filled. It has the name `temp`
    /// until what belongs there is in it, where one is given and the file system allows that; should somebody take its
    /// own meanwhile, it gets the name `beside`.
    pub(super) fn create(
        parent: &Arc<Self>,
        dir: &Dir,
        name: &[u8],
        temp: Option<&[u8]>,
        beside: Vec<u8>,
    ) -> Result<Arc<Self>, Trouble> {
        failpoint::hit("restore.before_folder");
        // Under its own name first: one that is taken, or that the file system does not take, shows here.
        dir.create_dir(name, FILLING_MODE)?;
        let temp = temp.filter(|temp| parent.traits.is_local && dir.rename_noreplace(name, temp).is_ok());
        let (now, place, naming) = match temp {
            Some(temp) => (temp, parent.place.unnamed_child(name, temp), Some(Naming::new(beside))),
            None => (name, parent.place.child(name), None),
        };
        Self::adopt(parent, dir, now, place, naming).inspect_err(|_| {
            // The first error is the one to report; the leftover is recognisable.
            let _ = dir.remove_dir(now);
        })
    }

    /// Opens the folder that was just made here and is called `name` at present.
    pub(super) fn adopt(
        parent: &Arc<Self>,
        dir: &Dir,
        name: &[u8],
        place: Arc<Place>,
        naming: Option<Naming>,
    ) -> Result<Arc<Self>, Trouble> {
        let made = dir.open_child(name)?;
        let (traits, stat) = Self::take_over(parent, &made)?;
        let (parent, handle) = (Some(Arc::clone(parent)), Arc::new(Mutex::new(Some(Arc::new(made)))));
        let identity = OnceLock::from(identity(&stat));
        Ok(Arc::new(Self { parent, place, handle, identity, finish: OnceLock::new(), traits, naming }))
    }

    /// Takes off what a folder just made took over from `parent`, and gives what it means for its entries.
    pub(super) fn take_over(parent: &Self, made: &Dir) -> platform::Result<(Traits, Stat)> {
        let stat = made.stat_self()?;
        if parent.traits.hands_down {
            for list in [DEFAULT_LIST, ACCESS_LIST] {
                remove_if_there(Node::Dir(made), list)?;
            }
        }
        // Where the group came with the bit from the folder above, entries of this one will get another.
        let has_bit = stat.mode & SET_GROUP != 0;
        if has_bit || parent.traits.hands_down {
            Node::Dir(made).set_mode(FILLING_MODE)?;
        }
        let made_as = (!has_bit).then_some((stat.uid, stat.gid));
        let is_local = parent.traits.is_local;
        Ok((Traits { is_new: true, made_as, is_local, ..Traits::default() }, stat))
    }

    /// Sets what the folder's attributes shall be in the end; the first call counts.
    pub(super) fn finish_as(&self, entry: Entry) {
        let _ = self.finish.set(Box::new(entry));
    }

    /// Whether the folder's attributes are known.
    pub(super) fn has_finish(&self) -> bool {
        self.finish.get().is_some()
    }

    /// The open folder, unless it is imaginary or its handle was given back.
    pub(super) fn dir(&self) -> Option<Arc<Dir>> {
        self.lock().clone()
    }

    /// The open folder for who must not hold up its end.
    pub(super) fn weak_handle(&self) -> Weak<Handle> {
        Arc::downgrade(&self.handle)
    }

    /// Gives the handle back, to be opened again from a folder below.
    pub(super) fn close(&self) -> Result<(), Trouble> {
        let mut handle = self.lock();
        if let Some(dir) = handle.take_if(|_| self.identity.get().is_some()) {
            drop(dir);
        } else if let Some(dir) = &*handle {
            let _ = self.identity.set(identity(&dir.stat_self()?));
            *handle = None;
        }
        Ok(())
    }

    /// The folder, opened again from one that lies directly in it when its handle was given back. Somebody may have
    /// moved that one meanwhile: then another folder holds it now, and nothing is written there.
    fn open_from(&self, below: &Dir) -> Result<Arc<Dir>, Trouble> {
        if let Some(dir) = self.dir() {
            return Ok(dir);
        }
        let dir = below.open_parent()?;
        let moved = Trouble::new(FindingReason::WriteFailed, 0);
        if self.identity.get() != Some(&identity(&dir.stat_self()?)) {
            return Err(moved);
        }
        Ok(Arc::new(dir))
    }

    /// The folder above this one, which is open as `dir`.
    pub(super) fn open_above(&self, dir: &Dir) -> Result<Arc<Dir>, Trouble> {
        match &self.parent {
            Some(parent) => parent.open_from(dir),
            None => Ok(Arc::new(dir.open_parent()?)),
        }
    }

    /// Opens the folder again from one that lies directly in it, to stay open.
    pub(super) fn reopen(&self, below: &Dir) -> Result<(), Trouble> {
        let dir = self.open_from(below)?;
        *self.lock() = Some(dir);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Dir>>> {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn identity(stat: &Stat) -> (u64, u64) {
    (stat.dev, stat.ino)
}

impl Maker<'_> {
    /// Lets go of a folder that is open as `dir`. The last one to do so sets its attributes, and then lets go of the
    /// folder above it. When the restore is over early, folders stay as they are, so that it can be resumed.
    pub(super) fn release(&self, folder: Arc<Folder>, dir: Option<Arc<Dir>>) {
        let (mut next, mut dir) = (Some(folder), dir.ok_or(Trouble::new(FindingReason::WriteFailed, 0)));
        while let Some(mut folder) = next.take().and_then(Arc::into_inner) {
            if self.outcome.is_over() {
                return;
            }
            next = folder.parent.take();
            // First, since the folder may get a mode that closes it to ourselves.
            let above = match (&next, &dir) {
                (Some(parent), Ok(below)) => parent.open_from(below),
                (_, dir) => dir.clone(),
            };
            if let Some(entry) = folder.finish.take() {
                if let Some(trouble) = folder.naming_trouble() {
                    self.outcome.note(&entry.path, trouble);
                    dir = above;
                    continue;
                }
                match &dir {
                    Ok(dir) => self.finish(dir, &entry, &folder),
                    Err(trouble) => self.note_attributes(&entry.path, trouble.errno),
                }
            }
            dir = above;
        }
    }

    fn finish(&self, dir: &Dir, entry: &Entry, folder: &Folder) {
        failpoint::hit("restore.before_folder_attributes");
        let mode = folder.traits.is_new.then_some(FILLING_MODE);
        // What it took over was taken off when it was made; in a folder that was there before it still is.
        let owner = folder.traits.is_new.then_some(folder.traits.made_as).flatten();
        let made = Made { owner, inherits: !folder.traits.is_new, mode };
        let missed = self.attributes.set(Node::Dir(dir), entry, made);
        // The folders above a root are only the way to it: an ordinary user does not own them, and asked for none.
        let is_way = entry.has(flags::PARENT) && !self.attributes.may_give_away();
        if let Some(errno) = if is_way { missed.other } else { missed.errno() } {
            self.note_attributes(&entry.path, errno);
        }
    }

    pub(super) fn note_attributes(&self, path: &[u8], errno: i32) {
        self.outcome.note(path, Trouble::new(FindingReason::AttributesNotRestored, errno));
    }
}

/// Paths may have half a million names: one call for each of them would fill the stack.
impl Drop for Folder {
    fn drop(&mut self) {
        let mut next = self.parent.take();
        while let Some(mut parent) = next.and_then(Arc::into_inner) {
            next = parent.parent.take();
        }
    }
}
