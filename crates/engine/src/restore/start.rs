//! Where a restore begins: which parts of the snapshot go where, and what is there already.

use super::folder::{FILLING_MODE, Folder, Traits};
use super::place::Place;
use super::{Layout, RestoreRequest, Target};
use crate::EngineError;
use crate::reader::SnapshotReader;
use format::entry::{Entry, EntryKind, flags};
use format::path;
use platform::{Dir, Node, Stat};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Mode of folders that are made on the way to the target, and of the target itself without an entry of its own.
pub const NEW_MODE: u32 = 0o755;

/// A part of the snapshot that is restored.
#[derive(Debug)]
pub(super) struct Selection {
    /// The selected path.
    pub(super) path: Vec<u8>,
    /// The folder of the snapshot that the target's own folder stands for.
    pub(super) base: Vec<u8>,
    /// Folders between the two, from the top; the base itself is among them when it lies above the selected path.
    pub(super) way: Vec<Entry>,
    /// The base is selected itself, and not only a folder above a root of the set.
    takes_base: bool,
}

/// The beginning.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) selections: Vec<Selection>,
    /// Path of the target's own folder.
    pub(super) to: PathBuf,
    /// That folder, where it exists.
    existing: Option<(Arc<Dir>, Stat)>,
    pub(super) was_empty: bool,
    pub(super) is_in_place: bool,
}

impl Start {
    /// Finds the selected paths in the snapshot and opens the target, without changing anything.
    pub(super) fn find(reader: &SnapshotReader<'_>, request: &RestoreRequest) -> Result<Self, EngineError> {
        let (to, is_in_place) = match &request.target {
            Target::Folder { to, .. } => (to.clone(), false),
            Target::InPlace => (PathBuf::from("/"), true),
        };
        let existing = match Dir::open_root(&to) {
            Ok(dir) => Some(dir),
            Err(error) if error.is_not_found() => None,
            Err(source) => return Err(EngineError::Local { path: to, source }),
        };
        let local = |source| EngineError::Local { path: to.clone(), source };
        let was_empty = match &existing {
            Some(dir) if !is_in_place => dir.names().map_err(local)?.is_empty(),
            _ => false,
        };
        let existing = existing
            .map(|dir| dir.stat_self().map(|stat| (Arc::new(dir), stat)))
            .transpose()
            .map_err(local)?;
        Ok(Self { selections: select(reader, request)?, to, existing, was_empty, is_in_place })
    }

    /// The target's own folder as a dry run sees it.
    pub(super) fn look(&self) -> Arc<Folder> {
        let (dir, traits) = match &self.existing {
            Some((dir, _)) => (Some(Arc::clone(dir)), Traits::of_existing(dir)),
            None => (None, Traits { is_imaginary: true, ..Traits::default() }),
        };
        Folder::new(None, Place::base(), dir, traits)
    }

    /// The target's own folder, made when it is missing. When its attributes are to be restored too, the mode that it
    /// gets if the snapshot does not have them.
    pub(super) fn open(&self, request: &RestoreRequest) -> Result<(Arc<Folder>, Option<u32>), EngineError> {
        let local = |source| EngineError::Local { path: self.to.clone(), source };
        let several = self.selections.len() > 1;
        if let Some((dir, stat)) = &self.existing {
            let mut traits = Traits::of_existing(dir);
            let mut mode = None;
            if request.resume && !self.is_in_place && stat.mode == FILLING_MODE {
                mode = Some(NEW_MODE);
            } else if self.was_empty
                && !several
                && self.selections.iter().all(|selection| selection.takes_base)
            {
                mode = Node::Dir(dir).set_mode(FILLING_MODE).is_ok().then_some(stat.mode);
                traits.is_new = true;
            }
            return Ok((Folder::new(None, Place::base(), Some(Arc::clone(dir)), traits), mode));
        }
        let (parent, name) = parent_of(&self.to).ok_or_else(|| EngineError::Local {
            path: self.to.clone(),
            source: platform::Error::BadName { op: "create folder" },
        })?;
        let above = platform::durable::create_dir_all(&parent, NEW_MODE).map_err(local)?;
        above.create_dir(&name, FILLING_MODE).map_err(local)?;
        let folder = Self::made(&above, &name, several).inspect_err(|_| self.undo()).map_err(local)?;
        Ok((folder, Some(NEW_MODE)))
    }

    /// The target's own folder, which was made just now as `name` in `above`.
    fn made(above: &Dir, name: &[u8], several: bool) -> platform::Result<Arc<Folder>> {
        let dir = above.open_child(name)?;
        let above = Folder::new(None, Place::base(), None, Traits::of_existing(above));
        let traits = Folder::take_over(&above, &dir)?.0;
        let traits = Traits { is_new: traits.is_new && !several, ..traits };
        Ok(Folder::new(None, Place::base(), Some(Arc::new(dir)), traits))
    }

