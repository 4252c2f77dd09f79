//! Snapshots and targets that try to lead a restore astray: nothing is written outside the target, and nothing is lost
//! without a word.

use crate::bench::{Bench, absolute, assert_no_leftovers, contents, findings, names};
use engine::progress::Progress;
use engine::restore::{Conflict, RestoreRequest};
use engine::verify::verify;
use format::entry::{DataRun, Entry, EntryKind, flags};
use format::ranges::RangeList;
use model::{ChunkId, Code, Finding, FindingReason, Timestamp};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use testkit::snapshot_writer::{entry, file, folder, symlink as link};

const RULES: [Conflict; 4] =
    [Conflict::KeepBoth, Conflict::Replace, Conflict::ReplaceIfNewer, Conflict::Skip];

#[test]
fn a_link_in_place_of_a_folder_is_never_followed() {
    for conflict in RULES {
        let bench = Bench::new();
        let mut writer = bench.writer();
        writer.add(folder(b"/")).add(folder(b"/top")).add(folder(b"/top/dir")).add(folder(b"/top/dir/sub"));
        writer
            .add_file(file(b"/top/dir/sub/secret", 6), b"secret")
            .add_file(file(b"/top/plain", 5), b"plain");
        let snapshot = writer.commit();
        let (to, outside) = (bench.path("to"), bench.path("outside"));
        fs::create_dir_all(outside.join("sub")).unwrap();
        fs::create_dir_all(&to).unwrap();
        symlink(&outside, to.join("dir")).unwrap();

        let refusing = contents("/top", &to);
        let (plan, _) = bench.plan(snapshot, &RestoreRequest { conflict, ..refusing.clone() });
        assert_eq!((plan.blocked, plan.conflicts), (1, 0), "{conflict:?}");
        let error = bench.try_restore(snapshot, &refusing).unwrap_err();
        assert_eq!(error.code(), Code::TargetExists);
        let summary = bench.restore(snapshot, &RestoreRequest { conflict, ..refusing });
        // ELOOP.
        assert_eq!(findings(&summary), [("/top/dir".into(), FindingReason::WriteFailed, 40)]);
        assert_eq!(summary.skipped, 3, "the folder, the one in it, and the file");
        assert_eq!(names(&outside), ["sub"]);
        assert_eq!(names(&to), ["dir", "plain"]);
    }
}

#[test]
fn a_link_in_place_of_a_file_is_not_written_through() {
    for conflict in RULES {
        let bench = Bench::new();
        let mut writer = bench.writer();
        writer.add(folder(b"/")).add_file(file(b"/f", 3), b"new");
        let snapshot = writer.commit();
        let (to, outside) = (bench.path("to"), bench.path("outside"));
        fs::create_dir(&to).unwrap();
        fs::write(&outside, b"untouched").unwrap();
        symlink(&outside, to.join("f")).unwrap();
        bench.restore(snapshot, &RestoreRequest { conflict, ..contents("/", &to) });
        assert_eq!(fs::read(&outside).unwrap(), b"untouched");
        let is_link = fs::symlink_metadata(to.join("f")).unwrap().is_symlink();
        assert_eq!(is_link, conflict != Conflict::Replace, "{conflict:?}");
        assert_no_leftovers(&to);
    }
}

#[test]
fn entries_below_a_link_or_file_of_the_snapshot_are_refused() {
    let bench = Bench::new();
    let outside = bench.path("outside");
    fs::create_dir(&outside).unwrap();
    let mut writer = bench.writer();
    writer.add(folder(b"/")).add(link(b"/a", outside.to_str().unwrap().as_bytes()));
    writer
        .add_file(file(b"/a/planted", 1), b"x")
        .add(folder(b"/a/dir"))
        .add_file(file(b"/a/dir/planted", 1), b"x");
    writer
        .add_file(file(b"/f", 1), b"f")
        .add_file(file(b"/f/below", 1), b"x")
        .add_file(file(b"/last", 4), b"last");
    let snapshot = writer.commit();
    let to = bench.path("to");
    let summary = bench.restore(snapshot, &contents("/", &to));
    let damaged = |path: &str| (path.to_owned(), FindingReason::Damaged, 0);
    assert_eq!(findings(&summary), ["/a/dir", "/a/dir/planted", "/a/planted", "/f/below"].map(damaged));
    assert_eq!(names(&outside), Vec::<String>::new());
    assert_eq!(names(&to), ["a", "f", "last"]);
}

