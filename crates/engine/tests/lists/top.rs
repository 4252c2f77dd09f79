//! The largest folders of a snapshot, and those that grew.

use crate::bench::Bench;
use engine::top::{growth, largest};
use format::entry::{Entry, flags};
use model::{Code, SnapshotId};
use testkit::snapshot_writer::{file, folder};

fn parent(path: &[u8]) -> Entry {
    Entry { flags: flags::PARENT, ..folder(path) }
}

fn link(path: &[u8], size: usize, ino: u64) -> Entry {
    Entry { flags: flags::HARD_LINK, ino, ..file(path, size) }
}

/// Path, bytes, files and entries of the largest folders.
fn top(bench: &Bench, snapshot: SnapshotId, root: &str, count: usize) -> Vec<(String, u64, u64, u64)> {
    let top = largest(&bench.open(snapshot), root.as_bytes(), count).unwrap();
    assert!(top.damage.is_none());
    let row = |usage: engine::top::Usage| {
        (String::from_utf8(usage.path).unwrap(), usage.bytes, usage.files, usage.entries)
    };
    top.folders.into_iter().map(row).collect()
}

fn tree() -> Vec<Entry> {
    vec![
        parent(b"/"),
        parent(b"/home"),
        folder(b"/home/ada"),
        file(b"/home/ada/a", 1),
        folder(b"/home/ada/b"),
        file(b"/home/ada/b/c", 10),
        folder(b"/home/ada/b/d"),
        file(b"/home/ada/b/d/e", 100),
        file(b"/home/ada/b!", 1000),
        folder(b"/home/ada/empty"),
    ]
}

#[test]
fn sizes_are_those_of_all_that_is_below() {
    let bench = Bench::new();
    let snapshot = bench.write(&tree());
    let ada = ("/home/ada".to_owned(), 1111, 4, 7);
    let (b, d) = (("/home/ada/b".to_owned(), 110, 2, 3), ("/home/ada/b/d".to_owned(), 100, 1, 1));
    let empty = ("/home/ada/empty".to_owned(), 0, 0, 0);
    // Folders above the set say nothing that the set does not say.
    assert_eq!(top(&bench, snapshot, "/", 10), [ada.clone(), b.clone(), d.clone(), empty]);
    assert_eq!(top(&bench, snapshot, "/", 2), [ada, b.clone()]);
    assert_eq!(top(&bench, snapshot, "/home/ada/b", 10), [b, d]);
    assert!(top(&bench, snapshot, "/home/ada/a", 10).is_empty());
}

#[test]
fn a_file_with_several_names_counts_once_in_each_folder() {
    let bench = Bench::new();
    let entries = [
        folder(b"/"),
        folder(b"/a"),
        link(b"/a/1", 100, 7),
        link(b"/a/2", 100, 7),
        folder(b"/a/in"),
        link(b"/a/in/3", 100, 7),
        file(b"/a/x", 1),
        folder(b"/b"),
        link(b"/b/4", 100, 7),
        link(b"/b/5", 50, 8),
        link(b"/c", 50, 8),
    ];
    let snapshot = bench.write(&entries);
    let bytes: Vec<(String, u64)> =
        top(&bench, snapshot, "/", 10).into_iter().map(|(path, bytes, ..)| (path, bytes)).collect();
    let expected = [("/", 151), ("/b", 150), ("/a", 101), ("/a/in", 100)];
    assert_eq!(bytes, expected.map(|(path, bytes)| (path.to_owned(), bytes)));
}

#[test]
fn growth_is_told_of_folders_that_grew() {
    let bench = Bench::new();
    let old = bench.write(&tree());
    let mut entries = tree();
    entries[3].size = 500;
    entries[5].size = 4;
    entries.extend([folder(b"/home/ada/new"), file(b"/home/ada/new/x", 7), folder(b"/home/ada/new/none")]);
    let new = bench.write(&entries);
    let grown = |count| {
        let top = growth(&bench.open(old), &bench.open(new), b"/", count).unwrap();
        let row = |growth: engine::top::Growth| {
            (String::from_utf8(growth.now.path.clone()).unwrap(), growth.bytes(), growth.old_bytes)
        };
        top.folders.into_iter().map(row).collect::<Vec<_>>()
    };
    let all = [("/home/ada".to_owned(), 500, Some(1111)), ("/home/ada/new".to_owned(), 7, None)];
    assert_eq!(grown(10), all);
    assert_eq!(grown(1), all[..1]);
    let top = growth(&bench.open(new), &bench.open(old), b"/", 10).unwrap();
    let shrunk: Vec<_> = top.folders.iter().map(|growth| &growth.now.path[..]).collect();
    assert_eq!(shrunk, [b"/home/ada/b"], "what grew on the way back");
}

#[test]
fn damage_is_told_with_what_can_be_counted() {
    let bench = Bench::new();
    let mut entries = vec![folder(b"/")];
    entries.extend((0..99).map(|number| file(format!("/f{number:02}").as_bytes(), 1)));
    let (old, new) = (bench.write(&entries), bench.write(&entries));
    let address = bench.open(old).hunk_addresses()[5];
    bench.remote.lose_frame((address.pack, address.frame));
    let top = largest(&bench.open(old), b"/", 1).unwrap();
    assert_eq!((top.folders[0].bytes, top.damage.unwrap().code()), (89, Code::DataDamaged));
    let top = growth(&bench.open(old), &bench.open(new), b"/", 1).unwrap();
    assert_eq!((top.folders[0].bytes(), top.damage.unwrap().code()), (10, Code::DataDamaged));
}
