//! A disk in memory that knows what has been synced and what has not. It is as mean as the rules for file systems
//! allow: after a loss of power, unsynced content may be old, new, cut or zeroed, and every name that was changed
//! since its folder was last synced may be the old or the new one, each for itself. It also notes files that were
//! closed or renamed without a sync.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::folder::disk::{Disk, DiskFile, FileKind, Listed, Locking, Stat};
use crate::random::Random;
use crate::{Error, ErrorKind, FolderStore, Space};

/// A simulated disk on which a [`FolderStore`] can live. Clones share the disk.
#[derive(Clone)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

type Number = u64;
type Names = BTreeMap<String, Number>;

struct State {
    nodes: BTreeMap<Number, Node>,
    next_number: Number,
    calls: u64,
    cut_at: Option<u64>,
    without_power: bool,
    failing: BTreeMap<u64, io::ErrorKind>,
    /// Files closed with content that was not synced, by node; forgiven once the name is removed.
    closed: BTreeSet<Number>,
    violations: Vec<String>,
}

#[derive(Clone)]
enum Node {
    File { live: Vec<u8>, durable: Vec<u8>, synced: bool, written_at: u64 },
    Folder { live: Names, durable: Names },
}

const ROOT: Number = 0;

impl SimulatedDisk {
    /// An empty disk.
    pub fn new() -> Self {
        let root = Node::Folder { live: Names::new(), durable: Names::new() };
        Self::with_nodes(BTreeMap::from([(ROOT, root)]), 1)
    }

    fn with_nodes(nodes: BTreeMap<Number, Node>, next_number: Number) -> Self {
        Self(Arc::new(Mutex::new(State {
            nodes,
            next_number,
            calls: 0,
            cut_at: None,
            without_power: false,
            failing: BTreeMap::new(),
            closed: BTreeSet::new(),
            violations: Vec::new(),
        })))
    }

    /// Makes the disk a store.
    pub fn init(&self) -> Result<FolderStore, Error> {
        FolderStore::init_on(Box::new(self.clone()), Path::new("simulated"))
    }

    /// Opens the store on the disk.
    pub fn open(&self) -> Result<FolderStore, Error> {
        FolderStore::open_on(Box::new(self.clone()), Path::new("simulated"), None)
    }

    /// How many calls the disk has received.
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// Cuts the power before the `n`th call, counted from 1 since the disk was made: it and all later calls fail.
    pub fn cut_power_at(&self, n: u64) {
        self.lock().cut_at = Some(n);
    }

    /// Lets the `n`th call fail without effect, with the report that belongs to the kind.
    pub fn fail_at(&self, n: u64, kind: ErrorKind) {
        let kind = match kind {
            ErrorKind::Full => io::ErrorKind::StorageFull,
            ErrorKind::Denied => io::ErrorKind::PermissionDenied,
            ErrorKind::Transient => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::Other,
        };
        self.lock().failing.insert(n, kind);
    }

    /// What the disk holds after a loss of power now; the seed decides what becomes of all that was not synced.
    pub fn after_power_loss(&self, seed: u64) -> Self {
        let state = self.lock();
        let random = Random::new(seed);
        let mut nodes = BTreeMap::new();
        state.survive(ROOT, &random, &mut nodes);
        Self::with_nodes(nodes, state.next_number)
    }

    /// Files that were closed or renamed with content that had not been synced, as sentences; empty is right.
    pub fn violations(&self) -> Vec<String> {
        let state = self.lock();
        let closed = state.closed.iter().map(|number| format!("file {number} was closed without a sync"));
        state.violations.iter().cloned().chain(closed).collect()
    }

