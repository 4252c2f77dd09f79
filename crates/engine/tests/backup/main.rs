//! Whole backup runs against a server in memory: what is stored, what is read again, what is kept.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod chunks;
mod continuations;
mod damage;
mod failures;
mod file_systems;
mod held;
mod links;
mod lookups;
mod mounts;
mod roots;
mod watched;

use engine::backup::{self, BackupRequest, BackupSummary, INDEX_IDS_MAX};
use engine::frames;
use engine::progress::Progress;
use engine::reader::SnapshotReader;
use engine::remote::RemoteError;
use format::classes::Classes;
use format::entry::{Entry, EntryKind, flags};
use format::frame::PackKind;
use format::keys::Keyring;
use format::limits;
use model::{Clock, Code, Custody, DeviceId, FindingReason, SnapshotId, VaultId};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use testkit::MemoryRemote;
use testkit::memory_remote::{Call, refusal};

struct Bench {
    remote: MemoryRemote,
    keyring: Keyring,
    device: DeviceId,
    tree: TempDir,
    cache: TempDir,
}

impl Bench {
    fn new() -> Self {
        let keyring = Keyring::create(VaultId::random(), Custody::Managed);
        let remote = MemoryRemote::new(keyring.vault());
        let (tree, cache) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        Self { remote, keyring, device: DeviceId::random(), tree, cache }
    }

    fn root(&self) -> PathBuf {
        self.tree.path().canonicalize().unwrap()
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn request(&self) -> BackupRequest {
        BackupRequest {
            device: self.device,
            device_name: "laptop".into(),
            set_name: "default".into(),
            paths: vec![self.root()],
            exclusions: vec!["*.skip".into()],
            exclude_caches: true,
            one_file_system: false,
            own_folders: vec![self.cache.path().to_owned()],
            accept_changed_roots: false,
            cache: self.cache.path().to_owned(),
            frame_target: limits::FRAME_TARGET,
            compression_level: 3,
            workers: 2,
            checkpoint_every: Duration::from_secs(900),
            renewal_limit_bytes: 1 << 30,
            index_ids_max: INDEX_IDS_MAX,
            changed: None,
            count_ahead: true,
        }
    }

    fn try_run(&self, request: &BackupRequest) -> Result<BackupSummary, engine::EngineError> {
        let progress = Progress::new();
        backup::run(&self.remote, &self.keyring, &Classes::default(), request, &Clock::system(), &progress)
    }

    fn run(&self) -> BackupSummary {
        self.try_run(&self.request()).unwrap()
    }

    fn entries(&self, snapshot: SnapshotId) -> BTreeMap<PathBuf, Entry> {
        let reader = SnapshotReader::open(&self.remote, &self.keyring, snapshot).unwrap();
        let root = self.root();
        let below = reader.entries(root.as_os_str().as_bytes()).map(|entry| {
            let entry = entry.unwrap();
            let path =
                Path::new(std::ffi::OsStr::from_bytes(&entry.path)).strip_prefix(&root).unwrap().to_owned();
            (path, entry)
        });
        below.collect()
    }

    /// The content of an entry, with its holes.
    fn content(&self, snapshot: SnapshotId, entry: &Entry) -> Vec<u8> {
        let mut content = Vec::new();
        let ids = self.keyring.id_keys();
        for address in entry.content.addresses() {
            let name = [(address.pack, address.frame)];
            frames::fetch(
                &self.remote,
                &self.keyring,
                &ids,
                PackKind::Data,
                snapshot,
                &name,
                &mut |_, frame| {
                    content.extend_from_slice(frame?.content.chunk(address.ordinal).unwrap());
                    Ok(())
                },
            )
            .unwrap();
        }
        if !entry.has(flags::SPARSE) {
            return content;
        }
        let (mut whole, mut rest) = (Vec::new(), &content[..]);
        for run in &entry.rare.runs {
            whole.resize(whole.len() + run.hole as usize, 0);
            let (data, after) = rest.split_at(run.length as usize);
            whole.extend_from_slice(data);
            rest = after;
        }
        whole.resize(entry.size as usize, 0);
        whole
    }

    /// Every regular file of the tree is in the snapshot with the content that it has now.
    fn assert_stored(&self, snapshot: SnapshotId) {
        let entries = self.entries(snapshot);
        let mut seen = 0;
        let mut folders = vec![self.root()];
        while let Some(folder) = folders.pop() {
            for file in fs::read_dir(folder).unwrap() {
                let file = file.unwrap();
                let path = file.path().strip_prefix(self.root()).unwrap().to_owned();
                if path.extension().is_some_and(|extension| extension == "skip") {
                    continue;
                }
                seen += 1;
                let entry = entries.get(&path).unwrap_or_else(|| panic!("{} is missing", path.display()));
                let kind = file.file_type().unwrap();
                if kind.is_dir() {
                    folders.push(file.path());
                } else if kind.is_file() {
                    assert!(
                        self.content(snapshot, entry) == fs::read(file.path()).unwrap(),
                        "{}",
                        path.display()
                    );
                }
            }
        }
        assert_eq!(seen + 1, entries.len(), "entries that the tree does not have");
    }

    /// Lets the times of all files be old enough not to be doubted.
    fn settle() {
        std::thread::sleep(Duration::from_millis(2_100));
    }
}

fn noise(length: usize, seed: u8) -> Vec<u8> {
    let mut bytes = vec![0u8; length];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
    bytes
}

#[test]
fn every_kind_of_entry_is_stored() {
    let bench = Bench::new();
    bench.write("small", b"hello");
    bench.write("empty", b"");
    bench.write("left out.skip", b"x");
    bench.write("deep/er/file", &noise(100_000, 1));
    bench.write("large", &noise(40 << 20, 2));
    let root = bench.root();
    symlink("small", root.join("link")).unwrap();
    fs::hard_link(root.join("small"), root.join("twin")).unwrap();
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"bytes \xff\xfe")), b"name").unwrap();
    let sparse = fs::File::create(root.join("sparse")).unwrap();
    sparse.set_len(1 << 30).unwrap();
    sparse.write_all_at(b"island", 500 << 20).unwrap();
    fs::create_dir(root.join("empty folder")).unwrap();

    let summary = bench.run();
    assert!(summary.findings.is_empty(), "{:?}", summary.findings);
    let entries = bench.entries(summary.snapshot);
    assert_eq!(entries[Path::new("link")].rare.target.as_deref(), Some(&b"small"[..]));
    let (small, twin) = (&entries[Path::new("small")], &entries[Path::new("twin")]);
    assert!(small.has(flags::HARD_LINK) && twin.has(flags::HARD_LINK));
    assert_eq!((small.ino, &small.content), (twin.ino, &twin.content));
    let sparse = &entries[Path::new("sparse")];
    assert!(sparse.has(flags::SPARSE) && sparse.size == 1 << 30);
    assert!(summary.read_bytes < 60 << 20, "holes were read: {} bytes", summary.read_bytes);
    assert_eq!(entries[Path::new("large")].class, 1);
    assert_eq!(entries[Path::new("empty folder")].kind, EntryKind::Dir);
    fs::remove_file(root.join("sparse")).unwrap();
    let again = bench.run();
    bench.assert_stored(again.snapshot);
}

