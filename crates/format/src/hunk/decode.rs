//! Reads hunks back, bounded and in one pass.

use super::{COLUMNS, HUNK_VERSION, Last, WHAT, column, rare};
use crate::codec::Reader;
use crate::entry::{Entry, EntryKind, FileTime, Owner};
use crate::ranges::{Range, RangeList};
use crate::{Error, limits, path};
use std::sync::Arc;

/// A decoded hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// Its entries, in order.
    pub entries: Vec<Entry>,
    /// Addresses that the entries refer to, as one list.
    pub references: RangeList,
    /// Digest over the ids of all chunks.
    pub digest: [u8; 32],
}

/// The range list and digest of a hunk, without decoding its entries.
pub fn peek(bytes: &[u8]) -> Result<(RangeList, [u8; 32]), Error> {
    let (_, mut columns) = split(bytes)?;
    content(&mut columns[column::CONTENT])
}

fn split(bytes: &[u8]) -> Result<(usize, [Reader<'_>; COLUMNS]), Error> {
    let mut reader = Reader::new(bytes, WHAT);
    if reader.u8()? != HUNK_VERSION {
        return Err(Error::TooNew { what: WHAT });
    }
    let count = reader.bounded(limits::HUNK_ENTRIES_MAX)?;
    let mut columns: [Reader<'_>; COLUMNS] = std::array::from_fn(|_| Reader::new(&[], WHAT));
    for column in &mut columns {
        *column = Reader::new(reader.bytes()?, WHAT);
    }
    Ok((count, columns))
}

fn content(reader: &mut Reader<'_>) -> Result<(RangeList, [u8; 32]), Error> {
    let list = RangeList::decode(reader, limits::HUNK_RANGES_MAX)?;
    let digest = reader.array()?;
    reader.finish()?;
    Ok((list, digest))
}

impl Hunk {
    /// Reads a hunk.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let (count, mut columns) = split(bytes)?;
        let (references, digest) = content(&mut columns[column::CONTENT])?;
        let owners = owners(&mut columns[column::OWNER])?;
        let devices = devices(&mut columns[column::INODE])?;
        bound_paths(count, columns[column::SHARED].clone(), columns[column::REST_LENGTH].clone())?;
        let mut ranges = Supply::new(&references);
        let mut entries: Vec<Entry> = Vec::with_capacity(count);
        let mut last = Last::default();
        for _ in 0..count {
            let previous = entries.last().map_or(&[][..], |entry| &entry.path[..]);
            let path = read_path(&mut columns, previous)?;
            entries.push(entry(path, &mut columns, &mut last, &owners, &devices, &mut ranges)?);
        }
        ranges.finish()?;
        columns[..column::CONTENT].iter().try_for_each(Reader::finish)?;
        Ok(Self { entries, references, digest })
    }
}

fn owners(reader: &mut Reader<'_>) -> Result<Vec<Arc<Owner>>, Error> {
    let count = reader.count()?;
    (0..count)
        .map(|_| {
            Ok(Arc::new(Owner {
                uid: reader.varint_u32()?,
                gid: reader.varint_u32()?,
                user: reader.bytes()?.to_vec(),
                group: reader.bytes()?.to_vec(),
            }))
        })
        .collect()
}

fn devices(reader: &mut Reader<'_>) -> Result<Vec<u64>, Error> {
    let count = reader.count()?;
    (0..count).map(|_| reader.varint()).collect()
}

fn time(reader: &mut Reader<'_>, last: i64) -> Result<FileTime, Error> {
    let secs = last.wrapping_add(reader.zigzag()?);
    let nanos = reader.varint_u32()?;
    if nanos >= FileTime::NANOS {
        return Err(Error::malformed(WHAT, "nanoseconds stay below a second"));
    }
    Ok(FileTime { secs, nanos })
}

fn entry(
    path: Vec<u8>,
    columns: &mut [Reader<'_>; COLUMNS],
    last: &mut Last,
    owners: &[Arc<Owner>],
    devices: &[u64],
    ranges: &mut Supply<'_>,
) -> Result<Entry, Error> {
    let kind = EntryKind::from_number(columns[column::KIND].u8()?).ok_or(Error::TooNew { what: WHAT })?;
    let flags = columns[column::FLAGS].varint_u32()?;
    let mode = columns[column::MODE].bounded(0o7777)? as u32;
    let owner = columns[column::OWNER].varint()? as usize;
    let owner = owners.get(owner).ok_or(Error::malformed(WHAT, "an owner is in the list"))?;
    let modified = time(&mut columns[column::MODIFIED], last.modified)?;
    let changed = time(&mut columns[column::CHANGED], last.changed)?;
    let device = columns[column::INODE].varint()? as usize;
    let dev = *devices.get(device).ok_or(Error::malformed(WHAT, "a device is in the list"))?;
    let ino = last.ino.wrapping_add(columns[column::INODE].zigzag()? as u64);
    *last = Last { modified: modified.secs, changed: changed.secs, ino };
    let size = columns[column::SIZE].varint()?;
    let (mut class, mut content) = (0, RangeList::new());
    if kind.has_content() {
        let chunks = columns[column::CHUNKS].varint()?;
        class = columns[column::CHUNKS].u8()?;
        content = ranges.take(chunks)?;
    }
    let rare = rare::decode(&mut columns[column::RARE])?;
    Ok(Entry {
        path,
        kind,
        flags,
        mode,
        owner: Arc::clone(owner),
        modified,
        changed,
        dev,
        ino,
        size,
        class,
        rare,
        content,
    })
}

/// Paths are written as differences: a few bytes can stand for a path of any length, so their sum is bounded before
/// memory is taken for them.
fn bound_paths(count: usize, mut shared: Reader<'_>, mut rest: Reader<'_>) -> Result<(), Error> {
    let mut total = 0;
    for _ in 0..count {
        total += shared.bounded(limits::PATH_MAX)? + rest.bounded(limits::PATH_MAX)?;
    }
    if total > limits::HUNK_PATHS_MAX {
        let (value, limit) = (total as u64, limits::HUNK_PATHS_MAX as u64);
        return Err(Error::TooLarge { what: WHAT, value, limit });
    }
    Ok(())
}

/// Reads a path that comes after `previous`, which is empty before the first.
fn read_path(columns: &mut [Reader<'_>; COLUMNS], previous: &[u8]) -> Result<Vec<u8>, Error> {
    let shared = columns[column::SHARED].bounded(previous.len())?;
    let rest = columns[column::REST_LENGTH].bounded(limits::PATH_MAX)?;
    let rest = columns[column::REST].take(rest)?;
    let mut path = Vec::with_capacity(shared + rest.len());
    path.extend_from_slice(&previous[..shared]);
    path.extend_from_slice(rest);
    if path.len() > limits::PATH_MAX || !path::stays_plain(&path, shared) {
        return Err(Error::malformed(WHAT, "paths are absolute and plain"));
    }
    // What both begin with needs no second look.
    if !previous.is_empty() && path::compare(&previous[shared..], rest).is_ge() {
        return Err(Error::malformed(WHAT, "entries are sorted by path"));
    }
    Ok(path)
}

/// Hands out the hunk's ranges to its entries, chunk by chunk.
struct Supply<'a> {
    list: std::slice::Iter<'a, Range>,
    current: Option<Range>,
}

impl<'a> Supply<'a> {
    fn new(list: &'a RangeList) -> Self {
        Self { list: list.as_slice().iter(), current: None }
    }

    fn take(&mut self, mut chunks: u64) -> Result<RangeList, Error> {
        let mut taken = RangeList::new();
        while chunks > 0 {
            let Some(mut range) = self.current.take().or_else(|| self.list.next().copied()) else {
                return Err(Error::malformed(WHAT, "its ranges hold the chunks of its entries"));
            };
            let part = chunks.min(u64::from(range.count)) as u32;
            taken.push_range(Range { count: part, ..range });
            chunks -= u64::from(part);
            range.first += part;
            range.count -= part;
            if range.count > 0 {
                self.current = Some(range);
            }
        }
        Ok(taken)
    }

    fn finish(mut self) -> Result<(), Error> {
        if self.current.is_none() && self.list.next().is_none() {
            Ok(())
        } else {
            Err(Error::malformed(WHAT, "its ranges hold the chunks of its entries"))
        }
    }
}
