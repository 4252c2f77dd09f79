//! Writes the sorted entries as hunks, takes over hunks of the base that did not change, and keeps the cache.

use super::base::{BaseEntries, BaseEntry, BaseHunk};
use super::cache::NextCache;
use super::held::HeldClasses;
use super::index::{Found, Index};
use super::item::{Ids, Item};
use super::packer::{FrameSlot, Packer};
use crate::EngineError;
use format::classes::Classes;
use format::entry::{Entry, EntryKind, FileTime, Rare, flags};
use format::frame::{Compressor, FrameBuilder, PackKind};
use format::hunk::{Hunk, HunkBuilder};
use format::keys::IdKeys;
use format::limits;
use format::path;
use format::ranges::{Address, RangeList};
use format::snapshot::{Counts, HunkRef};
use model::ChunkId;
use std::collections::HashMap;
use std::sync::Arc;

/// Content of a file that has several names, for those that follow.
struct LinkedContent {
    changed: FileTime,
    size: u64,
    class: u8,
    flags: u32,
    rare: Rare,
    content: RangeList,
    ids: Ids,
}

/// The list of hunks that a snapshot is made of.
#[derive(Clone, Default)]
pub(super) struct HunkList {
    pub(super) hunks: Vec<HunkRef>,
    pub(super) addresses: RangeList,
    pub(super) counts: Counts,
    /// Of files in the list.
    pub(super) held: HeldClasses,
}

/// Where hunks are stored; shared by the run's own list and that of a checkpoint.
pub(super) struct HunkStore<'a> {
    pub(super) keys: &'a IdKeys,
    classes: &'a Classes,
    pub(super) index: &'a Index,
    pub(super) packer: &'a Packer<'a>,
    compressor: Compressor,
    frame: FrameBuilder,
    references: Vec<RangeList>,
    slot: Option<FrameSlot>,
}

/// Writes one list of hunks.
pub(super) struct HunkWriter {
    builder: HunkBuilder,
    list: HunkList,
    cache: NextCache,
    links: HashMap<(u64, u64), LinkedContent>,
    /// A hunk of the base whose entries have come so far unchanged from the first on, and how many.
    candidate: Option<(Arc<BaseHunk>, usize)>,
    last_path: Vec<u8>,
}

impl<'a> HunkStore<'a> {
    pub(super) fn new(
        keys: &'a IdKeys,
        classes: &'a Classes,
        index: &'a Index,
        packer: &'a Packer<'a>,
        compression_level: i32,
        frame_target: usize,
    ) -> Self {
        Self {
            keys,
            classes,
            index,
            packer,
            compressor: Compressor::new(compression_level),
            frame: FrameBuilder::with_target(frame_target),
            references: Vec::new(),
            slot: None,
        }
    }

    /// Stores a hunk unless the vault has it. One that no reader would take fails the run: it must not be committed.
    fn store(&mut self, id: ChunkId, bytes: &[u8], references: RangeList) -> Result<Address, EngineError> {
        if bytes.len() > limits::HUNK_MAX {
            return Err(EngineError::Defect("a part of the list of files is larger than readers take"));
        }
        if let Found::At(address) = self.index.find(PackKind::Hunk, &id) {
            return Ok(address);
        }
        if self.frame.content_bytes() + bytes.len() > limits::FRAME_CONTENT_MAX {
            self.seal()?;
        }
        let slot = match self.slot.take() {
            Some(slot) => slot,
            None => self.packer.slot(PackKind::Hunk)?,
        };
        let ordinal = self.frame.push(id, bytes);
        self.references.push(references);
        let address = Address { pack: slot.pack_id(), frame: slot.number, ordinal };
        self.index.added.add(PackKind::Hunk, id, address);
        self.slot = Some(slot);
        if self.frame.is_full() {
            self.seal()?;
        }
        Ok(address)
    }

    /// Seals the frame that is being filled, if any.
    pub(super) fn seal(&mut self) -> Result<(), EngineError> {
        let Some(slot) = self.slot.take() else { return Ok(()) };
        let built = self
            .frame
            .seal(&slot.pack.cipher, slot.number, &mut self.compressor)
            .map_err(|error| EngineError::damaged("frame", error))?;
        self.packer.put(&slot, built, std::mem::take(&mut self.references))
    }
}