#[test]
fn a_second_run_sends_nothing_and_a_third_only_what_changed() {
    let bench = Bench::new();
    for at in 0..3_000 {
        bench.write(&format!("folder{}/file{at}", at % 7), format!("content {at}").repeat(50).as_bytes());
    }
    Bench::settle();
    let first = bench.run();
    bench.assert_stored(first.snapshot);
    assert_eq!(first.files, 3_000);
    let sent = bench.remote.pack_bytes_received();
    let same = bench.run();
    assert_eq!((same.read_bytes, same.new_bytes), (0, 0));
    // Other tests change the folder above ours, whose entry is in the first hunk.
    assert!(bench.remote.pack_bytes_received() - sent < 8_000, "{}", same.stored_bytes);
    bench.assert_stored(same.snapshot);

    bench.write("folder3/file10", b"changed");
    bench.write("folder5/new", b"new");
    fs::remove_file(bench.root().join("folder2/file9")).unwrap();
    let third = bench.run();
    assert_eq!((third.read_bytes, third.new_bytes), (10, 10));
    bench.assert_stored(third.snapshot);
    assert!(bench.remote.pack_bytes_received() - sent < sent / 2, "unchanged hunks were sent again");
}

#[test]
fn a_deleted_cache_costs_no_reading() {
    let bench = Bench::new();
    for at in 0..400 {
        bench.write(&format!("file{at}"), &noise(3_000, at as u8));
    }
    Bench::settle();
    let first = bench.run();
    let sent = bench.remote.pack_bytes_received();
    for file in fs::read_dir(bench.cache.path()).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }
    let again = bench.run();
    assert_eq!((again.read_bytes, again.new_bytes), (0, 0));
    assert!(bench.remote.pack_bytes_received() - sent < 20_000);
    assert_ne!(first.snapshot, again.snapshot);
    bench.assert_stored(again.snapshot);
    // A damaged cache is no better than none.
    for file in fs::read_dir(bench.cache.path()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&path, bytes).unwrap();
        }
    }
    let again = bench.run();
    assert_eq!(again.new_bytes, 0);
    bench.assert_stored(again.snapshot);
}

