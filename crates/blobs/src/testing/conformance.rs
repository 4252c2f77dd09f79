//! What every store and every decorator must do, as one suite. It must not know which store it checks: a case gets
//! an empty one and uses the trait alone.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Barrier};
use std::thread;

use crate::{BlobStore, Error, ErrorKind, Key, Op, PutMode, READ_LIMIT_BYTES};

type Store = Arc<dyn BlobStore>;
type Case = fn(&Store);

const CASES: &[(&str, Case)] = &[
    ("put_and_read", put_and_read),
    ("create_new_refuses_an_existing_key", create_new_refuses_an_existing_key),
    ("replace_swaps", replace_swaps),
    ("empty_blob", empty_blob),
    ("missing_key", missing_key),
    ("streamed_write", streamed_write),
    ("large_streamed_write", large_streamed_write),
    ("dropped_writer_leaves_nothing", dropped_writer_leaves_nothing),
    ("unfinished_writer_is_invisible", unfinished_writer_is_invisible),
    ("finish_decides_create_new", finish_decides_create_new),
    ("two_writers_of_one_key", two_writers_of_one_key),
    ("read_limits", read_limits),
    ("read_at_is_exact", read_at_is_exact),
    ("reader_outlives_its_key", reader_outlives_its_key),
    ("list_by_prefix_sorted", list_by_prefix_sorted),
    ("folders_right_below", folders_right_below),
    ("prefixes_are_checked", prefixes_are_checked),
    ("delete_is_repeatable", delete_is_repeatable),
    ("names_across_each_other", names_across_each_other),
    ("race_of_create_new", race_of_create_new),
    ("replace_is_never_torn", replace_is_never_torn),
    ("many_threads", many_threads),
    ("space_is_plausible", space_is_plausible),
];

/// Runs the suite; `make` gives a new, empty store at each call. Panics at the first difference.
pub fn run(mut make: impl FnMut() -> Arc<dyn BlobStore>) {
    for (name, case) in CASES {
        println!("conformance: {name}");
        let store = make();
        assert!(store.list("").unwrap().is_empty(), "{name}: the store was not empty");
        case(&store);
    }
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn keys(store: &Store, prefix: &str) -> Vec<String> {
    store.list(prefix).unwrap().into_iter().map(|blob| blob.key.as_str().to_owned()).collect()
}

fn stream(store: &Store, name: &str, mode: PutMode, pieces: &[&[u8]]) -> Result<u64, Error> {
    let mut writer = store.create(&key(name), mode)?;
    for piece in pieces {
        writer.write_all(piece).map_err(|error| Error::from_write(&key(name), error))?;
    }
    writer.finish()
}

fn pattern(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|i| (i as u8).wrapping_mul(31).wrapping_add((i >> 8) as u8) ^ seed).collect()
}

fn put_and_read(store: &Store) {
    let bytes = pattern(100_000, 1);
    for name in ["one", "two/levels", "a/b/c/d/e", "with.dots-and_others/0.9"] {
        store.put(&key(name), &bytes, PutMode::CreateNew).unwrap();
        assert_eq!(store.read(&key(name)).unwrap(), bytes);
        let info = store.info(&key(name)).unwrap().unwrap();
        assert_eq!((info.key.as_str(), info.size_bytes), (name, 100_000));
        assert_eq!(Some(info), store.list(name).unwrap().pop());
    }
}

