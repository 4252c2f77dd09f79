//! The entries of a restore in order, each with what checks its content. Parts of the list that cannot be read are
//! items of their own.

use super::hunk_check::{BadHunks, HunkCheck};
use crate::EngineError;
use crate::reader::{Hunks, SnapshotReader};
use format::entry::{Entry, EntryKind};
use format::path;
use format::ranges::RangeList;
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

/// What comes next.
pub(super) enum Item {
    /// An entry.
    Entry(Box<Picked>),
    /// Entries from this path on are lost, or the entry of this path breaks the order of the list.
    Gap(Vec<u8>),
}

/// An entry with its content, hunk by hunk.
pub(super) struct Picked {
    /// The entry; its content is what its own hunk holds of it.
    pub(super) entry: Entry,
    /// The check of that hunk.
    pub(super) check: Option<Arc<HunkCheck>>,
    /// What continuations add.
    pub(super) more: Vec<Part>,
    /// False when a continuation is missing.
    pub(super) is_whole: bool,
}

/// Content that a continuation adds.
pub(super) struct Part {
    pub(super) content: RangeList,
    pub(super) check: Option<Arc<HunkCheck>>,
}

impl Picked {
    /// The content and its checks, in order.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&RangeList, Option<&Arc<HunkCheck>>)> {
        let first = (&self.entry.content, self.check.as_ref());
        std::iter::once(first).chain(self.more.iter().map(|part| (&part.content, part.check.as_ref())))
    }

    /// Tells the checks that this content is not read.
    pub(super) fn leave_out(&self) {
        self.parts()
            .filter(|(content, _)| !content.is_empty())
            .filter_map(|(_, check)| check)
            .for_each(|check| check.leave_out());
    }
}

/// The entries at and below one path.
pub(super) struct Source<'r, 'a> {
    reader: &'r SnapshotReader<'a>,
    hunks: Hunks<'r, 'a>,
    selection: &'r [u8],
    bad: Option<&'r BadHunks>,
    ready: VecDeque<Item>,
    /// The file whose continuations may follow in the next hunk.
    held: Option<Box<Picked>>,
    last_path: Vec<u8>,
}

impl<'r, 'a> Source<'r, 'a> {
    /// Entries at and below `selection`; with `bad` the digests of hunks are checked.
    pub(super) fn new(
        reader: &'r SnapshotReader<'a>,
        selection: &'r [u8],
        bad: Option<&'r BadHunks>,
    ) -> Self {
        let hunks = reader.hunks(reader.hunks_within(selection));
        let (ready, held, last_path) = Default::default();
        Self { reader, hunks, selection, bad, ready, held, last_path }
    }

    /// Puts the entries of the next hunk into `ready`. False at the end.
    fn read_hunk(&mut self) -> Result<bool, EngineError> {
        let Some((number, hunk)) = self.hunks.next() else { return Ok(false) };
        let hunk = match hunk {
            Ok(hunk) => hunk,
            Err(error @ EngineError::Damaged { .. }) => {
                tracing::warn!(hunk = number, %error, "a part of the snapshot's list cannot be read");
                self.ready.extend(self.held.take().map(Item::Entry));
                self.ready.push_back(Item::Gap(self.reader.sealed().hunks[number].first_path.clone()));
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        let check = self.bad.map(|bad| HunkCheck::new(number, hunk.digest, self.reader.id_keys(), bad));
        for entry in hunk.entries {
            if path::is_within(&entry.path, self.selection) {
                self.take(entry, check.as_ref());
            } else if let Some(check) = check.as_ref().filter(|_| !entry.content.is_empty()) {
                check.leave_out();
            }
        }
        Ok(true)
    }

    fn take(&mut self, entry: Entry, check: Option<&Arc<HunkCheck>>) {
        if entry.kind == EntryKind::Continuation {
            return self.take_continuation(entry, check);
        }
        self.ready.extend(self.held.take().map(Item::Entry));
        let is_ordered =
            self.last_path.is_empty() || path::compare(&self.last_path, &entry.path) == Ordering::Less;
        if !is_ordered {
            check.inspect(|check| check.leave_out());
            self.ready.push_back(Item::Gap(entry.path));
            return;
        }
        self.last_path.clone_from(&entry.path);
        let picked = Picked { entry, check: check.cloned(), more: Vec::new(), is_whole: true };
        self.held = Some(Box::new(picked));
    }

    fn take_continuation(&mut self, entry: Entry, check: Option<&Arc<HunkCheck>>) {
        let held = self.held.as_mut().filter(|held| held.entry.path == entry.path);
        match held {
            Some(held) if entry.is_part_of(&held.entry.path, held.more.len() as u64 + 1) => {
                held.more.push(Part { content: entry.content, check: check.cloned() });
            }
            other => {
                check.inspect(|check| check.leave_out());
                if let Some(held) = other {
                    held.is_whole = false;
                }
            }
        }
    }
}

impl Iterator for Source<'_, '_> {
    type Item = Result<Item, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(Ok(item));
            }
            match self.read_hunk() {
                Ok(true) => {}
                Ok(false) => return self.held.take().map(|held| Ok(Item::Entry(held))),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// A restore that ends early leaves entries here: their hunk cannot be compared, and is not damaged for that.
impl Drop for Source<'_, '_> {
    fn drop(&mut self) {
        let ready = self.ready.iter().filter_map(|item| match item {
            Item::Entry(picked) => Some(picked),
            Item::Gap(_) => None,
        });
        ready.chain(&self.held).for_each(|picked| picked.leave_out());
    }
}
