//! `cat` and `verify`: the content of one file, and whether a whole snapshot could be restored.

use crate::bench::Bench;
use crate::round_trip::noise;
use engine::EngineError;
use engine::cat::cat;
use engine::progress::Progress;
use engine::verify::{VerifyReport, verify};
use format::entry::{DataRun, Entry, EntryKind, flags};
use format::ranges::RangeList;
use model::{Code, SnapshotId};
use std::io::{self, Write};
use std::sync::atomic::Ordering;
use testkit::memory_remote::{Call, refusal};
use testkit::snapshot_writer::{file, folder, symlink};

fn content(bench: &Bench, snapshot: SnapshotId, path: &str) -> Result<Vec<u8>, EngineError> {
    let mut out = Vec::new();
    let size =
        bench.with_reader(snapshot, |reader| cat(reader, path.as_bytes(), &mut out, &Progress::new()))?;
    assert_eq!(size, out.len() as u64);
    Ok(out)
}

fn sparse(path: &[u8], size: usize, runs: &[(u64, u64)]) -> Entry {
    let mut entry = file(path, size);
    entry.flags = flags::SPARSE;
    entry.rare.runs = runs.iter().map(|(hole, length)| DataRun { hole: *hole, length: *length }).collect();
    entry
}

#[test]
fn cat_gives_the_content_with_its_holes() {
    let bench = Bench::new();
    let mut writer = bench.writer().with_sizes(1000, 3000);
    let large = noise(500_000, 1);
    writer.add(folder(b"/")).add_file(file(b"/large", large.len()), &large).add(file(b"/none", 0));
    writer.add_file(sparse(b"/sparse", 400_000, &[(100_000, 2500), (7, 3)]), &noise(2503, 2));
    writer.add(sparse(b"/hole", 70_000, &[]));
    let snapshot = writer.commit();
    assert!(content(&bench, snapshot, "/large").unwrap() == large);
    assert_eq!(content(&bench, snapshot, "/none").unwrap(), b"");
    assert_eq!(content(&bench, snapshot, "/hole").unwrap(), vec![0; 70_000]);
    let mut expected = vec![0; 400_000];
    expected[100_000..102_500].copy_from_slice(&noise(2503, 2)[..2500]);
    expected[102_507..102_510].copy_from_slice(&noise(2503, 2)[2500..]);
    assert!(content(&bench, snapshot, "/sparse").unwrap() == expected);
}

#[test]
fn cat_refuses_what_has_no_content_and_stops_at_damage() {
    let bench = Bench::new();
    let mut writer = bench.writer().with_sizes(1000, 3000);
    let large = noise(100_000, 1);
    writer.add(folder(b"/")).add_file(file(b"/large", large.len()), &large).add(symlink(b"/link", b"large"));
    writer.add(Entry { flags: flags::UNREAD, ..file(b"/unread", 5) });
    writer.add_file(file(b"/short", 5), b"1234").add_file(file(b"/long", 5), b"123456");
    let snapshot = writer.commit();
    let code = |path: &str| content(&bench, snapshot, path).unwrap_err().code();
    assert_eq!(
        ["/", "/link", "/gone", "/unread", "/short", "/long"].map(code),
        [
            Code::Usage,
            Code::Usage,
            Code::PathMissing,
            Code::PathMissing,
            Code::DataDamaged,
            Code::DataDamaged
        ]
    );
    let frame = bench.with_reader(snapshot, |reader| {
        let entry = reader.find(b"/large").unwrap().unwrap();
        let range = entry.content.as_slice()[20];
        (range.pack, range.frame)
    });
    bench.remote.damage_frame(frame);
    let mut out = Vec::new();
    let result = bench.with_reader(snapshot, |reader| cat(reader, b"/large", &mut out, &Progress::new()));
    assert_eq!(result.unwrap_err().code(), Code::DataDamaged);
    assert!(large.starts_with(&out) && out.len() < large.len() && !out.is_empty());

    /// Takes a few bytes.
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.saturating_sub(bytes.len());
            if self.0 > 0 { Ok(bytes.len()) } else { Err(io::ErrorKind::StorageFull.into()) }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error =
        bench.with_reader(snapshot, |reader| cat(reader, b"/large", &mut Full(10_000), &Progress::new()));
    assert_eq!(error.unwrap_err().code(), Code::DiskFull);
    bench.remote.fail_when(|call, _| (call == Call::Frames).then(|| refusal(Code::ServerUnreachable, "cut")));
    assert_eq!(code("/large"), Code::ServerUnreachable);
}

