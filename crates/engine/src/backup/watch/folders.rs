//! Which folders are watched, and what was told of them.

use super::changed::Changed;
use super::tree::Tree;
use format::path;
use model::SnapshotId;
use platform::{FolderEvent, FolderId, FolderWatch, Result};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Folders that are watched at most: each takes a place of the system and some hundred bytes of memory.
const WATCHED_MAX: usize = 200_000;
/// Trees without a watch, beyond which watching is not worth its cost.
const BLIND_MAX: usize = 1_000;
/// Folders with changes that are remembered at most; with more everything is walked.
const CHANGED_MAX: usize = 200_000;

/// What a run takes over.
#[derive(Debug, Default)]
pub(super) struct Taken {
    folders: BTreeSet<Vec<u8>>,
    trees: BTreeSet<Vec<u8>>,
}

/// The watched folders of a set.
pub(super) struct Folders {
    watch: Arc<FolderWatch>,
    paths: HashMap<FolderId, Vec<u8>>,
    ids: BTreeMap<Vec<u8>, FolderId>,
    /// The roots that are watched, with file system and inode.
    roots: HashMap<Vec<u8>, (u64, u64)>,
    /// Roots as they were asked for.
    wanted: Vec<Vec<u8>>,
    /// Since the last run began: folders in which something happened, and those to be walked with all below them.
    told: Taken,
    /// Folders that are not watched, nor what lies below them.
    blind: BTreeSet<Vec<u8>>,
}

impl Folders {
    /// Watches nothing yet: all `roots` are still without a watch.
    pub(super) fn new(roots: &[Vec<u8>]) -> Result<Self> {
        Ok(Self {
            watch: Arc::new(FolderWatch::new()?),
            paths: HashMap::new(),
            ids: BTreeMap::new(),
            roots: HashMap::new(),
            wanted: roots.to_vec(),
            told: Taken::default(),
            blind: roots.iter().cloned().collect(),
        })
    }

    /// To wait on.
    pub(super) fn watch(&self) -> Arc<FolderWatch> {
        Arc::clone(&self.watch)
    }

    /// Takes in everything that happened up to now.
    pub(super) fn take_in(&mut self, tree: &Tree<'_>) {
        let mut events = Vec::new();
        let read = self.watch.read(|event| events.push(event));
        for event in events {
            self.happened(event, tree);
        }
        if read.is_err() || self.told.folders.len() + self.told.trees.len() > CHANGED_MAX {
            self.begin_anew();
        }
    }

    /// Tries to watch what could not be watched before, the roots at the first time.
    pub(super) fn try_again(&mut self, tree: &Tree<'_>) {
        if self.blind.len() > BLIND_MAX {
            return;
        }
        for path in std::mem::take(&mut self.blind) {
            tree.watch(self, &path);
        }
    }

    /// What was told since the last time.
    pub(super) fn take(&mut self) -> Taken {
        std::mem::take(&mut self.told)
    }

    /// A run that took this came to nothing.
    pub(super) fn give_back(&mut self, taken: Taken) {
        self.told.folders.extend(taken.folders);
        self.told.trees.extend(taken.trees);
    }

    /// What changed `since` a snapshot, of which all is in `taken`; none when too little is watched to be worth a look.
    pub(super) fn changed(&self, since: SnapshotId, taken: &Taken) -> Option<Changed> {
        if self.blind.len() > BLIND_MAX {
            return None;
        }
        let trees = taken.trees.union(&self.blind).cloned().collect();
        Some(Changed::new(since, taken.folders.clone(), trees, self.roots.clone()))
    }

