//! Walks the set beside the base, in one order, and says for each entry what there is to do.

use super::BackupRequest;
use super::base::{BaseEntries, BaseEntry, BaseHeader};
use super::file_systems::FileSystems;
use super::findings::{Findings, reason_of};
use super::index::Index;
use super::item::{Batch, Item, ReadJob};
use super::meta::{self, Owners};
use super::walk::{Ahead, Found, Place, RootPlace};
use crate::EngineError;
use crate::progress::{Progress, add};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use format::entry::{Entry, EntryKind, flags};
use format::path;
use format::snapshot::Root;
use model::FindingReason;
use platform::{Dir, FileKind};
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
}

impl Scan<'_> {
    /// Goes through everything; gives the roots for the snapshot.
    pub(super) fn run(mut self) -> Result<Vec<Root>, EngineError> {
        while let Some(found) = self.found.next()? {
            self.progress.go_on()?;
            self.take(found)?;
        }
        // What is left of the base was deleted; reading it to its end shows that it could be read.
        while self.base.take()?.is_some() {}
        self.send()?;
        Ok(self.roots)
    }

    fn take(&mut self, found: Found) -> Result<(), EngineError> {
        match found {
            Found::Parent(place) => self.entry(place, flags::PARENT),
            // It is no folder, so nothing follows below it.
            Found::Entry(place) if self.replaced_root.as_ref() == Some(&place.path) => Ok(()),
            Found::Entry(place) => self.entry(place, 0),
            Found::Root(place) => self.root(place),
            Found::RootMoved(place) => self.root_moved(&place),
            Found::RootGone { path, error } => {
                let reason =
                    if error.is_not_found() { FindingReason::RootMissing } else { reason_of(&error) };
                self.root_lost(&path, reason, error.errno().unwrap_or(0), false)
            }
            Found::RootEnd { path, empty: true } if self.base_has_below(&path)? => {
                self.root_lost(&path, FindingReason::RootEmpty, 0, true)
            }
            Found::RootEnd { .. } => Ok(()),
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
            self.base.take()?;
        }
        Ok(())
    }

    /// Takes over what the base has at and below `path` (or only below); says whether that was anything. What the
    /// vault has lost of it is a finding.
    fn keep(&mut self, path: &[u8], strictly: bool) -> Result<bool, EngineError> {
        self.drop_before(path)?;
        let mut any = false;
        while let Some(next) = self.base.peek()? {
            if !path::is_within(&next.entry().path, path) {
                break;
            }
            let itself = next.entry().path == path;
            let Some(previous) = self.base.take()? else { break };
            if itself && strictly {
                continue;
            }
            if self.index.has(&previous.entry().content) {
                // The name of what no run could ever read is no version of it.
                any |= !previous.entry().has(flags::UNREAD);
                self.count_done(previous.entry());
                self.push(meta::kept(&previous), 0)?;
            } else if !itself {
                // For `path` itself the caller has a finding.
                self.findings.note(&previous.entry().path, FindingReason::Damaged, 0, false);
            }
        }
        Ok(any)
    }

    fn entry(&mut self, place: Place, flag: u32) -> Result<(), EngineError> {
        self.drop_before(&place.path)?;
        let is_next = self.base.peek()?.is_some_and(|next| next.entry().path == place.path);
        let previous = if is_next { self.base.take()? } else { None };
        let owner = self.owners.of(&place.stat);
        let file_system = self.file_systems.number(&place.stat, previous.as_ref().map(BaseEntry::entry));
        let mut now = meta::entry(place.path.clone(), &place.stat, file_system, &owner);
        now.flags |= flag;
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
        if now.kind == EntryKind::File { self.file(now, place, previous) } else { self.other(now, &place) }
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
    fn other(&mut self, mut now: Entry, place: &Place) -> Result<(), EngineError> {
        let name = path::name(&now.path).to_vec();
        if now.kind == EntryKind::Symlink {
            match place.dir.read_link(&name) {
                Ok(target) => now.rare.target = Some(target),
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) => {
                    self.findings.note(&now.path, reason_of(&error), error.errno().unwrap_or(0), false);
                    return Ok(());
                }
            }
        }
        self.xattrs(&mut now, &place.dir, &name);
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