impl HunkWriter {
    pub(super) fn new(cache: NextCache) -> Self {
        Self {
            builder: HunkBuilder::new(),
            list: HunkList::default(),
            cache,
            links: HashMap::new(),
            candidate: None,
            last_path: Vec::new(),
        }
    }

    /// Path of the last entry that was taken.
    pub(super) fn last_path(&self) -> &[u8] {
        &self.last_path
    }

    /// Takes the next item in order.
    pub(super) fn take(&mut self, store: &mut HunkStore<'_>, item: Item) -> Result<(), EngineError> {
        match item {
            Item::Nothing => Ok(()),
            Item::Read(_) | Item::Unseen(_) | Item::Link(_) | Item::Waiting(..) => {
                Err(EngineError::Defect("a file was not read"))
            }
            Item::Same(base) => self.same(store, &base),
            Item::Entry(entry, ids) => self.entry(store, &entry, &ids),
        }
    }

    fn same(&mut self, store: &mut HunkStore<'_>, base: &BaseEntry) -> Result<(), EngineError> {
        self.count(store.classes, base.entry());
        let next = match &self.candidate {
            Some((hunk, matched)) => Arc::ptr_eq(hunk, &base.hunk) && *matched == base.at,
            None => {
                base.at == 0 && self.builder.entries() == 0 && store.index.may_keep_hunk(&base.hunk.address)
            }
        };
        if !next {
            self.end_candidate(store)?;
            return self.write(store, base.entry(), base.ids());
        }
        let matched = base.at + 1;
        self.candidate = Some((Arc::clone(&base.hunk), matched));
        // A short hunk may have ended only because the list did: it is taken over when nothing follows.
        if matched == base.hunk.entries.len() && matched >= limits::HUNK_ENTRIES_MIN {
            self.take_over();
        }
        Ok(())
    }

    /// The candidate matched as a whole: its hunk is taken over as it is.
    fn take_over(&mut self) {
        let Some((hunk, _)) = self.candidate.take() else { return };
        self.list.hunks.push(HunkRef {
            id: hunk.id,
            entries: hunk.entries.len() as u64,
            first_path: hunk.entries[0].path.clone(),
        });
        self.list.addresses.push(hunk.address);
        self.cache.push_same(&hunk);
    }