#[test]
fn a_list_out_of_order_is_damage_and_does_not_mix_folders() {
    let bench = Bench::new();
    let mut writer = bench.writer().with_hunks_of(1).in_order_of_adding();
    writer.add(folder(b"/")).add(folder(b"/b")).add_file(file(b"/b/1", 1), b"1");
    // Back to a link that is put where a folder was, and into it again.
    writer.add(link(b"/b", b"/")).add_file(file(b"/b/2", 1), b"2").add_file(file(b"/a", 1), b"a");
    writer.add_file(file(b"/c", 1), b"c");
    let snapshot = writer.commit();
    let to = bench.path("to");
    let summary = bench.restore(snapshot, &contents("/", &to));
    let damaged = |path: &str| (path.to_owned(), FindingReason::Damaged, 0);
    assert_eq!(findings(&summary), ["/a", "/b"].map(damaged));
    assert_eq!(names(&to), ["b", "b/1", "b/2", "c"]);
    assert!(fs::symlink_metadata(to.join("b")).unwrap().is_dir());
}

#[test]
fn a_damaged_frame_costs_the_files_in_it_and_nothing_else() {
    let bench = Bench::new();
    let mut writer = bench.writer().with_sizes(1000, 8000);
    writer.add(folder(b"/"));
    let content = |number: usize| vec![number as u8 + 1; 3000];
    for number in 0..60 {
        writer.add_file(file(format!("/{number:02}").as_bytes(), 3000), &content(number));
    }
    writer.add_file(
        file(b"/large", 200_000),
        &(0..200_000u32).map(|at| (at * 7 % 251) as u8).collect::<Vec<_>>(),
    );
    let snapshot = writer.commit();
    let entries: Vec<Entry> =
        bench.with_reader(snapshot, |reader| reader.entries(b"/").collect::<Result<_, _>>().unwrap());
    let frames_of = |path: &[u8]| {
        let entry = entries.iter().find(|entry| entry.path == path).unwrap();
        let names: Vec<_> = entry.content.as_slice().iter().map(|range| (range.pack, range.frame)).collect();
        names
    };
    let (damaged, lost) = (frames_of(b"/20")[0], *frames_of(b"/large").last().unwrap());
    bench.remote.damage_frame(damaged);
    bench.remote.lose_frame(lost);
    let expected: Vec<String> = entries
        .iter()
        .filter(|entry| {
            entry.content.as_slice().iter().any(|range| [damaged, lost].contains(&(range.pack, range.frame)))
        })
        .map(|entry| String::from_utf8(entry.path.clone()).unwrap())
        .collect();
    assert!(
        expected.len() > 3 && expected.len() < 12 && expected.contains(&"/large".to_owned()),
        "{expected:?}"
    );

    let to = bench.path("to");
    let summary = bench.restore(snapshot, &contents("/", &to));
    let told: Vec<String> = findings(&summary).into_iter().map(|(path, _, _)| path).collect();
    assert_eq!(told, expected);
    assert!(summary.findings.iter().all(|finding| finding.reason == FindingReason::Damaged));
    assert_no_leftovers(&to);
    for number in 0..60 {
        let path = to.join(format!("{number:02}"));
        let is_lost = expected.contains(&format!("/{number:02}"));
        assert_eq!(path.exists(), !is_lost, "{number}");
        if !is_lost {
            assert_eq!(fs::read(path).unwrap(), content(number));
        }
    }
    assert!(!to.join("large").exists());

    // When the frame is there again, a resumed restore brings what was missing.
    bench.remote.find_frame(lost);
    let summary = bench.restore(snapshot, &RestoreRequest { resume: true, ..contents("/", &to) });
    assert_eq!(findings(&summary).len(), expected.len() - 1);
    assert!(to.join("large").exists());
}

