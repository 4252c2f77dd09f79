//! Hunks: pages of a snapshot's sorted entry list, written column by column (`docs/format/snapshot.md`).

use crate::codec::Put;
use crate::entry::{Entry, EntryKind, Owner};
use crate::keys::IdKeys;
use crate::limits;
use crate::ranges::RangeList;
use model::ChunkId;
use std::collections::HashMap;
use std::sync::Arc;

mod decode;
mod rare;
pub use decode::{Hunk, peek};

pub(crate) const WHAT: &str = "hunk";
const HUNK_VERSION: u8 = 1;

/// Bytes that a range takes at most: its pack, and the four numbers.
const RANGE_BYTES: usize = 16 + 3 + 2 + 2 + 3;
/// Bytes that an entry takes at most besides its path, its ranges, the names of its owner, and what few entries have.
const ENTRY_BYTES: usize = 200;
/// Bytes of a hunk at most besides its entries.
const HUNK_BYTES: usize = 256;

/// A hunk as written: its bytes, its id, and what the pack's table says in clear.
#[derive(Debug, Clone)]
pub struct BuiltHunk {
    /// Content to be stored as one chunk of a hunk pack.
    pub bytes: Vec<u8>,
    /// Keyed id of the content.
    pub id: ChunkId,
    /// Addresses that its entries refer to.
    pub references: RangeList,
    /// Path of its first entry.
    pub first_path: Vec<u8>,
    /// Number of entries.
    pub entries: u64,
    /// Ids of the chunks that its entries refer to, in order.
    pub chunk_ids: Vec<ChunkId>,
}

/// Collects entries in order and says when the hunk ends.
#[derive(Debug, Default)]
pub struct HunkBuilder {
    count: usize,
    first_path: Vec<u8>,
    last_path: Vec<u8>,
    /// Bytes of all paths in full; they are written as differences.
    paths_bytes: usize,
    last: Last,
    columns: [Vec<u8>; COLUMNS],
    owners: Dictionary<Arc<Owner>>,
    devices: Dictionary<u64>,
    /// Bytes that the two lists take at most.
    lists_bytes: usize,
    content: RangeList,
    ids: Vec<ChunkId>,
}

/// Values that columns are written as differences to.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Last {
    pub(crate) modified: i64,
    pub(crate) changed: i64,
    pub(crate) ino: u64,
}

#[derive(Debug)]
struct Dictionary<T> {
    list: Vec<T>,
    places: HashMap<T, u64>,
}