fn report(bench: &Bench, snapshot: SnapshotId, read_data: bool) -> VerifyReport {
    let progress = Progress::new();
    let report = bench.with_reader(snapshot, |reader| verify(reader, read_data, &progress)).unwrap();
    if report.hunks > 0 && report.counts_fit {
        assert_eq!(progress.done_files.load(Ordering::Relaxed), report.counts.files);
    }
    report
}

fn damaged(report: &VerifyReport) -> Vec<String> {
    assert_eq!(report.findings.len() as u64, report.finding_count);
    report.findings.iter().map(|finding| String::from_utf8(finding.path.clone()).unwrap()).collect()
}

#[test]
fn a_real_backup_is_good_and_each_frame_is_read_once() {
    let bench = Bench::new();
    let tree = bench.path("tree");
    std::fs::create_dir_all(tree.join("sub")).unwrap();
    for number in 0..500 {
        std::fs::write(tree.join(format!("sub/{number}")), noise(20_000, number as u8)).unwrap();
    }
    std::fs::write(tree.join("large"), noise(12 << 20, 9)).unwrap();
    let snapshot = bench.back_up(&tree);
    let before = (bench.remote.frames_sent(), bench.remote.calls(Call::Frames));
    let list = report(&bench, snapshot, false);
    assert!(list.is_good() && list.frames == 0 && list.counts.files == 501);
    let hunk_frames = bench.remote.frames_sent() - before.0;
    let all = report(&bench, snapshot, true);
    assert!(all.is_good(), "{all:?}");
    assert!(all.read_bytes > 15 << 20, "content of equal files is stored once: {}", all.read_bytes);
    let sent = bench.remote.frames_sent() - before.0 - 3 * hunk_frames;
    assert_eq!(sent, all.frames, "each frame of content comes once");
}

#[test]
fn damage_of_content_is_found_only_by_reading_it() {
    let bench = Bench::new();
    let mut writer = bench.writer().with_sizes(1000, 3000).with_hunks_of(4);
    writer.add(folder(b"/"));
    for number in 0..20 {
        writer.add_file(file(format!("/{number:02}").as_bytes(), 3000), &noise(3000, number));
    }
    // The same content as /03, in a later hunk; wrong lengths; nothing at all.
    let mut again = file(b"/again", 3000);
    let mut ranges = RangeList::new();
    let ids = writer.store(&noise(3000, 100), &mut ranges);
    again.content = ranges.clone();
    writer.add_with_ids(again.clone(), ids.clone());
    writer.add_with_ids(Entry { path: b"/again2".to_vec(), ..again }, ids);
    writer.add_file(file(b"/short", 5), b"1234").add(file(b"/without", 5));
    writer.add(Entry { flags: flags::UNREAD, ..file(b"/unread", 5) });
    let snapshot = writer.commit();
    let list = report(&bench, snapshot, false);
    assert!(list.is_good());
    assert_eq!(damaged(&report(&bench, snapshot, true)), ["/short", "/without"]);

    let frame = |path: &[u8]| {
        bench.with_reader(snapshot, |reader| {
            let range = reader.find(path).unwrap().unwrap().content.as_slice()[0];
            (range.pack, range.frame)
        })
    };
    bench.remote.damage_frame(frame(b"/03"));
    bench.remote.lose_frame(frame(b"/again"));
    assert!(report(&bench, snapshot, false).is_good());
    let all = report(&bench, snapshot, true);
    assert_eq!(damaged(&all), ["/03", "/again", "/again2", "/short", "/without"]);
    assert!(!all.is_good());
}

#[test]
fn damage_of_the_list_and_wrong_sums_are_found() {
    let bench = Bench::new();
    let mut writer = bench.writer().with_hunks_of(2);
    writer.add(folder(b"/"));
    for number in 0..5 {
        writer.add_file(file(format!("/{number}").as_bytes(), 1), b"x");
    }
    let snapshot = writer.commit();
    let address = bench.with_reader(snapshot, |reader| reader.hunk_addresses()[1]);
    bench.remote.damage_frame((address.pack, address.frame));
    for read_data in [false, true] {
        let report = report(&bench, snapshot, read_data);
        assert_eq!(damaged(&report), ["/1"]);
        assert_eq!((report.hunks, report.counts.entries), (2, 4));
    }

    let mut writer = bench.writer().with_hunks_of(1).in_order_of_adding();
    writer.add(folder(b"/")).add_file(file(b"/b", 1), b"x").add_file(file(b"/a", 1), b"x");
    let snapshot = writer.commit();
    assert_eq!(damaged(&report(&bench, snapshot, false)), ["/a"]);
}

