//! What the server knows to be damaged is brought anew, once, and nothing new refers to it.

use super::{Bench, noise};
use engine::backup::BackupRequest;
use engine::reader::SnapshotReader;
use model::{Damaged, FindingReason, SnapshotId};
use std::fs;
use std::path::Path;
use testkit::memory_remote::Call;

impl Bench {
    /// The frames that a file of this snapshot lies in.
    fn frames_of(&self, snapshot: SnapshotId, path: &str) -> Vec<Damaged> {
        let entries = self.entries(snapshot);
        let ranges = entries[Path::new(path)].content.as_slice();
        ranges.iter().map(|range| Damaged::frame(range.pack, range.frame)).collect()
    }

    /// The frames of hunks of this snapshot.
    fn hunk_frames(&self, snapshot: SnapshotId) -> Vec<Damaged> {
        let reader = SnapshotReader::open(&self.remote, &self.keyring, snapshot).unwrap();
        reader.hunk_addresses().iter().map(|address| Damaged::frame(address.pack, address.frame)).collect()
    }

    /// Loses this, and knows it.
    fn lose(&self, damaged: &[Damaged]) {
        for name in self.remote.stored_frames() {
            if Damaged::is_in(&damaged.iter().copied().collect(), name.0, name.1) {
                self.remote.lose_frame(name);
            }
        }
        self.remote.know_damage(damaged);
    }
}

#[test]
fn what_is_damaged_is_brought_anew_once() {
    let bench = Bench::new();
    for at in 0..90u8 {
        bench.write(&format!("file{at:02}"), &noise(200_000, at));
    }
    Bench::settle();
    let mut last = bench.run();
    let whole_pack = |damaged: Vec<Damaged>| vec![Damaged::pack(damaged[0].pack)];
    let cases: [&dyn Fn(SnapshotId) -> Vec<Damaged>; 4] = [
        &|snapshot| bench.frames_of(snapshot, "file03"),
        &|snapshot| bench.hunk_frames(snapshot),
        &|snapshot| whole_pack(bench.frames_of(snapshot, "file07")),
        &|snapshot| [bench.hunk_frames(snapshot), whole_pack(bench.frames_of(snapshot, "file11"))].concat(),
    ];
    for (number, damaged_in) in cases.iter().enumerate() {
        let damaged = damaged_in(last.snapshot);
        bench.lose(&damaged);
        let again = bench.run();
        assert_eq!(again.finding_count, 0);
        assert_eq!(again.new_bytes > 0, number != 1, "{number}: {} bytes", again.new_bytes);
        bench.assert_stored(again.snapshot);
        if number == 0 {
            assert!(again.read_bytes < 90 * 200_000 / 3, "{} bytes read", again.read_bytes);
        }
        // Now it is there again, beside what is damaged.
        bench.remote.merge_log();
        let sent = bench.remote.pack_bytes_received();
        last = bench.run();
        assert_eq!((last.read_bytes, last.new_bytes), (0, 0), "{number}");
        assert!(bench.remote.pack_bytes_received() - sent < 8_000, "{number}: list sent again");
        bench.assert_stored(last.snapshot);
    }
}

/// What nobody knew to be damaged before a run looked at it.
#[test]
fn what_the_sample_finds_unreadable_is_brought_anew() {
    let bench = Bench::new();
    bench.write("file", &noise(100_000, 1));
    Bench::settle();
    let first = bench.run();
    let lost = bench.frames_of(first.snapshot, "file");
    let is_lost = |pack, frame| Damaged::is_in(&lost.iter().copied().collect(), pack, frame);
    bench.remote.stored_frames().into_iter().filter(|name| is_lost(name.0, name.1)).for_each(|name| {
        bench.remote.lose_frame(name);
    });
    let again = bench.run();
    assert_eq!((again.finding_count, again.new_bytes), (0, 100_000));
    assert_eq!(bench.remote.snapshot_count(), 2, "the attempt that found it committed nothing");
    bench.assert_stored(again.snapshot);
}

