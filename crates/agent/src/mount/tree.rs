//! Answers of the mounted tree.

use super::attributes::{of_entry, of_made, time_of};
use super::nodes::{Nodes, Place};
use super::shelf::{Device, GOOD_FOR, Set, Shelf, Shelves};
use crate::session::Session;
use crate::text;
use engine::EngineError;
use engine::browse::{Ahead, Browser, Found, Name, OpenFile, link_key};
use format::path;
use model::{Clock, Code, DeviceId, SnapshotId};
use platform::fuse::{Answer, Attributes, NameSink, Refusal, Tree};
use platform::{FileKind, Stat, Time};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Files that were open lately and may be opened again: what is known of the places in them is not lost.
const LATELY: usize = 32;

/// A file, and what of it will soon be wanted.
pub(crate) type Stretch = (Arc<OpenFile>, Ahead);

/// The tree over one session.
pub(crate) struct MountTree<'m> {
    browser: Browser<'m>,
    shelves: Shelves<'m>,
    nodes: Nodes,
    files: Mutex<Files>,
    next_file: AtomicU64,
    /// `None` when nothing is read any more.
    ahead: Mutex<Option<SyncSender<Stretch>>>,
    /// Of the folder that is mounted on.
    owner: Stat,
    began: Time,
}

#[derive(Default)]
struct Files {
    open: HashMap<u64, Arc<OpenFile>>,
    lately: VecDeque<(SnapshotId, Arc<[u8]>, Arc<OpenFile>)>,
}

impl<'m> MountTree<'m> {
    /// Over these snapshots. What should be fetched ahead goes to `ahead`, for [`fetch_ahead`].
    pub(crate) fn new(
        session: &'m Session,
        shelves: Shelves<'m>,
        ahead: SyncSender<Stretch>,
        owner: Stat,
    ) -> Self {
        Self {
            browser: Browser::new(&session.vault, session.keyring()),
            shelves,
            nodes: Nodes::default(),
            files: Mutex::default(),
            next_file: AtomicU64::new(1),
            ahead: Mutex::new(Some(ahead)),
            owner,
            began: time_of(Clock::system().now()),
        }
    }

