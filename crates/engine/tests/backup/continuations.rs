//! A file with more ranges than one entry holds goes on in continuations, which stay with it from run to run.

use super::Bench;
use engine::backup::{self, BackupRequest, BackupSummary};
use engine::progress::Progress;
use engine::reader::SnapshotReader;
use engine::verify::verify;
use format::classes::{Class, Classes};
use format::entry::{Entry, flags};
use format::limits;
use model::{Clock, Damaged, SnapshotId};
use std::fs;
use std::path::Path;

/// One class of chunks of 1 KiB: an ordinary file would have to be of 64 GiB.
fn classes() -> Classes {
    Classes::new(vec![Class { largest_file: 0, average: 1 << 10 }]).unwrap()
}

fn run(bench: &Bench, request: &BackupRequest) -> BackupSummary {
    backup::run(&bench.remote, &bench.keyring, &classes(), request, &Clock::system(), &Progress::new())
        .unwrap()
}

fn entry(bench: &Bench, snapshot: SnapshotId, path: &str) -> Entry {
    bench.entries(snapshot).remove(Path::new(path)).unwrap_or_else(|| panic!("{path} is missing"))
}

/// The same chunk over and over: each is a range of its own.
const LENGTH: usize = 4 * 1024 * (limits::HUNK_RANGES_MAX + 10);

#[test]
fn the_rest_of_a_file_stays_with_it() {
    let bench = Bench::new();
    bench.write("before", b"small");
    bench.write("large", &vec![7; LENGTH]);
    bench.write("later", b"small too");
    fs::hard_link(bench.root().join("large"), bench.root().join("link")).unwrap();
    Bench::settle();
    let first = run(&bench, &bench.request());
    let reader = SnapshotReader::open(&bench.remote, &bench.keyring, first.snapshot).unwrap();
    let report = verify(&reader, true, &Progress::new()).unwrap();
    assert!(report.is_good(), "{report:?}");
    let whole = entry(&bench, first.snapshot, "large").content;
    assert!(whole.as_slice().len() > limits::HUNK_RANGES_MAX, "{} ranges", whole.as_slice().len());
    assert_eq!(entry(&bench, first.snapshot, "link").content, whole);
    // Unchanged, with and without the cache.
    for is_cached in [true, false] {
        if !is_cached {
            for file in fs::read_dir(bench.cache.path()).unwrap() {
                let path = file.unwrap().path();
                if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
            }
        }
        let again = run(&bench, &bench.request());
        assert_eq!((again.read_bytes, again.new_bytes, again.files), (0, 0, 4));
        for path in ["large", "link"] {
            let now = entry(&bench, again.snapshot, path);
            assert_eq!(now.content.chunks(), whole.chunks(), "{path}, cached: {is_cached}");
            assert_eq!(now.content, whole);
        }
    }
    // Kept since its folder is gone.
    let root = bench.root();
    let aside = bench.cache.path().join("aside");
    fs::rename(root.join("large"), &aside).unwrap();
    let paths = vec![root.join("before"), root.join("large"), root.join("later"), root.join("link")];
    let kept = run(&bench, &BackupRequest { paths, ..bench.request() });
    let kept = entry(&bench, kept.snapshot, "large");
    assert!(kept.has(flags::KEPT) && kept.content == whole);
    // A part of it is damaged: all of it is read again, and what is good is not sent.
    fs::rename(&aside, root.join("large")).unwrap();
    let again = run(&bench, &bench.request());
    let content = entry(&bench, again.snapshot, "large").content;
    let last = content.as_slice()[content.as_slice().len() - 1];
    let damaged = Damaged::frame(last.pack, last.frame);
    bench.remote.lose_frame((last.pack, last.frame));
    bench.remote.know_damage(&[damaged]);
    let again = run(&bench, &bench.request());
    assert!(again.new_bytes > 0 && again.new_bytes < 100_000, "{} bytes", again.new_bytes);
    let renewed = entry(&bench, again.snapshot, "large").content;
    assert_eq!(renewed.chunks(), whole.chunks());
    assert!(renewed.as_slice().iter().all(|range| Damaged::frame(range.pack, range.frame) != damaged));
}
