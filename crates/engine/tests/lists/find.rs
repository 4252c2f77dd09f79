//! A search over many snapshots: what it finds, and that it reads each distinct hunk once.

use crate::bench::Bench;
use engine::find::{Filter, FindReport, Pattern, Place, Span, find};
use format::entry::Entry;
use model::{ChunkId, Code, DeviceId, SnapshotId};
use std::collections::HashSet;
use testkit::memory_remote::Call;
use testkit::snapshot_writer::{file, folder};

fn search(bench: &Bench, snapshots: &[SnapshotId], pattern: &str) -> FindReport {
    let places: Vec<Place> =
        snapshots.iter().map(|snapshot| Place { snapshot: *snapshot, device: bench.device }).collect();
    let filter = Filter::new(Pattern::new(pattern, false).unwrap());
    find(&bench.remote, &bench.keyring, &places, &filter).unwrap()
}

/// The hunks that the snapshots refer to.
fn ids(bench: &Bench, snapshots: &[SnapshotId]) -> Vec<ChunkId> {
    let of = |snapshot: &SnapshotId| {
        bench.open(*snapshot).sealed().hunks.iter().map(|hunk| hunk.id).collect::<Vec<_>>()
    };
    snapshots.iter().flat_map(of).collect()
}

/// `/` and the files `/f000` to `/f099`.
fn hundred() -> Vec<Entry> {
    let files = (0..100).map(|number| file(format!("/f{number:03}").as_bytes(), 0));
    std::iter::once(folder(b"/")).chain(files).collect()
}

fn span(first: usize, last: usize, count: u64) -> Span {
    Span { first, last, count }
}

/// Each version of what was found, by path: size and snapshots.
fn versions(report: &FindReport) -> Vec<(String, Vec<(u64, Span)>)> {
    let versions = |found: &engine::find::Found| {
        found.versions.iter().map(|(version, span)| (version.size, *span)).collect()
    };
    report
        .found
        .iter()
        .map(|found| (String::from_utf8_lossy(&found.path).into_owned(), versions(found)))
        .collect()
}

#[test]
fn each_distinct_hunk_is_fetched_and_decoded_once() {
    let bench = Bench::new();
    let mut entries = hundred();
    let mut snapshots = vec![bench.write(&entries)];
    for number in 1..20_u64 {
        // One file of one hunk changes from snapshot to snapshot.
        entries[55].size = number;
        snapshots.push(bench.write(&entries));
    }
    let distinct: HashSet<_> = ids(&bench, &snapshots).into_iter().collect();
    assert_eq!(distinct.len(), 11 + 19);
    let (before, requests) = (bench.remote.frames_sent(), bench.remote.calls(Call::Frames));
    let report = search(&bench, &snapshots, "f*");
    // In this vault every hunk has a frame of its own, so frames count fetched hunks.
    assert_eq!(report.hunks, 30);
    assert_eq!(bench.remote.frames_sent() - before, 30);
    assert_eq!(bench.remote.calls(Call::Frames) - requests, 20);
    assert_eq!(report.shared, 19 * 10);
    assert!(report.damage.is_none());
    // What was decoded once counts for every snapshot.
    let found = versions(&report);
    assert_eq!(found.len(), 100);
    assert!(found.iter().filter(|(path, _)| path != "/f054").all(|(_, all)| *all == [(0, span(0, 19, 20))]));
    let changed = &found.iter().find(|(path, _)| path == "/f054").unwrap().1;
    let newest_first: Vec<(u64, Span)> = (0..20).rev().map(|at| (at as u64, span(at, at, 1))).collect();
    assert_eq!(*changed, newest_first);
}

#[test]
fn frames_of_a_real_backup_are_fetched_once() {
    let bench = Bench::new();
    let root = bench.folder.path().join("tree");
    std::fs::create_dir(&root).unwrap();
    for number in 0..3000 {
        std::fs::write(root.join(format!("file {number:04}")), "").unwrap();
    }
    let mut snapshots = vec![bench.back_up(&root)];
    std::fs::write(root.join("file 1500"), "now with content").unwrap();
    snapshots.push(bench.back_up(&root));
    snapshots.push(bench.back_up(&root));
    let before = bench.remote.frames_sent();
    let report = search(&bench, &snapshots, "file 15??");
    assert!(bench.remote.frames_sent() - before <= bench.hunk_frames());
    assert_eq!(report.found.len(), 100);
    let by_size = |found: &engine::find::Found| -> Vec<u64> {
        found.versions.iter().map(|(version, _)| version.size).collect()
    };
    assert_eq!(by_size(&report.found[0]), [16, 0]);
    assert!(report.found[1..].iter().all(|found| by_size(found) == [0]));
    let all = ids(&bench, &snapshots);
    let distinct: HashSet<_> = all.iter().collect();
    assert_eq!((report.hunks, report.hunks + report.shared), (distinct.len() as u64, all.len() as u64));
    assert!(report.shared > 0);
}

