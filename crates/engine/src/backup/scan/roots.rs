//! What becomes of the roots: whether what stands at a root now is what was backed up there.

use super::super::base::{BaseEntry, BaseHeader};
use super::super::findings::{is_missing, reason_of};
use super::super::kept::Told;
use super::super::meta;
use super::super::walk::{Place, RootPlace};
use super::Scan;
use crate::EngineError;
use format::entry::{Entry, EntryKind, flags};
use format::path;
use format::snapshot::Root;
use model::FindingReason;
use platform::{FileKind, errno};

/// File systems whose id stays the same over mounts and machines.
const STABLE_IDS: [&[u8]; 4] = [b"ext2", b"ext3", b"ext4", b"btrfs"];

impl Scan<'_> {
    /// A root that is where it was: can it hold what it held?
    pub(super) fn root(&mut self, place: RootPlace) -> Result<(), EngineError> {
        if !self.request.accept_changed_roots {
            if self.keep_replaced(&place)? {
                let known = self.header.and_then(|header| header.root(&place.path));
                self.left_out.push(place.path.clone());
                self.roots.push(known.cloned().unwrap_or_else(|| root_of(place, None)));
                return Ok(());
            }
            if self.has_strayed(&place)? {
                self.left_out.push(place.path.clone());
                return self.root_moved(&place.path);
            }
        }
        if has_moved(self.header, &place) {
            self.file_systems.is_new(place.dev);
        }
        let known = self.header.and_then(|header| header.root(&place.path));
        self.roots.push(root_of(place, known));
        Ok(())
    }

    /// A root that is not where it was: its last version stays.
    pub(super) fn root_moved(&mut self, path: &[u8]) -> Result<(), EngineError> {
        self.keep(path, false, Told::always(FindingReason::RootMoved, 0))?;
        self.roots.extend(self.header.and_then(|header| header.root(path)).cloned());
        Ok(())
    }

    /// A root that is not there: its last version stays until the user says that it is meant so. Of one that only
    /// cannot be reached nobody can say that.
    pub(super) fn root_gone(&mut self, path: &[u8], error: &platform::Error) -> Result<(), EngineError> {
        let is_missing = is_missing(error);
        if is_missing && self.request.accept_changed_roots {
            let is_inside = path::parent(path).is_some_and(|above| self.set_roots.holds(above));
            if error.is_not_a_folder() && is_inside {
                // The file that stands above it in another root is not backed up as long as the set has both.
                self.findings.note(path, FindingReason::RootMissing, errno::ENOTDIR, false);
            }
            return Ok(());
        }
        let reason = if is_missing { FindingReason::RootMissing } else { reason_of(error) };
        self.keep(path, false, Told::always(reason, error.errno().unwrap_or(0)))?;
        self.roots.extend(self.header.and_then(|header| header.root(path)).cloned());
        Ok(())
    }

    /// Keeps what a root held in the base when what stands there now cannot hold it: it was a folder with something in
    /// it and is none, or it was a file and is neither. False when it is nothing of that kind.
    fn keep_replaced(&mut self, place: &RootPlace) -> Result<bool, EngineError> {
        const REPLACED: Told = Told::always(FindingReason::RootReplaced, 0);
        let itself = self.root_in_base(&place.path)?;
        match itself.filter(|entry| !entry.has(flags::UNREAD)).map(|entry| entry.kind) {
            Some(EntryKind::Dir) if place.kind != FileKind::Dir => {
                let Some(folder) = self.take_base()? else { return Ok(false) };
                if !self.base_has_below(&place.path)? {
                    return Ok(false);
                }
                self.push(meta::kept(&folder), 0)?;
                self.keep(&place.path, true, REPLACED)?;
                Ok(true)
            }
            Some(EntryKind::File) if !matches!(place.kind, FileKind::File | FileKind::Dir) => {
                self.keep(&place.path, false, REPLACED)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Whether a root of the base lay on a file system that was mounted at a folder above it and is not mounted.
    fn has_strayed(&mut self, place: &RootPlace) -> Result<bool, EngineError> {
        if self.header.and_then(|header| header.root(&place.path)).is_none() {
            return Ok(false);
        }
        let Some(dev) = self.root_in_base(&place.path)?.map(|entry| entry.dev) else { return Ok(false) };
        // Below what is kept of another file system it may lie on the same as before.
        Ok(self.file_systems.known(place.dev) != Some(dev)
            && self.mounts.has_strayed(&place.path, dev, place.dev))
    }

    /// The entry that the base has next, when it is that of this root.
    fn root_in_base(&mut self, path: &[u8]) -> Result<Option<&Entry>, EngineError> {
        self.drop_before(path)?;
        Ok(self.base.peek()?.map(BaseEntry::entry).filter(|entry| entry.path == path))
    }

    /// Whether a folder above a root stays as the base has it, which came to it last: `now` is what it is now.
    pub(super) fn parent_stays(&mut self, folder: &Entry, now: &Entry, place: &Place) -> bool {
        let path = &now.path[..];
        let is_astray = self.is_astray(folder);
        // What lies above a root only was never walked.
        let was_walked = !folder.has(flags::PARENT) || folder.has(flags::KEPT);
        let is_mounted = place.path == path && self.mounts.begins(path) != Some(false);
        let is_missing = was_walked && self.mounts.began(path) && !is_mounted && self.is_wanted(path);
        // What is kept around it lies on another file system.
        let is_foreign = folder.dev != now.dev && self.kept.has(path, &self.set_roots);
        if is_missing {
            self.stay(path, Told::if_any(FindingReason::MountMissing), false);
        }
        is_astray || is_missing || is_foreign
    }

    /// Whether this folder, which the base came to last, lay above a root of the base on a file system that is not
    /// mounted. It stays as it was: from it the next run, too, sees that the root is not where it was.
    pub(super) fn is_astray(&mut self, folder: &Entry) -> bool {
        let path = &folder.path[..];
        let is_known = |root: &[u8]| self.header.is_some_and(|header| header.root(root).is_some());
        if self.request.accept_changed_roots
            || folder.kind != EntryKind::Dir
            || !self.set_roots.below(path).any(is_known)
        {
            return false;
        }
        let (began, begins) = (self.mounts.began(path), self.mounts.begins(path));
        match &self.astray {
            Some(above) if path::is_within(path, above) => !(began && begins == Some(true)),
            _ if began && begins == Some(false) => {
                self.astray = Some(path.to_vec());
                true
            }
            _ => false,
        }
    }
}

/// What is to be remembered of a root. What is not to be found out now is as the base knows it.
fn root_of(place: RootPlace, known: Option<&Root>) -> Root {
    let mut root =
        Root { path: place.path, fs_id: place.fs_id, mount_point: place.mount_point, fs_type: place.fs_type };
    if let Some(known) = known {
        if root.fs_type.is_empty() {
            (root.fs_type, root.mount_point) = (known.fs_type.clone(), known.mount_point);
        }
        if root.fs_id == 0 {
            root.fs_id = known.fs_id;
        }
    }
    root
}

/// Whether a root lies on another file system than in the base.
pub(in crate::backup) fn has_moved(header: Option<&BaseHeader>, now: &RootPlace) -> bool {
    header.and_then(|header| header.root(&now.path)).is_some_and(|known| lies_elsewhere(known, now))
}

/// That the kind or id of a file system is not known, since the table of mounts or the root itself cannot be read, says
/// nothing.
fn lies_elsewhere(known: &Root, now: &RootPlace) -> bool {
    let knows_kinds = !known.fs_type.is_empty() && !now.fs_type.is_empty();
    let is_other_kind = known.fs_type != now.fs_type || known.mount_point != now.mount_point;
    let is_stable = STABLE_IDS.contains(&&known.fs_type[..]) && known.fs_id != 0 && now.fs_id != 0;
    knows_kinds && is_other_kind || is_stable && known.fs_id != now.fs_id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_of_a_root_says_nothing() {
        let place = |fs_type: &[u8], fs_id, mount_point| RootPlace {
            path: b"/r".to_vec(),
            kind: FileKind::Dir,
            dev: 1,
            fs_type: fs_type.to_vec(),
            fs_id,
            mount_point,
        };
        let moved = |known: RootPlace, now: RootPlace| lies_elsewhere(&root_of(known, None), &now);
        assert!(!moved(place(b"ext4", 7, false), place(b"ext4", 7, false)));
        assert!(moved(place(b"ext4", 7, false), place(b"ext4", 8, false)));
        assert!(moved(place(b"ext4", 7, false), place(b"xfs", 7, false)));
        assert!(moved(place(b"xfs", 7, true), place(b"xfs", 8, false)));
        for unknown in [place(b"ext4", 0, false), place(b"", 7, false), place(b"", 0, true)] {
            let (known, again) = (place(b"ext4", 7, false), root_of(unknown, None));
            let unknown = || place(&again.fs_type, again.fs_id, again.mount_point);
            assert!(!moved(known, unknown()) && !moved(unknown(), place(b"ext4", 7, false)));
        }
        let known = root_of(place(b"ext4", 7, true), None);
        assert_eq!(root_of(place(b"", 0, false), Some(&known)), known);
        assert_eq!(root_of(place(b"ext4", 0, true), Some(&known)), known);
    }
}
