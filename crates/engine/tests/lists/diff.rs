//! A comparison of two snapshots: what it tells, and that it reads only what they do not share.

use crate::bench::Bench;
use engine::EngineError;
use engine::diff::{Aspect, DiffReport, Difference, HELD_MAX, Side, diff};
use format::entry::{Entry, EntryKind, Rare};
use format::ranges::RangeList;
use model::{ChunkId, Code, SnapshotId};
use std::collections::HashMap;
use testkit::snapshot_writer::{file, folder, symlink};

fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

fn words(difference: &Difference) -> String {
    match difference {
        Difference::Added(new) => format!("+{}", text(&new.path)),
        Difference::Removed(old) => format!("-{}", text(&old.path)),
        Difference::Changed(_, new, differs) => {
            let differs: Vec<&str> = differs.iter().map(|aspect| aspect.as_str()).collect();
            format!("{} {}", text(&new.path), differs.join(","))
        }
        Difference::Renamed(old, new) => format!("{} > {}", text(&old.path), text(&new.path)),
    }
}

fn roots(bench: &Bench, old: (SnapshotId, &str), new: (SnapshotId, &str)) -> (Vec<String>, DiffReport) {
    let (old_reader, new_reader) = (bench.open(old.0), bench.open(new.0));
    let old = Side { reader: &old_reader, root: old.1.as_bytes() };
    let new = Side { reader: &new_reader, root: new.1.as_bytes() };
    let mut all = Vec::new();
    let report = diff(old, new, HELD_MAX, &mut |difference| {
        all.push(words(&difference));
        Ok(())
    });
    (all, report.unwrap())
}

fn whole(bench: &Bench, old: SnapshotId, new: SnapshotId) -> (Vec<String>, DiffReport) {
    roots(bench, (old, "/"), (new, "/"))
}

fn numbered(count: u32) -> Vec<Entry> {
    let files = (0..count).map(|number| file(format!("/f{number:03}").as_bytes(), 0));
    std::iter::once(folder(b"/")).chain(files).collect()
}

#[test]
fn every_kind_of_difference_is_told_in_order() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    let mut letter = file(b"/letter", 5);
    let ids = writer.store(b"hello", &mut letter.content);
    writer.add_with_ids(letter.clone(), ids.clone());
    writer.add(folder(b"/")).add(folder(b"/gone")).add(file(b"/gone/x", 0)).add(symlink(b"/link", b"old"));
    writer.add_file(file(b"/text", 3), b"old").add(file(b"/tool", 0)).add(file(b"/was-file", 0));
    let old = writer.commit();
    let mut writer = bench.writer();
    let moved = Entry { path: b"/new/letter".to_vec(), ..letter };
    writer.add_with_ids(moved, ids);
    writer.add(folder(b"/")).add(folder(b"/new")).add(symlink(b"/link", b"new"));
    writer.add_file(file(b"/text", 5), b"newer").add(Entry { mode: 0o755, ..file(b"/tool", 0) });
    writer.add(folder(b"/was-file"));
    let new = writer.commit();
    let (all, report) = whole(&bench, old, new);
    assert_eq!(
        all,
        [
            "-/gone",
            "-/gone/x",
            "/link target",
            "+/new",
            "/letter > /new/letter",
            "/text content",
            "/tool mode",
            "/was-file kind,mode"
        ]
    );
    let counts = (report.added, report.removed, report.changed, report.metadata, report.renamed);
    assert_eq!(counts, (1, 2, 3, 1, 1));
    assert_eq!((report.changed_old_bytes, report.changed_new_bytes), (3, 5));
    assert!(report.renames_sought && report.damage.is_none());
    assert!(whole(&bench, old, old).0.is_empty());
}

#[test]
fn what_both_share_is_not_read() {
    let bench = Bench::new();
    let mut entries = numbered(500);
    let old = bench.write(&entries);
    entries[255].mode = 0o600;
    let new = bench.write(&entries);
    let before = bench.remote.frames_sent();
    let (all, report) = whole(&bench, old, new);
    assert_eq!(all, ["/f254 mode"]);
    assert_eq!((report.hunks, report.shared), (2, 50));
    assert_eq!(bench.remote.frames_sent() - before, 2);
    // A folder of equal hunks needs none at all.
    let before = bench.remote.frames_sent();
    assert!(roots(&bench, (old, "/f100"), (new, "/f100")).0.is_empty());
    assert_eq!(bench.remote.frames_sent(), before);
}