#[test]
fn a_lost_part_of_the_list_costs_its_entries_and_nothing_else() {
    let bench = Bench::new();
    let mut writer = bench.writer().with_hunks_of(2);
    writer.add(folder(b"/")).add(folder(b"/a")).add_file(file(b"/a/1", 1), b"1").add(folder(b"/b"));
    writer.add_file(file(b"/b/2", 1), b"2").add_file(file(b"/b/3", 1), b"3").add(folder(b"/c"));
    let snapshot = writer.commit();
    // The second hunk: /a/1 and the folder /b.
    let lost = bench.with_reader(snapshot, |reader| reader.hunk_addresses()[1]);
    bench.remote.lose_frame((lost.pack, lost.frame));
    let to = bench.path("to");
    let summary = bench.restore(snapshot, &contents("/", &to));
    assert_eq!(findings(&summary), [("/a/1".into(), FindingReason::Damaged, 0)]);
    assert_eq!(names(&to), ["a", "b", "b/2", "b/3", "c"]);
    let (plan, _) = bench.plan(snapshot, &contents("/", &bench.path("other")));
    assert_eq!(plan.unreadable_lists, [b"/a/1".to_vec()]);
}

#[test]
fn content_of_another_length_is_damage() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    writer.add(folder(b"/"));
    writer.add_file(file(b"/longer", 5), b"123456").add_file(file(b"/shorter", 5), b"1234");
    writer.add(file(b"/nothing", 5)).add_file(file(b"/right", 5), b"12345");
    let runs = |runs: &[(u64, u64)]| {
        runs.iter().map(|(hole, length)| DataRun { hole: *hole, length: *length }).collect()
    };
    let sparse = |path: &[u8], size, list: &[(u64, u64)]| {
        let mut entry = file(path, size);
        entry.flags = flags::SPARSE;
        entry.rare.runs = runs(list);
        entry
    };
    writer.add_file(sparse(b"/sparse", 20, &[(5, 5), (5, 1)]), b"123456");
    writer.add_file(sparse(b"/sparse beyond", 9, &[(5, 5)]), b"12345");
    writer.add_file(sparse(b"/sparse short", 20, &[(5, 5)]), b"1234");
    let snapshot = writer.commit();
    let to = bench.path("to");
    let summary = bench.restore(snapshot, &contents("/", &to));
    let damaged = |path: &str| (path.to_owned(), FindingReason::Damaged, 0);
    let expected = ["/longer", "/nothing", "/shorter", "/sparse beyond", "/sparse short"];
    assert_eq!(findings(&summary), expected.map(damaged));
    assert_eq!(names(&to), ["right", "sparse"]);
    assert_eq!(fs::read(to.join("sparse")).unwrap(), b"\0\0\0\0\x0012345\0\0\0\0\x006\0\0\0\0");
}

#[test]
fn content_that_is_not_what_was_backed_up_is_told_by_the_digest() {
    let bench = Bench::new();
    let mut writer = bench.writer().with_hunks_of(3);
    writer.add(folder(b"/")).add_file(file(b"/a", 1), b"a").add_file(file(b"/b", 1), b"b");
    // The agent was led to believe that its chunk lies where another one does.
    let mut wrong = file(b"/c", 5);
    let mut ranges = RangeList::new();
    writer.store(b"other", &mut ranges);
    wrong.content = ranges;
    let believed: ChunkId = bench.keyring.id_keys().chunk_id(b"right");
    writer.add_with_ids(wrong, vec![believed]).add_file(file(b"/d", 1), b"d").add(folder(b"/e"));
    let snapshot = writer.commit();
    let to = bench.path("to");
    let summary = bench.restore(snapshot, &contents("/", &to));
    // The digest is that of a hunk, so all files of it are doubtful, and no others.
    let damaged = |path: &str| (path.to_owned(), FindingReason::Damaged, 0);
    assert_eq!(findings(&summary), ["/c", "/d"].map(damaged));
}

