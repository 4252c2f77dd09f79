//! Header and table of a pack: one form only, within the limits, and a rewrite that can be read back.
//! An input is a byte that chooses frames, the header, and the table; even bytes leave the table as it is with its
//! trailer, odd ones take a table to which a trailer is added here.

use crate::memory::{BASE, within};
use format::limits;
use format::pack::{FrameRow, HEADER_LEN, PackHeader, PackTable, TRAILER_LEN, frame_header};

/// Length of the mark between frames and table.
const END_LEN: usize = 8;

pub(super) fn run(input: &[u8]) -> bool {
    let Some((choice, rest)) = input.split_first() else { return false };
    let Some((header, table)) = rest.split_first_chunk::<HEADER_LEN>() else { return false };
    if let Ok(read) = PackHeader::decode(header) {
        assert_eq!(read.encode(), *header);
    }
    let mut tail = table.to_vec();
    if choice & 1 == 1 {
        tail.extend_from_slice(&trailer(header, table));
        let (last, size) = (tail.last_chunk::<TRAILER_LEN>().unwrap(), HEADER_LEN + tail.len());
        assert_eq!(PackTable::tail_len(last, size as u64), Ok(tail.len()));
        assert!(table.is_empty() || PackTable::tail_len(last, size as u64 - 1).is_err());
    } else if let Some(last) = tail.last_chunk::<TRAILER_LEN>() {
        let length = PackTable::tail_len(last, (HEADER_LEN + tail.len()) as u64);
        assert!(!length.is_ok_and(|length| length > tail.len()), "the tail is longer than the object");
    }
    let Ok(table) = within(BASE + 16 * tail.len(), || PackTable::open(header, &tail)) else { return false };
    assert_eq!(table.header.encode(), *header);
    assert_eq!(table.encode_tail()[END_LEN..], tail);
    check(&table);
    rewrite(&table, u32::from(choice >> 1));
    true
}

/// The trailer that belongs to this table.
pub(super) fn trailer(header: &[u8; HEADER_LEN], table: &[u8]) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(header).update(table);
    [&(table.len() as u32).to_le_bytes()[..], hasher.finalize().as_bytes(), b"HOLDPEND"].concat()
}

/// What every table keeps to.
pub(super) fn check(table: &PackTable) {
    assert!((1..=limits::PACK_FRAMES_MAX).contains(&table.frames.len()));
    assert!(table.frames.windows(2).all(|two| two[0].number < two[1].number));
    let mut stored = 0;
    for row in &table.frames {
        assert!((row.number as usize) < limits::PACK_FRAMES_MAX);
        assert!((1..=limits::FRAME_CHUNKS_MAX).contains(&row.ids.len()));
        assert!(row.references.is_empty() || row.references.len() == row.ids.len());
        assert_eq!(table.frame(row.number), Some(row));
        stored += row.length as usize;
    }
    assert!(stored <= limits::PACK_MAX, "the frames are larger than a pack");
    assert!(table.frame(u32::MAX).is_none());
}

/// Leaves out the frames whose numbers have a bit in common with `mask`.
fn rewrite(table: &PackTable, mask: u32) {
    let (new, kept) = table.rewritten(|number| number & mask == 0);
    assert_eq!(new.header.generation, table.header.generation + 1);
    let mut end = HEADER_LEN;
    for (row, old) in new.frames.iter().zip(&kept) {
        end += frame_header(row.number, row.length).len();
        assert_eq!(row.offset as usize, end, "offsets are those of frames in a row");
        end += row.length as usize;
        assert_eq!(Some(old), table.frame(row.number));
        assert_eq!((&row.ids, &row.references, row.hash), (&old.ids, &old.references, old.hash));
    }
    if !new.frames.is_empty() && new.header.generation <= limits::PACK_GENERATION_MAX {
        assert_eq!(PackTable::open(&new.header.encode(), &new.encode_tail()[END_LEN..]), Ok(new));
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut tables: Vec<PackTable> =
        super::pack_scanner::samples().into_iter().map(|(_, table)| table).collect();
    tables.push(nearly_full(&tables[0]));
    let input = |table: &PackTable| {
        let tail = &table.encode_tail()[END_LEN..];
        let header = &table.header.encode()[..];
        [[&[0], header, tail].concat(), [&[3], header, &tail[..tail.len() - TRAILER_LEN]].concat()]
    };
    tables.iter().flat_map(input).collect()
}

/// A table of frames that are almost as large together as a pack may be.
fn nearly_full(table: &PackTable) -> PackTable {
    const FRAMES: u32 = 10;
    let length = (limits::PACK_MAX / FRAMES as usize) as u32 - 100;
    let frame = |number| FrameRow {
        number,
        offset: HEADER_LEN as u32 + 8 + number * (8 + length),
        length,
        ids: table.frames[0].ids[..1].to_vec(),
        ..table.frames[0].clone()
    };
    PackTable { header: table.header, frames: (0..FRAMES).map(frame).collect() }
}