#[test]
fn a_wrong_digest_makes_the_files_of_its_hunk_doubtful() {
    let bench = Bench::new();
    let mut writer = bench.writer().with_hunks_of(3);
    writer.add(folder(b"/")).add_file(file(b"/a", 1), b"a").add_file(file(b"/b", 1), b"b");
    let mut wrong = file(b"/c", 5);
    writer.store(b"other", &mut wrong.content);
    writer.add_with_ids(wrong, vec![bench.keyring.id_keys().chunk_id(b"right")]);
    writer.add(folder(b"/d")).add_file(file(b"/e", 1), b"e");
    let snapshot = writer.commit();
    assert_eq!(damaged(&report(&bench, snapshot, true)), ["/c", "/e"]);
}

#[test]
fn a_file_in_several_hunks_is_whole() {
    let bench = Bench::new();
    let mut writer = bench.writer().with_sizes(100, 5000);
    writer.add(folder(b"/"));
    let text = noise(30_000, 5);
    let mut first = file(b"/split", text.len());
    let ids = writer.store(&text[..10_000], &mut first.content);
    writer.add_with_ids(first, ids);
    for part in 1..=2u64 {
        let mut next = file(b"/split", 0);
        next.kind = EntryKind::Continuation;
        next.rare.part = part;
        let from = 10_000 * part as usize;
        let ids = writer.store(&text[from..from + 10_000], &mut next.content);
        writer.add_with_ids(next, ids);
    }
    writer.add_file(file(b"/z", 1), b"z");
    let snapshot = writer.commit();
    assert!(report(&bench, snapshot, true).is_good());
    assert!(content(&bench, snapshot, "/split").unwrap() == text);
    let to = bench.path("to");
    let summary = bench.restore(snapshot, &crate::bench::contents("/", &to));
    assert_eq!(crate::bench::findings(&summary), []);
    assert!(std::fs::read(to.join("split")).unwrap() == text);
    // The file alone, in a folder: its entry is found although a hunk begins with its continuation.
    let alone = bench.path("alone");
    bench.restore(snapshot, &crate::bench::contents("/split", &alone));
    assert!(std::fs::read(alone.join("split")).unwrap() == text);

    // Without the hunk of its middle it is damaged, and what comes after it is not.
    let middle = bench.with_reader(snapshot, |reader| reader.hunk_addresses()[1]);
    bench.remote.lose_frame((middle.pack, middle.frame));
    let to = bench.path("to2");
    let summary = bench.restore(snapshot, &crate::bench::contents("/", &to));
    let paths: Vec<_> = crate::bench::findings(&summary).into_iter().map(|(path, _, _)| path).collect();
    assert_eq!(paths, ["/split", "/split"], "the part of the list, and the file");
    assert_eq!(crate::bench::names(&to), ["z"]);
    assert_eq!(damaged(&report(&bench, snapshot, true)), ["/split", "/split"]);
}

#[test]
fn a_continuation_that_does_not_follow_is_damage() {
    // The second part comes first, and one of a file that is not there.
    for (path, part) in [("/split", 2), ("/splitter", 1)] {
        let bench = Bench::new();
        let mut writer = bench.writer();
        writer.add(folder(b"/"));
        let text = noise(20_000, 5);
        let mut first = file(b"/split", text.len());
        let ids = writer.store(&text[..10_000], &mut first.content);
        writer.add_with_ids(first, ids);
        let mut next = file(path.as_bytes(), 0);
        next.kind = EntryKind::Continuation;
        next.rare.part = part;
        let ids = writer.store(&text[10_000..], &mut next.content);
        writer.add_with_ids(next, ids);
        let snapshot = writer.commit();
        assert!(content(&bench, snapshot, "/split").is_err(), "{path} {part}");
        assert!(damaged(&report(&bench, snapshot, false)).contains(&path.to_owned()), "{path} {part}");
        let to = bench.path("to");
        bench.restore(snapshot, &crate::bench::contents("/", &to));
        assert!(!to.join("split").exists());
    }
}

#[test]
fn a_continuation_that_begins_the_list_is_damage() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    let mut orphan = file(b"/", 0);
    orphan.kind = EntryKind::Continuation;
    orphan.rare.part = 1;
    let ids = writer.store(b"more", &mut orphan.content);
    writer.add_with_ids(orphan, ids);
    writer.add_file(file(b"/a", 1), b"a");
    let snapshot = writer.commit();
    for read_data in [false, true] {
        assert_eq!(damaged(&report(&bench, snapshot, read_data)), ["/"]);
    }
}