#[test]
fn what_was_never_read_is_told_as_the_backup_told_it() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    let unread = |path: &[u8]| Entry { flags: flags::UNREAD, ..file(path, 100) };
    writer.add(folder(b"/")).add(unread(b"/denied")).add(unread(b"/unknown"));
    let mut closed = folder(b"/closed");
    closed.flags = flags::UNREAD;
    let mut kept = file(b"/kept", 4);
    kept.flags = flags::KEPT | flags::CHANGING;
    writer.add(closed).add_file(kept, b"kept");
    let first_seen = Timestamp::from_secs(1000);
    writer.add_finding(Finding {
        path: b"/denied".to_vec(),
        reason: FindingReason::Denied,
        errno: 13,
        first_seen,
        kept_previous: false,
    });
    let snapshot = writer.commit();
    let to = bench.path("to");
    let summary = bench.restore(snapshot, &contents("/", &to));
    assert_eq!(
        findings(&summary),
        [
            ("/closed".into(), FindingReason::ReadError, 0),
            ("/denied".into(), FindingReason::Denied, 13),
            ("/unknown".into(), FindingReason::ReadError, 0),
        ]
    );
    assert_eq!(summary.findings[1].first_seen, first_seen);
    assert_eq!(names(&to), ["closed", "kept"]);
}

#[test]
fn odd_entries_are_damage() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    writer.add(folder(b"/")).add(entry(b"/link without target", EntryKind::Symlink));
    writer.add(entry(b"/device without number", EntryKind::CharDevice));
    let snapshot = writer.commit();
    let to = bench.path("to");
    let summary = bench.restore(snapshot, &contents("/", &to));
    let damaged = |path: &str| (path.to_owned(), FindingReason::Damaged, 0);
    assert_eq!(findings(&summary), ["/device without number", "/link without target"].map(damaged));
    assert_eq!(names(&to), Vec::<String>::new());
}

/// A snapshot of the folder `d` with the file `f` and the link `l`, and an empty folder before it.
fn small_folder(bench: &Bench) -> model::SnapshotId {
    let mut writer = bench.writer();
    writer
        .add(folder(b"/"))
        .add(folder(b"/c"))
        .add(folder(b"/d"))
        .add_file(file(b"/d/f", 3), b"new")
        .add(link(b"/d/l", b"x"));
    writer.commit()
}

#[test]
fn a_name_that_is_taken_meanwhile_stays_as_it_is() {
    let bench = Bench::new();
    let snapshot = small_folder(&bench);
    let to = bench.path("to");
    // Somebody puts files into the folder, which was there before, at the moment when the content is asked for.
    let taken = to.join("d");
    fs::create_dir_all(&taken).unwrap();
    let (made, file, link) = (to.join("c"), taken.join("f"), taken.join("l"));
    bench.remote.fail_when(move |call, _| {
        if call == testkit::memory_remote::Call::Frames && made.exists() {
            let _ = fs::write(&file, "mine").and_then(|()| fs::write(&link, "mine"));
        }
        None
    });
    let summary = bench.restore(snapshot, &contents("/", &to));
    let skipped = |path: &str| (path.to_owned(), FindingReason::Skipped, 17);
    assert_eq!(findings(&summary), ["/d/f", "/d/l"].map(skipped));
    assert_eq!(fs::read(to.join("d/f")).unwrap(), b"mine");
    assert_no_leftovers(&to);
}

#[test]
fn a_name_that_is_taken_from_a_folder_meanwhile_stays_as_it_is() {
    let bench = Bench::new();
    let snapshot = small_folder(&bench);
    let to = bench.path("to");
    let (made, taken) = (to.join("c"), to.join("d"));
    bench.remote.fail_when(move |call, _| {
        if call == testkit::memory_remote::Call::Frames && made.exists() {
            let _ = fs::create_dir(&taken).and_then(|()| fs::write(taken.join("f"), "mine"));
        }
        None
    });
    let summary = bench.restore(snapshot, &contents("/", &to));
    assert_eq!(findings(&summary), [("/d".to_owned(), FindingReason::Skipped, 17)]);
    assert_eq!(
        names(&to),
        [
            "c",
            "d",
            "d (restored 2026-11-24 10.30)",
            "d (restored 2026-11-24 10.30)/f",
            "d (restored 2026-11-24 10.30)/l",
            "d/f"
        ]
    );
    assert_eq!(fs::read(to.join("d/f")).unwrap(), b"mine");
}

