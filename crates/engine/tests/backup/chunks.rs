//! Which class a file is cut by, and that chunks of any size fit their frames.

use super::{Bench, noise};
use engine::backup::{self, BackupRequest};
use engine::progress::Progress;
use format::classes::{Class, Classes};
use model::Clock;
use std::fs;
use std::path::Path;

#[test]
fn the_largest_chunks_get_frames_that_readers_take() {
    let classes = Classes::new(vec![Class { largest_file: 0, average: 1 << 20 }]).unwrap();
    let bench = Bench::new();
    // A frame that is not full yet, and chunks of 4 MiB: nothing is cut in zeros.
    bench.write("a", &noise(900_000, 1));
    bench.write("b", &vec![0; 9 << 20]);
    let request = BackupRequest { workers: 1, ..bench.request() };
    let summary =
        backup::run(&bench.remote, &bench.keyring, &classes, &request, &Clock::system(), &Progress::new());
    let summary = summary.unwrap();
    assert_eq!(summary.findings, []);
    bench.assert_stored(summary.snapshot);
}

#[test]
fn a_file_keeps_its_class_when_it_grows_and_when_it_is_renamed() {
    let bench = Bench::new();
    bench.write("log", &noise(900_000, 3));
    bench.run();
    bench.write("log", &noise(3_000_000, 3));
    let grown = bench.run();
    assert!(grown.new_bytes < 2_200_000, "{} bytes", grown.new_bytes);
    for (from, to, is_cached) in [("log", "a first name", true), ("a first name", "the last name", false)] {
        fs::rename(bench.root().join(from), bench.root().join(to)).unwrap();
        if !is_cached {
            for file in fs::read_dir(bench.cache.path()).unwrap() {
                let path = file.unwrap().path();
                if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
            }
        }
        let renamed = bench.run();
        assert_eq!(renamed.new_bytes, 0, "{to}");
        assert_eq!(bench.entries(renamed.snapshot)[Path::new(to)].class, 0, "{to}");
    }
    // Another file of this size is cut by its size.
    bench.write("other", &noise(3_000_000, 3));
    let other = bench.run();
    assert_eq!(bench.entries(other.snapshot)[Path::new("other")].class, 1);
}
