//! Packs come back whole, and whatever is changed in them is noticed.

use super::*;
use crate::ranges::Address;
use proptest::prelude::*;

fn context(kind: PackKind) -> FrameContext {
    FrameContext {
        vault: VaultId::random(),
        pack: PackId::random(),
        kind,
        key_generation: 1,
        salt: model::ids::random_bytes(),
    }
}

fn frame(number: u32, length: usize, chunks: usize) -> BuiltFrame {
    let ciphertext = vec![number as u8; length];
    let ids = (0..chunks).map(|_| ChunkId::random()).collect();
    BuiltFrame { number, ids, hash: *blake3::hash(&ciphertext).as_bytes(), ciphertext, plain_bytes: length }
}

fn pack(kind: PackKind, order: &[u32]) -> (Vec<u8>, PackTable) {
    let mut writer = PackWriter::new(context(kind));
    for number in order {
        let references = match kind {
            PackKind::Data => Vec::new(),
            PackKind::Hunk => vec![RangeList::new(); 2],
        };
        writer.push(frame(*number, 100 + *number as usize, 2), references);
    }
    writer.finish()
}

fn scan(bytes: &[u8], piece: usize) -> Result<PackTable, Error> {
    let mut scanner = PackScanner::new();
    for part in bytes.chunks(piece) {
        scanner.feed(part)?;
    }
    scanner.finish()
}

#[test]
fn a_pack_is_read_back_in_any_pieces() {
    for kind in [PackKind::Data, PackKind::Hunk] {
        let (bytes, table) = pack(kind, &[2, 0, 1, 9]);
        for piece in [1, 7, 64, bytes.len()] {
            assert_eq!(scan(&bytes, piece).unwrap(), table);
        }
        let header = bytes[..HEADER_LEN].try_into().unwrap();
        let trailer = bytes[bytes.len() - TRAILER_LEN..].try_into().unwrap();
        let tail = PackTable::tail_len(&trailer, bytes.len() as u64).unwrap();
        let opened = PackTable::open(&header, &bytes[bytes.len() - tail..]).unwrap();
        assert_eq!(opened, table);
        let frames_end = bytes.len() - tail;
        let mut scanner = PackScanner::new();
        scanner.feed(&bytes[..frames_end - 1]).unwrap();
        assert_eq!(scanner.frames_end(), None);
        for at in frames_end - 1..frames_end + 3 {
            scanner.feed(&bytes[at..=at]).unwrap();
            assert_eq!(scanner.frames_end(), Some(frames_end as u64));
        }
        let row = opened.frame(9).unwrap();
        assert_eq!(bytes[row.offset as usize..][..row.length as usize], vec![9u8; 109]);
        assert!(opened.frame(3).is_none());
    }
}

#[test]
fn every_flipped_bit_and_every_cut_is_noticed() {
    let (bytes, _) = pack(PackKind::Hunk, &[0, 1]);
    for bit in 0..bytes.len() * 8 {
        let mut broken = bytes.clone();
        broken[bit / 8] ^= 1 << (bit % 8);
        assert!(scan(&broken, 4096).is_err(), "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert!(scan(&bytes[..length], 4096).is_err(), "length {length}");
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(scan(&longer, 4096).is_err());
}

#[test]
fn a_rewrite_keeps_numbers_and_moves_offsets() {
    let (bytes, table) = pack(PackKind::Data, &[0, 1, 2, 3]);
    let (new, kept) = table.rewritten(|number| number % 2 == 1);
    assert_eq!(new.header.generation, 1);
    let mut out = new.header.encode().to_vec();
    for row in &kept {
        out.extend_from_slice(&frame_header(row.number, row.length));
        out.extend_from_slice(&bytes[row.offset as usize..][..row.length as usize]);
    }
    out.extend_from_slice(&new.encode_tail());
    assert_eq!(scan(&out, 100).unwrap(), new);
    assert_eq!(new.frames.iter().map(|row| row.number).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn the_same_frame_twice_is_refused() {
    let (bytes, _) = pack(PackKind::Data, &[1, 1]);
    assert!(scan(&bytes, 4096).is_err());
}

/// A pack that is closed by its frames alone can have a table that no server takes.
#[test]
fn a_writer_counts_the_table_too() {
    for kind in [PackKind::Data, PackKind::Hunk] {
        let mut writer = PackWriter::new(context(kind));
        for number in 0..3 {
            let list =
                std::iter::once(Address { pack: PackId::random(), frame: number, ordinal: 300 }).collect();
            let references = match kind {
                PackKind::Data => Vec::new(),
                PackKind::Hunk => vec![list, RangeList::new()],
            };
            writer.push(frame(number, 100, 2), references);
        }
        assert_eq!(writer.size_bytes(), writer.finish().0.len());
    }
}

/// The table and trailer of a pack, taken from what follows the end of its frames.
fn reopen(table: &PackTable) -> Result<PackTable, Error> {
    PackTable::open(&table.header.encode(), &table.encode_tail()[END_OF_FRAMES.len()..])
}

#[test]
fn a_table_of_more_than_a_pack_is_refused() {
    let (_, mut table) = pack(PackKind::Data, &(0..11).collect::<Vec<_>>());
    assert_eq!(reopen(&table).unwrap(), table);
    // Eleven frames of 4 MiB are more than 40 MiB, and offsets of a rewrite would be wrong.
    table.frames.iter_mut().for_each(|row| row.length = 4 << 20);
    assert!(matches!(reopen(&table), Err(Error::TooLarge { .. })));
}

#[test]
fn a_table_with_fewer_rows_than_it_says_is_refused() {
    let (_, table) = pack(PackKind::Data, &[0]);
    let header = table.header.encode();
    let bytes = 8_000u32.to_le_bytes();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&header).update(&bytes);
    let trailer = [&4u32.to_le_bytes()[..], hasher.finalize().as_bytes(), TRAILER_MAGIC].concat();
    let opened = PackTable::open(&header, &[&bytes[..], &trailer].concat());
    assert_eq!(opened, Err(Error::Truncated { what: WHAT }));
}

#[test]
fn the_last_generation_can_be_told_from_the_first() {
    let (_, mut table) = pack(PackKind::Data, &[0]);
    table.header.generation = limits::PACK_GENERATION_MAX;
    assert_eq!(reopen(&table).unwrap(), table);
    let (next, _) = table.rewritten(|_| true);
    assert!(matches!(reopen(&next), Err(Error::TooLarge { .. })));
}

proptest! {
    #[test]
    fn any_bytes_are_scanned_or_refused(bytes: Vec<u8>, piece in 1usize..64) {
        prop_assert!(scan(&bytes, piece).is_err());
    }
}