impl<T> Default for Dictionary<T> {
    fn default() -> Self {
        Self { list: Vec::new(), places: HashMap::new() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Dictionary<T> {
    fn place(&mut self, value: &T) -> u64 {
        if let Some(last) = self.list.last()
            && last == value
        {
            return self.list.len() as u64 - 1;
        }
        if let Some(place) = self.places.get(value) {
            return *place;
        }
        let place = self.list.len() as u64;
        self.list.push(value.clone());
        self.places.insert(value.clone(), place);
        place
    }
}

pub(crate) const COLUMNS: usize = 14;
pub(crate) mod column {
    pub(crate) const SHARED: usize = 0;
    pub(crate) const REST_LENGTH: usize = 1;
    pub(crate) const REST: usize = 2;
    pub(crate) const KIND: usize = 3;
    pub(crate) const FLAGS: usize = 4;
    pub(crate) const MODE: usize = 5;
    pub(crate) const OWNER: usize = 6;
    pub(crate) const MODIFIED: usize = 7;
    pub(crate) const CHANGED: usize = 8;
    pub(crate) const INODE: usize = 9;
    pub(crate) const SIZE: usize = 10;
    pub(crate) const CHUNKS: usize = 11;
    pub(crate) const RARE: usize = 12;
    pub(crate) const CONTENT: usize = 13;
}

impl HunkBuilder {
    /// An empty builder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of entries so far.
    pub const fn entries(&self) -> usize {
        self.count
    }

    /// True when the hunk must end before this entry: with it, it could refer to more ranges or become larger than
    /// readers take.
    pub fn ends_before(&self, entry: &Entry) -> bool {
        let ranges = self.content.as_slice().len() + entry.content.as_slice().len();
        let columns = self.columns.iter().map(Vec::len).sum::<usize>();
        let bytes = HUNK_BYTES + columns + self.lists_bytes + RANGE_BYTES * ranges + most_bytes(entry);
        self.count > 0
            && (entry.kind == EntryKind::Continuation
                || ranges > limits::HUNK_RANGES_MAX
                || bytes > limits::HUNK_MAX)
    }

    /// How many of its ranges this entry may have in a hunk of its own. What is more belongs into continuations.
    pub fn ranges_that_fit(entry: &Entry) -> usize {
        let room = limits::HUNK_MAX.saturating_sub(HUNK_BYTES + most_bytes(entry));
        (room / RANGE_BYTES).min(limits::HUNK_RANGES_MAX)
    }

    /// True when the hunk ends here, after the last entry that was pushed.
    pub fn ends_here(&self, keys: &IdKeys) -> bool {
        self.count >= limits::HUNK_ENTRIES_MAX
            || self.encoded_bytes() >= limits::HUNK_TARGET
            || self.paths_bytes >= limits::HUNK_PATHS_TARGET
            || self.content.as_slice().len() >= limits::HUNK_RANGES_MAX
            || (self.count >= limits::HUNK_ENTRIES_MIN && keys.cuts_after(&self.last_path))
    }

    fn encoded_bytes(&self) -> usize {
        self.columns.iter().map(Vec::len).sum::<usize>() + 12 * self.content.as_slice().len()
    }

    /// Appends an entry; `ids` are the ids of its chunks. Entries come in the order of their paths.
    pub fn push(&mut self, entry: &Entry, ids: &[ChunkId]) {
        debug_assert_eq!(entry.content.chunks(), ids.len() as u64);
        let shared = entry.path.iter().zip(&self.last_path).take_while(|(a, b)| a == b).count();
        if self.count == 0 {
            self.first_path.clone_from(&entry.path);
        }
        let rest = &entry.path[shared..];
        let known = (self.owners.list.len(), self.devices.list.len());
        let owner = self.owners.place(&entry.owner);
        let device = self.devices.place(&entry.dev);
        if known != (self.owners.list.len(), self.devices.list.len()) {
            self.lists_bytes += ENTRY_BYTES + names_bytes(entry);
        }
        let columns = &mut self.columns;
        columns[column::SHARED].put_varint(shared as u64);
        columns[column::REST_LENGTH].put_varint(rest.len() as u64);
        columns[column::REST].extend_from_slice(rest);
        columns[column::KIND].push(entry.kind as u8);
        columns[column::FLAGS].put_varint(u64::from(entry.flags));
        columns[column::MODE].put_varint(u64::from(entry.mode));
        columns[column::OWNER].put_varint(owner);
        columns[column::MODIFIED].put_zigzag(entry.modified.secs.wrapping_sub(self.last.modified));
        columns[column::MODIFIED].put_varint(u64::from(entry.modified.nanos));
        columns[column::CHANGED].put_zigzag(entry.changed.secs.wrapping_sub(self.last.changed));
        columns[column::CHANGED].put_varint(u64::from(entry.changed.nanos));
        columns[column::INODE].put_varint(device);
        columns[column::INODE].put_zigzag(entry.ino.wrapping_sub(self.last.ino) as i64);
        columns[column::SIZE].put_varint(entry.size);
        if entry.kind.has_content() {
            columns[column::CHUNKS].put_varint(ids.len() as u64);
            columns[column::CHUNKS].push(entry.class);
        }
        rare::encode(&entry.rare, &mut columns[column::RARE]);
        self.last = Last { modified: entry.modified.secs, changed: entry.changed.secs, ino: entry.ino };
        self.last_path.truncate(shared);
        self.last_path.extend_from_slice(rest);
        self.paths_bytes += entry.path.len();
        self.content.extend(&entry.content);
        self.ids.extend_from_slice(ids);
        self.count += 1;
    }

    /// Closes the hunk and starts over; `None` when it has no entry.
    pub fn finish(&mut self, keys: &IdKeys) -> Option<BuiltHunk> {
        let built = self.snapshot(keys);
        *self = Self::default();
        built
    }

    /// The hunk as it would be if it ended here; goes on collecting. A checkpoint needs it.
    pub fn snapshot(&self, keys: &IdKeys) -> Option<BuiltHunk> {
        if self.count == 0 {
            return None;
        }
        let mut owners = Vec::new();
        owners.put_varint(self.owners.list.len() as u64);
        for owner in &self.owners.list {
            owners.put_varint(u64::from(owner.uid));
            owners.put_varint(u64::from(owner.gid));
            owners.put_bytes(&owner.user);
            owners.put_bytes(&owner.group);
        }
        let mut devices = Vec::new();
        devices.put_varint(self.devices.list.len() as u64);
        self.devices.list.iter().for_each(|device| devices.put_varint(*device));
        let mut content = Vec::new();
        self.content.encode(&mut content);
        content.extend_from_slice(&keys.digest(&self.ids));

        let mut bytes = Vec::with_capacity(self.encoded_bytes() + 1024);
        bytes.push(HUNK_VERSION);
        bytes.put_varint(self.count as u64);
        for (at, column) in self.columns.iter().enumerate() {
            let front: &[u8] = match at {
                column::OWNER => &owners,
                column::INODE => &devices,
                column::CONTENT => &content,
                _ => &[],
            };
            bytes.put_varint((front.len() + column.len()) as u64);
            bytes.extend_from_slice(front);
            bytes.extend_from_slice(column);
        }
        Some(BuiltHunk {
            id: keys.hunk_id(&bytes),
            bytes,
            references: self.content.clone(),
            first_path: self.first_path.clone(),
            entries: self.count as u64,
            chunk_ids: self.ids.clone(),
        })
    }
}

/// Bytes that an entry takes at most in a hunk, without its ranges.
fn most_bytes(entry: &Entry) -> usize {
    ENTRY_BYTES + entry.path.len() + names_bytes(entry) + rare::most_bytes(&entry.rare)
}

fn names_bytes(entry: &Entry) -> usize {
    entry.owner.user.len() + entry.owner.group.len()
}

#[cfg(test)]
pub(crate) mod tests;
