//! Runs that ask the server where chunks are, since the vault has more of them than the copy of the index may hold:
//! they store what other runs store, and believe only what they can check.

use super::{Bench, noise};
use engine::backup::{BackupRequest, BackupSummary, INDEX_IDS_MAX};
use format::ranges::Address;
use model::{ChunkId, Code, DeviceId, SnapshotId};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use testkit::memory_remote::{Call, refusal};

impl Bench {
    /// A request that lets the copy of the index hold so many ids.
    fn holding(&self, index_ids_max: u64) -> BackupRequest {
        BackupRequest { index_ids_max, ..self.request() }
    }

    /// A run that asks for every chunk, once the vault has some.
    fn ask(&self) -> BackupSummary {
        self.try_run(&self.holding(0)).unwrap()
    }

    /// The same files on another device of the user.
    fn on_another_device(self) -> Self {
        Self { device: DeviceId::random(), cache: TempDir::new().unwrap(), ..self }
    }

    /// What the vault has: where each chunk lies.
    fn places(&self) -> HashMap<ChunkId, Address> {
        let mut places = HashMap::new();
        for table in self.remote.tables() {
            for row in &table.frames {
                let at = |ordinal| Address {
                    pack: table.header.context.pack,
                    frame: row.number,
                    ordinal: ordinal as u32,
                };
                places.extend(row.ids.iter().enumerate().map(|(ordinal, id)| (*id, at(ordinal))));
            }
        }
        places
    }

    fn used_frames(&self, snapshot: SnapshotId) -> HashSet<(model::PackId, u32)> {
        let entries = self.entries(snapshot);
        let ranges = entries.values().flat_map(|entry| entry.content.as_slice().to_vec());
        ranges.map(|range| (range.pack, range.frame)).collect()
    }
}

#[test]
fn a_run_that_asks_stores_what_other_runs_store() {
    let mut stored = Vec::new();
    for index_ids_max in [INDEX_IDS_MAX, 0] {
        let mut bench = Bench::new();
        bench.write("first", &noise(1_000, 250));
        bench.run();
        for at in 0..80u8 {
            // Each content twice.
            bench.write(&format!("small/{at:03}"), &noise(30_000, at / 2));
        }
        bench.write("large", &noise(34 << 20, 200));
        bench.write("zeros", &vec![0; 5 << 20]);
        Bench::settle();
        let asked = |bench: &Bench| (bench.remote.ids_asked() > 0, bench.remote.calls(Call::LookUp));
        let sent = |bench: &Bench| bench.remote.pack_bytes_received();
        let first = bench.try_run(&bench.holding(index_ids_max)).unwrap();
        bench.assert_stored(first.snapshot);
        let unique = (40 * 30_000) + (34 << 20);
        assert!(first.new_bytes < unique + (1 << 20), "{} bytes were new", first.new_bytes);
        assert_eq!(asked(&bench).0, index_ids_max == 0);
        // A question for each block of a large file, and for each batch of small ones at most.
        assert!(asked(&bench).1 < 40, "{} questions", asked(&bench).1);

        let before = (sent(&bench), asked(&bench));
        let same = bench.try_run(&bench.holding(index_ids_max)).unwrap();
        assert_eq!((same.read_bytes, same.new_bytes), (0, 0));
        assert!(sent(&bench) - before.0 < 8_000);
        assert_eq!(asked(&bench), before.1, "what is not read is not asked for");

        // Another device reads all and adds nothing.
        bench = bench.on_another_device();
        let other = bench.try_run(&bench.holding(index_ids_max)).unwrap();
        assert_eq!(other.new_bytes, 0);
        assert!(other.read_bytes > 40 << 20);

        let mut large = noise(34 << 20, 200);
        large.splice(20 << 20..20 << 20, noise(100, 201));
        bench.write("large", &large);
        let changed = bench.try_run(&bench.holding(index_ids_max)).unwrap();
        assert!(changed.new_bytes < 1 << 20, "{} bytes were new", changed.new_bytes);
        bench.assert_stored(changed.snapshot);
        stored.push(sent(&bench));
    }
    let difference = stored[0].abs_diff(stored[1]);
    assert!(difference < stored[0] / 100, "{stored:?}");
}

#[test]
fn a_long_run_forgets_what_it_has_sent_and_stores_nothing_twice() {
    let bench = Bench::new();
    // The second half is what the first was, long after it was sent.
    for at in 0..90u8 {
        bench.write(&format!("{at:03}"), &noise(1 << 20, at % 45));
    }
    let summary = bench.ask();
    let entries = bench.entries(summary.snapshot);
    for at in [0, 44, 45, 89] {
        let entry = &entries[Path::new(&format!("{at:03}"))];
        assert!(bench.content(summary.snapshot, entry) == noise(1 << 20, at % 45), "{at}");
    }
    assert!(bench.remote.ids_asked() > 0, "nothing was forgotten");
    // At most what was stored by one worker, sent and forgotten while another one asked for it.
    assert!(summary.new_bytes < 48 << 20, "{} bytes were new", summary.new_bytes);
}

#[test]
fn a_retired_frame_is_not_referred_to_whatever_the_server_says() {
    let bench = Bench::new();
    for at in 0..60u8 {
        bench.write(&format!("file{at:02}"), &noise(200_000, at));
    }
    Bench::settle();
    let first = bench.ask();
    let frames: Vec<_> = bench.used_frames(first.snapshot).into_iter().collect();
    let old = bench.places();
    bench.remote.retire(&frames[..2]);
    bench.remote.lie_about_places(move |id, honest| old.get(&id).copied().or(honest));
    let second = bench.ask();
    assert!(second.new_bytes > 0);
    assert!(frames[..2].iter().all(|frame| !bench.used_frames(second.snapshot).contains(frame)));
    bench.assert_stored(second.snapshot);
    assert_eq!(bench.ask().read_bytes, 0);
}

