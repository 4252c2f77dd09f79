//! Reads a snapshot: its record, its hunks in order, its entries.

pub mod children;

use crate::remote::Remote;
use crate::{EngineError, frames};
use format::entry::{Entry, EntryKind};
use format::frame::PackKind;
use format::hunk::Hunk;
use format::keys::{IdKeys, Keyring};
use format::path;
use format::ranges::Address;
use format::snapshot::{ClearPart, SealedPart, SnapshotRecord};
use model::{Finding, SnapshotId};
use std::collections::VecDeque;
use std::ops::Range;

mod visit;

/// Hunks that are fetched with one request.
const HUNKS_PER_REQUEST: usize = 32;

/// An opened snapshot.
pub struct SnapshotReader<'a> {
    remote: &'a dyn Remote,
    keyring: &'a Keyring,
    ids: IdKeys,
    clear: ClearPart,
    sealed: SealedPart,
    addresses: Vec<Address>,
}

impl<'a> SnapshotReader<'a> {
    /// Fetches and opens the record of `snapshot`.
    pub fn open(
        remote: &'a dyn Remote,
        keyring: &'a Keyring,
        snapshot: SnapshotId,
    ) -> Result<Self, EngineError> {
        let refused = |source| EngineError::damaged(format!("snapshot {snapshot}"), source);
        let record = SnapshotRecord::decode(&remote.snapshot(snapshot)?).map_err(refused)?;
        let sealed = record.open(keyring).map_err(refused)?;
        let clear = record.clear;
        let addresses: Vec<Address> = clear.hunks.addresses().collect();
        let fits = clear.snapshot == snapshot
            && clear.vault == keyring.vault()
            && addresses.len() == sealed.hunks.len();
        if !fits {
            return Err(refused(format::Error::Mismatch { what: "snapshot", check: "clear part" }));
        }
        Ok(Self { remote, keyring, ids: keyring.id_keys(), clear, sealed, addresses })
    }

    /// The part that the server reads too.
    pub const fn clear(&self) -> &ClearPart {
        &self.clear
    }

    /// The part that only those with keys read.
    pub const fn sealed(&self) -> &SealedPart {
        &self.sealed
    }

    /// The keys that give chunks their ids.
    pub const fn id_keys(&self) -> &IdKeys {
        &self.ids
    }

    /// The keyring that opens this snapshot.
    pub const fn keyring(&self) -> &'a Keyring {
        self.keyring
    }

    /// The server.
    pub const fn remote(&self) -> &'a dyn Remote {
        self.remote
    }

    /// What the backup missed at and below `folder`, as far as the snapshot lists it.
    pub fn missed<'f>(&'f self, folder: &'f [u8]) -> impl Iterator<Item = &'f Finding> {
        let findings = self.sealed.findings.iter();
        findings.filter(move |finding| finding.is_missed() && path::is_within(&finding.path, folder))
    }

    /// Address of each hunk, in order.
    pub fn hunk_addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// The hunks that may hold `folder` or something below it.
    pub fn hunks_within(&self, folder: &[u8]) -> Range<usize> {
        let hunks = &self.sealed.hunks;
        // A hunk that begins with this very path may begin with a continuation: the file is in front of it.
        let first = hunks.partition_point(|hunk| path::compare(&hunk.first_path, folder).is_lt());
        let first = first.saturating_sub(1);
        let after = hunks[first.min(hunks.len())..].iter().position(|hunk| {
            path::compare(&hunk.first_path, folder).is_gt() && !path::is_within(&hunk.first_path, folder)
        });
        first..after.map_or(hunks.len(), |count| first + count)
    }

    /// The hunks that may hold the entry with exactly this path, two at most.
    pub fn hunks_with(&self, path: &[u8]) -> Range<usize> {
        let hunks = &self.sealed.hunks;
        let after = hunks.partition_point(|hunk| path::compare(&hunk.first_path, path).is_lt());
        let begins_with_it = hunks.get(after).is_some_and(|hunk| hunk.first_path == path);
        after.saturating_sub(1)..after + usize::from(begins_with_it)
    }

    /// The hunks with these numbers, in order, a few at a time in memory.
    pub fn hunks(&self, numbers: Range<usize>) -> Hunks<'_, 'a> {
        Hunks {
            reader: self,
            next: numbers.start,
            end: numbers.end.min(self.addresses.len()),
            ready: VecDeque::new(),
        }
    }

    /// The entries at and below `folder`, in order; continuations are joined to their file.
    pub fn entries(&self, folder: &[u8]) -> Entries<'_, 'a> {
        self.entries_from(self.hunks_within(folder), folder)
    }

    fn entries_from(&self, hunks: Range<usize>, folder: &[u8]) -> Entries<'_, 'a> {
        let hunks = self.hunks(hunks);
        Entries { hunks, folder: folder.to_vec(), ready: VecDeque::new(), held: None, parts: 0 }
    }

    /// The entry with exactly this path, without its continuations.
    pub fn find(&self, wanted: &[u8]) -> Result<Option<Entry>, EngineError> {
        Ok(self.locate(wanted)?.map(|(_, entry)| entry))
    }

    /// The entry with exactly this path, with its continuations.
    pub fn find_whole(&self, wanted: &[u8]) -> Result<Option<Entry>, EngineError> {
        let Some((at, _)) = self.locate(wanted)? else { return Ok(None) };
        self.entries_from(at..self.hunks_within(wanted).end, wanted).next().transpose()
    }

    /// An entry and its hunk. One of the two hunks that may hold it is read only when the other does not: damage beside
    /// an entry keeps nobody from it.
    fn locate(&self, wanted: &[u8]) -> Result<Option<(usize, Entry)>, EngineError> {
        for at in self.hunks_with(wanted).rev() {
            for (_, hunk) in self.hunks(at..at + 1) {
                let is_it = |entry: &Entry| entry.path == wanted && entry.kind != EntryKind::Continuation;
                if let Some(found) = hunk?.entries.into_iter().find(is_it) {
                    return Ok(Some((at, found)));
                }
            }
        }
        Ok(None)
    }

    fn fetch_hunks(&self, numbers: Range<usize>) -> Result<Vec<Result<RawHunk, EngineError>>, EngineError> {
        let wanted = &self.addresses[numbers.clone()];
        let mut names: Vec<frames::FrameName> =
            wanted.iter().map(|address| (address.pack, address.frame)).collect();
        names.dedup();
        let mut opened = std::collections::HashMap::new();
        frames::fetch(
            self.remote,
            self.keyring,
            &self.ids,
            PackKind::Hunk,
            self.clear.snapshot,
            &names,
            &mut |name, frame| {
                opened.insert(name, frame.map_err(|error| error.to_string()));
                Ok(())
            },
        )?;
        let frame_of = |address: &Address| opened.get(&(address.pack, address.frame));
        Ok(numbers.zip(wanted).map(|(number, at)| self.open_hunk(number, *at, frame_of(at))).collect())
    }

    /// Takes a hunk out of its frame; `frame` is `None` when the server gave none.
    fn open_hunk(
        &self,
        number: usize,
        address: Address,
        frame: Option<&Result<frames::CheckedFrame, String>>,
    ) -> Result<RawHunk, EngineError> {
        let refused = |source| {
            EngineError::damaged(format!("hunk {number} of snapshot {}", self.clear.snapshot), source)
        };
        let mismatch = |check| refused(format::Error::Mismatch { what: "hunk", check });
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(detail)) => {
                tracing::warn!(snapshot = %self.clear.snapshot, hunk = number, %detail, "a hunk cannot be read");
                return Err(mismatch("frame"));
            }
            None => return Err(mismatch("frame")),
        };
        let at = address.ordinal as usize;
        if frame.ids.get(at) != Some(&self.sealed.hunks[number].id) {
            return Err(mismatch("id"));
        }
        let bytes = frame.content.chunk(address.ordinal).unwrap_or_default();
        let hunk = Hunk::decode(bytes).map_err(refused)?;
        if frame.references.get(at) != Some(&hunk.references) {
            return Err(mismatch("clear range list"));
        }
        Ok(RawHunk { decoded: hunk, bytes: bytes.to_vec() })
    }
}

