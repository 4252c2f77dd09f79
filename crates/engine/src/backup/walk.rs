//! Walks the roots of a set in the order of a snapshot's entries, one folder's names in memory at a time.

mod ahead;
mod levels;

use super::findings::NAME_TOO_LONG;
use super::rules::Rules;
pub(super) use ahead::Ahead;
use format::{limits, path};
use levels::{Level, Levels};
use platform::{Dir, Error, FileKind, FileSystemKind, MountTable, Stat};
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// What the walk comes upon.
#[derive(Debug)]
pub(super) enum Found {
    /// An entry with its attributes, in its open folder.
    Entry(Place),
    /// A folder above a root.
    Parent(Place),
    /// A root itself, before its entry.
    Root(RootPlace),
    /// A root that is there and is left out, since it is not what it was.
    RootMoved(RootPlace),
    /// A root that is not there or cannot be reached.
    RootGone { path: Vec<u8>, error: Error },
    /// An entry whose attributes cannot be read. What lies below it is not walked.
    Unreadable { path: Vec<u8>, error: Error },
    /// A folder whose entry was given and that cannot be listed.
    Unlisted { path: Vec<u8>, error: Error },
    /// A root folder is through; whether it held anything.
    RootEnd { path: Vec<u8>, empty: bool },
}

/// An entry where it lies.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) path: Vec<u8>,
    /// The folder that holds it; for `/` the folder itself.
    pub(super) dir: Arc<Dir>,
    pub(super) stat: Stat,
}

/// Says of a root whether it is another one than it was, and is left out.
type HasMoved<'a> = Box<dyn Fn(&RootPlace) -> bool + Send + 'a>;

/// Where a root lies, with the type of its file system.
#[derive(Debug)]
pub(super) struct RootPlace {
    pub(super) path: Vec<u8>,
    pub(super) kind: FileKind,
    /// The system's number for its file system.
    pub(super) dev: u64,
    pub(super) fs_type: Vec<u8>,
    pub(super) fs_id: u64,
    pub(super) mount_point: bool,
}

/// The walk; an iterator in all but name, since it lends its table of mounts.
pub(super) struct Walk<'a> {
    rules: &'a Rules,
    one_file_system: bool,
    has_moved: HasMoved<'a>,
    mounts: MountTable,
    roots: VecDeque<Vec<u8>>,
    given_parents: Vec<Vec<u8>>,
    queue: VecDeque<Found>,
    path: Vec<u8>,
    levels: Levels,
    /// The folder whose entry was given last and that is listed next.
    descend: Option<Descend>,
}

struct Descend {
    dir: Arc<Dir>,
    name: Vec<u8>,
    dev: u64,
    root: bool,
}

/// Absolute, sorted, without those that lie in another one.
pub(super) fn normalised(paths: &[std::path::PathBuf]) -> Vec<Vec<u8>> {
    let clean = |path: &std::path::PathBuf| {
        let bytes = path.as_os_str().as_bytes();
        let names = bytes.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
        let joined =
            names.fold(Vec::new(), |path, name| path::join(if path.is_empty() { b"/" } else { &path }, name));
        if joined.is_empty() { b"/".to_vec() } else { joined }
    };
    let mut paths: Vec<Vec<u8>> = paths.iter().map(clean).collect();
    paths.sort_by(|a, b| path::compare(a, b));
    paths.dedup_by(|later, earlier| path::is_within(later, earlier));
    paths
}

impl<'a> Walk<'a> {
    /// Begins at the first of `roots`, which are normalised.
    pub(super) fn new(roots: Vec<Vec<u8>>, rules: &'a Rules, one_file_system: bool) -> Self {
        // Without a table the file systems' own numbers decide.
        let mounts = MountTable::read().unwrap_or_else(|_| MountTable::parse(b""));
        Self {
            rules,
            one_file_system,
            has_moved: Box::new(|_| false),
            mounts,
            roots: roots.into(),
            given_parents: Vec::new(),
            queue: VecDeque::new(),
            path: Vec::new(),
            levels: Levels::default(),
            descend: None,
        }
    }

    /// The next thing on the way.
    pub(super) fn next(&mut self) -> Option<Found> {
        loop {
            if let Some(found) = self.queue.pop_front() {
                return Some(found);
            }
            if let Some(descend) = self.descend.take() {
                if let Some(found) = self.open_level(&descend) {
                    return Some(found);
                }
                continue;
            }
            match self.levels.last_mut() {
                None => self.begin_root()?,
                Some(level) if level.next == level.listing.len() => {
                    let (root, empty) = (level.root, level.listing.is_empty());
                    self.path.truncate(level.path_len);
                    self.levels.pop();
                    if root {
                        return Some(Found::RootEnd { path: self.path.clone(), empty });
                    }
                }
                Some(_) => {
                    if let Some(found) = self.next_name() {
                        return Some(found);
                    }
                }
            }
        }
    }

    /// Leaves out roots for which `has_moved` is true.
    pub(super) fn without_moved(self, has_moved: impl Fn(&RootPlace) -> bool + Send + 'a) -> Self {
        Self { has_moved: Box::new(has_moved), ..self }
    }