#[test]
fn a_place_that_nobody_knows_is_no_place() {
    let bench = Bench::new();
    bench.write("file", &noise(300_000, 1));
    bench.run();
    let bench = bench.on_another_device();
    let nowhere = Address { pack: model::PackId::random(), frame: 0, ordinal: 0 };
    let beyond = |address: Address| Address { ordinal: 16_000, ..address };
    for lie in [Box::new(move |_| nowhere) as Box<dyn Fn(Address) -> Address + Send + Sync>, Box::new(beyond)]
    {
        bench.remote.lie_about_places(move |_, honest| honest.map(&lie));
        bench.write("copy", &noise(300_000, 1));
        let summary = bench.ask();
        bench.assert_stored(summary.snapshot);
    }
}

#[test]
fn a_wrong_place_fails_the_run_before_its_commit() {
    let bench = Bench::new();
    for at in 0..40u8 {
        bench.write(&format!("file{at:02}"), &noise(100_000, at));
    }
    bench.run();
    let bench = bench.on_another_device();
    // Every chunk is said to be where another one is.
    let one = *bench.places().values().next().unwrap();
    bench.remote.lie_about_places(move |_, honest| honest.map(|_| one));
    let commits = bench.remote.calls(Call::Commit);
    let error = bench.try_run(&bench.holding(0)).unwrap_err();
    assert_eq!(error.code(), Code::DataDamaged, "{error}");
    assert_eq!(bench.remote.calls(Call::Commit), commits);
    // What is right is taken.
    bench.remote.lie_about_places(|_, honest| honest);
    let summary = bench.ask();
    assert_eq!(summary.new_bytes, 0);
    bench.assert_stored(summary.snapshot);
}

#[test]
fn a_frame_that_the_server_gave_and_cannot_read_is_brought_anew() {
    let bench = Bench::new();
    bench.write("file", &noise(300_000, 1));
    // One thread, so that all of it lies in one frame.
    bench.try_run(&BackupRequest { workers: 1, ..bench.request() }).unwrap();
    let bench = bench.on_another_device();
    let lost = *bench.places().values().next().unwrap();
    // Its hunks lie in another pack.
    bench.remote.lose_frame((lost.pack, lost.frame));
    let summary = bench.ask();
    assert!(summary.new_bytes >= 300_000);
    bench.assert_stored(summary.snapshot);
}

#[test]
fn a_lease_that_ends_is_renewed_for_questions_and_other_failures_end_the_run() {
    let bench = Bench::new();
    bench.write("file", &noise(300_000, 1));
    bench.run();
    let bench = bench.on_another_device();
    bench.remote.fail_when(|call, before| {
        (call == Call::LookUp && before == 0).then(|| refusal(Code::LeaseExpired, "late"))
    });
    let grants = bench.remote.calls(Call::Grant);
    let summary = bench.ask();
    assert_eq!((summary.new_bytes, bench.remote.calls(Call::Grant)), (0, grants + 2));
    bench.remote.fail_when(|call, _| (call == Call::LookUp).then(|| refusal(Code::StorageFull, "full")));
    bench.write("other", &noise(300_000, 2));
    assert_eq!(bench.try_run(&bench.holding(0)).unwrap_err().code(), Code::StorageFull);
}

#[test]
fn a_deleted_cache_costs_no_content() {
    let bench = Bench::new();
    for at in 0..400 {
        bench.write(&format!("file{at}"), &noise(3_000, at as u8));
    }
    Bench::settle();
    bench.ask();
    bench.ask();
    let sent = bench.remote.pack_bytes_received();
    let fetched = bench.remote.frame_bytes_sent();
    for file in fs::read_dir(bench.cache.path()).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }
    let again = bench.ask();
    assert_eq!((again.read_bytes, again.new_bytes), (0, 0));
    assert!(bench.remote.pack_bytes_received() - sent < 20_000);
    assert!(bench.remote.calls(Call::FrameIds) > 0);
    let fetched = bench.remote.frame_bytes_sent() - fetched;
    assert!(fetched < 100_000, "{fetched} bytes of frames were fetched");
    bench.assert_stored(again.snapshot);
}

#[test]
fn the_copy_grows_out_of_its_ids_and_into_them_again() {
    let bench = Bench::new();
    let folder = |name: &str| bench.cache.path().join(name);
    for (round, index_ids_max) in [INDEX_IDS_MAX, 0, 0, INDEX_IDS_MAX, 0].into_iter().enumerate() {
        bench.write(&format!("file{round}"), &noise(200_000, round as u8));
        bench.write(&format!("copy{round}"), &noise(200_000, 0));
        Bench::settle();
        let summary = bench.try_run(&bench.holding(index_ids_max)).unwrap();
        assert_eq!(summary.new_bytes, 200_000, "round {round}");
        bench.assert_stored(summary.snapshot);
        assert_eq!(folder("index-frames").exists(), round > 0);
    }
    for (name, has_ids) in [("index", true), ("index-frames", false)] {
        let ids: usize = fs::read_dir(folder(name))
            .unwrap()
            .map(|file| fs::read(file.unwrap().path()).unwrap())
            .map(|bytes| format::segment::Segment::decode(&bytes).unwrap().data_ids.ids.len())
            .sum();
        assert_eq!(ids > 0, has_ids, "{name}");
    }
    let entries = bench.entries(bench.run().snapshot);
    assert!(entries.contains_key(Path::new("copy4")));
}