#[test]
fn folders_at_different_places_are_compared_from_there_on() {
    let bench = Bench::new();
    let mut entries = vec![folder(b"/"), folder(b"/a"), folder(b"/a/x"), folder(b"/b"), folder(b"/b/x")];
    entries.extend([file(b"/a/x/1", 0), file(b"/a/x!", 0), file(b"/b/x/1", 3), file(b"/b/y", 0)]);
    let snapshot = bench.write(&entries);
    let (all, _) = roots(&bench, (snapshot, "/a"), (snapshot, "/b"));
    assert_eq!(all, ["/b/x/1 content", "-/a/x!", "+/b/y"]);
    let (all, _) = roots(&bench, (snapshot, "/a/x"), (snapshot, "/"));
    assert!(all.contains(&"-/a/x/1".to_owned()) && all.contains(&"+/b/y".to_owned()), "{all:?}");
}

/// Content that is stored, and where.
type Stored = HashMap<Vec<u8>, (RangeList, Vec<ChunkId>)>;

/// A file whose content goes on in hunks of its own, with a hunk of other files in front of it and behind.
fn split(bench: &Bench, stored: &mut Stored, contents: [&[u8]; 3]) -> SnapshotId {
    let mut writer = bench.writer();
    for number in 0..9 {
        writer.add(file(format!("/a{number}").as_bytes(), 0));
        writer.add(file(format!("/z{number}").as_bytes(), 0));
    }
    writer.add(folder(b"/z"));
    for (part, content) in (0..).zip(contents) {
        let mut entry = file(b"/large", 15);
        if part > 0 {
            (entry.kind, entry.rare) = (EntryKind::Continuation, Rare { part, ..Rare::default() });
        }
        // Equal parts lie at one place, as an agent stores them.
        let (ranges, ids) = stored.entry(content.to_vec()).or_insert_with(|| {
            let mut ranges = RangeList::new();
            let ids = writer.store(content, &mut ranges);
            (ranges, ids)
        });
        entry.content = ranges.clone();
        let ids = ids.clone();
        writer.add_with_ids(entry, ids);
    }
    writer.commit()
}

#[test]
fn content_that_differs_in_a_continuation_is_a_change() {
    let bench = Bench::new();
    let mut stored = Stored::new();
    let old = split(&bench, &mut stored, [b"first", b"second", b"third"]);
    for contents in [
        [&b"FIRST"[..], b"second", b"third"],
        [b"first", b"SECOND", b"third"],
        [b"first", b"second", b"THIRD"],
    ] {
        let (all, report) = whole(&bench, old, split(&bench, &mut stored, contents));
        assert_eq!(all, ["/large content"], "{contents:?}");
        assert!(report.shared > 0);
    }
    let same = split(&bench, &mut stored, [b"first", b"second", b"third"]);
    assert!(whole(&bench, old, same).0.is_empty());
}

#[test]
fn what_cannot_be_read_is_neither_added_nor_removed() {
    let bench = Bench::new();
    let mut entries = numbered(100);
    let old = bench.write(&entries);
    entries.iter_mut().for_each(|entry| entry.mode = 0o700);
    entries.push(file(b"/g", 0));
    let new = bench.write(&entries);
    assert_eq!(whole(&bench, old, new).0.len(), 102);
    for snapshot in [old, new] {
        let address = bench.open(snapshot).hunk_addresses()[5];
        bench.remote.lose_frame((address.pack, address.frame));
        let (all, report) = whole(&bench, old, new);
        assert_eq!(all.len(), 92, "{all:?}");
        assert_eq!(all.iter().filter(|words| words.ends_with(" mode")).count(), 91);
        assert_eq!(report.damage.unwrap().code(), Code::DataDamaged);
        bench.remote.find_frame((address.pack, address.frame));
    }
    // The last hunk: nothing behind it is known.
    let address = *bench.open(old).hunk_addresses().last().unwrap();
    bench.remote.lose_frame((address.pack, address.frame));
    assert_eq!(whole(&bench, old, new).0.len(), 100);
}

#[test]
fn an_error_of_the_sink_ends_the_comparison() {
    let bench = Bench::new();
    let (old, new) = (bench.write(&numbered(20)), bench.write(&numbered(30)));
    let (old, new) = (bench.open(old), bench.open(new));
    let sides = [&old, &new].map(|reader| Side { reader, root: b"/" });
    for held_max in [0, 5, 100] {
        let mut count = 0;
        let result = diff(sides[0], sides[1], held_max, &mut |_| {
            count += 1;
            Err(EngineError::Stopped)
        });
        assert_eq!((result.unwrap_err().code(), count), (Code::Interrupted, 1));
    }
    let report = diff(sides[0], sides[1], 5, &mut |_| Ok(())).unwrap();
    assert_eq!((report.added, report.renames_sought), (10, false));
    assert!(Aspect::Mode.is_metadata() && !Aspect::Content.is_metadata());
}
