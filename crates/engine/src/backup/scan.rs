//! Walks the set beside the base, in one order, and says for each entry what there is to do.

mod keep;
mod roots;
mod spare;

use super::BackupRequest;
use super::base::{BaseEntries, BaseEntry, BaseHeader};
use super::file_systems::FileSystems;
use super::findings::{Findings, reason_of};
use super::index::Index;
use super::item::{Batch, Ids, Item, Linked, ReadJob};
use super::kept::{Kept, Told};
use super::meta::{self, Owners};
use super::mounts::Mounts;
use super::rules::Rules;
use super::set_roots::SetRoots;
use super::unseen_file::UnseenFile;
use super::walk::{Ahead, Found, Place};
use crate::EngineError;
use crate::progress::{Progress, add};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use format::entry::{Entry, EntryKind, flags};
use format::path;
use format::snapshot::Root;
use model::FindingReason;
use platform::{Dir, FileKind, Stat};
pub(super) use roots::has_moved;
use std::sync::Arc;
use std::time::Duration;

/// Items of a batch at most.
const BATCH_ITEMS: usize = 512;
/// Bytes to be read for a batch, after which it is closed.
const BATCH_BYTES: u64 = 1 << 20;
/// Folders that the files of a batch keep open until they are read, after which it is closed. With all batches that
/// are on their way that stays below the 1,024 open files that every process may have.
const BATCH_DIRS: usize = 8;
/// What a file costs besides its bytes, in bytes.
const FILE_COST: u64 = 4096;
/// How often a waiting scan looks whether the run was stopped.
const LOOK_UP: Duration = Duration::from_millis(50);

/// Where batches go and what allows the next one.
pub(super) struct Outlets {
    /// To the workers.
    pub(super) work: Sender<Batch>,
    /// To the writer of hunks, when nothing is to be read.
    pub(super) done: Sender<Batch>,
    /// One for each batch that may be on its way.
    pub(super) credits: Receiver<()>,
}

/// The scan of one run.
pub(super) struct Scan<'a> {
    pub(super) request: &'a BackupRequest,
    pub(super) rules: &'a Rules,
    pub(super) found: Ahead,
    pub(super) base: BaseEntries<'a>,
    pub(super) header: Option<&'a BaseHeader>,
    pub(super) index: &'a Index,
    pub(super) findings: &'a Findings,
    pub(super) progress: &'a Progress,
    pub(super) outlets: Outlets,
    pub(super) owners: Owners,
    pub(super) file_systems: FileSystems,
    pub(super) linked: &'a Linked,
    pub(super) batch: Batch,
    pub(super) batch_bytes: u64,
    /// Size of a file, by those that were met last.
    pub(super) typical_bytes: u64,
    /// How many folders the batch keeps open, and the last of them.
    pub(super) batch_dirs: usize,
    pub(super) last_dir: Option<Arc<Dir>>,
    pub(super) roots: Vec<Root>,
    pub(super) set_roots: SetRoots,
    pub(super) mounts: Mounts,
    /// What the base has in these folders stays.
    pub(super) kept: Kept,
    /// What stands in these folders, and in these roots, is left out, since their last version stays.
    pub(super) left_out: Vec<Vec<u8>>,
    /// The last folder above a root of the base that lay on a file system which is not mounted.
    pub(super) astray: Option<Vec<u8>>,
}