    /// Nothing is fetched ahead any more.
    pub(crate) fn end(&self) {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn place(&self, node: u64) -> Answer<Place> {
        self.nodes.place(node).ok_or(Refusal::Stale)
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Attributes of a place that is made here.
    fn made(&self, place: &Place, shelf: &Shelf, times: u64) -> Answer<Attributes> {
        let node = self.nodes.number(place, None, times);
        let made = |kind, at, keep| Ok(of_made(node, kind, &self.owner, at, keep));
        match place {
            Place::Top => made(FileKind::Dir, self.began, Some(GOOD_FOR)),
            Place::Device(id) => {
                shelf.device(*id).ok_or(Refusal::Stale)?;
                made(FileKind::Dir, self.began, Some(GOOD_FOR))
            }
            Place::Set(device, id) => {
                let set = shelf.set(*device, *id).ok_or(Refusal::Stale)?;
                let newest = set.snapshots.last().map_or(self.began, |snapshot| time_of(snapshot.time));
                made(FileKind::Dir, newest, Some(GOOD_FOR))
            }
            Place::Latest(device, id) => {
                let set = shelf.set(*device, *id).ok_or(Refusal::Stale)?;
                let latest = &set.snapshots[set.latest.ok_or(Refusal::Stale)?];
                let attributes =
                    of_made(node, FileKind::Symlink, &self.owner, time_of(latest.time), Some(GOOD_FOR));
                Ok(Attributes { size_bytes: latest.name.len() as u64, ..attributes })
            }
            Place::Inside(snapshot, path) if &path[..] == b"/" => {
                let time = shelf.snapshot(*snapshot).map_or(self.began, |snapshot| time_of(snapshot.time));
                made(FileKind::Dir, time, Some(GOOD_FOR))
            }
            Place::Inside(..) => made(FileKind::Dir, self.began, None),
        }
    }

    /// Attributes of an entry, under the number of its place.
    fn of_found(&self, snapshot: SnapshotId, entry: &Found, times: u64) -> Attributes {
        let place = Place::Inside(snapshot, entry.path.as_slice().into());
        of_entry(entry, self.nodes.number(&place, link_key(entry), times))
    }

    fn of_path(&self, snapshot: SnapshotId, path: &Arc<[u8]>, times: u64) -> Answer<Option<Attributes>> {
        if let Some(found) = self.browser.find(snapshot, path).map_err(|error| refusal(&error))? {
            return Ok(Some(self.of_found(snapshot, &found, times)));
        }
        if !self.browser.is_above_root(snapshot, path).map_err(|error| refusal(&error))? {
            return Ok(None);
        }
        let place = Place::Inside(snapshot, Arc::clone(path));
        self.made(&place, &self.shelves.now(), times).map(Some)
    }

    /// The entry of a node in a snapshot; `None` for what is made here.
    fn entry(&self, node: u64) -> Answer<Option<Found>> {
        match self.place(node)? {
            Place::Inside(snapshot, path) if &path[..] != b"/" => {
                self.browser.find(snapshot, &path).map_err(|error| refusal(&error))
            }
            _ => Ok(None),
        }
    }

    /// What a folder above the snapshots holds: sets and devices by name, and snapshots in an order in which new ones
    /// come last, so that a list that is read in parts shows none twice. A new set or device in the middle can show
    /// its neighbour again.
    fn shelved(&self, place: &Place, shelf: &Shelf) -> Answer<Vec<(Vec<u8>, Place)>> {
        let sets = |device: &Device| {
            let place = |set: &Set| (set.name.clone(), Place::Set(device.id, set.id));
            device.sets.iter().map(place).collect()
        };
        match place {
            Place::Top if self.shelves.wish.all => {
                let place = |device: &Device| (device.name.clone(), Place::Device(device.id));
                Ok(shelf.devices.iter().map(place).collect())
            }
            Place::Top => Ok(shelf.device(self.shelves.own()).map(sets).unwrap_or_default()),
            Place::Device(id) => shelf.device(*id).map(sets).ok_or(Refusal::Stale),
            Place::Set(device, id) => {
                let set = shelf.set(*device, *id).ok_or(Refusal::Stale)?;
                Ok(snapshots(*device, set))
            }
            Place::Latest(..) | Place::Inside(..) => Err(Refusal::NotAFolder),
        }
    }
}

fn snapshots(device: DeviceId, set: &Set) -> Vec<(Vec<u8>, Place)> {
    let root: Arc<[u8]> = b"/".as_slice().into();
    let latest = set.latest.map(|_| (b"latest".to_vec(), Place::Latest(device, set.id)));
    let all = set
        .snapshots
        .iter()
        .map(|snapshot| (snapshot.name.clone(), Place::Inside(snapshot.id, Arc::clone(&root))));
    latest.into_iter().chain(all).collect()
}

impl Tree for MountTree<'_> {
    fn look_up(&self, folder: u64, name: &[u8]) -> Answer<Attributes> {
        let place = self.place(folder)?;
        if let Place::Inside(snapshot, path) = &place {
            let path: Arc<[u8]> = path::join(path, name).into();
            return self.of_path(*snapshot, &path, 1)?.ok_or(Refusal::NotFound);
        }
        let shelf = self.shelves.fresh();
        let found = self.shelved(&place, &shelf)?.into_iter().find(|(known, _)| known == name);
        let (_, place) = found.ok_or(Refusal::NotFound)?;
        self.made(&place, &shelf, 1)
    }

    fn forget(&self, node: u64, count: u64) {
        self.nodes.forget(node, count);
    }

    fn attributes(&self, node: u64) -> Answer<Attributes> {
        match self.place(node)? {
            Place::Inside(snapshot, path) if &path[..] != b"/" => {
                self.of_path(snapshot, &path, 0)?.ok_or(Refusal::Stale)
            }
            place => self.made(&place, &self.shelves.fresh(), 0),
        }
    }

    fn read_link(&self, node: u64) -> Answer<Vec<u8>> {
        if let Place::Latest(device, set) = self.place(node)? {
            let shelf = self.shelves.fresh();
            let set = shelf.set(device, set).ok_or(Refusal::Stale)?;
            return set.latest.map(|at| set.snapshots[at].name.clone()).ok_or(Refusal::Stale);
        }
        self.entry(node)?.and_then(|entry| entry.rare.target.clone()).ok_or(Refusal::NotAFile)
    }

    fn list(&self, folder: u64, after: u64, known: bool, sink: &mut NameSink<'_>) -> Answer<()> {
        let times = u64::from(known);
        let place = self.place(folder)?;
        let Place::Inside(snapshot, path) = &place else {
            let shelf = self.shelves.fresh();
            let from = usize::try_from(after).unwrap_or(usize::MAX);
            for (at, (name, place)) in self.shelved(&place, &shelf)?.iter().enumerate().skip(from) {
                // One that went meanwhile.
                let Ok(attributes) = self.made(place, &shelf, times) else { continue };
                if !sink(name, &attributes, at as u64 + 1) {
                    self.nodes.forget(attributes.node, times);
                    break;
                }
            }
            return Ok(());
        };
        let mut failed = None;
        let listed = self.browser.list(*snapshot, path, after, &mut |name, next| {
            let (path, attributes) = match &name {
                Name::Entry(entry) => (&entry.path[..], Ok(self.of_found(*snapshot, entry, times))),
                Name::Implied(path) => {
                    let place = Place::Inside(*snapshot, (*path).into());
                    (*path, self.made(&place, &self.shelves.now(), times))
                }
            };
            match attributes {
                Ok(attributes) => {
                    let taken = sink(path::name(path), &attributes, next);
                    if !taken {
                        self.nodes.forget(attributes.node, times);
                    }
                    taken
                }
                Err(refusal) => {
                    failed = Some(refusal);
                    false
                }
            }
        });
        listed.map_err(|error| refusal(&error))?;
        failed.map_or(Ok(()), Err)
    }

    fn open(&self, node: u64) -> Answer<u64> {
        let Place::Inside(snapshot, path) = self.place(node)? else { return Err(Refusal::NotAFile) };
        let known = self
            .files()
            .lately
            .iter()
            .find(|(of, at, _)| *of == snapshot && *at == path)
            .map(|(_, _, file)| Arc::clone(file));
        let file = match known {
            Some(file) => file,
            None => Arc::new(self.browser.open(snapshot, &path).map_err(|error| refusal(&error))?),
        };
        let number = self.next_file.fetch_add(1, Ordering::Relaxed);
        let mut files = self.files();
        files.lately.retain(|(of, at, _)| *of != snapshot || *at != path);
        files.lately.push_back((snapshot, path, Arc::clone(&file)));
        if files.lately.len() > LATELY {
            files.lately.pop_front();
        }
        files.open.insert(number, file);
        Ok(number)
    }

    fn read(&self, file: u64, offset: u64, size: usize) -> Answer<Vec<u8>> {
        let file = self.files().open.get(&file).cloned().ok_or(Refusal::Stale)?;
        let (content, next) = self.browser.read(&file, offset, size).map_err(|error| refusal(&error))?;
        if let Some(next) = next {
            // When much is waiting already, the reads themselves fetch it.
            let ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
            drop(ahead.as_ref().map(|ahead| ahead.try_send((file, next))));
        }
        Ok(content)
    }

    fn close(&self, file: u64) {
        self.files().open.remove(&file);
    }

    fn xattr_names(&self, node: u64) -> Answer<Vec<Vec<u8>>> {
        let entry = self.entry(node)?;
        let xattrs = entry.iter().flat_map(|entry| &entry.rare.xattrs);
        Ok(xattrs.map(|xattr| xattr.name.clone()).collect())
    }

    fn xattr(&self, node: u64, name: &[u8]) -> Answer<Vec<u8>> {
        let entry = self.entry(node)?;
        let mut xattrs = entry.iter().flat_map(|entry| &entry.rare.xattrs);
        xattrs.find(|xattr| xattr.name == name).map(|xattr| xattr.value.clone()).ok_or(Refusal::NoAttribute)
    }
}

/// Fetches what the tree says should be fetched ahead, until the tree ends.
pub(crate) fn fetch_ahead(wanted: &Receiver<Stretch>, tree: &MountTree<'_>) {
    for (file, ahead) in wanted {
        tree.browser.fetch_ahead(&file, ahead);
    }
}

/// What the kernel is told; the log has the rest.
fn refusal(error: &EngineError) -> Refusal {
    match error {
        EngineError::NotInSnapshot { .. } => return Refusal::NotFound,
        EngineError::NotAFile { .. } => return Refusal::NotAFile,
        // It was deleted since.
        error if error.code() == Code::SnapshotUnknown => return Refusal::Stale,
        _ => {}
    }
    tracing::warn!(error = text::escaped_lines(&error.to_string()), "a request cannot be answered");
    Refusal::Failed
}
