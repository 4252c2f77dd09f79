//! The last snapshot of the set, to compare with: read hunk by hunk from the cache, or from the server
//! when the cache is gone.

use super::cache::Section;
use super::held::HeldClasses;
use crate::EngineError;
use format::entry::Entry;
use format::hunk::Hunk;
use format::path;
use format::ranges::Address;
use format::snapshot::Root;
use model::{ChunkId, DeviceId, Finding, SetId, SnapshotId, VaultId};
use std::sync::Arc;

/// What a base is bound to and what a run needs of it besides its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BaseHeader {
    pub(super) vault: VaultId,
    pub(super) device: DeviceId,
    pub(super) set: SetId,
    pub(super) snapshot: SnapshotId,
    pub(super) complete: bool,
    pub(super) findings: Vec<Finding>,
    pub(super) roots: Vec<Root>,
    pub(super) held: HeldClasses,
}

impl BaseHeader {
    /// What the base knows of the root at `path`.
    pub(super) fn root(&self, path: &[u8]) -> Option<&Root> {
        self.roots.iter().find(|root| root.path == path)
    }
}

/// A hunk of the base with the ids of its chunks.
#[derive(Debug)]
pub(super) struct BaseHunk {
    pub(super) id: ChunkId,
    pub(super) address: Address,
    pub(super) entries: Vec<Entry>,
    pub(super) ids: Vec<ChunkId>,
    /// Where each entry's ids begin in `ids`.
    starts: Vec<u32>,
    /// How it stands in the cache, for the next one.
    pub(super) section: Section,
}

impl BaseHunk {
    /// A hunk from the cache; `ids` are those of its chunks, in order.
    pub(super) fn new(
        id: ChunkId,
        address: Address,
        hunk: Hunk,
        ids: Vec<ChunkId>,
        section: Section,
    ) -> Result<Self, format::Error> {
        let mut starts = Vec::with_capacity(hunk.entries.len());
        let mut next = 0u32;
        for entry in &hunk.entries {
            starts.push(next);
            next += entry.content.chunks() as u32;
        }
        if next as usize != ids.len() {
            return Err(format::Error::Mismatch { what: "cached hunk", check: "list of ids" });
        }
        Ok(Self { id, address, entries: hunk.entries, ids, starts, section })
    }

    /// The ids of one entry's chunks.
    pub(super) fn ids_of(&self, at: usize) -> &[ChunkId] {
        let end = self.starts.get(at + 1).map_or(self.ids.len(), |start| *start as usize);
        &self.ids[self.starts[at] as usize..end]
    }
}

/// An entry of the base: its hunk and its place there.
#[derive(Debug, Clone)]
pub(super) struct BaseEntry {
    pub(super) hunk: Arc<BaseHunk>,
    pub(super) at: usize,
    /// For a file with continuations: entry and ids with the content of all of them.
    joined: Option<Arc<(Entry, Vec<ChunkId>)>>,
}

impl BaseEntry {
    /// The entry with its whole content.
    pub(super) fn entry(&self) -> &Entry {
        self.joined.as_ref().map_or(&self.hunk.entries[self.at], |joined| &joined.0)
    }

    /// The ids of all its chunks.
    pub(super) fn ids(&self) -> &[ChunkId] {
        self.joined.as_ref().map_or_else(|| self.hunk.ids_of(self.at), |joined| &joined.1)
    }

    /// Whether it is as it stands in its hunk: without continuations.
    pub(super) const fn is_in_one_piece(&self) -> bool {
        self.joined.is_none()
    }

    fn is_continued_by(&self, next: &Self, part: u64) -> bool {
        next.hunk.entries[next.at].is_part_of(&self.hunk.entries[self.at].path, part)
    }
}

/// The entries of the base in order, one look ahead.
pub(super) struct BaseEntries<'a> {
    hunks: Box<dyn Iterator<Item = Result<BaseHunk, EngineError>> + Send + 'a>,
    current: Option<BaseEntry>,
    error: Option<EngineError>,
}

impl<'a> BaseEntries<'a> {
    pub(super) fn new(hunks: impl Iterator<Item = Result<BaseHunk, EngineError>> + Send + 'a) -> Self {
        let mut entries = Self { hunks: Box::new(hunks), current: None, error: None };
        entries.load();
        entries
    }

    /// A base without entries.
    pub(super) fn none() -> Self {
        Self::new(std::iter::empty())
    }

    fn load(&mut self) {
        self.current = None;
        for hunk in self.hunks.by_ref() {
            match hunk {
                Ok(hunk) if hunk.entries.is_empty() => {}
                Ok(hunk) => {
                    self.current = Some(BaseEntry { hunk: Arc::new(hunk), at: 0, joined: None });
                    return;
                }
                Err(error) => {
                    self.error = Some(error);
                    return;
                }
            }
        }
    }

    /// The next entry, without taking it. Fails when the base cannot be read on: what follows must not be
    /// taken for deleted.
    pub(super) fn peek(&mut self) -> Result<Option<&BaseEntry>, EngineError> {
        match self.error.take() {
            Some(error) => Err(error),
            None => Ok(self.current.as_ref()),
        }
    }

    /// Takes the next entry, with its continuations.
    pub(super) fn take(&mut self) -> Result<Option<BaseEntry>, EngineError> {
        let Some(mut taken) = self.take_piece()? else { return Ok(None) };
        let (mut joined, mut part) = (None, 1);
        while self.peek()?.is_some_and(|next| taken.is_continued_by(next, part)) {
            part += 1;
            let Some(piece) = self.take_piece()? else { break };
            let (entry, ids) = joined.get_or_insert_with(|| (taken.entry().clone(), taken.ids().to_vec()));
            piece.entry().content.as_slice().iter().for_each(|range| entry.content.push_range(*range));
            ids.extend_from_slice(piece.ids());
        }
        taken.joined = joined.map(Arc::new);
        Ok(Some(taken))
    }

    fn take_piece(&mut self) -> Result<Option<BaseEntry>, EngineError> {
        self.peek()?;
        let Some(current) = &mut self.current else { return Ok(None) };
        let taken = current.clone();
        current.at += 1;
        if current.at == current.hunk.entries.len() {
            self.load();
        }
        Ok(Some(taken))
    }

    /// Whether the next entry comes before `path`.
    pub(super) fn is_before(&mut self, path: &[u8]) -> Result<bool, EngineError> {
        Ok(self.peek()?.is_some_and(|next| path::compare(&next.entry().path, path).is_lt()))
    }
}
