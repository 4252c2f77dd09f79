//! Walks the set beside the base, in one order, and says for each entry what there is to do.

use super::BackupRequest;
use super::base::{BaseEntries, BaseEntry, BaseHeader};
use super::file_systems::FileSystems;
use super::findings::{Findings, reason_of};
use super::index::Index;
use super::item::{Batch, Item, ReadJob};
use super::meta::{self, Owners};
use super::mounts::Mounts;
use super::standing::Standing;
use super::walk::{Ahead, Found, Place, RootPlace};
use crate::EngineError;
use crate::progress::{Progress, add};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use format::entry::{Entry, EntryKind, flags};
use format::path;
use format::snapshot::Root;
use model::FindingReason;
use platform::{Dir, FileKind, Stat};
use std::collections::HashSet;
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
/// `ENOTDIR` on Linux.
const NOT_A_FOLDER: i32 = 20;
/// File systems whose id stays the same over mounts and machines.
const STABLE_IDS: [&[u8]; 4] = [b"ext2", b"ext3", b"ext4", b"btrfs"];

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
    pub(super) found: Ahead,
    pub(super) base: BaseEntries<'a>,
    pub(super) header: Option<&'a BaseHeader>,
    pub(super) index: &'a Index,
    pub(super) findings: Arc<Findings>,
    pub(super) progress: &'a Progress,
    pub(super) outlets: Outlets,
    pub(super) owners: Owners,
    pub(super) file_systems: FileSystems,
    pub(super) linked: HashSet<(u64, u64)>,
    pub(super) batch: Batch,
    pub(super) batch_bytes: u64,
    /// How many folders the batch keeps open, and the last of them.
    pub(super) batch_dirs: usize,
    pub(super) last_dir: Option<Arc<Dir>>,
    pub(super) roots: Vec<Root>,
    /// The root that is left out since its last version stays in its place.
    pub(super) replaced_root: Option<Vec<u8>>,
    pub(super) mounts: Mounts,
    /// What the base has in these folders stays.
    pub(super) kept: Standing,
    /// The last version of these stays although the walk goes through what stands there now.
    pub(super) unmounted: Standing,
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
        self.send()?;
        Ok(self.roots)
    }

    fn take(&mut self, found: Found) -> Result<(), EngineError> {
        match found {
            Found::Entry(Place { path, .. })
            | Found::Parent { path, .. }
            | Found::ParentGone { path }
            | Found::Unreadable { path, .. }
            | Found::Unlisted { path, .. }
            | Found::MountHidden { path }
                if self.unmounted.has(&path) =>
            {
                Ok(())
            }
            Found::Parent { path, place } => self.parent(path, &place),
            Found::ParentGone { path } => self.parent_gone(&path),
            // It is no folder, so nothing follows below it.
            Found::Entry(place) if self.replaced_root.as_ref() == Some(&place.path) => Ok(()),
            Found::Entry(place) => self.entry(place),
            Found::Root(place) => self.root(place),
            Found::RootMoved(place) => self.root_moved(&place),
            Found::RootGone { path, error } => {
                // Below something that is no folder nothing is.
                let is_missing = error.is_not_found() || error.errno() == Some(NOT_A_FOLDER);
                let reason = if is_missing { FindingReason::RootMissing } else { reason_of(&error) };
                self.root_lost(&path, reason, error.errno().unwrap_or(0), false)
            }
            Found::RootRefused { path, reason } => {
                self.findings.note(&path, reason, 0, false);
                Ok(())
            }
            Found::RootEmpty { path } => {
                if self.base_has_below(&path)? {
                    self.root_lost(&path, FindingReason::RootEmpty, 0, true)?;
                }
                Ok(())
            }
            Found::MountHidden { path } => {
                // What belongs to a root below is walked with that one.
                let has_own = self.base_has_below(&path)?
                    && self
                        .base
                        .peek()?
                        .is_some_and(|next| !self.kept.leads_to_root(&next.entry().path, &path));
                if has_own && !self.request.accept_changed_roots {
                    self.keep_unmounted(&path)?;
                }
                Ok(())
            }
            Found::Unreadable { path, error } => {
                let kept = self.keep(&path, false)?;
                self.findings.note(&path, reason_of(&error), error.errno().unwrap_or(0), kept);
                Ok(())
            }
            Found::Unlisted { path, error } if error.is_not_found() => {
                tracing::debug!("a folder vanished during the walk");
                drop(path);
                Ok(())
            }
            Found::Unlisted { path, error } => {
                let kept = self.keep(&path, true)?;
                self.findings.note(&path, FindingReason::FolderUnreadable, error.errno().unwrap_or(0), kept);
                Ok(())
            }
        }
    }

    /// A root that is not where it was: its last version stays.
    fn root_moved(&mut self, place: &RootPlace) -> Result<(), EngineError> {
        let kept = self.keep(&place.path, false)?;
        self.findings.note(&place.path, FindingReason::RootMoved, 0, kept);
        self.roots.extend(self.header.and_then(|header| header.root(&place.path)).cloned());
        Ok(())
    }

    /// A root that is where it was: can it hold what it held?
    fn root(&mut self, place: RootPlace) -> Result<(), EngineError> {
        if !self.request.accept_changed_roots
            && let Some(kept) = self.keep_replaced(&place)?
        {
            self.findings.note(&place.path, FindingReason::RootReplaced, 0, kept);
            let known = self.header.and_then(|header| header.root(&place.path));
            self.replaced_root = Some(place.path.clone());
            self.roots.push(known.cloned().unwrap_or_else(|| root_of(place)));
            return Ok(());
        }
        if has_moved(self.header, &place) {
            self.file_systems.is_new(place.dev);
        }
        self.roots.push(root_of(place));
        Ok(())
    }

    /// Keeps what a root held in the base when what stands there now cannot hold it: it was a folder with something in
    /// it and is none, or it was a file and is neither. `None` when it is nothing of that kind.
    fn keep_replaced(&mut self, place: &RootPlace) -> Result<Option<bool>, EngineError> {
        self.drop_before(&place.path)?;
        let itself = self.base.peek()?.map(BaseEntry::entry).filter(|entry| entry.path == place.path);
        match itself.filter(|entry| !entry.has(flags::UNREAD)).map(|entry| entry.kind) {
            Some(EntryKind::Dir) if place.kind != FileKind::Dir => {
                let Some(folder) = self.base.take()? else { return Ok(None) };
                if !self.base_has_below(&place.path)? {
                    return Ok(None);
                }
                self.push(meta::kept(&folder), 0)?;
                self.keep(&place.path, true).map(Some)
            }
            Some(EntryKind::File) if !matches!(place.kind, FileKind::File | FileKind::Dir) => {
                self.keep(&place.path, false).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// A root that is gone or became empty: its last version stays until the user says that it is meant so. Of one
    /// that only cannot be read nobody can say that.
    fn root_lost(
        &mut self,
        path: &[u8],
        reason: FindingReason,
        errno: i32,
        strictly: bool,
    ) -> Result<(), EngineError> {
        let is_absence = matches!(reason, FindingReason::RootMissing | FindingReason::RootEmpty);
        if self.request.accept_changed_roots && is_absence {
            return Ok(());
        }
        let kept = self.keep(path, strictly)?;
        self.findings.note(path, reason, errno, kept);
        if !strictly && let Some(known) = self.header.and_then(|header| header.root(path)) {
            self.roots.push(known.clone());
        }
        Ok(())
    }

    fn base_has_below(&mut self, folder: &[u8]) -> Result<bool, EngineError> {
        self.drop_before(folder)?;
        Ok(self.base.peek()?.is_some_and(|next| path::is_within(&next.entry().path, folder)))
    }

    /// Passes over entries of the base that are no longer there.
    fn drop_before(&mut self, path: &[u8]) -> Result<(), EngineError> {
        while self.base.is_before(path)? {
            self.pass()?;
        }
        Ok(())
    }

    /// Passes over the next entry of the base, which stays if its folder does.
    fn pass(&mut self) -> Result<(), EngineError> {
        let Some(previous) = self.base.take()? else { return Ok(()) };
        if self.kept.has(&previous.entry().path) {
            self.keep_entry(&previous, false)?;
        }
        Ok(())
    }

    /// Takes over what the base has at and below `path` (or only below); says whether that was anything. What comes
    /// behind a root that lies below follows when that root is through.
    fn keep(&mut self, path: &[u8], strictly: bool) -> Result<bool, EngineError> {
        self.drop_before(path)?;
        let mut any = false;
        while let Some(next) = self.base.peek()? {
            if !path::is_within(&next.entry().path, path) {
                break;
            }
            let itself = next.entry().path == path;
            if !itself && self.kept.leads_to_root(&next.entry().path, path) {
                self.kept.add(path);
                break;
            }
            let Some(previous) = self.base.take()? else { break };
            if !(itself && strictly) {
                any |= self.keep_entry(&previous, itself)?;
            }
        }
        Ok(any)
    }

    /// Takes over an entry of the base; says whether it is a version of anything. What the vault has lost of it is a
    /// finding, unless the caller has one.
    fn keep_entry(&mut self, previous: &BaseEntry, has_finding: bool) -> Result<bool, EngineError> {
        if self.index.has(&previous.entry().content) {
            self.count_done(previous.entry());
            self.push(meta::kept(previous), 0)?;
            // The name of what no run could ever read is no version of it.
            return Ok(!previous.entry().has(flags::UNREAD));
        }
        if !has_finding {
            self.findings.note(&previous.entry().path, FindingReason::Damaged, 0, false);
        }
        Ok(false)
    }

    /// What a file system held that is not mounted stays until the user says that it is meant so.
    fn keep_unmounted(&mut self, path: &[u8]) -> Result<(), EngineError> {
        let kept = self.keep(path, true)?;
        self.findings.note(path, FindingReason::MountMissing, 0, kept);
        Ok(())
    }

    /// A folder above a root. Its attributes are those of the folder that the path leads to.
    fn parent(&mut self, path: Vec<u8>, place: &Place) -> Result<(), EngineError> {
        let previous = self.previous(&path)?;
        let mut now = self.now(path, &place.stat, previous.as_ref());
        now.flags |= flags::PARENT;
        match previous.filter(|previous| meta::is_same(previous.entry(), &now)) {
            Some(previous) => self.push(meta::same(&previous), 0),
            None => self.special(now, place),
        }
    }

    /// Where no folder is above a root now, the last one stays: what is kept below it needs it.
    fn parent_gone(&mut self, path: &[u8]) -> Result<(), EngineError> {
        match self.previous(path)?.filter(|previous| previous.entry().kind == EntryKind::Dir) {
            Some(previous) => self.push(meta::with_flag(&previous, flags::PARENT | flags::KEPT), 0),
            None => Ok(()),
        }
    }

    /// The entry of the base with this path.
    fn previous(&mut self, path: &[u8]) -> Result<Option<BaseEntry>, EngineError> {
        self.drop_before(path)?;
        let is_next = self.base.peek()?.is_some_and(|next| next.entry().path == path);
        if is_next { self.base.take() } else { Ok(None) }
    }

    fn now(&mut self, path: Vec<u8>, stat: &Stat, previous: Option<&BaseEntry>) -> Entry {
        let owner = self.owners.of(stat);
        let file_system = self.file_systems.number(stat, previous.map(BaseEntry::entry));
        meta::entry(path, stat, file_system, &owner)
    }

    /// Whether nothing is mounted at this folder, which is no root, although the base has what was mounted there.
    fn is_unmounted(&mut self, place: &Place, previous: Option<&BaseEntry>) -> Result<bool, EngineError> {
        let is_root = self.roots.last().is_some_and(|root| root.path == place.path);
        let was_mounted =
            self.mounts.enter(&place.path, &place.stat, previous.map(BaseEntry::entry)) && !is_root;
        Ok(was_mounted && !self.request.accept_changed_roots && self.base_has_below(&place.path)?)
    }

    fn entry(&mut self, place: Place) -> Result<(), EngineError> {
        let previous = self.previous(&place.path)?;
        if place.stat.kind == FileKind::Dir && self.is_unmounted(&place, previous.as_ref())? {
            if let Some(folder) = &previous {
                self.push(meta::kept(folder), 0)?;
            }
            self.unmounted.add(&place.path);
            return self.keep_unmounted(&place.path);
        }
        let now = self.now(place.path.clone(), &place.stat, previous.as_ref());
        if let Some(previous) =
            previous.as_ref().filter(|previous| self.index.may_keep(&previous.entry().content))
        {
            if meta::is_same(previous.entry(), &now) {
                if now.has(flags::HARD_LINK) {
                    self.linked.insert((now.dev, now.ino));
                }
                self.count_done(&now);
                return self.push(meta::same(previous), 0);
            }
            if meta::is_same_but_not_walked(previous.entry(), &now) {
                let mut entry = previous.entry().clone();
                entry.flags &= !flags::NOT_WALKED;
                self.count_done(&now);
                return self.push(Item::Entry(Box::new(entry), previous.ids().to_vec()), 0);
            }
        }
        if now.kind == EntryKind::File { self.file(now, place, previous) } else { self.special(now, &place) }
    }

    fn file(&mut self, now: Entry, place: Place, previous: Option<BaseEntry>) -> Result<(), EngineError> {
        let is_further_name = now.has(flags::HARD_LINK) && !self.linked.insert((now.dev, now.ino));
        let files = previous.filter(|previous| previous.entry().kind == EntryKind::File);
        let renamed = || self.header.and_then(|header| header.held.get(now.dev, now.ino));
        let class = files.as_ref().map(|previous| previous.entry().class).or_else(renamed);
        let usable = |previous: &BaseEntry| {
            !previous.entry().has(flags::UNREAD) && self.index.has(&previous.entry().content)
        };
        let cost = FILE_COST + if is_further_name { 0 } else { now.size };
        let job = Box::new(ReadJob {
            entry: now,
            stat: place.stat,
            dir: place.dir,
            previous: files.filter(usable),
            class,
            findings: Arc::clone(&self.findings),
        });
        if !self.last_dir.as_ref().is_some_and(|last| Arc::ptr_eq(last, &job.dir)) {
            self.batch_dirs += 1;
            self.last_dir = Some(Arc::clone(&job.dir));
        }
        self.push(if is_further_name { Item::Link(job) } else { Item::Read(job) }, cost)
    }

    /// Folders, links, pipes, sockets and devices: everything there is to know is read here.
    fn special(&mut self, mut now: Entry, place: &Place) -> Result<(), EngineError> {
        let name = path::name(&place.path);
        if now.kind == EntryKind::Symlink {
            match place.dir.read_link(name) {
                Ok(target) => now.rare.target = Some(target),
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) => {
                    self.findings.note(&now.path, reason_of(&error), error.errno().unwrap_or(0), false);
                    return Ok(());
                }
            }
        }
        self.xattrs(&mut now, &place.dir, name);
        self.push(Item::Entry(Box::new(now), Vec::new()), 0)
    }

    fn xattrs(&self, now: &mut Entry, dir: &Dir, name: &[u8]) {
        let node = if name.is_empty() { platform::Node::Dir(dir) } else { dir.child(name) };
        meta::read_xattrs(now, node, &self.findings);
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

fn root_of(place: RootPlace) -> Root {
    Root { path: place.path, fs_id: place.fs_id, mount_point: place.mount_point, fs_type: place.fs_type }
}

/// Whether a root lies on another file system than in the base.
pub(super) fn has_moved(header: Option<&BaseHeader>, now: &RootPlace) -> bool {
    header.and_then(|header| header.root(&now.path)).is_some_and(|known| {
        let stable = STABLE_IDS.contains(&&known.fs_type[..]) && known.fs_id != now.fs_id;
        known.fs_type != now.fs_type || known.mount_point != now.mount_point || stable
    })
}