#[test]
fn a_lost_connection_stops_the_restore_and_a_second_one_completes_it() {
    let bench = Bench::new();
    let mut writer = bench.writer().with_sizes(1000, 3000);
    writer.add(folder(b"/")).add(folder(b"/d"));
    for number in 0..300 {
        let path = format!("/d/{number:03}");
        writer.add_file(file(path.as_bytes(), 2000), &[number as u8; 2000]);
    }
    writer.add_file(file(b"/e", 100_000), &(0..100_000u32).map(|at| (at % 253) as u8).collect::<Vec<_>>());
    let snapshot = writer.commit();
    let to = bench.path("to");
    let request = RestoreRequest { resume: true, ..contents("/", &to) };
    let mut tries = 0;
    loop {
        // After some requests the connection is gone again, wherever that is; each time a little later, since a large
        // file starts anew.
        let start = bench.remote.calls(testkit::memory_remote::Call::Frames);
        bench.remote.fail_when(move |call, before| {
            let is_over = call == testkit::memory_remote::Call::Frames && before > start + 10 + tries;
            is_over.then(|| testkit::memory_remote::refusal(Code::ServerUnreachable, "cut"))
        });
        match bench.try_restore(snapshot, &request) {
            Err(error) => assert_eq!(error.code(), Code::ServerUnreachable),
            Ok(summary) => {
                assert_eq!(findings(&summary), []);
                break;
            }
        }
        assert_no_leftovers(&to);
        tries += 1;
        assert!(tries < 100);
    }
    assert!(tries > 2, "{tries}");
    bench.remote.fail_no_more();
    let whole = bench.path("whole");
    bench.restore(snapshot, &contents("/", &whole));
    crate::bench::assert_equal(&whole, &to);
    assert_eq!(names(&to).len(), 302);
}

#[test]
fn a_path_of_the_target_may_lead_through_links() {
    // The user typed it: only what comes from the snapshot is not trusted.
    let bench = Bench::new();
    let mut writer = bench.writer();
    writer.add(folder(b"/")).add_file(file(b"/f", 1), b"f");
    let snapshot = writer.commit();
    fs::create_dir(bench.path("real")).unwrap();
    symlink(bench.path("real"), bench.path("link")).unwrap();
    bench.restore(snapshot, &absolute(&[Path::new("/f")], &bench.path("link").join("new")));
    assert_eq!(names(&bench.path("real")), ["new", "new/f"]);
}

#[test]
fn a_file_whose_continuations_are_empty_comes_to_an_end() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    writer.add(folder(b"/"));
    let linked = |path: &[u8]| Entry { flags: flags::HARD_LINK, ino: 77, ..file(path, 0) };
    writer.add_file(linked(b"/a"), b"");
    let mut empty = file(b"/a", 0);
    empty.kind = EntryKind::Continuation;
    empty.rare.part = 1;
    writer.add_with_ids(empty, Vec::new());
    writer.add_file(linked(b"/b"), b"");
    let snapshot = writer.commit();
    let to = bench.path("to");
    let summary = bench.restore(snapshot, &contents("/", &to));
    assert_eq!(findings(&summary), []);
    assert_eq!(names(&to), ["a", "b"]);
}

#[test]
fn what_the_backup_missed_is_a_finding_of_the_restore_and_known_before() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    writer
        .add(folder(b"/"))
        .add(folder(b"/closed"))
        .add(folder(b"/open"))
        .add_file(file(b"/open/f", 3), b"new");
    let finding = |path: &[u8], reason, kept_previous| Finding {
        path: path.to_vec(),
        reason,
        errno: 13,
        first_seen: Timestamp::from_secs(1),
        kept_previous,
    };
    writer.add_finding(finding(b"/closed", FindingReason::FolderUnreadable, false));
    writer.add_finding(finding(b"/kept", FindingReason::FolderUnreadable, true));
    writer.add_finding(finding(b"/open/f", FindingReason::Changing, false));
    let snapshot = writer.commit();
    for (part, missed) in [("/", 1), ("/open", 0)] {
        let to = bench.path(&format!("to{missed}"));
        let (plan, _) = bench.plan(snapshot, &contents(part, &to));
        assert_eq!((plan.missed, plan.blocked), (missed, 0), "{part}");
        let summary = bench.restore(snapshot, &contents(part, &to));
        let told: Vec<_> = [("/closed".to_owned(), FindingReason::FolderUnreadable, 13)].into();
        assert_eq!(findings(&summary), told[..missed as usize], "{part}");
    }
    let report = bench.with_reader(snapshot, |reader| verify(reader, true, &Progress::new())).unwrap();
    assert!(report.is_good());
    assert_eq!(report.missed, 1);
}
