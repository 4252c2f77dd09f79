//! What the base has and the walk does not: deleted, or out of reach and kept.

use super::super::base::BaseEntry;
use super::super::item::{Ids, Item};
use super::super::kept::Told;
use super::super::meta;
use super::super::walk::Place;
use super::Scan;
use crate::EngineError;
use format::entry::{EntryKind, flags};
use format::path;
use model::FindingReason;
use platform::FileKind;

const MOUNT_MISSING: Told = Told::always(FindingReason::MountMissing, 0);

impl Scan<'_> {
    pub(super) fn base_has_below(&mut self, folder: &[u8]) -> Result<bool, EngineError> {
        self.drop_before(folder)?;
        Ok(self.base.peek()?.is_some_and(|next| path::is_within(&next.entry().path, folder)))
    }

    /// Passes over entries of the base that are no longer there.
    pub(super) fn drop_before(&mut self, path: &[u8]) -> Result<(), EngineError> {
        while self.base.is_before(path)? {
            self.pass()?;
        }
        Ok(())
    }

    /// The next entry of the base.
    pub(super) fn take_base(&mut self) -> Result<Option<BaseEntry>, EngineError> {
        let taken = self.base.take()?;
        if let Some(previous) = &taken {
            self.mounts.take(previous.entry());
        }
        Ok(taken)
    }

    /// Passes over the next entry of the base, which stays if its folder does, or if a file system was mounted there
    /// that is out of reach.
    pub(super) fn pass(&mut self) -> Result<(), EngineError> {
        let Some(previous) = self.take_base()? else { return Ok(()) };
        let path = &previous.entry().path[..];
        self.kept.leave(path, self.findings);
        if self.kept.has(path, &self.set_roots) {
            let is_version = self.keep_entry(&previous, false)?;
            self.kept.note(path, is_version, &self.set_roots);
            return Ok(());
        }
        if previous.entry().kind != EntryKind::Dir || !self.keeps_unmounted() {
            return Ok(());
        }
        if self.mounts.began(path) && self.is_wanted(path) && self.base_has_below(path)? {
            for folder in self.mounts.bring_back() {
                self.push(Item::Entry(Box::new(folder), Ids::new()), 0)?;
            }
            self.push(meta::kept(&previous), 0)?;
            self.stay(path, MOUNT_MISSING, false);
        } else {
            self.mounts.lose(previous.entry());
        }
        Ok(())
    }

    /// Lets what the base has at and below `path` (or only below) stay.
    pub(super) fn keep(&mut self, path: &[u8], strictly: bool, told: Told) -> Result<(), EngineError> {
        let mut kept = false;
        if let Some(itself) = self.previous(path)?.filter(|_| !strictly) {
            kept = self.keep_entry(&itself, true)?;
        }
        self.stay(path, told, kept);
        Ok(())
    }

    /// Notes that what the base has in a folder stays, `kept` when that was done with the folder itself. What was kept
    /// there and is lost stays lost.
    pub(super) fn stay(&mut self, path: &[u8], told: Told, kept: bool) {
        self.kept.add(path, told, kept, self.findings);
        self.findings.tell_lost(|lost| self.set_roots.belongs(lost, path));
    }

    /// Takes over an entry of the base; says whether it is a version of anything. What the vault has lost of it is a
    /// finding, unless the caller has one.
    fn keep_entry(&mut self, previous: &BaseEntry, has_finding: bool) -> Result<bool, EngineError> {
        if self.index.has(&previous.entry().content) {
            self.count_done(previous.entry());
            self.push(meta::kept(previous), 0)?;
            // The name of what no run could ever read is no version of it.
            return Ok(!previous.entry().has(flags::UNREAD));
        }
        if !has_finding {
            self.findings.note(&previous.entry().path, FindingReason::Damaged, 0, false);
        }
        Ok(false)
    }

    /// What the base has below a folder that shows nothing stays until the user says that it is meant so.
    pub(super) fn keep_hidden(&mut self, path: &[u8], reason: FindingReason) -> Result<(), EngineError> {
        if !self.request.accept_changed_roots && self.base_has_below(path)? {
            self.stay(path, Told::if_any(reason), false);
        }
        Ok(())
    }

    /// Lets `folder` stay when, in the base, a file system was mounted there or, where no folder stands now, below it;
    /// or when it had something and one is mounted there that shows nothing. What stands there now is left out then.
    /// False when it is nothing of that kind.
    pub(super) fn keep_unmounted(
        &mut self,
        folder: &BaseEntry,
        place: &Place,
        is_hidden: bool,
    ) -> Result<bool, EngineError> {
        let (path, is_folder) = (&place.path[..], place.stat.kind == FileKind::Dir);
        if self.set_roots.has(path) || (is_hidden && !self.keeps_unmounted()) {
            return Ok(false);
        }
        if is_hidden {
            self.keep_hidden(path, FindingReason::MountMissing)?;
            // When it is the one of the base, by all that is known of it, it goes on with its present attributes.
            let number = self.file_systems.number(&place.stat, Some(folder.entry()));
            if number == folder.entry().dev || !self.base_has_below(path)? {
                return Ok(false);
            }
            self.left_out.push(path.to_vec());
            self.push(meta::kept(folder), 0)?;
            return Ok(true);
        }
        let is_mounted = is_folder && self.mounts.begins(path) != Some(false);
        if self.keeps_unmounted() && self.mounts.began(path) && !is_mounted && self.base_has_below(path)? {
            self.push(meta::kept(folder), 0)?;
            self.left_out.push(path.to_vec());
            self.stay(path, MOUNT_MISSING, false);
            return Ok(true);
        }
        if is_folder && self.is_astray(folder.entry()) {
            self.push(meta::kept(folder), 0)?;
            return Ok(true);
        }
        if is_folder || !self.keeps_unmounted() {
            return Ok(false);
        }
        self.mounts.lose(folder.entry());
        while self.base.peek()?.is_some_and(|next| {
            let next = &next.entry().path;
            path::is_within(next, path) && !self.set_roots.leads_to_one(next, path)
        }) {
            self.pass()?;
        }
        Ok(!self.mounts.replace(path))
    }

    /// Whether what the walk finds at this path is left out.
    pub(super) fn is_left_out(&self, path: &[u8]) -> bool {
        self.left_out.iter().any(|folder| self.set_roots.belongs(path, folder))
    }

    /// A folder that is left out and lies above a root that is not: what the base has of it stays, else it comes as it
    /// is now, since the root needs it. Of a root itself that was seen to before its entry.
    pub(super) fn way(&mut self, path: Vec<u8>, place: &Place) -> Result<(), EngineError> {
        let is_way = place.stat.kind == FileKind::Dir && self.set_roots.below(&path).next().is_some();
        if !is_way || self.set_roots.has(&path) {
            return Ok(());
        }
        let previous = self.previous(&path)?.filter(|previous| previous.entry().kind == EntryKind::Dir);
        if let Some(previous) = previous {
            self.push(meta::kept(&previous), 0)?;
            self.kept.note(&path, true, &self.set_roots);
            return Ok(());
        }
        let mut now = self.now(path, &place.stat, None);
        now.flags |= flags::PARENT;
        self.special(now, place.at(), None)
    }

    /// Whether what other file systems held below roots stays when they are not mounted.
    const fn keeps_unmounted(&self) -> bool {
        !self.request.accept_changed_roots && !self.request.one_file_system
    }

    /// Whether a run would take in a file system that is mounted at this folder: it lies in a root, and no rule leaves
    /// it out.
    pub(super) fn is_wanted(&self, path: &[u8]) -> bool {
        let Some(root) = self.set_roots.around(path).filter(|_| self.keeps_unmounted()) else { return false };
        let mut folders = std::iter::successors(Some(path), |folder| path::parent(folder));
        !folders.by_ref().take_while(|folder| *folder != root).any(|folder| self.rules.exclude(folder, true))
    }
}