#[test]
fn a_file_whose_times_equal_its_last_read_is_read_again() {
    let bench = Bench::new();
    bench.write("file", b"before");
    bench.run();
    // Same size, and the times were those of the moment of the read: only reading again can tell.
    bench.write("file", b"behind");
    let second = bench.run();
    let entries = bench.entries(second.snapshot);
    assert_eq!(bench.content(second.snapshot, &entries[Path::new("file")]), b"behind");
    assert!(entries[Path::new("file")].has(flags::RACY));
    Bench::settle();
    let third = bench.run();
    assert_eq!(third.read_bytes, 6);
    assert!(!bench.entries(third.snapshot)[Path::new("file")].has(flags::RACY));
    assert_eq!(bench.run().read_bytes, 0);
}

#[test]
fn a_lost_set_root_is_kept_until_the_user_agrees() {
    let bench = Bench::new();
    bench.write("docs/a", b"one");
    bench.write("docs/b", b"two");
    let docs = bench.root().join("docs");
    let request = BackupRequest { paths: vec![docs.clone()], ..bench.request() };
    bench.try_run(&request).unwrap();

    for (reason, prepare) in [
        (FindingReason::RootMissing, Box::new(|| fs::remove_dir_all(&docs).unwrap()) as Box<dyn Fn()>),
        (FindingReason::RootEmpty, Box::new(|| fs::create_dir(&docs).unwrap())),
    ] {
        prepare();
        for _ in 0..2 {
            let summary = bench.try_run(&request).unwrap();
            let finding = &summary.findings[0];
            assert_eq!((finding.reason, finding.kept_previous, summary.finding_count), (reason, true, 1));
            let entries = bench.entries(summary.snapshot);
            let kept = &entries[Path::new("docs/a")];
            assert!(kept.has(flags::KEPT));
            assert_eq!(bench.content(summary.snapshot, kept), b"one");
        }
    }
    let agreed = BackupRequest { accept_changed_roots: true, ..request };
    let summary = bench.try_run(&agreed).unwrap();
    assert!(summary.findings.is_empty());
    assert!(!bench.entries(summary.snapshot).contains_key(Path::new("docs/a")));
}

#[test]
fn a_root_that_cannot_be_read_stays_although_the_user_agreed() {
    let bench = Bench::new();
    bench.write("above/docs/a", b"one");
    let (above, docs) = (bench.root().join("above"), bench.root().join("above/docs"));
    let request = BackupRequest { paths: vec![docs], accept_changed_roots: true, ..bench.request() };
    bench.try_run(&request).unwrap();
    fs::rename(&above, bench.root().join("aside")).unwrap();
    symlink("above", &above).unwrap();
    for _ in 0..2 {
        let summary = bench.try_run(&request).unwrap();
        let finding = &summary.findings[0];
        assert_eq!((finding.reason, finding.kept_previous), (FindingReason::ReadError, true));
        assert!(bench.entries(summary.snapshot).contains_key(Path::new("above/docs/a")));
    }
}

#[test]
fn first_seen_times_stay() {
    let bench = Bench::new();
    bench.write("a", b"one");
    let gone = bench.root().join("gone");
    let request = BackupRequest { paths: vec![bench.root().join("a"), gone], ..bench.request() };
    let first = bench.try_run(&request).unwrap();
    let second = bench.try_run(&request).unwrap();
    assert_eq!(first.findings[0].reason, FindingReason::RootMissing);
    assert_eq!(first.findings, second.findings);
    assert!(!first.findings[0].kept_previous);
}

