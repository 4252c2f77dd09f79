//! Walks the roots of a set in the order of a snapshot's entries, one folder's names in memory at a time.

mod ahead;
mod levels;
mod listed;
mod roots;
mod scouts;
mod toward;

use super::rules::{Rules, Trimmed};
use super::watch::Changed;
pub(super) use ahead::Ahead;
use format::{limits, path};
use levels::{Level, Levels};
pub(super) use listed::Listed;
use listed::{Asks, Seen};
use model::FindingReason;
use platform::{Dir, Error, FileKind, FileSystemKind, Listing, MountTable, Stat, errno};
pub(super) use roots::{RootPlace, normalised};
use scouts::{Report, Scouts};
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::Scope;
pub(super) use toward::By;
use toward::Toward;

/// The folder that an ext2, ext3 or ext4 file system holds from the first.
const MADE_WITH_THE_FILE_SYSTEM: &[u8] = b"lost+found";

/// What the walk comes upon.
#[derive(Debug)]
pub(super) enum Found {
    /// An entry with its attributes, in its open folder.
    Entry(Place),
    /// A regular file by what its folder lists, whose attributes are left to those who open it.
    File { path: Vec<u8>, dir: Arc<Dir> },
    /// A folder above a root: its path, and where it lies, which is elsewhere when a symbolic link leads to it.
    Parent { path: Vec<u8>, place: Place },
    /// Above a root, where no folder can be reached.
    ParentGone { path: Vec<u8> },
    /// A root itself, before its entry.
    Root(RootPlace),
    /// A root that is there and is left out, since it is not what it was.
    RootMoved(RootPlace),
    /// A root that is not there or cannot be reached.
    RootGone { path: Vec<u8>, error: Error },
    /// A root of a kind that is never backed up. Of an object store its entry and marker come all the same.
    RootRefused { path: Vec<u8>, reason: FindingReason },
    /// A root folder whose entry was given and that holds nothing but, perhaps, `lost+found`.
    RootEmpty { path: Vec<u8> },
    /// An entry whose attributes cannot be read. What lies below it is not walked.
    Unreadable { path: Vec<u8>, error: Error },
    /// A folder whose entry was given and that cannot be listed.
    Unlisted { path: Vec<u8>, error: Error },
    /// A folder whose entry was given and that is not walked, since nothing happened there nor below it. With the
    /// folder that holds it.
    Spared { path: Vec<u8>, dir: Arc<Dir> },
    /// The entry of a folder where another file system begins that shows nothing to the walk: it holds nothing but,
    /// perhaps, `lost+found`, or is of a kind that is not walked.
    MountHidden(Place),
}

/// An entry where it lies.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) path: Vec<u8>,
    /// The folder that holds it; for `/` the folder itself.
    pub(super) dir: Arc<Dir>,
    pub(super) stat: Stat,
}

impl Place {
    /// The folder and the name in it; for `/` none.
    pub(super) fn at(&self) -> (&Dir, &[u8]) {
        (&self.dir, path::name(&self.path))
    }
}

/// Says of a root whether it is another one than it was, and is left out.
type HasMoved<'a> = Box<dyn Fn(&RootPlace) -> bool + Send + 'a>;

/// The walk; an iterator in all but name, since it lends its table of mounts.
pub(super) struct Walk<'a> {
    rules: &'a Rules,
    one_file_system: bool,
    has_moved: HasMoved<'a>,
    mounts: MountTable,
    /// Those that are still to come.
    roots: VecDeque<Vec<u8>>,
    /// Folders above roots that were given, as parents or as entries.
    given_parents: Vec<Vec<u8>>,
    queue: VecDeque<Found>,
    at: Position,
    /// Where the walk stands in the roots around the present one, the outermost first.
    around: Vec<Position>,
    /// Of what it asks for attributes.
    asks: Asks,
    /// What is known to have changed; with none everything is walked.
    changed: Option<&'a Changed>,
    /// Where it goes, when it goes to one path alone.
    toward: Option<Toward>,
    /// They list what comes next, when there are any.
    scouts: Option<Scouts<'a>>,
}

/// Where the walk of one root stands.
#[derive(Default)]
struct Position {
    path: Vec<u8>,
    levels: Levels,
    /// The folder whose entry was given last and that is listed next.
    descend: Option<Descend>,
    /// What is known to have changed is told of this root.
    is_watched: bool,
}

