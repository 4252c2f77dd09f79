//! Which class a file is cut by, and that chunks of any size fit their frames.

use super::{Bench, noise};
use engine::backup::{self, BackupRequest};
use engine::progress::Progress;
use format::classes::{Class, Classes};
use format::frame::PackKind;
use model::Clock;
use std::collections::HashSet;
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

#[test]
fn frames_are_closed_by_the_target_of_the_vault() {
    let bench = Bench::new();
    for at in 0..30u8 {
        bench.write(&format!("file{at:02}"), &noise(100_000, at));
    }
    let (frame_target, workers) = (64 << 10, 2);
    bench.try_run(&BackupRequest { frame_target, workers, ..bench.request() }).unwrap();
    let tables = bench.remote.tables();
    let data = tables.iter().filter(|table| table.header.context.kind == PackKind::Data);
    let lengths: Vec<usize> = data.flat_map(|table| &table.frames).map(|row| row.length as usize).collect();
    // Noise is stored as it is. Each worker, and the writer of hunks, may have had a last frame.
    assert!(lengths.iter().filter(|length| **length < frame_target).count() <= workers + 1, "{lengths:?}");
    assert!(lengths.iter().all(|length| *length < frame_target + (32 << 10) + 100), "{lengths:?}");

    // So low that every chunk and every hunk has a frame of its own.
    let bench = Bench::new();
    for at in 0..1_100 {
        bench.write(&format!("file{at}"), format!("content {at}").as_bytes());
    }
    bench.try_run(&BackupRequest { frame_target: 1, ..bench.request() }).unwrap();
    for table in bench.remote.tables() {
        assert!(table.frames.len() > 1);
        assert!(table.frames.iter().all(|row| row.ids.len() == 1), "{:?}", table.header.context.kind);
    }
}

#[test]
fn a_large_file_that_comes_last_is_worked_on_by_all() {
    let bench = Bench::new();
    // Compressing takes longer than cutting, so that who cuts has time to take blocks, too: of noise, which is stored as
    // it is, the other one may well keep up.
    let letters: Vec<u8> = noise(64 << 20, 1).iter().map(|byte| b'a' + byte % 16).collect();
    bench.write("large", &letters);
    Bench::settle();
    // No multiple of the 2 MiB that a worker takes at once, so that it goes on with a frame that it has begun.
    let frame_target = 3 << 20;
    let request = BackupRequest { workers: 2, frame_target, compression_level: 9, ..bench.request() };
    let summary = bench.try_run(&request).unwrap();
    let entries = bench.entries(summary.snapshot);
    let addresses = entries[Path::new("large")].content.addresses();
    let frames: Vec<_> = addresses.map(|address| (address.pack, address.frame)).collect();
    let changes = frames.windows(2).filter(|two| two[0] != two[1]).count();
    let distinct = frames.iter().collect::<HashSet<_>>().len();
    // Each worker fills a frame of its own: one alone would never come back to a frame that it has left.
    assert!(changes > distinct, "{changes} changes between {distinct} frames");
}
