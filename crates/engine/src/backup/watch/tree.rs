//! Gives the folders of a tree their watches: those that a run walks.

use super::super::rules::{Rules, Trimmed};
use super::super::walk::Listed;
use super::folders::Folders;
use format::path;
use platform::{Dir, FileKind, FileSystemKind, Result};

/// Levels below the folder where it begins; each is an open folder.
const DEPTH_MAX: usize = 100;

/// What decides which folders are walked.
pub(super) struct Tree<'a> {
    pub(super) rules: &'a Rules,
    pub(super) roots: &'a [Vec<u8>],
    pub(super) one_file_system: bool,
}

/// A folder with those of its names that are still to come.
struct Level {
    dir: Dir,
    dev: u64,
    path: Vec<u8>,
    names: std::vec::IntoIter<Vec<u8>>,
}

impl Tree<'_> {
    /// Watches the folder at `path` and all below it, as far as they can be watched. All of it counts as changed. What is
    /// a link, a file, or not there needs no watch: the folder around it is told when that changes.
    pub(super) fn watch(&self, folders: &mut Folders, path: &[u8]) {
        let is_root = self.is_root(path);
        folders.note_tree(path);
        if !is_root && self.rules.exclude(path, true) {
            return;
        }
        let opened = match self.open(path) {
            Ok(dir) => dir,
            Err(error) if !is_root && (error.is_not_found() || error.is_not_a_folder()) => return,
            // A root may be a file, or come back without a word.
            Err(_) => return folders.note_blind(path.to_vec()),
        };
        let mut levels = Vec::new();
        levels.extend(self.enter(folders, opened, path.to_vec(), None));
        while let Some(level) = levels.last_mut() {
            let Some(name) = level.names.next() else {
                levels.pop();
                continue;
            };
            let path = path::join(&level.path, &name);
            if self.rules.exclude(&path, true) && !self.is_root(&path) {
                continue;
            }
            let (opened, dev) = (level.dir.open_child(&name), level.dev);
            match opened {
                Ok(_) if levels.len() > DEPTH_MAX => folders.note_blind(path),
                Ok(dir) => levels.extend(self.enter(folders, dir, path, Some(dev))),
                // It went since it was listed, which is told.
                Err(error) if error.is_not_found() || error.is_not_a_folder() => {}
                Err(_) => folders.note_blind(path),
            }
        }
    }

    fn is_root(&self, path: &[u8]) -> bool {
        self.roots.iter().any(|root| root == path)
    }

    /// Opens a folder below its root, name by name, so that no link leads elsewhere.
    fn open(&self, path: &[u8]) -> Result<Dir> {
        let around = self.roots.iter().filter(|root| path::is_within(path, root));
        let root = around.max_by_key(|root| root.len()).map_or(path, Vec::as_slice);
        let names = path[root.len()..].split(|byte| *byte == b'/').filter(|name| !name.is_empty());
        names.fold(Dir::open_root(platform::path::from_bytes(root)), |dir, name| dir?.open_child(name))
    }

    /// Watches one folder, then lists it: what comes later is told. `above` is the file system of the folder around it;
    /// none where the walk begins.
    fn enter(&self, folders: &mut Folders, dir: Dir, path: Vec<u8>, above: Option<u64>) -> Option<Level> {
        let is_root = self.is_root(&path);
        let Ok(stat) = dir.stat_self() else {
            folders.note_blind(path);
            return None;
        };
        let begins = above != Some(stat.dev);
        let is_passed_over =
            (begins && above.is_some() && self.one_file_system) || self.rules.is_own(stat.dev, stat.ino);
        if is_passed_over && !is_root {
            return None;
        }
        // Other machines, and programs, change what they like without a word.
        let is_told = !begins || dir.file_system_kind().is_ok_and(|kind| kind == FileSystemKind::Local);
        if !is_told || !folders.add(&path, &dir) {
            folders.note_blind(path);
            return None;
        }
        if is_root {
            folders.note_root(&path, stat.dev, stat.ino);
        }
        let Ok(Listed { dir, listing, trimmed }) = Listed::new(Ok(dir), self.rules, is_root) else {
            folders.note_blind(path);
            return None;
        };
        let mut names = Vec::new();
        if trimmed == Trimmed::No {
            let may_be_dir = |kind: Option<FileKind>| kind.is_none_or(|kind| kind == FileKind::Dir);
            names.extend(
                listing.iter().filter(|name| may_be_dir(name.kind_hint)).map(|name| name.name.to_vec()),
            );
        }
        Some(Level { dir, dev: stat.dev, path, names: names.into_iter() })
    }
}