#[test]
fn retired_frames_are_brought_anew_and_no_other_file_is_read() {
    let bench = Bench::new();
    for at in 0..60u8 {
        bench.write(&format!("file{at:02}"), &noise(200_000, at));
    }
    Bench::settle();
    let first = bench.run();
    let used = |snapshot| -> HashSet<_> {
        let entries = bench.entries(snapshot);
        let ranges = entries.values().flat_map(|entry| entry.content.as_slice().to_vec());
        ranges.map(|range| (range.pack, range.frame)).collect()
    };
    let frames: Vec<_> = used(first.snapshot).into_iter().collect();
    bench.remote.retire(&frames[..1]);
    let second = bench.run();
    assert!(!used(second.snapshot).contains(&frames[0]), "the retired frame is still referred to");
    assert!(second.new_bytes > 0 && second.read_bytes < 60 * 200_000 / 3, "{} bytes read", second.read_bytes);
    bench.assert_stored(second.snapshot);
    let third = bench.run();
    assert_eq!(third.read_bytes, 0);

    // A limit of nothing renews nothing: the snapshot goes on referring to what its base referred to.
    bench.remote.retire(&[*used(third.snapshot).iter().next().unwrap()]);
    let limited = BackupRequest { renewal_limit_bytes: 0, ..bench.request() };
    let fourth = bench.try_run(&limited).unwrap();
    assert_eq!(fourth.read_bytes, 0);
    bench.assert_stored(fourth.snapshot);
}

#[test]
fn a_refused_commit_sends_what_is_missing_once() {
    let bench = Bench::new();
    for at in 0..20u8 {
        bench.write(&format!("file{at:02}"), &noise(200_000, at));
    }
    Bench::settle();
    let first = bench.run();
    let entries = bench.entries(first.snapshot);
    let range = entries[Path::new("file03")].content.as_slice()[0];
    bench.remote.fail_when(move |call, before| {
        (call == Call::Commit && before == 1).then(|| RemoteError {
            missing: vec![(range.pack, range.frame)],
            ..refusal(Code::RangesMissing, "gone")
        })
    });
    bench.write("one more", b"x");
    let second = bench.run();
    assert!(second.new_bytes > 100_000);
    bench.assert_stored(second.snapshot);
    // A server that refuses for ever ends the run with its code.
    bench.remote.fail_when(|call, _| (call == Call::Commit).then(|| refusal(Code::RangesMissing, "always")));
    let error = bench.try_run(&bench.request()).unwrap_err();
    assert_eq!(error.code(), Code::RangesMissing);
}

#[test]
fn a_checkpoint_can_be_restored_and_nothing_is_sent_twice() {
    let bench = Bench::new();
    for at in 0..200u8 {
        bench.write(&format!("file{at:03}"), &noise(150_000, at));
    }
    let often = BackupRequest { checkpoint_every: Duration::ZERO, ..bench.request() };
    // The run dies after its first checkpoint.
    bench.remote.fail_when(|call, before| {
        (call == Call::Commit && before >= 1).then(|| refusal(Code::ServerUnreachable, "cut"))
    });
    assert_eq!(bench.try_run(&often).unwrap_err().code(), Code::ServerUnreachable);
    bench.remote.fail_no_more();
    assert_eq!(bench.remote.snapshot_count(), 1, "a checkpoint replaces the one before");
    let sent = bench.remote.pack_bytes_received();
    let summary = bench.run();
    bench.assert_stored(summary.snapshot);
    let total = bench.remote.pack_bytes_received();
    assert!(total < 200 * 150_000 * 11 / 10, "{sent} bytes before, {total} in all");
    assert_eq!(bench.remote.snapshot_count(), 1, "the complete snapshot replaces the checkpoint");
}

#[test]
fn a_checkpoint_takes_over_what_was_not_walked() {
    let bench = Bench::new();
    for at in 0..1_500 {
        bench.write(&format!("a/file{at:04}"), format!("old {at}").as_bytes());
        bench.write(&format!("b/file{at:04}"), format!("old {at}").as_bytes());
    }
    Bench::settle();
    bench.run();
    for at in 0..1_500 {
        bench.write(&format!("a/file{at:04}"), noise(20_000, at as u8).as_slice());
    }
    let often = BackupRequest { checkpoint_every: Duration::ZERO, ..bench.request() };
    bench.remote.fail_when(|call, before| {
        (call == Call::Commit && before >= 2).then(|| refusal(Code::ServerUnreachable, "cut"))
    });
    bench.try_run(&often).unwrap_err();
    bench.remote.fail_no_more();
    let (checkpoint, is_complete) = bench.remote.newest_snapshot().unwrap();
    assert!(!is_complete);
    let entries = bench.entries(checkpoint);
    assert_eq!(entries.len(), 3_003);
    let last = &entries[Path::new("b/file1499")];
    // How far the walk had come is the machine's business; the last file is there in any case.
    assert_eq!(bench.content(checkpoint, last), b"old 1499");
    Bench::settle();
    let done = bench.run();
    bench.assert_stored(done.snapshot);
    assert!(bench.entries(done.snapshot).values().all(|entry| !entry.has(flags::NOT_WALKED)));
}