struct Descend {
    dir: Arc<Dir>,
    name: Vec<u8>,
    dev: u64,
    root: bool,
}

impl<'a> Walk<'a> {
    /// Begins at the first of `roots`, which are normalised.
    pub(super) fn new(roots: Vec<Vec<u8>>, rules: &'a Rules, one_file_system: bool) -> Self {
        // Without a table nothing is said of what is mounted where.
        let mounts = MountTable::read().unwrap_or_else(|_| MountTable::parse(b""));
        Self {
            rules,
            one_file_system,
            has_moved: Box::new(|_| false),
            mounts,
            roots: roots.into(),
            given_parents: Vec::new(),
            queue: VecDeque::new(),
            at: Position::default(),
            around: Vec::new(),
            asks: Asks::All,
            changed: None,
            toward: None,
            scouts: None,
        }
    }

    /// The next thing on the way.
    pub(super) fn next(&mut self) -> Option<Found> {
        loop {
            if let Some(found) = self.queue.pop_front() {
                return Some(found);
            }
            if let Some(descend) = self.at.descend.take() {
                if let Some(found) = self.open_level(&descend) {
                    return Some(found);
                }
                continue;
            }
            if self.is_root_due() {
                self.begin_root()?;
                continue;
            }
            match self.at.levels.last_mut() {
                None => match self.around.pop() {
                    Some(around) => self.at = around,
                    None => self.begin_root()?,
                },
                Some(level) if level.next == level.listing.len() => {
                    self.at.path.truncate(level.path_len);
                    self.at.levels.pop();
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

    /// Leaves the attributes of most files to those who open them, where the folder lists what is one.
    pub(super) fn asking_few_files(self) -> Self {
        Self { asks: Asks::FewFiles, ..self }
    }

    /// Passes over folders that did not change, where that is known.
    pub(super) fn sparing(self, changed: Option<&'a Changed>) -> Self {
        Self { changed, ..self }
    }

    /// With threads of `scope` that list what comes next.
    fn with_scouts<'scope>(self, scope: &'scope Scope<'scope, '_>) -> Self
    where
        'a: 'scope,
    {
        Self { scouts: Some(Scouts::start(scope, self.rules, self.asks, self.changed)), ..self }
    }

    /// Lists the folder whose entry was given just now.
    fn open_level(&mut self, descend: &Descend) -> Option<Found> {
        let path = || self.at.path.clone();
        let report = self.at.levels.last_mut().and_then(|level| level.report(self.rules));
        let (listed, window) = match report {
            Some(Report { listed, window, .. }) => (listed, Some(window)),
            None => {
                let name = &descend.name;
                let opened =
                    if name.is_empty() { descend.dir.try_clone() } else { descend.dir.open_child(name) };
                match Listed::new(opened, self.rules, descend.root) {
                    Ok(listed) => (listed, None),
                    Err(error) => return Some(Found::Unlisted { path: path(), error }),
                }
            }
        };
        let Listed { dir, mut listing, trimmed } = listed;
        let found = if descend.root && trimmed == Trimmed::Store {
            Some(Found::RootRefused { path: path(), reason: FindingReason::ObjectStore })
        } else {
            (descend.root && shows_nothing(&listing)).then(|| Found::RootEmpty { path: path() })
        };
        if let Some(toward) = &mut self.toward {
            toward.narrow(&self.at.path, &mut listing, trimmed);
        }
        let dir = Arc::new(dir);
        let mut level = Level::new(Arc::clone(&dir), listing, self.at.path.len(), descend.dev);
        if let Some(window) = window {
            level.show(window, &dir, &self.at.path, self.scouts.as_ref());
        }
        self.at.levels.push(level);
        found
    }

    /// The next name of the present folder; `None` when it is left out.
    fn next_name(&mut self) -> Option<Found> {
        let dir = match self.at.levels.open(&self.at.path) {
            Ok(dir) => dir,
            Err(lost) => {
                self.at.path.truncate(lost.path_len);
                return Some(Found::Unlisted { path: self.at.path.clone(), error: lost.error });
            }
        };
        let level = self.at.levels.last_mut()?;
        level.look(&dir, &self.at.path[..level.path_len], self.asks, self.scouts.as_ref());
        let at = level.next;
        level.next += 1;
        let name = level.listing.get(at)?;
        self.at.path.truncate(level.path_len);
        if !self.at.path.ends_with(b"/") {
            self.at.path.push(b'/');
        }
        self.at.path.extend_from_slice(name.name);
        let stat = match level.seen(at).unwrap_or_else(|| Seen::As(dir.stat(name.name))) {
            Seen::File => None,
            Seen::As(Ok(stat)) => Some(stat),
            // It vanished since the folder was listed: it is not there, and that is no finding.
            Seen::As(Err(error)) if error.is_not_found() => return None,
            Seen::As(Err(error)) => return Some(Found::Unreadable { path: self.at.path.clone(), error }),
        };
        let folder = stat.as_ref().filter(|stat| stat.kind == FileKind::Dir);
        let is_dir = folder.is_some();
        let by_rule = self.rules.exclude(&self.at.path, is_dir);
        if by_rule || folder.is_some_and(|stat| self.rules.is_own(stat.dev, stat.ino)) {
            if let Some(toward) = &mut self.toward {
                let rule = || self.rules.excluding(&self.at.path, is_dir).unwrap_or(usize::MAX);
                toward.note(&self.at.path, if by_rule { By::Rule(rule()) } else { By::OwnState });
            }
            return None;
        }
        if self.at.path.len() > limits::PATH_MAX {
            // No reader of a snapshot takes it.
            let error = Error::Os { op: "walk", errno: errno::ENAMETOOLONG };
            return Some(Found::Unreadable { path: self.at.path.clone(), error });
        }
        let dev = level.dev;
        let is_above_root = self.roots.front().is_some_and(|root| path::is_within(root, &self.at.path));
        if is_above_root && !is_dir {
            // No folder, yet the path of a root leads through it: it comes as a folder above that one.
            return None;
        }
        let mut shows_nothing = false;
        if let Some(stat) = folder {
            let (name, mount) = (name.name.to_vec(), stat.dev != dev);
            // A root below it comes by itself, and needs no other entry of this folder.
            if is_above_root {
                self.given_parents.push(self.at.path.clone());
            }
            let by = mount.then(|| self.not_crossed(&dir, &name, stat)).flatten();
            if let Some(by) = by {
                if let Some(toward) = &mut self.toward {
                    toward.note(&self.at.path, by);
                }
                shows_nothing = !self.one_file_system;
            } else if !mount && self.spares(&self.at.path) {
                self.queue.push_back(Found::Spared { path: self.at.path.clone(), dir: Arc::clone(&dir) });
            } else {
                shows_nothing = mount && is_as_empty_as_new(&dir, &name);
                let dir = Arc::clone(&dir);
                self.at.descend = Some(Descend { dir, name, dev: stat.dev, root: false });
            }
        }
        let path = self.at.path.clone();
        let Some(stat) = stat else { return Some(Found::File { path, dir }) };
        let place = Place { path, dir, stat };
        Some(if shows_nothing { Found::MountHidden(place) } else { Found::Entry(place) })
    }

    /// Whether a folder of the present root need not be walked. A root inside another one comes by itself, and from there
    /// the walk goes on.
    fn spares(&self, folder: &[u8]) -> bool {
        let changed = self.changed.filter(|_| self.at.is_watched);
        changed.is_some_and(|changed| changed.spares(folder))
            && !self.roots.iter().any(|root| path::is_within(root, folder))
    }

    /// Why a folder on another file system than its parent is not walked; `None` when it is.
    fn not_crossed(&self, dir: &Dir, name: &[u8], stat: &Stat) -> Option<By> {
        if self.one_file_system {
            return Some(By::OneFileSystem);
        }
        let kind = match self.mounts.of(stat) {
            Some(mount) => mount.kind,
            None => {
                dir.open_child(name).and_then(|dir| dir.file_system_kind()).unwrap_or(FileSystemKind::Local)
            }
        };
        (kind != FileSystemKind::Local).then_some(By::FileSystem(kind))
    }
}

/// Whether a folder is empty, or as empty as a file system that was made just now.
fn shows_nothing(listing: &Listing) -> bool {
    listing.iter().all(|name| name.name == MADE_WITH_THE_FILE_SYSTEM)
}

/// The same of a folder that is not open yet. One that cannot be listed may hold anything.
fn is_as_empty_as_new(dir: &Dir, name: &[u8]) -> bool {
    dir.open_child(name).and_then(|dir| dir.names()).is_ok_and(|listing| shows_nothing(&listing))
}

#[cfg(test)]
mod tests;
