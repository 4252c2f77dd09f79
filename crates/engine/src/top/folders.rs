//! What each folder holds: sums that are ready when the list has come past the folder, so that each follows all that
//! is below it.

use crate::EngineError;
use crate::reader::{Entries, SnapshotReader};
use format::entry::{Entry, EntryKind, flags};
use format::path;
use std::collections::{HashMap, VecDeque};

/// What a folder holds, at all depths.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// The folder.
    pub path: Vec<u8>,
    /// Sizes of the files below it; one with several names below it counts once.
    pub bytes: u64,
    /// Names of files below it.
    pub files: u64,
    /// Names of all kinds below it.
    pub entries: u64,
}

/// A folder whose end has not come.
struct Open {
    usage: Usage,
    /// Bytes that two folders below it hold both, since they have names of the same file.
    twice: u64,
    /// A folder above the roots says nothing that these do not say.
    is_parent: bool,
}

pub(super) struct Folders<'r, 'a> {
    entries: Entries<'r, 'a>,
    open: Vec<Open>,
    done: VecDeque<Usage>,
    /// The last name of each file that has several.
    links: HashMap<(u64, u64), Vec<u8>>,
    damage: Option<EngineError>,
}

impl<'r, 'a> Folders<'r, 'a> {
    pub(super) fn new(reader: &'r SnapshotReader<'a>, root: &[u8]) -> Self {
        let entries = reader.entries(root);
        Self { entries, open: Vec::new(), done: VecDeque::new(), links: HashMap::new(), damage: None }
    }

    pub(super) fn into_damage(self) -> Option<EngineError> {
        self.damage
    }

    /// The next folder.
    pub(super) fn next(&mut self) -> Result<Option<Usage>, EngineError> {
        while self.done.is_empty() {
            match self.entries.next() {
                Some(Ok(entry)) => self.take(entry),
                Some(Err(error @ EngineError::Damaged { .. })) => drop(self.damage.get_or_insert(error)),
                Some(Err(error)) => return Err(error),
                None if self.open.is_empty() => return Ok(None),
                None => self.close_all_but(None),
            }
        }
        Ok(self.done.pop_front())
    }

    fn take(&mut self, entry: Entry) {
        self.close_all_but(Some(&entry.path));
        if let Some(folder) = self.open.last_mut() {
            folder.usage.entries += 1;
            if entry.kind == EntryKind::File {
                folder.usage.files += 1;
                folder.usage.bytes += entry.size;
            }
        }
        if entry.kind == EntryKind::File && entry.has(flags::HARD_LINK) {
            self.link(entry);
        } else if entry.kind == EntryKind::Dir {
            let is_parent = entry.has(flags::PARENT);
            let usage = Usage { path: entry.path, ..Usage::default() };
            self.open.push(Open { usage, twice: 0, is_parent });
        }
    }

    /// Takes a further name of a file out of the folders that have counted it. Paths ascend, so no earlier name shares
    /// more folders with this one than the last.
    fn link(&mut self, entry: Entry) {
        let key = (entry.dev, entry.ino);
        let Some(last) = self.links.insert(key, entry.path) else { return };
        let shared = self.open.iter_mut().rev().find(|folder| path::is_within(&last, &folder.usage.path));
        if let Some(folder) = shared {
            folder.twice += entry.size;
        }
    }

    /// Ends the folders that do not hold `path`; `None` ends all.
    fn close_all_but(&mut self, path: Option<&[u8]>) {
        let holds = |folder: &Open| path.is_some_and(|path| path::is_within(path, &folder.usage.path));
        while let Some(folder) = self.open.pop_if(|folder| !holds(folder)) {
            let mut usage = folder.usage;
            usage.bytes = usage.bytes.saturating_sub(folder.twice);
            if let Some(above) = self.open.last_mut() {
                above.usage.bytes += usage.bytes;
                above.usage.files += usage.files;
                above.usage.entries += usage.entries;
            }
            if !folder.is_parent {
                self.done.push_back(usage);
            }
        }
    }
}