    /// The candidate did not match: its entries so far are written like others.
    fn end_candidate(&mut self, store: &mut HunkStore<'_>) -> Result<(), EngineError> {
        if let Some((hunk, matched)) = self.candidate.take() {
            for at in 0..matched {
                self.write(store, &hunk.entries[at], hunk.ids_of(at))?;
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        store: &mut HunkStore<'_>,
        entry: &Entry,
        ids: &[ChunkId],
    ) -> Result<(), EngineError> {
        self.end_candidate(store)?;
        self.count(store.classes, entry);
        self.remember(entry, ids);
        self.write(store, entry, ids)
    }

    /// A further name of a file, with the content of an earlier name. `None` when no earlier name was read as this one
    /// was seen: it may have gone or been replaced, an older version may stand there for it, or the file was changed
    /// after it was read and before the walk came here.
    pub(super) fn with_first_content(&self, entry: &Entry) -> Option<Item> {
        let first = self.links.get(&(entry.dev, entry.ino)).filter(|first| first.changed == entry.changed)?;
        let mut entry = entry.clone();
        entry.size = first.size;
        entry.class = first.class;
        entry.flags |= first.flags;
        entry.rare = first.rare.clone();
        entry.content = first.content.clone();
        Some(Item::Entry(Box::new(entry), first.ids.clone()))
    }

    /// Counts an entry.
    fn count(&mut self, classes: &Classes, entry: &Entry) {
        self.list.held.note(classes, entry);
        self.last_path.clone_from(&entry.path);
        let counts = &mut self.list.counts;
        counts.entries += u64::from(entry.kind != EntryKind::Continuation);
        if entry.kind == EntryKind::File {
            counts.files += 1;
            counts.bytes += entry.size;
        }
    }

    /// Remembers content that further names may need. Of a file that did not change no name did, as a rule: a further one
    /// that is new all the same is read itself, and millions of them cost no memory.
    fn remember(&mut self, entry: &Entry, ids: &[ChunkId]) {
        let is_linked = entry.kind == EntryKind::File && entry.has(flags::HARD_LINK);
        if !is_linked || entry.flags & (flags::UNREAD | flags::KEPT) != 0 {
            return;
        }
        let content = LinkedContent {
            changed: entry.changed,
            size: entry.size,
            class: entry.class,
            flags: entry.flags,
            rare: entry.rare.clone(),
            content: entry.content.clone(),
            ids: Ids::from_slice(ids),
        };
        self.links.insert((entry.dev, entry.ino), content);
    }

    /// Appends an entry; one with more ranges than fit is split into continuations.
    fn write(
        &mut self,
        store: &mut HunkStore<'_>,
        entry: &Entry,
        ids: &[ChunkId],
    ) -> Result<(), EngineError> {
        let ranges = entry.content.as_slice();
        let most = HunkBuilder::ranges_that_fit(entry);
        if ranges.len() <= most {
            return self.write_part(store, entry, ids);
        }
        let (first, more) = ranges.split_at(most);
        let parts = std::iter::once(first).chain(more.chunks(limits::HUNK_RANGES_MAX));
        let mut rest = ids;
        for (part, ranges) in parts.enumerate() {
            let mut piece = entry.clone();
            if part > 0 {
                piece.kind = EntryKind::Continuation;
                piece.rare = Rare { part: part as u64, ..Rare::default() };
            }
            piece.content = RangeList::new();
            ranges.iter().for_each(|range| piece.content.push_range(*range));
            let (now, later) = rest.split_at(piece.content.chunks() as usize);
            self.write_part(store, &piece, now)?;
            rest = later;
        }
        Ok(())
    }

    fn write_part(
        &mut self,
        store: &mut HunkStore<'_>,
        entry: &Entry,
        ids: &[ChunkId],
    ) -> Result<(), EngineError> {
        if self.builder.ends_before(entry) {
            self.end_hunk(store)?;
        }
        self.builder.push(entry, ids);
        if self.builder.ends_here(store.keys) {
            self.end_hunk(store)?;
        }
        Ok(())
    }

    fn end_hunk(&mut self, store: &mut HunkStore<'_>) -> Result<(), EngineError> {
        let Some(built) = self.builder.finish(store.keys) else { return Ok(()) };
        append(store, &mut self.list, &mut self.cache, built)
    }

    /// Ends the last hunk.
    pub(super) fn finish(mut self, store: &mut HunkStore<'_>) -> Result<(HunkList, NextCache), EngineError> {
        if self.builder.entries() == 0
            && self.candidate.as_ref().is_some_and(|(hunk, all)| *all == hunk.entries.len())
        {
            self.take_over();
        } else {
            self.end_candidate(store)?;
            self.end_hunk(store)?;
        }
        Ok((self.list, self.cache))
    }

    /// What a checkpoint would commit now: everything so far, then the rest of the base, marked. Goes on after it.
    pub(super) fn checkpoint(
        &mut self,
        store: &mut HunkStore<'_>,
        rest: impl Iterator<Item = Result<BaseHunk, EngineError>> + Send,
    ) -> Result<(HunkList, NextCache), EngineError> {
        self.end_candidate(store)?;
        let mut cache = self.cache.fork();
        let mut list = self.list.clone();
        if let Some(built) = self.builder.snapshot(store.keys) {
            append(store, &mut list, &mut cache, built)?;
        }
        let mut tail = Self { list, ..Self::new(cache) };
        let mut rest = BaseEntries::new(rest);
        while let Some(previous) = rest.take()? {
            let entry = previous.entry();
            if path::compare(&entry.path, &self.last_path).is_gt() && store.index.has(&entry.content) {
                let mut entry = entry.clone();
                entry.flags |= flags::NOT_WALKED;
                tail.entry(store, &entry, previous.ids())?;
            }
        }
        tail.finish(store)
    }
}

fn append(
    store: &mut HunkStore<'_>,
    list: &mut HunkList,
    cache: &mut NextCache,
    built: format::hunk::BuiltHunk,
) -> Result<(), EngineError> {
    // What no reader takes must not be committed, whatever let it come here.
    if Hunk::decode(&built.bytes).is_err() {
        return Err(EngineError::Defect("a part of the list of files is one that readers refuse"));
    }
    let address = store.store(built.id, &built.bytes, built.references)?;
    list.hunks.push(HunkRef { id: built.id, entries: built.entries, first_path: built.first_path });
    list.addresses.push(address);
    cache.push(built.id, address, &built.bytes, &built.chunk_ids);
    Ok(())
}

#[cfg(test)]
mod tests;
