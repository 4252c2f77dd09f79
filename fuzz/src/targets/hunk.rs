//! Hunks: entries in order, with plain paths and all chunks given out, and a second writing that is final.
//! An input is a hunk after a byte 0, else the number of entries and the columns as pieces.

use crate::memory::{BASE, within};
use crate::{forms, keys};
use format::codec::{Put, Reader};
use format::entry::{DataRun, Entry, EntryKind, FileTime, Owner, Rare, Xattr, flags};
use format::hunk::{BuiltHunk, Hunk, HunkBuilder, peek};
use format::keys::IdKeys;
use format::ranges::RangeList;
use format::{limits, path};
use model::ChunkId;
use std::sync::{Arc, OnceLock};

/// Chunks above which a hunk is not written again.
const WRITTEN: u64 = 1 << 12;

fn id_keys() -> &'static IdKeys {
    static KEYS: OnceLock<IdKeys> = OnceLock::new();
    KEYS.get_or_init(|| keys::keyring().id_keys())
}

pub(super) fn run(input: &[u8]) -> bool {
    let Some((form, rest)) = input.split_first() else { return false };
    let bytes = if *form == 0 { rest.to_vec() } else { from_columns(&forms::pieces(rest)) };
    let peeked = within(BASE + 16 * bytes.len(), || peek(&bytes));
    // An entry takes some hundred bytes, an attribute 48 for each 2 of the input, and a list three times its size
    // while it grows.
    let paths = limits::HUNK_PATHS_MAX.min(limits::HUNK_ENTRIES_MAX * bytes.len());
    let Ok(hunk) = within((1 << 20) + 80 * bytes.len() + paths, || Hunk::decode(&bytes)) else {
        return false;
    };
    assert_eq!(peeked, Ok((hunk.references.clone(), hunk.digest)));
    check(&hunk);
    if hunk.references.chunks() <= WRITTEN && !hunk.entries.is_empty() {
        let built = build(&hunk.entries);
        let again = Hunk::decode(&built.bytes).unwrap();
        assert_eq!(again.entries, hunk.entries);
        assert_eq!((&again.references, &built.references), (&hunk.references, &hunk.references));
        assert_eq!(again.digest, id_keys().digest(&built.chunk_ids));
        assert_eq!((built.entries, &built.first_path), (hunk.entries.len() as u64, &hunk.entries[0].path));
        assert_eq!(build(&again.entries).bytes, built.bytes);
    }
    true
}

fn from_columns(pieces: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend_from_slice(&pieces[0]);
    pieces[1..].iter().for_each(|column| bytes.put_bytes(column));
    bytes
}

fn check(hunk: &Hunk) {
    assert!(hunk.entries.len() <= limits::HUNK_ENTRIES_MAX);
    assert!(hunk.entries.windows(2).all(|two| path::compare(&two[0].path, &two[1].path).is_lt()));
    let mut content = RangeList::new();
    for entry in &hunk.entries {
        let names = entry.path.strip_prefix(b"/").expect("paths are absolute");
        let is_plain = |name: &[u8]| !matches!(name, b"" | b"." | b"..") && !name.contains(&0);
        assert!(names.is_empty() || names.split(|byte| *byte == b'/').all(is_plain), "{:?}", entry.path);
        assert!(entry.path.len() <= limits::PATH_MAX);
        assert!(entry.mode <= 0o7777);
        assert!(entry.modified.nanos < 1_000_000_000 && entry.changed.nanos < 1_000_000_000);
        assert!(entry.kind.has_content() || entry.content.is_empty());
        content.extend(&entry.content);
    }
    assert_eq!(content, hunk.references);
}

fn build(entries: &[Entry]) -> BuiltHunk {
    let mut builder = HunkBuilder::new();
    for entry in entries {
        let ids: Vec<_> = (0..entry.content.chunks()).map(|at| ChunkId::from_bytes([at as u8; 16])).collect();
        builder.push(entry, &ids);
    }
    builder.finish(id_keys()).unwrap()
}

fn entry(path: &str, kind: EntryKind) -> Entry {
    Entry {
        path: path.into(),
        kind,
        flags: 0,
        mode: 0o644,
        owner: Arc::new(Owner { uid: 1000, gid: 100, user: b"anna".to_vec(), group: b"users".to_vec() }),
        modified: FileTime { secs: 1_800_000_000, nanos: 5 },
        changed: FileTime { secs: -3, nanos: 999_999_999 },
        dev: 65_024,
        ino: 77,
        size: 0,
        class: 0,
        rare: Rare::default(),
        content: RangeList::new(),
    }
}

fn samples() -> Vec<BuiltHunk> {
    let content = super::range_list::sample();
    let xattr = |name: &str| Xattr { name: name.into(), value: vec![0xff; 5] };
    let rare = Rare { xattrs: vec![xattr("user.a"), xattr("user.b")], ..Rare::default() };
    let runs = vec![DataRun { hole: 4096, length: 8192 }, DataRun { hole: 1, length: 2 }];
    let sparse = Rare { runs, ..Rare::default() };
    let entries = vec![
        Entry { flags: flags::PARENT, mode: 0o755, ..entry("/", EntryKind::Dir) },
        entry("/home", EntryKind::Dir),
        Entry { size: 9_000, content: content.clone(), rare, ..entry("/home/a", EntryKind::File) },
        Entry {
            rare: Rare { target: Some(b"a".to_vec()), ..Rare::default() },
            ..entry("/home/link", EntryKind::Symlink)
        },
        Entry {
            flags: flags::SPARSE,
            size: 1 << 20,
            class: 1,
            content: content.clone(),
            rare: sparse,
            ..entry("/home/sparse", EntryKind::File)
        },
        Entry {
            rare: Rare { device: Some((8, 1)), ..Rare::default() },
            ..entry("/home-b", EntryKind::BlockDevice)
        },
    ];
    let rest = Entry {
        rare: Rare { part: 2, ..Rare::default() },
        content,
        ..entry("/home/a", EntryKind::Continuation)
    };
    vec![build(&entries), build(&[rest])]
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    samples().iter().flat_map(|hunk| [[&[0], &hunk.bytes[..]].concat(), as_columns(&hunk.bytes)]).collect()
}

fn as_columns(bytes: &[u8]) -> Vec<u8> {
    let mut reader = Reader::new(&bytes[1..], "fuzz");
    let mut count = Vec::new();
    count.put_varint(reader.varint().unwrap());
    let mut pieces = vec![count];
    while reader.remaining() > 0 {
        pieces.push(reader.bytes().unwrap().to_vec());
    }
    [vec![1], forms::join(&pieces)].concat()
}
