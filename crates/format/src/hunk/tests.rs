//! Hunks come back exactly, end where the rules say, and no bytes make the decoder fail otherwise than by an error.

use super::*;
use crate::entry::{DataRun, FileTime, Rare, Xattr};
use crate::keys::Keyring;
use crate::path;
use crate::ranges::Address;
use model::{Custody, PackId, VaultId};
use proptest::prelude::*;

fn keys() -> IdKeys {
    Keyring::for_tests(VaultId::from_bytes([1; 16]), Custody::Managed, 1).id_keys()
}

fn rare() -> impl Strategy<Value = Rare> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..12);
    let xattr = (bytes(), bytes()).prop_map(|(name, value)| Xattr { name, value });
    let run = (0u64..1 << 40, 0u64..1 << 40).prop_map(|(hole, length)| DataRun { hole, length });
    let full = (
        prop::option::of(bytes()),
        prop::option::of(any::<(u32, u32)>()),
        prop::collection::vec(xattr, 0..3),
        prop::collection::vec(run, 0..3),
    );
    let full = full.prop_map(|(target, device, xattrs, runs)| Rare { target, device, xattrs, runs, part: 0 });
    prop_oneof![4 => Just(Rare::default()), 1 => full]
}

fn entry() -> impl Strategy<Value = Entry> {
    let name = prop::collection::vec(1u8.., 1..6).prop_map(|mut name| {
        name.iter_mut().filter(|byte| matches!(byte, b'/' | b'.')).for_each(|byte| *byte = b'_');
        name
    });
    let path = prop::collection::vec(name, 1..4)
        .prop_map(|names| names.iter().flat_map(|n| [b"/", &n[..]].concat()).collect::<Vec<u8>>());
    let time = (any::<i64>(), 0u32..1_000_000_000).prop_map(|(secs, nanos)| FileTime { secs, nanos });
    let owner = (0u32..3, 0u32..3).prop_map(|(uid, gid)| {
        Arc::new(Owner { uid, gid, user: format!("u{uid}").into(), group: Vec::new() })
    });
    let chunks = prop::collection::vec((0u8..3, 0u32..5, 0u32..50), 0..6);
    let parts = (path, 1u8..8, any::<u32>(), 0u32..0o10000, owner, time.clone(), time);
    (parts, any::<u64>(), any::<u64>(), any::<u64>(), 0u8..3, rare(), chunks).prop_map(
        |((path, kind, flags, mode, owner, modified, changed), dev, ino, size, class, rare, chunks)| {
            let kind = EntryKind::from_number(kind).unwrap();
            let mut content = RangeList::new();
            for (pack, frame, ordinal) in chunks.into_iter().filter(|_| kind.has_content()) {
                content.push(Address { pack: PackId::from_bytes([pack; 16]), frame, ordinal });
            }
            let class = if kind.has_content() { class } else { 0 };
            Entry { path, kind, flags, mode, owner, modified, changed, dev, ino, size, class, rare, content }
        },
    )
}