#[test]
fn no_checkpoint_is_made_without_the_rest_of_the_base() {
    let bench = Bench::new();
    for at in 0..1_500u32 {
        bench.write(&format!("a/file{at:04}"), &noise(2_000, at as u8));
        bench.write(&format!("b/file{at:04}"), &at.to_le_bytes());
    }
    Bench::settle();
    bench.run();
    for at in 0..1_500u32 {
        bench.write(&format!("a/file{at:04}"), &noise(20_000, (at + 1) as u8));
    }
    let cache = bench.cache.path().to_owned();
    let has_checkpoint = AtomicBool::new(false);
    bench.remote.fail_when(move |call, before| {
        let is_after = has_checkpoint.fetch_or(call == Call::Commit, Ordering::Relaxed);
        if call == Call::SendPack && is_after {
            // The run reads on from the file that it has open.
            for file in fs::read_dir(&cache).into_iter().flatten().flatten() {
                if !file.path().to_string_lossy().ends_with(".writing") {
                    let _ = fs::remove_file(file.path());
                }
            }
        }
        (call == Call::Commit && before >= 4).then(|| refusal(Code::ServerUnreachable, "cut"))
    });
    let often = BackupRequest { checkpoint_every: Duration::ZERO, ..bench.request() };
    // How many checkpoints find the file still there is the machine's business.
    let _ = bench.try_run(&often);
    let (newest, _) = bench.remote.newest_snapshot().unwrap();
    assert_eq!(bench.entries(newest).len(), 3_003);
}

#[test]
fn an_over_lease_is_renewed_and_a_stopped_run_commits_nothing() {
    let bench = Bench::new();
    bench.write("file", b"content");
    bench.remote.fail_when(|call, before| {
        (matches!(call, Call::Commit | Call::SendPack) && before == 0)
            .then(|| refusal(Code::LeaseExpired, "late"))
    });
    let summary = bench.run();
    bench.assert_stored(summary.snapshot);
    bench.remote.fail_no_more();
    let progress = Progress::new();
    progress.stop();
    let request = bench.request();
    let stopped = backup::run(
        &bench.remote,
        &bench.keyring,
        &Classes::default(),
        &request,
        &Clock::system(),
        &progress,
    );
    assert_eq!(stopped.unwrap_err().code(), Code::Interrupted);
    assert_eq!(bench.remote.snapshot_count(), 1);
}

#[test]
fn every_file_is_counted_as_done_once() {
    let bench = Bench::new();
    bench.write("small", b"content");
    bench.write("large", &noise(3_000_000, 1));
    bench.write("empty", b"");
    fs::File::create(bench.root().join("sparse")).unwrap().set_len(1 << 30).unwrap();
    fs::hard_link(bench.root().join("small"), bench.root().join("linked")).unwrap();
    for run in ["first", "unchanged"] {
        let progress = Progress::new();
        let paths = vec![bench.root(), bench.cache.path().join("missing")];
        let (request, clock) = (BackupRequest { paths, ..bench.request() }, Clock::system());
        let summary =
            backup::run(&bench.remote, &bench.keyring, &Classes::default(), &request, &clock, &progress);
        let summary = summary.unwrap();
        let read =
            |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
        let done = (read(&progress.done_files), read(&progress.done_bytes));
        assert_eq!(done, (summary.files, summary.bytes), "{run}");
        assert_eq!((read(&progress.findings), summary.finding_count), (1, 1), "{run}");
    }
}