    /// Puts the parents of the next root, and the root, into the queue.
    fn begin_root(&mut self) -> Option<()> {
        let root = self.roots.pop_front()?;
        let mut parents = Vec::new();
        let mut above = path::parent(&root);
        while let Some(folder) = above {
            parents.push(folder.to_vec());
            above = path::parent(folder);
        }
        for parent in parents.into_iter().rev() {
            if !self.given_parents.contains(&parent) {
                if let Ok(place) = place_of(&parent) {
                    self.queue.push_back(Found::Parent(place));
                }
                self.given_parents.push(parent);
            }
        }
        match place_of(&root) {
            Err(error) => self.queue.push_back(Found::RootGone { path: root, error }),
            Ok(place) => {
                let here = self.root_place(&place);
                if (self.has_moved)(&here) {
                    self.queue.push_back(Found::RootMoved(here));
                    return Some(());
                }
                self.queue.push_back(Found::Root(here));
                self.path.clone_from(&root);
                if place.stat.kind == FileKind::Dir {
                    let name = path::name(&root).to_vec();
                    self.descend =
                        Some(Descend { dir: Arc::clone(&place.dir), name, dev: place.stat.dev, root: true });
                }
                self.queue.push_back(Found::Entry(place));
            }
        }
        Some(())
    }

    fn root_place(&self, place: &Place) -> RootPlace {
        let mount = self.mounts.of(&place.stat);
        let at_mount = mount.is_some_and(|mount| mount.mount_point == place.path);
        RootPlace {
            path: place.path.clone(),
            kind: place.stat.kind,
            dev: place.stat.dev,
            fs_type: mount.map(|mount| mount.type_name.clone()).unwrap_or_default(),
            fs_id: file_system_id(place).unwrap_or(0),
            mount_point: at_mount,
        }
    }

    /// Lists the folder whose entry was given just now.
    fn open_level(&mut self, descend: &Descend) -> Option<Found> {
        let opened = if descend.name.is_empty() {
            descend.dir.try_clone()
        } else {
            descend.dir.open_child(&descend.name)
        };
        let listed = opened.and_then(|dir| {
            let mut listing = dir.names()?;
            self.rules.trim(&dir, &mut listing);
            listing.sort_by_name();
            Ok((dir, listing))
        });
        match listed {
            Ok((dir, listing)) => {
                self.levels.push(Level::new(dir, listing, self.path.len(), descend.dev, descend.root));
                None
            }
            Err(error) => Some(Found::Unlisted { path: self.path.clone(), error }),
        }
    }

    /// The next name of the present folder; `None` when it is left out.
    fn next_name(&mut self) -> Option<Found> {
        let dir = match self.levels.open(&self.path) {
            Ok(dir) => dir,
            Err(lost) => {
                self.path.truncate(lost.path_len);
                return Some(Found::Unlisted { path: self.path.clone(), error: lost.error });
            }
        };
        let level = self.levels.last_mut()?;
        let name = level.listing.get(level.next)?;
        level.next += 1;
        self.path.truncate(level.path_len);
        if !self.path.ends_with(b"/") {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name.name);
        let stat = match dir.stat(name.name) {
            Ok(stat) => stat,
            // It vanished since the folder was listed: it is not there, and that is no finding.
            Err(error) if error.is_not_found() => return None,
            Err(error) => return Some(Found::Unreadable { path: self.path.clone(), error }),
        };
        let is_dir = stat.kind == FileKind::Dir;
        if self.rules.exclude(&self.path, is_dir) || (is_dir && self.rules.is_own(stat.dev, stat.ino)) {
            return None;
        }
        if self.path.len() > limits::PATH_MAX {
            // No reader of a snapshot takes it.
            let error = Error::Os { op: "walk", errno: NAME_TOO_LONG };
            return Some(Found::Unreadable { path: self.path.clone(), error });
        }
        let dev = level.dev;
        if is_dir {
            let name = name.name.to_vec();
            if stat.dev == dev || self.crosses_into(&dir, &name, &stat) {
                self.descend = Some(Descend { dir: Arc::clone(&dir), name, dev: stat.dev, root: false });
            }
        }
        Some(Found::Entry(Place { path: self.path.clone(), dir, stat }))
    }

    /// Whether a folder on another file system than its parent is walked.
    fn crosses_into(&self, dir: &Dir, name: &[u8], stat: &Stat) -> bool {
        if self.one_file_system {
            return false;
        }
        let kind = match self.mounts.of(stat) {
            Some(mount) => mount.kind,
            None => {
                dir.open_child(name).and_then(|dir| dir.file_system_kind()).unwrap_or(FileSystemKind::Local)
            }
        };
        kind == FileSystemKind::Local
    }
}

/// Asked of a root that is a folder itself, since its own file system may begin there.
fn file_system_id(place: &Place) -> Result<u64, Error> {
    let name = path::name(&place.path);
    if place.stat.kind == FileKind::Dir && !name.is_empty() {
        return place.dir.open_child(name)?.file_system_id();
    }
    place.dir.file_system_id()
}

/// Opens the folder that holds `path` and asks for its attributes.
fn place_of(path: &[u8]) -> Result<Place, Error> {
    let full = Path::new(OsStr::from_bytes(path));
    if path == b"/" {
        let dir = Dir::open_root(full)?;
        let stat = dir.stat_self()?;
        return Ok(Place { path: path.to_vec(), dir: Arc::new(dir), stat });
    }
    let (dir, name) = Dir::open_parent_of(full)?;
    let stat = dir.stat(&name)?;
    Ok(Place { path: path.to_vec(), dir: Arc::new(dir), stat })
}

#[cfg(test)]
mod tests;