fn build(entries: &[Entry]) -> BuiltHunk {
    let mut builder = HunkBuilder::new();
    for entry in entries {
        let ids: Vec<_> = entry.content.addresses().map(|_| ChunkId::from_bytes([9; 16])).collect();
        builder.push(entry, &ids);
    }
    builder.finish(&keys()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn entries_come_back(entries in prop::collection::vec(entry(), 1..40)) {
        let mut entries = entries;
        entries.sort_by(|a, b| path::compare(&a.path, &b.path));
        entries.dedup_by(|a, b| a.path == b.path);
        let built = build(&entries);
        let hunk = Hunk::decode(&built.bytes).unwrap();
        prop_assert_eq!(&hunk.entries, &entries);
        let most = |entry: &Entry| most_bytes(entry) + RANGE_BYTES * entry.content.as_slice().len();
        prop_assert!(built.bytes.len() <= HUNK_BYTES + entries.iter().map(most).sum::<usize>());
        prop_assert_eq!(&hunk.references, &built.references);
        prop_assert_eq!(peek(&built.bytes).unwrap(), (hunk.references, hunk.digest));
    }

    #[test]
    fn a_changed_byte_gives_an_error_or_another_hunk(entries in prop::collection::vec(entry(), 1..10), at: prop::sample::Index, to: u8) {
        let mut entries = entries;
        entries.sort_by(|a, b| path::compare(&a.path, &b.path));
        entries.dedup_by(|a, b| a.path == b.path);
        let mut bytes = build(&entries).bytes;
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        let _ = Hunk::decode(&bytes);
    }
}

fn plain(path: String) -> Entry {
    Entry {
        path: path.into_bytes(),
        kind: EntryKind::File,
        flags: 0,
        mode: 0o644,
        owner: Arc::default(),
        modified: FileTime::default(),
        changed: FileTime::default(),
        dev: 1,
        ino: 1,
        size: 0,
        class: 0,
        rare: Rare::default(),
        content: RangeList::new(),
    }
}

/// Sizes of the hunks that a list of paths is cut into.
fn cuts(paths: impl Iterator<Item = String>) -> Vec<usize> {
    let keys = keys();
    let (mut builder, mut sizes) = (HunkBuilder::new(), Vec::new());
    for path in paths {
        builder.push(&plain(path), &[]);
        if builder.ends_here(&keys) {
            sizes.push(builder.finish(&keys).unwrap().entries as usize);
        }
    }
    sizes
}

#[test]
fn hunks_end_between_300_and_1000_entries_and_an_insertion_moves_few() {
    let all = cuts((0..30_000).map(|at| format!("/folder/file{at:06}")));
    assert!(all.iter().all(|size| (300..=1000).contains(size)), "{all:?}");
    let average = all.iter().sum::<usize>() / all.len();
    assert!((450..700).contains(&average), "{average}");
    let one_more = cuts((0..30_000).flat_map(|at| {
        let extra = (at == 15_000).then(|| format!("/folder/file{at:06}a"));
        std::iter::once(format!("/folder/file{at:06}")).chain(extra)
    }));
    let same_front = all.iter().zip(&one_more).take_while(|(a, b)| a == b).count();
    let same_back = all.iter().rev().zip(one_more.iter().rev()).take_while(|(a, b)| a == b).count();
    assert!(same_front + same_back + 6 >= all.len(), "{same_front} + {same_back} of {}", all.len());
}

/// A path of `length` bytes that shares all but four of them with the others.
fn long_path(length: usize, at: usize) -> String {
    format!("/{}{at:04}", "a".repeat(length - 5))
}

#[test]
fn long_paths_end_a_hunk() {
    let length = 256 << 10;
    assert_eq!(cuts((0..200).map(|at| long_path(length, at))), [limits::HUNK_PATHS_TARGET / length]);
}

#[test]
fn paths_that_are_too_long_together_are_refused_before_memory_is_taken_for_them() {
    let entries = |count: usize| {
        let mut builder = HunkBuilder::new();
        (0..count).for_each(|at| builder.push(&plain(long_path(limits::PATH_MAX, at)), &[]));
        builder.finish(&keys()).unwrap().bytes
    };
    let most = limits::HUNK_PATHS_MAX / limits::PATH_MAX;
    let too_many = entries(most + 1);
    assert!(too_many.len() < 2 << 20);
    let value = ((most + 1) * limits::PATH_MAX) as u64;
    let limit = limits::HUNK_PATHS_MAX as u64;
    assert_eq!(Hunk::decode(&too_many), Err(crate::Error::TooLarge { what: WHAT, value, limit }));
    assert!(Hunk::decode(&entries(most)).is_ok());
}

#[test]
fn paths_that_could_leave_the_target_are_refused() {
    for path in ["/a/../b", "/a/./b", "/..", "relative", "/a//b", "/a/"] {
        let built = build(&[plain(path.to_owned())]);
        assert!(Hunk::decode(&built.bytes).is_err(), "{path}");
    }
    assert!(Hunk::decode(&build(&[plain("/".to_owned())]).bytes).is_ok());
}

#[test]
fn a_hunk_ends_before_it_refers_to_more_ranges_than_a_pack_lists() {
    let scattered = |path: &str, ranges: usize| {
        let mut entry = plain(path.to_owned());
        let address = Address { pack: PackId::from_bytes([1; 16]), frame: 0, ordinal: 0 };
        (0..ranges).for_each(|_| entry.content.push(address));
        entry
    };
    let ids = vec![model::ChunkId::from_bytes([2; 16]); limits::HUNK_RANGES_MAX];
    let mut builder = HunkBuilder::new();
    let most = scattered("/most", limits::HUNK_RANGES_MAX);
    assert!(!builder.ends_before(&most), "an empty one takes any entry");
    builder.push(&scattered("/a", 1), &ids[..1]);
    assert!(builder.ends_before(&most));
    assert!(!builder.ends_before(&scattered("/rest", limits::HUNK_RANGES_MAX - 1)));
    assert!(!builder.ends_before(&scattered("/none", 0)));
}

#[test]
fn what_readers_refuse_of_an_entry_is_known_before_it_is_written() {
    let good = Entry {
        path: b"/a".to_vec(),
        kind: EntryKind::Fifo,
        flags: 0,
        mode: 0o7777,
        owner: Arc::default(),
        modified: FileTime { secs: -1, nanos: 999_999_999 },
        changed: FileTime::default(),
        dev: 1,
        ino: 1,
        size: 0,
        class: 0,
        rare: Rare::default(),
        content: RangeList::new(),
    };
    let late = FileTime { secs: 0, nanos: 1_000_000_000 };
    let path = |path: &[u8]| Entry { path: path.to_vec(), ..good.clone() };
    for (entry, is_good) in [
        (good.clone(), true),
        (path(b"/a/../b"), false),
        (path(b"a"), false),
        (path(&[&b"/"[..], &vec![b'x'; limits::PATH_MAX]].concat()), false),
        (Entry { mode: 0o10000, ..good.clone() }, false),
        (Entry { modified: late, ..good.clone() }, false),
        (Entry { changed: late, ..good.clone() }, false),
    ] {
        let is_read = Hunk::decode(&build(std::slice::from_ref(&entry)).bytes).is_ok();
        assert_eq!((entry.is_storable(), is_read), (is_good, is_good));
    }
}