impl std::fmt::Debug for SnapshotReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SnapshotReader").field("snapshot", &self.clear.snapshot).finish_non_exhaustive()
    }
}

/// Hunks of a snapshot with their numbers. A damaged hunk is an item of its own, and the rest follows.
#[derive(Debug)]
pub struct Hunks<'r, 'a> {
    reader: &'r SnapshotReader<'a>,
    next: usize,
    end: usize,
    ready: VecDeque<(usize, Result<RawHunk, EngineError>)>,
}

/// A hunk and the bytes that it was read from.
#[derive(Debug)]
pub(crate) struct RawHunk {
    pub(crate) decoded: Hunk,
    pub(crate) bytes: Vec<u8>,
}

impl Iterator for Hunks<'_, '_> {
    type Item = (usize, Result<Hunk, EngineError>);

    fn next(&mut self) -> Option<Self::Item> {
        self.next_raw().map(|(number, hunk)| (number, hunk.map(|hunk| hunk.decoded)))
    }
}

impl Hunks<'_, '_> {
    /// As `next`, with the hunk's bytes.
    pub(crate) fn next_raw(&mut self) -> Option<(usize, Result<RawHunk, EngineError>)> {
        if self.ready.is_empty() && self.next < self.end {
            let batch = self.next..self.end.min(self.next + HUNKS_PER_REQUEST);
            self.next = batch.end;
            match self.reader.fetch_hunks(batch.clone()) {
                Ok(hunks) => self.ready.extend(batch.zip(hunks)),
                Err(error) => {
                    // The connection is gone: asking for the rest would only repeat this.
                    self.next = self.end;
                    return Some((batch.start, Err(error)));
                }
            }
        }
        self.ready.pop_front()
    }
}

/// Entries of a part of a snapshot.
#[derive(Debug)]
pub struct Entries<'r, 'a> {
    hunks: Hunks<'r, 'a>,
    folder: Vec<u8>,
    ready: VecDeque<Entry>,
    /// The file whose continuations may follow in the next hunk.
    held: Option<Entry>,
    /// Continuations that were joined to it.
    parts: u64,
}

impl Iterator for Entries<'_, '_> {
    type Item = Result<Entry, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            while let Some(entry) = self.ready.pop_front() {
                if entry.kind == EntryKind::Continuation {
                    // One that does not follow is left out: its file is damaged, and whoever reads it sees that.
                    if let Some(file) = &mut self.held
                        && entry.is_part_of(&file.path, self.parts + 1)
                    {
                        file.content.extend(&entry.content);
                        self.parts += 1;
                    }
                    continue;
                }
                self.parts = 0;
                if let Some(done) = self.held.replace(entry) {
                    return Some(Ok(done));
                }
            }
            match self.hunks.next() {
                Some((_, Ok(hunk))) => {
                    let folder = &self.folder;
                    self.ready.extend(
                        hunk.entries.into_iter().filter(|entry| path::is_within(&entry.path, folder)),
                    );
                }
                Some((_, Err(error))) => return Some(Err(error)),
                None => return self.held.take().map(Ok),
            }
        }
    }
}