fn create_new_refuses_an_existing_key(store: &Store) {
    store.put(&key("a/b"), b"first", PutMode::CreateNew).unwrap();
    let error = store.put(&key("a/b"), b"second", PutMode::CreateNew).unwrap_err();
    assert!(matches!(&error, Error::AlreadyExists { op: Op::Put, key: found } if *found == key("a/b")));
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    let error = stream(store, "a/b", PutMode::CreateNew, &[b"third"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(store.read(&key("a/b")).unwrap(), b"first");
}

fn replace_swaps(store: &Store) {
    for (number, bytes) in [pattern(10, 1), pattern(5000, 2), Vec::new(), pattern(3, 3)].iter().enumerate() {
        store.put(&key("a/b"), bytes, PutMode::Replace).unwrap();
        assert_eq!(&store.read(&key("a/b")).unwrap(), bytes, "{number}");
        stream(store, "s", PutMode::Replace, &[bytes, b"x"]).unwrap();
        assert_eq!(store.read(&key("s")).unwrap().len(), bytes.len() + 1);
    }
    assert_eq!(keys(store, ""), ["a/b", "s"]);
}

fn empty_blob(store: &Store) {
    store.put(&key("put"), b"", PutMode::CreateNew).unwrap();
    assert_eq!(stream(store, "streamed", PutMode::CreateNew, &[]).unwrap(), 0);
    for name in ["put", "streamed"] {
        assert_eq!(store.read(&key(name)).unwrap(), b"");
        assert_eq!(store.info(&key(name)).unwrap().unwrap().size_bytes, 0);
        let reader = store.open(&key(name)).unwrap();
        assert_eq!(reader.size_bytes(), 0);
        reader.read_at(0, &mut []).unwrap();
        assert_eq!(reader.read_at(0, &mut [0]).unwrap_err().kind(), ErrorKind::Corrupt);
    }
    assert_eq!(keys(store, ""), ["put", "streamed"]);
}

fn missing_key(store: &Store) {
    store.put(&key("file"), b"1", PutMode::CreateNew).unwrap();
    store.put(&key("folder/file"), b"1", PutMode::CreateNew).unwrap();
    for name in ["none", "no/folder/at/all", "folder", "folder/other", "file/below"] {
        assert_eq!(store.info(&key(name)).unwrap(), None, "{name}");
        let error = store.read(&key(name)).unwrap_err();
        assert!(
            matches!(&error, Error::NotFound { op: Op::Read, key: found } if *found == key(name)),
            "{error:?}"
        );
        let error = store.open(&key(name)).unwrap_err();
        assert!(
            matches!(&error, Error::NotFound { op: Op::Open, key: found } if *found == key(name)),
            "{error:?}"
        );
        assert_eq!(error.kind(), ErrorKind::NotFound);
        store.delete(&key(name)).unwrap();
    }
    assert_eq!(keys(store, ""), ["file", "folder/file"]);
}

fn streamed_write(store: &Store) {
    let pieces: Vec<_> = (0..20u8).map(|n| pattern(n as usize * 700, n)).collect();
    let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    let whole = pieces.concat();
    assert_eq!(stream(store, "a/b", PutMode::CreateNew, &pieces).unwrap(), whole.len() as u64);
    assert_eq!(store.read(&key("a/b")).unwrap(), whole);
    let mut writer = store.create(&key("c"), PutMode::CreateNew).unwrap();
    writer.write_all(b"x").unwrap();
    writer.flush().unwrap();
    assert_eq!(keys(store, ""), ["a/b"]);
    writer.finish().unwrap();
    assert_eq!(keys(store, ""), ["a/b", "c"]);
}

fn large_streamed_write(store: &Store) {
    let piece = pattern(1 << 20, 5);
    let pieces = vec![piece.as_slice(); 11];
    assert_eq!(stream(store, "large", PutMode::CreateNew, &pieces).unwrap(), 11 << 20);
    let reader = store.open(&key("large")).unwrap();
    assert_eq!(reader.size_bytes(), 11 << 20);
    let mut buf = vec![0; 1 << 20];
    for number in 0..11 {
        reader.read_at(number << 20, &mut buf).unwrap();
        assert!(buf == piece, "piece {number}");
    }
}

fn dropped_writer_leaves_nothing(store: &Store) {
    store.put(&key("kept"), b"old", PutMode::CreateNew).unwrap();
    for (name, mode) in
        [("a/new", PutMode::CreateNew), ("b/new", PutMode::Replace), ("kept", PutMode::Replace)]
    {
        let mut writer = store.create(&key(name), mode).unwrap();
        writer.write_all(&pattern(200_000, 1)).unwrap();
        drop(writer);
    }
    assert_eq!(keys(store, ""), ["kept"]);
    assert_eq!(store.read(&key("kept")).unwrap(), b"old");
    store.put(&key("a/new"), b"1", PutMode::CreateNew).unwrap();
}

fn unfinished_writer_is_invisible(store: &Store) {
    store.put(&key("kept"), b"old", PutMode::CreateNew).unwrap();
    let mut new = store.create(&key("x/new"), PutMode::CreateNew).unwrap();
    let mut replacing = store.create(&key("kept"), PutMode::Replace).unwrap();
    for writer in [&mut new, &mut replacing] {
        writer.write_all(&pattern(200_000, 1)).unwrap();
        writer.flush().unwrap();
    }
    assert_eq!(keys(store, ""), ["kept"]);
    assert!(keys(store, "x").is_empty());
    assert_eq!(store.info(&key("x/new")).unwrap(), None);
    assert_eq!(store.read(&key("kept")).unwrap(), b"old");
    new.finish().unwrap();
    replacing.finish().unwrap();
    assert_eq!(keys(store, ""), ["kept", "x/new"]);
    assert_eq!(store.read(&key("kept")).unwrap(), pattern(200_000, 1));
}

fn finish_decides_create_new(store: &Store) {
    let mut writer = store.create(&key("a/b"), PutMode::CreateNew).unwrap();
    writer.write_all(b"slow").unwrap();
    store.put(&key("a/b"), b"quick", PutMode::CreateNew).unwrap();
    let error = writer.finish().unwrap_err();
    assert!(matches!(error, Error::AlreadyExists { op: Op::Finish, .. }), "{error:?}");
    assert_eq!(store.read(&key("a/b")).unwrap(), b"quick");
    assert_eq!(keys(store, ""), ["a/b"]);
}

fn two_writers_of_one_key(store: &Store) {
    let mut first = store.create(&key("a"), PutMode::Replace).unwrap();
    let mut second = store.create(&key("a"), PutMode::Replace).unwrap();
    first.write_all(b"111").unwrap();
    second.write_all(b"22").unwrap();
    first.write_all(b"1").unwrap();
    second.finish().unwrap();
    assert_eq!(store.read(&key("a")).unwrap(), b"22");
    first.finish().unwrap();
    assert_eq!(store.read(&key("a")).unwrap(), b"1111");
}

fn read_limits(store: &Store) {
    store.put(&key("a"), &pattern(1000, 1), PutMode::CreateNew).unwrap();
    assert_eq!(store.read_limited(&key("a"), 1000).unwrap().len(), 1000);
    let error = store.read_limited(&key("a"), 999).unwrap_err();
    assert!(
        matches!(&error, Error::TooLarge { size_bytes: 1000, limit_bytes: 999, key: found } if *found == key("a"))
    );
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    const { assert!(READ_LIMIT_BYTES > 32 << 20, "whole packs must be readable") };
}

fn read_at_is_exact(store: &Store) {
    let bytes = pattern(5000, 9);
    store.put(&key("a"), &bytes, PutMode::CreateNew).unwrap();
    let reader = store.open(&key("a")).unwrap();
    assert_eq!(reader.size_bytes(), 5000);
    for (offset, length) in [(0, 5000), (0, 1), (4999, 1), (1234, 777), (5000, 0), (0, 0)] {
        let mut buf = vec![0; length];
        reader.read_at(offset as u64, &mut buf).unwrap();
        assert_eq!(buf, bytes[offset..offset + length]);
    }
    for (offset, length) in [(0, 5001), (5000, 1), (4999, 2), (5001, 0), (u64::MAX, 1), (u64::MAX - 1, 9)] {
        let error = reader.read_at(offset, &mut vec![0; length]).unwrap_err();
        assert!(matches!(error, Error::PastEnd { size_bytes: 5000, .. }), "{offset} {length}: {error:?}");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }
}

fn reader_outlives_its_key(store: &Store) {
    let (old, new) = (pattern(50_000, 1), pattern(60_000, 2));
    store.put(&key("a/deleted"), &old, PutMode::CreateNew).unwrap();
    store.put(&key("a/replaced"), &old, PutMode::CreateNew).unwrap();
    let deleted = store.open(&key("a/deleted")).unwrap();
    let replaced = store.open(&key("a/replaced")).unwrap();
    store.delete(&key("a/deleted")).unwrap();
    store.put(&key("a/replaced"), &new, PutMode::Replace).unwrap();
    store.put(&key("a/deleted"), &new, PutMode::CreateNew).unwrap();
    for reader in [deleted, replaced] {
        assert_eq!(reader.size_bytes(), 50_000);
        let mut buf = vec![0; 50_000];
        reader.read_at(0, &mut buf).unwrap();
        assert_eq!(buf, old);
    }
    assert_eq!(store.read(&key("a/deleted")).unwrap(), new);
    assert_eq!(store.read(&key("a/replaced")).unwrap(), new);
}

fn list_by_prefix_sorted(store: &Store) {
    // In the order of the bytes: '-' and '.' sort before '/', digits after it.
    let names = ["a-b", "a.b/x", "a/b", "a/b-c", "a/c/d", "a/c/e", "a0", "b", "b0/c/d/e", "b0/c/d/f"];
    for name in names.iter().rev() {
        store.put(&key(name), name.as_bytes(), PutMode::CreateNew).unwrap();
    }
    assert_eq!(keys(store, ""), names);
    let mut prefixes =
        BTreeSet::from(["z".to_owned(), "a/z/".to_owned(), "b/".to_owned(), "a/b/".to_owned()]);
    for name in names {
        prefixes.extend((0..=name.len()).map(|end| name[..end].to_owned()));
    }
    for prefix in prefixes {
        let expected: Vec<_> = names.into_iter().filter(|name| name.starts_with(&prefix)).collect();
        assert_eq!(keys(store, &prefix), expected, "{prefix:?}");
    }
    for blob in store.list("").unwrap() {
        assert_eq!(blob.size_bytes, blob.key.as_str().len() as u64);
    }
}

fn folders_right_below(store: &Store) {
    assert_eq!(store.folders("").unwrap(), [""; 0]);
    for name in ["b/1", "a/x/1", "a/x/2", "a/y/z/1", "a/blob", "a-b/1", "blob"] {
        store.put(&key(name), b"", PutMode::CreateNew).unwrap();
    }
    assert_eq!(store.folders("").unwrap(), ["a", "a-b", "b"]);
    assert_eq!(store.folders("a").unwrap(), ["x", "y"]);
    for none in ["b", "c", "blob", "a/blob"] {
        assert_eq!(store.folders(none).unwrap(), [""; 0], "{none}");
    }
    for wrong in ["..", "a/", "/a", "A"] {
        assert!(matches!(store.folders(wrong), Err(Error::InvalidKey { .. })), "{wrong}");
    }
}

fn prefixes_are_checked(store: &Store) {
    store.put(&key("a/b"), b"1", PutMode::CreateNew).unwrap();
    for prefix in ["/", "..", "../", "a/..", "a/../", "a//", ".", "/etc", "A", "a\\", "a/.b"] {
        let error = store.list(prefix).unwrap_err();
        assert!(matches!(error, Error::InvalidKey { .. }), "{prefix:?}: {error:?}");
    }
}

fn delete_is_repeatable(store: &Store) {
    store.put(&key("a/b"), b"1", PutMode::CreateNew).unwrap();
    store.put(&key("a/c"), b"1", PutMode::CreateNew).unwrap();
    for _ in 0..2 {
        store.delete(&key("a/b")).unwrap();
        assert_eq!(keys(store, ""), ["a/c"]);
        assert_eq!(store.info(&key("a/b")).unwrap(), None);
    }
    store.put(&key("a/b"), b"2", PutMode::CreateNew).unwrap();
    assert_eq!(store.read(&key("a/b")).unwrap(), b"2");
}

fn names_across_each_other(store: &Store) {
    store.put(&key("a/b"), b"1", PutMode::CreateNew).unwrap();
    store.put(&key("a/b-c"), b"1", PutMode::CreateNew).unwrap();
    for name in ["a", "a/b/c", "a/b/c/d"] {
        for mode in [PutMode::CreateNew, PutMode::Replace] {
            match store.put(&key(name), b"2", mode) {
                Ok(()) => assert_eq!(store.read(&key(name)).unwrap(), b"2"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported, "{name} {mode:?}: {error:?}"),
            }
            let _ = store.delete(&key(name));
        }
    }
    assert_eq!(keys(store, ""), ["a/b", "a/b-c"]);
    assert_eq!(store.read(&key("a/b")).unwrap(), b"1");
}

fn race_of_create_new(store: &Store) {
    for round in 0..40 {
        let name = format!("race/{}/{round}", round % 3);
        let barrier = Barrier::new(2);
        let outcomes: Vec<_> = thread::scope(|scope| {
            let threads = [b'x', b'y'].map(|byte| {
                let (store, name, barrier) = (&store, &name, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    let bytes = vec![byte; 3000];
                    if round % 2 == 0 {
                        store.put(&key(name), &bytes, PutMode::CreateNew)
                    } else {
                        stream(store, name, PutMode::CreateNew, &[&bytes]).map(drop)
                    }
                })
            });
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let winner = match outcomes.as_slice() {
            [Ok(()), Err(error)] if error.kind() == ErrorKind::AlreadyExists => b'x',
            [Err(error), Ok(())] if error.kind() == ErrorKind::AlreadyExists => b'y',
            other => panic!("round {round}: {other:?}"),
        };
        assert_eq!(store.read(&key(&name)).unwrap(), vec![winner; 3000], "round {round}");
    }
}

fn replace_is_never_torn(store: &Store) {
    let (length, rounds) = (20_000, 30u8);
    store.put(&key("a/b"), &vec![0; length], PutMode::CreateNew).unwrap();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 1..=rounds {
                store.put(&key("a/b"), &vec![round; length], PutMode::Replace).unwrap();
            }
        });
        let mut newest = 0;
        while newest < rounds {
            let ended = writer.is_finished();
            let bytes = store.read(&key("a/b")).unwrap();
            assert_eq!(bytes.len(), length);
            assert!(bytes.iter().all(|&byte| byte == bytes[0]), "a mixture was read");
            assert!(bytes[0] >= newest, "an older blob came back");
            newest = bytes[0];
            assert!(!ended || newest == rounds, "the last blob is not there");
        }
    });
}

fn many_threads(store: &Store) {
    thread::scope(|scope| {
        for thread in 0..4u8 {
            scope.spawn(move || {
                for number in 0..25u8 {
                    let name = format!("t/{}/{thread}-{number}", number % 5);
                    let bytes = pattern(500 + usize::from(number), thread);
                    store.put(&key(&name), &bytes, PutMode::CreateNew).unwrap();
                    assert_eq!(store.read(&key(&name)).unwrap(), bytes);
                    if number % 3 == 0 {
                        store.delete(&key(&name)).unwrap();
                    }
                    assert!(keys(store, &format!("t/{}/", number % 5)).iter().all(|k| k.starts_with("t/")));
                }
            });
        }
    });
    assert_eq!(keys(store, "").len(), 4 * (25 - 9));
}

fn space_is_plausible(store: &Store) {
    if let Some(space) = store.space().unwrap() {
        assert!(space.total_bytes > 0);
        assert!(space.available_bytes <= space.total_bytes);
    }
}
