//! A file with several names is stored under each of them, whatever becomes of the first one during the run.

use super::{Bench, noise};
use engine::backup::{BackupRequest, INDEX_IDS_MAX};
use format::entry::flags;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use testkit::memory_remote::Call;

/// Runs a backup in which `then` happens after the walk and before the names in question are read.
fn run_with(bench: &Bench, then: impl Fn() + Send + Sync + 'static) -> engine::backup::BackupSummary {
    run_asking_from(INDEX_IDS_MAX, bench, then)
}

/// The same with a limit on the ids that the run holds, beyond which it asks the server.
fn run_asking_from(
    index_ids_max: u64,
    bench: &Bench,
    then: impl Fn() + Send + Sync + 'static,
) -> engine::backup::BackupSummary {
    // The only worker has this in hand while its first pack goes out.
    bench.write("0 large", &noise(64 << 20, 1));
    bench.remote.fail_when(move |call, before| {
        if call == Call::SendPack && before == 0 {
            then();
        }
        None
    });
    bench.try_run(&BackupRequest { workers: 1, index_ids_max, ..bench.request() }).unwrap()
}

#[test]
fn the_first_name_goes_before_it_is_read() {
    for index_ids_max in [INDEX_IDS_MAX, 0] {
        let bench = Bench::new();
        bench.write("a", b"content");
        fs::hard_link(bench.root().join("a"), bench.root().join("b")).unwrap();
        fs::hard_link(bench.root().join("a"), bench.root().join("c")).unwrap();
        let first = bench.root().join("a");
        let summary = run_asking_from(index_ids_max, &bench, move || fs::remove_file(&first).unwrap());
        assert!(summary.findings.is_empty(), "{:?}", summary.findings);
        bench.assert_stored(summary.snapshot);
        assert_eq!(summary.files, 3);
    }
}

#[test]
fn the_first_name_is_another_file_before_it_is_read() {
    let bench = Bench::new();
    bench.write("a", b"content");
    fs::hard_link(bench.root().join("a"), bench.root().join("b")).unwrap();
    let aside = bench.cache.path().join("aside");
    fs::write(&aside, b"another").unwrap();
    let first = bench.root().join("a");
    let summary = run_with(&bench, move || fs::rename(&aside, &first).unwrap());
    bench.assert_stored(summary.snapshot);
    let entries = bench.entries(summary.snapshot);
    assert_eq!(bench.content(summary.snapshot, &entries[Path::new("b")]), b"content");
    assert!(!entries[Path::new("b")].has(flags::KEPT));
}

#[test]
fn the_file_is_changed_after_its_first_name_was_read() {
    let bench = Bench::new();
    bench.write("0", b"content");
    // More than may be on the way, in batches and before they are made: the walk has not come to the last name when the
    // first pack goes out.
    for at in 0..2_500 {
        let path = bench.root().join(format!("a{at:04}"));
        fs::File::create(path).unwrap().set_len(1 << 20).unwrap();
    }
    fs::hard_link(bench.root().join("0"), bench.root().join("last")).unwrap();
    Bench::settle();
    let file = bench.root().join("0");
    let change =
        move || fs::File::options().write(true).open(&file).unwrap().write_all_at(b"CHANGED", 0).unwrap();
    let first = run_with(&bench, change);
    let entries = bench.entries(first.snapshot);
    assert_eq!(bench.content(first.snapshot, &entries[Path::new("0")]), b"content");
    assert_eq!(bench.content(first.snapshot, &entries[Path::new("last")]), b"CHANGED");
    bench.remote.fail_when(|_, _| None);
    let next = bench.run();
    bench.assert_stored(next.snapshot);
}
