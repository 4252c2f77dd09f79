//! Packs as they arrive: the size of the pieces does not matter, and what is accepted is the one form of its table
//! and frames. An input is a byte that says what to repair and how to cut, then a pack.

use super::pack_table;
use crate::keys;
use crate::memory::{BASE, within};
use format::Error;
use format::frame::{Compressor, FrameBuilder, PackCipher, PackKind};
use format::pack::{HEADER_LEN, PackScanner, PackTable, PackWriter, TRAILER_LEN, frame_header};
use format::ranges::RangeList;
use model::ChunkId;

const FRAME_HEADER_LEN: usize = 8;
const ROW_LEN: usize = 48;

pub(super) fn run(input: &[u8]) -> bool {
    let Some((choice, bytes)) = input.split_first() else { return false };
    let mut pack = bytes.to_vec();
    if choice & 1 == 1 {
        repair(&mut pack, choice & 2 == 2);
    }
    let room = BASE + 32 * pack.len();
    let whole = within(room, || scan(&pack, pack.len().max(1)));
    let piece = usize::from(choice >> 2) * 7 + 1;
    assert_eq!(whole, within(room, || scan(&pack, piece)), "pieces of {piece} bytes");
    let Ok(table) = whole else { return false };
    pack_table::check(&table);
    assert_eq!(layout(&table, &pack), pack);
    true
}

fn scan(pack: &[u8], piece: usize) -> Result<PackTable, Error> {
    let mut scanner = PackScanner::new();
    let mut fed = 0;
    for part in pack.chunks(piece) {
        if let Err(error) = scanner.feed(part) {
            assert!(scanner.feed(&pack[pack.len() - 1..]).is_err(), "an error is for good");
            return Err(error);
        }
        fed += part.len();
        assert_eq!(scanner.header().is_some(), fed >= HEADER_LEN);
    }
    scanner.finish()
}

/// The pack as table and frames say that it is.
fn layout(table: &PackTable, pack: &[u8]) -> Vec<u8> {
    let mut rows: Vec<_> = table.frames.iter().collect();
    rows.sort_by_key(|row| row.offset);
    let mut out = table.header.encode().to_vec();
    for row in rows {
        let ciphertext = &pack[row.offset as usize..][..row.length as usize];
        assert_eq!(row.hash, *blake3::hash(ciphertext).as_bytes());
        out.extend_from_slice(&frame_header(row.number, row.length));
        out.extend_from_slice(ciphertext);
    }
    out.extend_from_slice(&table.encode_tail());
    out
}

/// Makes the trailer right, and with `rows` also the table's rows of frames that are there.
fn repair(pack: &mut Vec<u8>, rows: bool) {
    let word = |pack: &[u8], at: usize| {
        pack.get(at..at + 4).map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap()))
    };
    let (mut at, mut frames) = (HEADER_LEN, Vec::new());
    loop {
        let (Some(length), Some(number)) = (word(pack, at), word(pack, at + 4)) else { return };
        at += FRAME_HEADER_LEN;
        if length == 0 && number == u32::MAX {
            break;
        }
        let Some(ciphertext) = pack.get(at..at.saturating_add(length as usize)) else { return };
        frames.push((number, at as u32, length, *blake3::hash(ciphertext).as_bytes()));
        at += length as usize;
    }
    let Some(end) = pack.len().checked_sub(TRAILER_LEN).filter(|end| *end >= at) else { return };
    pack.truncate(end);
    let count = word(pack, at).unwrap_or(0) as usize;
    for row in (0..count.min(frames.len())).filter(|_| rows) {
        let start = at + 4 + row * ROW_LEN;
        let number = word(pack, start);
        let Some(bytes) = pack.get_mut(start..start + ROW_LEN) else { break };
        if let Some((_, offset, length, hash)) = frames.iter().find(|frame| Some(frame.0) == number) {
            bytes[4..8].copy_from_slice(&offset.to_le_bytes());
            bytes[8..12].copy_from_slice(&length.to_le_bytes());
            bytes[16..].copy_from_slice(hash);
        }
    }
    let header = pack[..HEADER_LEN].try_into().unwrap();
    let trailer = pack_table::trailer(header, &pack[at..]);
    pack.extend_from_slice(&trailer);
}

/// A small pack of each kind, with the frames out of order.
pub(super) fn samples() -> Vec<(Vec<u8>, PackTable)> {
    [PackKind::Data, PackKind::Hunk]
        .map(|kind| {
            let cipher = PackCipher::new(&keys::keyring(), keys::context(kind)).unwrap();
            let mut writer = PackWriter::new(keys::context(kind));
            let mut builder = FrameBuilder::new();
            for number in [2, 0, 5] {
                builder.push(ChunkId::from_bytes([number as u8; 16]), b"content");
                builder.push(ChunkId::from_bytes([number as u8 + 1; 16]), &[number as u8; 40]);
                let references = match kind {
                    PackKind::Data => Vec::new(),
                    PackKind::Hunk => vec![super::range_list::sample(), RangeList::new()],
                };
                writer.push(builder.seal(&cipher, number, &mut Compressor::new(3)).unwrap(), references);
            }
            writer.finish()
        })
        .into()
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let packs = samples();
    packs.iter().flat_map(|(bytes, _)| [0, 0x3f].map(|choice| [&[choice], &bytes[..]].concat())).collect()
}