#[test]
fn a_chunk_is_found_where_it_is_good_whatever_came_first() {
    for is_merged in [true, false] {
        let bench = Bench::new();
        bench.write("file", &noise(100_000, 1));
        Bench::settle();
        let first = bench.run();
        bench.lose(&bench.frames_of(first.snapshot, "file"));
        bench.run();
        if is_merged {
            bench.remote.merge_log();
        }
        // The same content under another name, and known to no base.
        bench.write("copy", &noise(100_000, 1));
        fs::remove_file(bench.root().join("file")).unwrap();
        Bench::settle();
        let third = bench.run();
        assert_eq!((third.read_bytes, third.new_bytes), (100_000, 0), "merged: {is_merged}");
        bench.assert_stored(third.snapshot);
    }
}

#[test]
fn damaged_content_that_the_device_has_no_longer_is_told_and_not_referred_to() {
    let bench = Bench::new();
    bench.write("docs/good", &noise(3_000_000, 1));
    bench.write("docs/lost", &noise(3_000_000, 2));
    let docs = bench.root().join("docs");
    let request = BackupRequest { paths: vec![docs.clone()], ..bench.request() };
    let first = bench.try_run(&request).unwrap();
    let good = bench.frames_of(first.snapshot, "docs/good");
    let mut lost = bench.frames_of(first.snapshot, "docs/lost");
    lost.retain(|frame| !good.contains(frame));
    assert!(!lost.is_empty());
    bench.lose(&lost);
    fs::remove_dir_all(&docs).unwrap();
    for _ in 0..3 {
        let again = bench.try_run(&request).unwrap();
        let found: Vec<_> = again
            .findings
            .iter()
            .map(|finding| (finding.path.ends_with(b"lost"), finding.reason, finding.kept_previous))
            .collect();
        assert_eq!(found, [(false, FindingReason::RootMissing, true), (true, FindingReason::Damaged, false)]);
        let entries = bench.entries(again.snapshot);
        assert!(!entries.contains_key(Path::new("docs/lost")));
        assert_eq!(bench.content(again.snapshot, &entries[Path::new("docs/good")]), noise(3_000_000, 1));
    }
    fs::create_dir(&docs).unwrap();
    bench.write("docs/good", b"new");
    assert_eq!(bench.try_run(&request).unwrap().finding_count, 0);
}

#[test]
fn damage_that_is_found_while_a_run_works_is_noticed_at_its_commit() {
    let bench = Bench::new();
    for at in 0..10u8 {
        bench.write(&format!("file{at}"), &noise(200_000, at));
    }
    Bench::settle();
    let first = bench.run();
    let damaged = bench.frames_of(first.snapshot, "file4");
    // The first question of the second run is answered as if nothing were known.
    let asked = bench.remote.calls(Call::Damage);
    bench.remote.know_damage(&damaged);
    bench.remote.answer_damage_once(Vec::new());
    let second = bench.run();
    assert_eq!(bench.remote.calls(Call::Damage), asked + 2, "the run was repeated");
    assert!(second.new_bytes > 0);
    bench.assert_stored(second.snapshot);
}

#[test]
fn what_the_server_only_failed_to_give_is_no_damage() {
    let bench = Bench::new();
    bench.write("gone/file", b"kept");
    bench.write("file", b"here");
    let request = BackupRequest {
        paths: vec![bench.root().join("gone"), bench.root().join("file")],
        ..bench.request()
    };
    let first = bench.try_run(&request).unwrap();
    fs::remove_dir_all(bench.root().join("gone")).unwrap();
    fs::remove_dir_all(bench.cache.path()).unwrap();
    // Without its base the run would not know what to keep.
    let list = bench.hunk_frames(first.snapshot)[0];
    let names = bench.remote.stored_frames();
    let name = names.into_iter().find(|name| *name == (list.pack, list.frame.unwrap())).unwrap();
    bench.remote.withhold_frame(name);
    assert_eq!(bench.try_run(&request).unwrap_err().code(), model::Code::Internal);
    assert_eq!(bench.remote.snapshot_count(), 1);
    bench.remote.find_frame(name);
    let second = bench.try_run(&request).unwrap();
    assert_eq!((second.findings[0].reason, second.finding_count), (FindingReason::RootMissing, 1));
    assert!(bench.entries(second.snapshot).contains_key(Path::new("gone/file")));
}