    /// How many names the folder at a path of the store has; 0 when there is no such folder.
    pub fn names_in(&self, path: &str) -> usize {
        let state = self.lock();
        state.folder(path).map_or(0, |number| state.names(number).map_or(0, BTreeMap::len))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call and gives the state if the call is to succeed.
    fn call(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.lock();
        state.calls += 1;
        state.without_power |= state.cut_at.is_some_and(|at| state.calls >= at);
        if state.without_power {
            // Nobody could remove these any more.
            state.closed.clear();
            return Err(io::Error::other("no power"));
        }
        match state.failing.get(&state.calls) {
            Some(&kind) => Err(kind.into()),
            None => Ok(state),
        }
    }
}

impl Default for SimulatedDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    fn names(&self, folder: Number) -> io::Result<&Names> {
        match self.nodes.get(&folder) {
            Some(Node::Folder { live, .. }) => Ok(live),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn names_mut(&mut self, folder: Number) -> io::Result<&mut Names> {
        match self.nodes.get_mut(&folder) {
            Some(Node::Folder { live, .. }) => Ok(live),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn find(&self, path: &str) -> io::Result<Number> {
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        segments.into_iter().try_fold(ROOT, |folder, segment| {
            self.names(folder)?.get(segment).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }

    fn folder(&self, path: &str) -> io::Result<Number> {
        let number = self.find(path)?;
        self.names(number).map(|_| number)
    }

    /// The folder and the last name of a path.
    fn place<'a>(&self, path: &'a str) -> io::Result<(Number, &'a str)> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        Ok((self.folder(folder)?, name))
    }

    fn add(&mut self, path: &str, node: Node) -> io::Result<Number> {
        let (folder, name) = self.place(path)?;
        if self.names(folder)?.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let number = self.next_number;
        self.next_number += 1;
        self.nodes.insert(number, node);
        self.names_mut(folder)?.insert(name.to_owned(), number);
        Ok(number)
    }

    fn is_folder(&self, number: Number) -> bool {
        matches!(self.nodes.get(&number), Some(Node::Folder { .. }))
    }

    fn rename(&mut self, from: &str, to: &str, replace: bool) -> io::Result<()> {
        let ((from_folder, from_name), (to_folder, to_name)) = (self.place(from)?, self.place(to)?);
        let number = self.find(from)?;
        match self.names(to_folder)?.get(to_name) {
            Some(_) if !replace => return Err(io::ErrorKind::AlreadyExists.into()),
            Some(&other) if self.is_folder(other) => return Err(io::ErrorKind::IsADirectory.into()),
            _ => {}
        }
        if let Some(Node::File { synced: false, .. }) = self.nodes.get(&number) {
            self.violations.push(format!("{from} was renamed to {to} without a sync"));
        }
        self.names_mut(from_folder)?.remove(from_name);
        self.names_mut(to_folder)?.insert(to_name.to_owned(), number);
        Ok(())
    }

    /// Copies what a loss of power leaves of a node, and of all below it.
    fn survive(&self, number: Number, random: &Random, into: &mut BTreeMap<Number, Node>) {
        let coin = || random.next().is_multiple_of(2);
        let survivor = match self.nodes.get(&number) {
            Some(Node::File { live, durable, synced, written_at }) => {
                let content = match random.next() % 4 {
                    _ if *synced => live.clone(),
                    0 => durable.clone(),
                    1 => live.clone(),
                    2 => live[..(random.next() % (live.len() as u64 + 1)) as usize].to_vec(),
                    _ => vec![0; live.len()],
                };
                Node::File { live: content.clone(), durable: content, synced: true, written_at: *written_at }
            }
            Some(Node::Folder { live, durable }) => {
                let mut names = Names::new();
                for name in live.keys().chain(durable.keys()).collect::<BTreeSet<_>>() {
                    let (new, old) = (live.get(name), durable.get(name));
                    let kept = if new == old || coin() { new } else { old };
                    names.extend(kept.map(|&number| (name.clone(), number)));
                }
                for &below in names.values() {
                    self.survive(below, random, into);
                }
                Node::Folder { live: names.clone(), durable: names }
            }
            None => return,
        };
        into.insert(number, survivor);
    }
}

impl Disk for SimulatedDisk {
    fn lock(&self) -> io::Result<Locking> {
        self.call().map(|_| Locking::Ours)
    }

    fn create_file(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.call()?;
        let written_at = state.calls;
        let node = Node::File { live: Vec::new(), durable: Vec::new(), synced: false, written_at };
        let number = state.add(path, node)?;
        Ok(Box::new(SimulatedFile { disk: self.clone(), number }))
    }

    fn open_file(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let state = self.call()?;
        let number = state.find(path)?;
        if state.is_folder(number) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(Box::new(SimulatedFile { disk: self.clone(), number }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.call()?.rename(from, to, true)
    }

    fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        self.call()?.rename(from, to, false)
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        let mut state = self.call()?;
        let (folder, name) = state.place(path)?;
        let number = state.find(path)?;
        if state.is_folder(number) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        state.names_mut(folder)?.remove(name);
        state.closed.remove(&number);
        Ok(())
    }

    fn create_folder(&self, path: &str) -> io::Result<()> {
        self.call()?.add(path, Node::Folder { live: Names::new(), durable: Names::new() }).map(drop)
    }

    fn sync_folder(&self, path: &str) -> io::Result<()> {
        let mut state = self.call()?;
        let number = state.folder(path)?;
        if let Some(Node::Folder { live, durable }) = state.nodes.get_mut(&number) {
            durable.clone_from(live);
        }
        Ok(())
    }

    fn stat(&self, path: &str) -> io::Result<Stat> {
        let state = self.call()?;
        let epoch = SystemTime::UNIX_EPOCH;
        match state.nodes.get(&state.find(path)?) {
            Some(Node::File { live, written_at, .. }) => {
                // The clock of this disk is its count of calls.
                let modified = epoch + Duration::from_secs(*written_at);
                Ok(Stat { kind: FileKind::File, size_bytes: live.len() as u64, modified })
            }
            _ => Ok(Stat { kind: FileKind::Folder, size_bytes: 0, modified: epoch }),
        }
    }

    fn list_folder(&self, path: &str) -> io::Result<Vec<Listed>> {
        let state = self.call()?;
        let number = state.folder(path)?;
        let listed = state.names(number)?.iter().map(|(name, &number)| Listed {
            name: name.clone(),
            kind: if state.is_folder(number) { FileKind::Folder } else { FileKind::File },
        });
        Ok(listed.collect())
    }

    fn space(&self) -> io::Result<Space> {
        self.call().map(|_| Space { total_bytes: 1 << 40, available_bytes: 1 << 39 })
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    number: Number,
}

impl DiskFile for SimulatedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.disk.call()?;
        let now = state.calls;
        match state.nodes.get_mut(&self.number) {
            Some(Node::File { live, synced, written_at, .. }) => {
                live.extend_from_slice(bytes);
                (*synced, *written_at) = (false, now);
                Ok(bytes.len())
            }
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn start_writeback(&mut self, _offset: u64, _length: u64) {}

    fn sync(&mut self) -> io::Result<()> {
        match self.disk.call()?.nodes.get_mut(&self.number) {
            Some(Node::File { live, durable, synced, .. }) => {
                durable.clone_from(live);
                *synced = true;
                Ok(())
            }
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        match self.disk.call()?.nodes.get(&self.number) {
            Some(Node::File { live, .. }) => {
                let rest = usize::try_from(offset).ok().and_then(|offset| live.get(offset..)).unwrap_or(&[]);
                let count = rest.len().min(buf.len());
                buf[..count].copy_from_slice(&rest[..count]);
                Ok(count)
            }
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn size_bytes(&self) -> io::Result<u64> {
        match self.disk.call()?.nodes.get(&self.number) {
            Some(Node::File { live, .. }) => Ok(live.len() as u64),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl Drop for SimulatedFile {
    fn drop(&mut self) {
        let mut state = self.disk.lock();
        let unsynced = matches!(state.nodes.get(&self.number), Some(Node::File { synced: false, .. }));
        if unsynced && !state.without_power {
            state.closed.insert(self.number);
        }
    }
}

#[cfg(test)]
mod tests;
