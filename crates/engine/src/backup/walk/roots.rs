//! The roots of a walk: their paths, what stands there, and the folders above them. What the user named is walked
//! whatever the rules for the folders around it say.

use super::{Descend, Found, Place, Position, Walk};
use crate::EngineError;
use format::{limits, path};
use model::FindingReason;
use platform::{Dir, Error, FileKind, FileSystemKind, MountTable, Stat, errno};
use std::cmp::Ordering;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a root lies, with the type of its file system.
#[derive(Debug)]
pub(in crate::backup) struct RootPlace {
    pub(in crate::backup) path: Vec<u8>,
    pub(in crate::backup) kind: FileKind,
    /// The system's number for its file system.
    pub(in crate::backup) dev: u64,
    pub(in crate::backup) fs_type: Vec<u8>,
    pub(in crate::backup) fs_id: u64,
    pub(in crate::backup) mount_point: bool,
}

/// The roots as paths of a snapshot, sorted, each once. Fails with the first that no snapshot can hold.
pub(in crate::backup) fn normalised(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, EngineError> {
    let clean = |path: &PathBuf| {
        let bytes = platform::path::bytes(path);
        let names = bytes.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
        let joined = names.fold(b"/".to_vec(), |path, name| path::join(&path, name));
        let is_plain = path.is_absolute() && path::is_plain(&joined) && joined.len() <= limits::PATH_MAX;
        if is_plain { Ok(joined) } else { Err(EngineError::BadRoot { path: path.clone() }) }
    };
    let mut paths: Vec<Vec<u8>> = paths.iter().map(clean).collect::<Result<_, _>>()?;
    paths.sort_by(|a, b| path::compare(a, b));
    paths.dedup();
    Ok(paths)
}

impl Walk<'_> {
    /// Whether the next root lies in the present folder and comes before its next name, or is it.
    pub(super) fn is_root_due(&mut self) -> bool {
        let (Some(root), Some(level)) = (self.roots.front(), self.at.levels.last_mut()) else { return false };
        let folder = &self.at.path[..level.path_len];
        if !path::is_within(root, folder) {
            return false;
        }
        let Some(name) = level.listing.get(level.next) else { return true };
        let order = path::compare(root, &path::join(folder, name.name));
        level.next += usize::from(order == Ordering::Equal);
        order != Ordering::Greater
    }

    /// Puts the parents of the next root, and the root, into the queue. Inside another root that one goes on later.
    pub(super) fn begin_root(&mut self) -> Option<()> {
        let root = self.roots.pop_front()?;
        let outer = std::mem::take(&mut self.at);
        if !outer.levels.is_empty() {
            self.around.push(outer);
        }
        // What is mounted on the way once somebody goes there must be mounted before the folders on the way are asked.
        let place = place_of(&root);
        self.give_parents(&root);
        // Above another root it counts as given, whatever became of it.
        self.given_parents.push(root.clone());
        let place = match place.and_then(|place| self.entered(place)) {
            Ok(place) => place,
            Err(error) => {
                self.queue.push_back(Found::RootGone { path: root, error });
                return Some(());
            }
        };
        let here = self.root_place(&place);
        if (self.has_moved)(&here) {
            self.queue.push_back(Found::RootMoved(here));
            return Some(());
        }
        if is_pseudo(&place, self.mounts.of(&place.stat)) {
            let reason = FindingReason::PseudoFileSystem;
            self.queue.push_back(Found::RootRefused { path: root, reason });
            return Some(());
        }
        self.queue.push_back(Found::Root(here));
        let Place { dir, stat, .. } = &place;
        let is_watched = self.changed.is_some_and(|changed| changed.is_of(&root, stat.dev, stat.ino));
        let descend = (stat.kind == FileKind::Dir).then(|| Descend {
            dir: Arc::clone(dir),
            name: path::name(&root).to_vec(),
            dev: stat.dev,
            root: true,
        });
        self.queue.push_back(Found::Entry(place));
        self.at = Position { path: root, descend, is_watched, ..Position::default() };
        if self.spares(&self.at.path)
            && let Some(Descend { dir, .. }) = self.at.descend.take()
        {
            self.queue.push_back(Found::Spared { path: self.at.path.clone(), dir });
        }
        Some(())
    }

    /// Those from the top that were not given yet.
    fn give_parents(&mut self, root: &[u8]) {
        let mut parents = Vec::new();
        let mut above = path::parent(root);
        while let Some(folder) = above {
            parents.push(folder.to_vec());
            above = path::parent(folder);
        }
        for path in parents.into_iter().rev() {
            if !self.given_parents.contains(&path) {
                self.given_parents.push(path.clone());
                let place = folder_at(&path).and_then(|place| self.entered(place).ok());
                self.queue.push_back(match place {
                    Some(place) => Found::Parent { path, place },
                    None => Found::ParentGone { path },
                });
            }
        }
    }

    /// A root, or a folder above one, as it is once somebody went there: where an automount waits, only that mounts what
    /// belongs there. When nothing is mounted then, what belongs there cannot be reached: the folder that waits is
    /// neither a version of it nor another file system in its place.
    fn entered(&mut self, mut place: Place) -> Result<Place, Error> {
        let mut failed = None;
        if place.stat.kind == FileKind::Dir {
            match on_its_own(&place, Dir::stat_self) {
                Ok(stat) => place.stat = stat,
                Err(error) => {
                    // What was mounted may be closed to this user, and is there all the same.
                    place.stat = place.dir.stat(path::name(&place.path)).unwrap_or(place.stat);
                    failed = Some(error);
                }
            }
        }
        self.renew_mounts(&place.stat);
        let waits = self.mounts.of(&place.stat).is_some_and(|mount| mount.type_name == b"autofs");
        match failed {
            // Automounters answer with many numbers; each but a refusal says that there is nothing.
            Some(error) if waits && !error.is_denied() => {
                Err(Error::Os { op: "open folder", errno: errno::ENOENT })
            }
            Some(error) if waits => Err(error),
            _ => Ok(place),
        }
    }

    /// Reads the table of mounts again when something was mounted that it does not have.
    fn renew_mounts(&mut self, stat: &Stat) {
        if stat.mount_id.is_some()
            && self.mounts.of(stat).is_none()
            && let Ok(mounts) = MountTable::read()
        {
            self.mounts = mounts;
        }
    }

    fn root_place(&self, place: &Place) -> RootPlace {
        let mount = self.mounts.of(&place.stat);
        let at_mount = mount.is_some_and(|mount| mount.mount_point == place.path);
        RootPlace {
            path: place.path.clone(),
            kind: place.stat.kind,
            dev: place.stat.dev,
            fs_type: mount.map(|mount| mount.type_name.clone()).unwrap_or_default(),
            fs_id: on_its_own(place, Dir::file_system_id).unwrap_or(0),
            mount_point: at_mount,
        }
    }
}