#[test]
fn a_failing_connection_ends_the_run_with_its_cause() {
    let bench = Bench::new();
    for at in 0..100u8 {
        bench.write(&format!("file{at}"), &noise(400_000, at));
    }
    for failing in [Call::SendPack, Call::Grant] {
        bench.remote.fail_when(move |call, _| (call == failing).then(|| refusal(Code::StorageFull, "full")));
        assert_eq!(bench.try_run(&bench.request()).unwrap_err().code(), Code::StorageFull, "{failing:?}");
    }
    bench.remote.fail_no_more();
    let summary = bench.run();
    bench.assert_stored(summary.snapshot);
}

#[test]
fn no_salt_and_no_frame_number_is_used_twice() {
    let bench = Bench::new();
    for round in 0..3u8 {
        for at in 0..40u8 {
            bench.write(&format!("file{at}"), &noise(300_000, at.wrapping_mul(round + 1)));
        }
        if round == 1 {
            bench.remote.fail_when(|call, before| {
                (call == Call::SendPack && before % 2 == 1).then(|| refusal(Code::ServerUnreachable, "cut"))
            });
            let _ = bench.try_run(&bench.request());
            bench.remote.fail_no_more();
        }
        bench.run();
    }
    let mut pairs = HashSet::new();
    for table in bench.remote.tables() {
        for row in &table.frames {
            assert!(pairs.insert((table.header.context.salt, row.number)));
        }
    }
    assert!(pairs.len() > 10);
}

#[test]
fn an_index_that_lies_about_another_devices_chunks_is_noticed() {
    let bench = Bench::new();
    bench.write("file", &noise(100_000, 1));
    bench.run();
    // Another device of the vault comes upon these frames, and one of them is not what it says.
    let other = Bench { device: DeviceId::random(), cache: TempDir::new().unwrap(), ..bench };
    for frame in other.remote.stored_frames() {
        other.remote.damage_frame(frame);
    }
    let error = other.try_run(&other.request()).unwrap_err();
    assert_eq!(error.code(), Code::DataDamaged);
}

#[test]
fn an_index_that_lies_about_this_devices_own_chunks_is_noticed() {
    let bench = Bench::new();
    bench.write("file", &noise(100_000, 1));
    bench.run();
    bench.remote.lie_about_ids();
    std::fs::remove_dir_all(bench.cache.path().join("index")).unwrap();
    let error = bench.try_run(&bench.request()).unwrap_err();
    assert_eq!(error.code(), Code::DataDamaged);
}

#[test]
fn what_a_run_added_itself_is_not_fetched() {
    let bench = Bench::new();
    let mut asked = 0;
    for seed in 1..4 {
        bench.write(&format!("file{seed}"), &noise(100_000, seed));
        Bench::settle();
        let summary = bench.run();
        assert!(summary.new_bytes > 0);
        assert_eq!(bench.remote.calls(Call::Index), asked, "run {seed}");
        bench.assert_stored(summary.snapshot);
    }
    // What the copy knows is what the server would have said: content that moved is found in it.
    bench.write("copy", &noise(100_000, 2));
    Bench::settle();
    assert_eq!(bench.run().new_bytes, 0);
    assert_eq!(bench.remote.calls(Call::Index), asked);
    // Another device has no copy yet.
    let other = Bench { device: DeviceId::random(), cache: TempDir::new().unwrap(), ..bench };
    other.write("other", &noise(100_000, 9));
    Bench::settle();
    other.run();
    asked += 1;
    assert_eq!(other.remote.calls(Call::Index), asked, "it had no copy");
}

#[test]
fn a_lost_index_is_fetched_anew() {
    let bench = Bench::new();
    bench.write("file", &noise(100_000, 1));
    Bench::settle();
    bench.run();
    bench.remote.rebuild_index();
    let second = bench.run();
    assert_eq!((second.read_bytes, second.new_bytes), (0, 0));
    bench.write("file2", &noise(100_000, 1));
    bench.remote.merge_log();
    let third = bench.run();
    assert_eq!(third.new_bytes, 0);
    bench.assert_stored(third.snapshot);
}

#[test]
fn an_index_that_was_merged_anew_is_fetched_once() {
    let bench = Bench::new();
    let asked = || bench.remote.calls(Call::Index);
    for seed in 1..4 {
        bench.write("file", &noise(100_000, seed));
        Bench::settle();
        bench.run();
        // One segment each time, and each time another one.
        bench.remote.merge_log();
        bench.run();
        let before = asked();
        bench.run();
        assert_eq!(asked() - before, 0, "the copy that was kept is the last one");
    }
}