    fn happened(&mut self, event: FolderEvent, tree: &Tree<'_>) {
        match event {
            FolderEvent::Changed(folder, _) | FolderEvent::Attributes(folder) => {
                self.note(folder);
            }
            FolderEvent::Came(folder, name, is_dir) => {
                if let Some(path) = self.note(folder).filter(|_| is_dir) {
                    let path = path::join(&path, &name);
                    self.forget(&path);
                    tree.watch(self, &path);
                }
            }
            FolderEvent::Went(folder, name, is_dir) => {
                if let Some(path) = self.note(folder).filter(|_| is_dir) {
                    self.forget(&path::join(&path, &name));
                }
            }
            FolderEvent::Moved(folder) | FolderEvent::Gone(folder) => {
                // Of what was deleted or moved by its folder's word nothing is known here any more.
                if let Some(path) = self.note(folder) {
                    self.forget(&path);
                    self.blind.insert(path);
                }
            }
            FolderEvent::Lost => self.begin_anew(),
        }
    }

    /// Notes that something happened in a folder. Gives its path.
    fn note(&mut self, folder: FolderId) -> Option<Vec<u8>> {
        let path = self.paths.get(&folder)?.clone();
        self.told.folders.insert(path.clone());
        Some(path)
    }

    /// Nothing stands at `path` any more, or something else: what was known of it and of what lay below it is over. The
    /// folder around it has changed, which says all that a run needs.
    fn forget(&mut self, path: &[u8]) {
        for path in within(&self.ids, path) {
            if let Some(id) = self.ids.remove(&path) {
                self.paths.remove(&id);
                self.watch.remove(id);
            }
            self.roots.remove(&path);
        }
        let is_over = |other: &Vec<u8>| path::is_within(other, path);
        self.blind.retain(|other| !is_over(other) || self.wanted.contains(other));
        for paths in [&mut self.told.folders, &mut self.told.trees] {
            let from_there = paths.range(path.to_vec()..).take_while(|other| other.starts_with(path));
            for below in from_there.filter(|other| is_over(other)).cloned().collect::<Vec<_>>() {
                paths.remove(&below);
            }
        }
    }

    /// Nothing is known any more.
    fn begin_anew(&mut self) {
        tracing::info!(
            folders = self.ids.len(),
            "more happened in the folders than could be told; all are walked next time"
        );
        match Self::new(&self.wanted) {
            Ok(new) => *self = new,
            // All roots are without a watch, and whatever the old one still tells changes nothing.
            Err(_) => self.wanted.clone().iter().for_each(|root| {
                self.forget(root);
                self.blind.insert(root.clone());
            }),
        }
    }

    // For the walk that gives folders their watches.

    /// The folder at `path` is to be walked with all that lies below it.
    pub(super) fn note_tree(&mut self, path: &[u8]) {
        self.told.trees.insert(path.to_vec());
    }

    /// It is not watched, nor is anything below it.
    pub(super) fn note_blind(&mut self, path: Vec<u8>) {
        self.blind.insert(path);
    }

    /// What is watched at a root.
    pub(super) fn note_root(&mut self, path: &[u8], dev: u64, ino: u64) {
        self.roots.insert(path.to_vec(), (dev, ino));
    }

    /// Gives a folder its watch; false when it has none.
    pub(super) fn add(&mut self, path: &[u8], dir: &platform::Dir) -> bool {
        if self.ids.len() >= WATCHED_MAX {
            return false;
        }
        let Ok(id) = self.watch.add(dir) else { return false };
        match self.paths.get(&id) {
            // By another path, too: what happens there is told of one of them, and nobody knows of which.
            Some(other) if other != path => {
                self.blind.insert(other.clone());
                false
            }
            _ => {
                self.paths.insert(id, path.to_vec());
                self.ids.insert(path.to_vec(), id);
                true
            }
        }
    }
}

/// The paths of these folders that are `path` or lie below it.
fn within(ids: &BTreeMap<Vec<u8>, FolderId>, path: &[u8]) -> Vec<Vec<u8>> {
    let from_there = ids.range(path.to_vec()..).map(|(other, _)| other);
    let those = from_there.take_while(|other| other.starts_with(path));
    those.filter(|other| path::is_within(other, path)).cloned().collect()
}