    /// Leaves the target's own folder as it was found: with its mode, or removed again if it was made. What is in it
    /// stays.
    pub(super) fn undo(&self) {
        if let Some((dir, stat)) = &self.existing {
            if dir.stat_self().is_ok_and(|now| now.mode != stat.mode) {
                // It was ours to change just before.
                let _ = Node::Dir(dir).set_mode(stat.mode);
            }
        } else if let Some((parent, name)) = parent_of(&self.to)
            && let Ok(parent) = Dir::open_root(&parent)
        {
            // It is empty, or somebody has use for it.
            let _ = parent.remove_dir(&name);
        }
    }

    /// Whether the parts of the snapshot lie in one folder without the paths that they had.
    pub(super) fn shares_base(&self) -> bool {
        self.selections.iter().all(|selection| selection.way.is_empty())
    }

    /// The target's own folder, where it exists.
    pub(super) fn existing(&self) -> Option<&Arc<Dir>> {
        self.existing.as_ref().map(|(dir, _)| dir)
    }

    /// The nearest folder above the target, or itself, that exists.
    pub(super) fn nearest(&self) -> Result<Dir, EngineError> {
        let mut at = self.to.as_path();
        loop {
            match Dir::open_for_search(if at.as_os_str().is_empty() { Path::new(".") } else { at }) {
                Err(error) if error.is_not_found() => match at.parent() {
                    Some(parent) => at = parent,
                    None => return Err(EngineError::Local { path: self.to.clone(), source: error }),
                },
                Err(source) => return Err(EngineError::Local { path: at.to_owned(), source }),
                Ok(dir) => return Ok(dir),
            }
        }
    }
}

/// The folder that holds the last name of `path`, and that name.
fn parent_of(path: &Path) -> Option<(PathBuf, Vec<u8>)> {
    let name = platform::path::bytes(path.file_name()?).to_vec();
    let parent = path.parent()?;
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    Some((parent.to_owned(), name))
}

/// The selected parts: each exists, and in layouts that keep paths none lies in another.
fn select(reader: &SnapshotReader<'_>, request: &RestoreRequest) -> Result<Vec<Selection>, EngineError> {
    let keeps_paths = !matches!(request.target, Target::Folder { layout: Layout::Contents, .. });
    let mut wanted: Vec<Vec<u8>> = request.selections.iter().map(|path| without_slashes(path)).collect();
    if wanted.is_empty() {
        wanted.push(b"/".to_vec());
    }
    if keeps_paths {
        wanted.sort_by(|a, b| path::compare(a, b));
        wanted.dedup_by(|next, kept| path::is_within(next, kept));
    }
    wanted.into_iter().map(|path| find(reader, path, keeps_paths)).collect()
}

fn find(reader: &SnapshotReader<'_>, wanted: Vec<u8>, keeps_paths: bool) -> Result<Selection, EngineError> {
    let missing = || EngineError::NotInSnapshot { path: platform::path::from_bytes(&wanted).to_owned() };
    if wanted.first() != Some(&b'/') {
        return Err(missing());
    }
    if wanted == b"/" {
        // All of the snapshot can be restored even when the entry of its top is lost.
        let top = match reader.find(&wanted) {
            Err(EngineError::Damaged { .. }) => None,
            answer => answer?,
        };
        let takes_base = top.is_some_and(|top| !top.has(flags::PARENT));
        return Ok(Selection { base: wanted.clone(), path: wanted, way: Vec::new(), takes_base });
    }
    let entry = reader.find(&wanted)?.ok_or_else(missing)?;
    if !keeps_paths {
        let takes_base = entry.kind == EntryKind::Dir;
        let base = if takes_base { wanted.clone() } else { path::parent(&wanted).unwrap_or(b"/").to_vec() };
        return Ok(Selection { path: wanted, base, way: Vec::new(), takes_base });
    }
    let mut way = Vec::new();
    let mut at = path::parent(&wanted);
    while let Some(folder) = at {
        // A folder whose entry is damaged is made without it.
        match reader.find(folder) {
            Ok(entry) => way.extend(entry.filter(|entry| entry.kind == EntryKind::Dir)),
            Err(EngineError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
        at = path::parent(folder);
    }
    way.reverse();
    Ok(Selection { path: wanted, base: b"/".to_vec(), way, takes_base: false })
}

fn without_slashes(path: &[u8]) -> Vec<u8> {
    let mut path = path;
    while let [rest @ .., b'/'] = path
        && !rest.is_empty()
    {
        path = rest;
    }
    path.to_vec()
}