impl Scan<'_> {
    /// Goes through everything; gives the roots for the snapshot.
    pub(super) fn run(mut self) -> Result<Vec<Root>, EngineError> {
        while let Some(found) = self.found.next()? {
            self.progress.go_on()?;
            self.take(found)?;
        }
        // What is left of the base was deleted; reading it to its end shows that it could be read.
        while self.base.peek()?.is_some() {
            self.pass()?;
        }
        self.kept.end(self.findings);
        self.send()?;
        Ok(self.roots)
    }

    fn take(&mut self, found: Found) -> Result<(), EngineError> {
        match &found {
            Found::Entry(place) | Found::MountHidden(place) if place.stat.kind == FileKind::Dir => {
                self.mounts.walk_to(&place.path, place.stat.dev);
            }
            Found::Parent { path, place } => self.mounts.walk_to(path, place.stat.dev),
            _ => {}
        }
        match found {
            Found::Entry(place) | Found::MountHidden(place) if self.is_left_out(&place.path) => {
                self.way(place.path.clone(), &place)
            }
            Found::Parent { path, place } if self.is_left_out(&path) => self.way(path, &place),
            Found::ParentGone { path }
            | Found::Unreadable { path, .. }
            | Found::Unlisted { path, .. }
            | Found::RootEmpty { path }
            | Found::RootRefused { path, .. }
                if self.is_left_out(&path) =>
            {
                Ok(())
            }
            Found::Parent { path, place } => self.parent(path, &place),
            Found::ParentGone { path } => self.parent_gone(&path),
            Found::Entry(place) => self.entry(place, false),
            Found::File { path, .. } if self.is_left_out(&path) => Ok(()),
            Found::File { path, dir } => self.unseen(path, dir),
            Found::MountHidden(place) => self.entry(place, true),
            Found::Root(place) => self.root(place),
            Found::RootMoved(place) => self.root_moved(&place.path),
            Found::RootGone { path, error } => self.root_gone(&path, &error),
            Found::RootRefused { path, reason } => {
                self.findings.note(&path, reason, 0, false);
                Ok(())
            }
            Found::RootEmpty { path } => self.keep_hidden(&path, FindingReason::RootEmpty),
            Found::Spared { path, .. } if self.is_left_out(&path) => Ok(()),
            Found::Spared { path, dir } => self.spare(&path, &dir),
            Found::Unreadable { path, error } => {
                let errno = error.errno().unwrap_or(0);
                self.keep(&path, false, Told::always(reason_of(&error), errno))
            }
            Found::Unlisted { path, error } if error.is_not_found() => {
                tracing::debug!("a folder vanished during the walk");
                if self.mounts.began(&path) {
                    self.keep_hidden(&path, FindingReason::MountMissing)
                } else {
                    Ok(())
                }
            }
            Found::Unlisted { path, error } => {
                let errno = error.errno().unwrap_or(0);
                self.keep(&path, true, Told::always(FindingReason::FolderUnreadable, errno))
            }
        }
    }

    /// A folder above a root. Its attributes are those of the folder that the path leads to.
    fn parent(&mut self, path: Vec<u8>, place: &Place) -> Result<(), EngineError> {
        let previous = self.previous(&path)?;
        let mut now = self.now(path, &place.stat, previous.as_ref());
        now.flags |= flags::PARENT;
        if let Some(folder) = previous.as_ref().filter(|previous| previous.entry().kind == EntryKind::Dir)
            && self.parent_stays(folder.entry(), &now, place)
        {
            return self.push(meta::with_flag(folder, flags::PARENT | flags::KEPT), 0);
        }
        match previous.filter(|previous| meta::is_same(previous.entry(), &now)) {
            Some(previous) => self.push(meta::same(&previous), 0),
            None => self.special(now, place.at(), None),
        }
    }

    /// Where no folder is above a root now, the last one stays: what is kept below it needs it.
    fn parent_gone(&mut self, path: &[u8]) -> Result<(), EngineError> {
        let previous = self.previous(path)?.filter(|previous| previous.entry().kind == EntryKind::Dir);
        let Some(previous) = previous else { return Ok(()) };
        self.push(meta::with_flag(&previous, flags::PARENT | flags::KEPT), 0)?;
        if self.mounts.began(path) && self.is_wanted(path) {
            self.stay(path, Told::if_any(FindingReason::MountMissing), false);
        }
        Ok(())
    }

    /// The entry of the base with this path.
    fn previous(&mut self, path: &[u8]) -> Result<Option<BaseEntry>, EngineError> {
        self.drop_before(path)?;
        let is_next = self.base.peek()?.is_some_and(|next| next.entry().path == path);
        if is_next { self.take_base() } else { Ok(None) }
    }

    fn now(&mut self, path: Vec<u8>, stat: &Stat, previous: Option<&BaseEntry>) -> Entry {
        let owner = self.owners.of(stat);
        let file_system = self.file_systems.number(stat, previous.map(BaseEntry::entry));
        meta::entry(path, stat, file_system, &owner)
    }

    /// An entry of the set. `is_hidden` when a file system begins there that shows nothing.
    fn entry(&mut self, place: Place, is_hidden: bool) -> Result<(), EngineError> {
        let previous = self.previous(&place.path)?;
        if let Some(folder) = previous.as_ref().filter(|previous| previous.entry().kind == EntryKind::Dir)
            && self.keep_unmounted(folder, &place, is_hidden)?
        {
            return Ok(());
        }
        let now = self.now(place.path, &place.stat, previous.as_ref());
        let (dir, stat) = (place.dir, place.stat);
        if let Some(previous) =
            previous.as_ref().filter(|previous| self.index.may_keep(&previous.entry().content))
        {
            if meta::is_same(previous.entry(), &now) {
                self.count_done(&now);
                let lacks_attributes = self.findings.lacks_attributes(&now.path);
                let Some(mut entry) = meta::renewed(previous.entry(), &now, lacks_attributes) else {
                    return self.push(meta::same(previous), 0);
                };
                if lacks_attributes {
                    meta::set_xattrs(&mut entry, xattrs(&dir, path::name(&now.path)), self.findings);
                }
                return self.push(Item::Entry(Box::new(entry), Ids::from_slice(previous.ids())), 0);
            }
            if meta::is_same_but_not_walked(previous.entry(), &now) {
                let mut entry = previous.entry().clone();
                entry.flags &= !flags::NOT_WALKED;
                self.count_done(&now);
                return self.push(Item::Entry(Box::new(entry), Ids::from_slice(previous.ids())), 0);
            }
        }
        if now.kind == EntryKind::File {
            self.file(now, dir, stat, previous)
        } else {
            let name = path::name(&now.path).to_vec();
            self.special(now, (&dir, &name), previous.as_ref())
        }
    }

    fn file(
        &mut self,
        now: Entry,
        dir: Arc<Dir>,
        stat: Stat,
        previous: Option<BaseEntry>,
    ) -> Result<(), EngineError> {
        let is_further_name = now.has(flags::HARD_LINK) && !self.linked.is_first(&now);
        let files = previous.filter(|previous| previous.entry().kind == EntryKind::File);
        let renamed = || self.header.and_then(|header| header.held.get(now.dev, now.ino));
        let class = files.as_ref().map(|previous| previous.entry().class).or_else(renamed);
        let usable = |previous: &BaseEntry| {
            !previous.entry().has(flags::UNREAD) && self.index.has(&previous.entry().content)
        };
        let cost = FILE_COST + if is_further_name { 0 } else { now.size };
        self.typical_bytes = self.typical_bytes.midpoint(now.size);
        let job = Box::new(ReadJob { entry: now, stat, dir, previous: files.filter(usable), class });
        self.keep_open(&job.dir);
        self.push(if is_further_name { Item::Link(job) } else { Item::Read(job) }, cost)
    }

    /// A file of which only the name is known. It is taken to be as large as those nearby that were looked at.
    fn unseen(&mut self, path: Vec<u8>, dir: Arc<Dir>) -> Result<(), EngineError> {
        self.keep_open(&dir);
        self.push(Item::Unseen(UnseenFile { path, dir }), FILE_COST + self.typical_bytes)
    }

    /// The batch keeps this folder open.
    fn keep_open(&mut self, dir: &Arc<Dir>) {
        if !self.last_dir.as_ref().is_some_and(|last| Arc::ptr_eq(last, dir)) {
            self.batch_dirs += 1;
            self.last_dir = Some(Arc::clone(dir));
        }
    }

    /// Folders, links, pipes, sockets and devices, by the name in the folder that holds them: everything there is to know
    /// is read here. What cannot be read stays as it was.
    fn special(
        &mut self,
        mut now: Entry,
        (dir, name): (&Dir, &[u8]),
        previous: Option<&BaseEntry>,
    ) -> Result<(), EngineError> {
        if now.kind == EntryKind::Symlink {
            match dir.read_link(name) {
                Ok(target) => now.rare.target = Some(target),
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) => {
                    let errno = error.errno().unwrap_or(0);
                    self.findings.note(&now.path, reason_of(&error), errno, previous.is_some());
                    return previous.map_or(Ok(()), |previous| self.push(meta::kept(previous), 0));
                }
            }
        }
        let xattrs = xattrs(dir, name);
        meta::set_xattrs(&mut now, xattrs, self.findings);
        self.push(Item::Entry(Box::new(now), Ids::new()), 0)
    }

    fn count_done(&self, entry: &Entry) {
        if entry.kind == EntryKind::File {
            add(&self.progress.done_files, 1);
            add(&self.progress.done_bytes, entry.size);
        }
    }

    fn push(&mut self, item: Item, cost: u64) -> Result<(), EngineError> {
        self.batch.items.push(item);
        self.batch_bytes += cost;
        let is_full = self.batch.items.len() >= BATCH_ITEMS
            || self.batch_bytes >= BATCH_BYTES
            || self.batch_dirs >= BATCH_DIRS;
        if is_full { self.send() } else { Ok(()) }
    }

    /// Waits until one batch more may be on its way; looks up now and then whether the run was stopped.
    fn await_credit(&self) -> Result<(), EngineError> {
        loop {
            match self.outlets.credits.recv_timeout(LOOK_UP) {
                Ok(()) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => self.progress.go_on()?,
                Err(RecvTimeoutError::Disconnected) => return Err(EngineError::Stopped),
            }
        }
    }

    fn send(&mut self) -> Result<(), EngineError> {
        if self.batch.items.is_empty() {
            return Ok(());
        }
        self.await_credit()?;
        let next = Batch { number: self.batch.number + 1, items: Vec::with_capacity(BATCH_ITEMS) };
        let batch = std::mem::replace(&mut self.batch, next);
        let outlet = if self.batch_bytes > 0 { &self.outlets.work } else { &self.outlets.done };
        (self.batch_bytes, self.batch_dirs, self.last_dir) = (0, 0, None);
        outlet.send(batch).map_err(|_| EngineError::Stopped)
    }
}

/// The extended attributes of `name` in `dir`, or of the folder itself.
fn xattrs(dir: &Dir, name: &[u8]) -> platform::Result<platform::Xattrs> {
    if name.is_empty() { platform::Node::Dir(dir).xattrs() } else { dir.child(name).xattrs() }
}