/// Whether what stands at a root is a view of the kernel's own state.
fn is_pseudo(place: &Place, mount: Option<&platform::Mount>) -> bool {
    let of_table = mount.is_some_and(|mount| mount.kind == FileSystemKind::Pseudo);
    of_table || on_its_own(place, Dir::file_system_kind).is_ok_and(|kind| kind == FileSystemKind::Pseudo)
}

/// Asked of a root that is a folder itself, since its own file system may begin there.
fn on_its_own<T>(place: &Place, ask: impl Fn(&Dir) -> Result<T, Error>) -> Result<T, Error> {
    let name = path::name(&place.path);
    if place.stat.kind == FileKind::Dir && !name.is_empty() {
        return ask(&place.dir.open_child(name)?);
    }
    ask(&place.dir)
}

/// The folder that `path` leads to, through symbolic links too: this is how what lies below it is reached.
fn folder_at(path: &[u8]) -> Option<Place> {
    let mut place = place_of(path).ok()?;
    if place.stat.kind == FileKind::Symlink {
        let real = platform::path::from_bytes(path).canonicalize().ok()?;
        place = place_of(platform::path::bytes(&real)).ok()?;
    }
    (place.stat.kind == FileKind::Dir).then_some(place)
}

/// Opens the folder that holds `path` and asks for its attributes.
fn place_of(path: &[u8]) -> Result<Place, Error> {
    let full = platform::path::from_bytes(path);
    if path == b"/" {
        let dir = Dir::open_root(full)?;
        let stat = dir.stat_self()?;
        return Ok(Place { path: path.to_vec(), dir: Arc::new(dir), stat });
    }
    // Folders above a root are often such as only their owner may list.
    let (dir, name) = Dir::search_parent_of(full)?;
    let stat = dir.stat(&name)?;
    Ok(Place { path: path.to_vec(), dir: Arc::new(dir), stat })
}