#[test]
fn a_version_that_goes_and_comes_back_is_one() {
    let bench = Bench::new();
    let (without, mut with) = (hundred(), hundred());
    with.push(file(b"/thesis", 7));
    // Another hunk holds it the second time.
    let mut with_more = with.clone();
    with_more.push(file(b"/thesis-2", 9));
    let snapshots = [&with, &without, &with_more].map(|entries| bench.write(entries));
    let report = search(&bench, &snapshots, "thes*");
    let expected = [
        ("/thesis".to_owned(), vec![(7, span(0, 2, 2))]),
        ("/thesis-2".to_owned(), vec![(9, span(2, 2, 1))]),
    ];
    assert_eq!(versions(&report), expected);
    assert!(search(&bench, &snapshots, "nothing").found.is_empty());
}

#[test]
fn equal_paths_of_two_devices_stay_apart() {
    let bench = Bench::new();
    let entries = hundred();
    let first = bench.write(&entries);
    let other = DeviceId::random();
    let mut writer = bench.writer().of_device(other);
    for entry in &entries {
        writer.add(entry.clone());
    }
    let second = writer.commit();
    let places =
        [(first, bench.device), (second, other)].map(|(snapshot, device)| Place { snapshot, device });
    let filter = Filter::new(Pattern::new("f007", false).unwrap());
    let report = find(&bench.remote, &bench.keyring, &places, &filter).unwrap();
    let found: Vec<_> = report.found.iter().map(|found| (found.device, found.versions[0].1)).collect();
    assert_eq!(found, [(bench.device, span(0, 0, 1)), (other, span(1, 1, 1))]);
    assert_eq!(report.hunks, 11, "the devices share their hunks");
}

#[test]
fn an_exact_path_is_looked_for_where_it_must_be() {
    let bench = Bench::new();
    let snapshot = bench.write(&hundred());
    for number in [0, 8, 9, 10, 98, 99] {
        let before = bench.remote.frames_sent();
        let report = search(&bench, &[snapshot], &format!("/f{number:03}"));
        assert_eq!(report.found.len(), 1, "{number}");
        assert!(bench.remote.frames_sent() - before <= 2);
    }
}

#[test]
fn damage_is_told_and_hides_nothing_that_can_be_read() {
    let bench = Bench::new();
    let first = bench.write(&hundred());
    let mut entries = hundred();
    entries[55].size = 5;
    let second = bench.write(&entries);
    let lose = |snapshot, number: usize| {
        let address = bench.open(snapshot).hunk_addresses()[number];
        bench.remote.lose_frame((address.pack, address.frame));
    };
    // Its copy in the second snapshot can be read, and what it holds counts for both.
    lose(first, 2);
    let report = search(&bench, &[first, second], "f*");
    assert_eq!((report.found.len(), report.damaged, report.damage.is_none()), (100, 0, true));
    assert!(
        report.found.iter().all(|found| found.versions.iter().map(|(_, span)| span.count).sum::<u64>() == 2)
    );
    // The only copy of the changed hunk is lost: what the other snapshot has is found.
    lose(second, 5);
    let report = search(&bench, &[first, second], "f*");
    assert_eq!((report.found.len(), report.damaged), (100, 1));
    assert_eq!(report.damage.unwrap().code(), Code::DataDamaged);
    assert_eq!(versions(&search(&bench, &[first, second], "f054"))[0].1, [(0, span(0, 0, 1))]);
    // So is a whole snapshot that is gone.
    bench.remote.delete_snapshot(first);
    let report = search(&bench, &[first, second], "f*");
    assert_eq!((report.found.len(), report.damage.unwrap().code()), (90, Code::SnapshotUnknown));
}
