//! One list of a comparison: its entries in order without the hunks that both lists share, files joined with their
//! continuations, and the stretches of paths that cannot be read.

use super::Side;
use crate::EngineError;
use crate::reader::SnapshotReader;
use format::entry::{Entry, EntryKind};
use format::hunk::Hunk;
use format::path;
use model::ChunkId;
use std::collections::VecDeque;

/// Hunks that are read ahead.
const HUNKS_AT_ONCE: usize = 32;

/// A hunk with its number; the error is that it is damaged.
type Fetched = (usize, Result<Hunk, EngineError>);

pub(super) struct Cursor<'s, 'a> {
    reader: &'s SnapshotReader<'a>,
    root: &'s [u8],
    /// Hunks that are still to be read.
    numbers: VecDeque<usize>,
    fetched: VecDeque<Fetched>,
    ready: VecDeque<Entry>,
    /// The file whose continuations may follow.
    held: Option<Entry>,
    /// The number of its last part.
    parts: u64,
    /// The last hunk that could not be read.
    lost: Option<usize>,
    gaps: VecDeque<Gap>,
    read: u64,
    shared: u64,
    damage: Option<EngineError>,
}

/// Paths that are not known, from the root of the comparison on.
struct Gap {
    from: Vec<u8>,
    /// The first that is known again; `None`: none is.
    to: Option<Vec<u8>>,
}

impl<'s, 'a> Cursor<'s, 'a> {
    pub(super) fn new(side: Side<'s, 'a>, is_shared: impl Fn(&ChunkId) -> bool) -> Self {
        let hunks = &side.reader.sealed().hunks;
        let within = side.reader.hunks_within(side.root);
        let all = within.len();
        let numbers: VecDeque<usize> = within.filter(|number| !is_shared(&hunks[*number].id)).collect();
        Self {
            reader: side.reader,
            root: side.root,
            shared: (all - numbers.len()) as u64,
            numbers,
            fetched: VecDeque::new(),
            ready: VecDeque::new(),
            held: None,
            parts: 0,
            lost: None,
            gaps: VecDeque::new(),
            read: 0,
            damage: None,
        }
    }

    /// Hunks that were read.
    pub(super) const fn read(&self) -> u64 {
        self.read
    }

    /// Hunks that were passed over.
    pub(super) const fn shared(&self) -> u64 {
        self.shared
    }

    pub(super) fn into_damage(self) -> Option<EngineError> {
        self.damage
    }

    /// The path from the root of the comparison on; empty for the root itself.
    pub(super) fn relative<'p>(&self, path: &'p [u8]) -> &'p [u8] {
        match self.root {
            root if path == root => b"",
            b"/" => path,
            root => path.get(root.len()..).unwrap_or_default(),
        }
    }

    /// Whether this list has a part where `relative` would be and that cannot be read. Asked with ascending paths.
    pub(super) fn is_lost(&mut self, relative: &[u8]) -> bool {
        let is_past = |gap: &Gap| gap.to.as_ref().is_some_and(|to| path::compare(to, relative).is_le());
        while self.gaps.front().is_some_and(is_past) {
            self.gaps.pop_front();
        }
        self.gaps.front().is_some_and(|gap| path::compare(&gap.from, relative).is_le())
    }

    /// The next entry. All gaps before the one that follows it are known then.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, EngineError> {
        loop {
            while let Some(entry) = self.ready.pop_front() {
                let done = self.take(entry);
                if done.is_some() {
                    return Ok(done);
                }
            }
            match self.next_hunk()? {
                Some((number, Ok(hunk))) => self.open(number, hunk),
                Some((number, Err(error))) => self.lose(number, error),
                None => return Ok(self.held.take()),
            }
        }
    }

    /// Joins a continuation to its file, or holds the entry and gives the one that was held.
    fn take(&mut self, mut entry: Entry) -> Option<Entry> {
        if entry.kind != EntryKind::Continuation {
            self.parts = 0;
            return self.held.replace(entry);
        }
        let part = entry.rare.part;
        if let Some(file) = &mut self.held
            && entry.is_part_of(&file.path, self.parts + 1)
        {
            file.content.extend(&entry.content);
            self.parts = part;
            return None;
        }
        // What is in front of it is in a hunk that both lists share, and so is all of the file but for its content.
        entry.kind = EntryKind::File;
        entry.rare.part = 0;
        self.parts = part;
        self.held.replace(entry)
    }

    fn open(&mut self, number: usize, hunk: Hunk) {
        let is_after_loss = self.lost.is_some_and(|lost| lost + 1 == number);
        self.read += 1;
        let root = self.root;
        self.ready.extend(hunk.entries.into_iter().filter(|entry| path::is_within(&entry.path, root)));
        if !is_after_loss {
            return;
        }
        // The file that these continue is in the lost part, and so nothing is known of it.
        while self.ready.front().is_some_and(|entry| entry.kind == EntryKind::Continuation) {
            if let Some(entry) = self.ready.pop_front() {
                let from = self.relative(&entry.path).to_vec();
                let to = Some([&from[..], b"/"].concat());
                self.gaps.push_back(Gap { from, to });
            }
        }
    }

    fn lose(&mut self, number: usize, error: EngineError) {
        let from = self.begin(number).unwrap_or_default();
        let to = self.begin(number + 1);
        self.gaps.push_back(Gap { from, to });
        self.lost = Some(number);
        self.damage.get_or_insert(error);
    }

    /// The path that a hunk begins with; the root for one that begins before it, and `None` beyond the end.
    fn begin(&self, number: usize) -> Option<Vec<u8>> {
        let first = &self.reader.sealed().hunks.get(number)?.first_path;
        if path::is_within(first, self.root) {
            return Some(self.relative(first).to_vec());
        }
        path::compare(first, self.root).is_lt().then(Vec::new)
    }

    fn next_hunk(&mut self) -> Result<Option<Fetched>, EngineError> {
        if self.fetched.is_empty() && !self.numbers.is_empty() {
            let batch = self.batch();
            let mut fetched = Vec::with_capacity(batch.len());
            self.reader.visit_hunks(&batch, &mut |number, hunk| match hunk {
                Err(error) if !matches!(error, EngineError::Damaged { .. }) => Err(error),
                hunk => {
                    fetched.push((number, hunk));
                    Ok(())
                }
            })?;
            fetched.sort_unstable_by_key(|(number, _)| *number);
            self.fetched = fetched.into();
        }
        Ok(self.fetched.pop_front())
    }

    /// The next hunks to read, to the end of a frame, so that none is fetched twice.
    fn batch(&mut self) -> Vec<usize> {
        let addresses = self.reader.hunk_addresses();
        let frame = |number: usize| (addresses[number].pack, addresses[number].frame);
        let mut batch: Vec<usize> = Vec::new();
        while let Some(number) = self.numbers.front().copied() {
            let ends = batch.len() >= HUNKS_AT_ONCE
                && batch.last().is_some_and(|last| frame(*last) != frame(number));
            if ends {
                break;
            }
            batch.push(number);
            self.numbers.pop_front();
        }
        batch
    }
}
