//! A run that fails says what failed, and leaves nothing behind that hinders the next one.

use super::{Bench, noise};
use engine::backup::{self, BackupRequest};
use engine::progress::Progress;
use format::classes::Classes;
use model::{Clock, Code, Damaged, PackId};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use testkit::memory_remote::{Call, refusal};

/// So many that the workers are still at it when the walk ends.
const FILES: u32 = 5_000;

#[test]
fn a_cache_that_is_damaged_while_much_changed_is_read_from_the_server() {
    let bench = Bench::new();
    let fill = |round: u8| {
        for at in 0..FILES {
            bench
                .write(&format!("d{:02}/f{at:05}", at / 500), format!("{round} {at}").repeat(300).as_bytes());
        }
    };
    fill(1);
    bench.run();
    let cache = fs::read_dir(bench.cache.path()).unwrap().map(|file| file.unwrap().path());
    let cache =
        cache.filter(|path| path.is_file()).max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut bytes = fs::read(&cache).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&cache, bytes).unwrap();
    fill(2);
    // The workers are in the middle of their work when the walk comes to the damage.
    let again = bench.run();
    let entries = bench.entries(again.snapshot);
    assert_eq!(again.files, u64::from(FILES));
    let last = &entries[Path::new("d09/f04999")];
    assert_eq!(bench.content(again.snapshot, last), "2 4999".repeat(300).as_bytes());
}

#[test]
fn a_run_that_cannot_write_its_cache_goes_on_and_one_that_cannot_read_its_base_says_so() {
    let bench = Bench::new();
    for at in 0..200u8 {
        bench.write(&format!("file{at:03}"), &noise(50_000, at));
    }
    // A file stands where the folder of the caches ought to be.
    let cache = bench.cache.path().join("taken");
    fs::write(&cache, b"").unwrap();
    let request = BackupRequest { cache, ..bench.request() };
    assert_eq!(bench.try_run(&request).unwrap().files, 200);
    // Its base comes through the cache.
    let error = bench.try_run(&request).unwrap_err();
    assert_eq!(error.code(), Code::LocalFailed, "{error}");
}

#[test]
fn a_run_that_is_asked_to_stop_while_its_last_packs_are_sent_commits_nothing() {
    let bench = Bench::new();
    // So little that every pack is sent when all work is done.
    bench.write("file", b"content");
    let progress = Arc::new(Progress::new());
    let asked = Arc::clone(&progress);
    bench.remote.fail_when(move |call, _| {
        if call == Call::SendPack {
            asked.stop();
        }
        None
    });
    let (classes, clock) = (Classes::default(), Clock::system());
    let stopped = backup::run(&bench.remote, &bench.keyring, &classes, &bench.request(), &clock, &progress);
    assert_eq!(stopped.unwrap_err().code(), Code::Interrupted);
    // The other lane may have begun before.
    assert!((1..=2).contains(&bench.remote.calls(Call::SendPack)));
    assert_eq!(bench.remote.calls(Call::Commit), 0);
}

#[test]
fn a_large_file_whose_packs_are_refused_ends_the_run_with_the_cause() {
    let bench = Bench::new();
    bench.write("large", &noise(120 << 20, 1));
    bench.remote.fail_when(|call, _| (call == Call::SendPack).then(|| refusal(Code::StorageFull, "full")));
    for _ in 0..3 {
        let error = bench.try_run(&bench.request()).unwrap_err();
        assert_eq!(error.code(), Code::StorageFull, "{error}");
    }
}

#[test]
fn a_run_that_fails_gives_its_lease_back() {
    let bench = Bench::new();
    bench.write("file", b"content");
    bench.run();
    bench.write("new", b"more content");
    bench.remote.know_damage(&[Damaged::frame(PackId::random(), 0)]);
    let mut releases = 0;
    for failing in [Call::Index, Call::Damage, Call::SendPack, Call::Commit] {
        let _ = fs::remove_dir_all(bench.cache.path().join("index"));
        bench
            .remote
            .fail_when(move |call, _| (call == failing).then(|| refusal(Code::ServerUnreachable, "cut")));
        bench.try_run(&bench.request()).unwrap_err();
        releases += 1;
        assert_eq!(bench.remote.calls(Call::Release), releases, "{failing:?}");
    }
}
