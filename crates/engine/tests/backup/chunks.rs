//! Chunks of any size that a vault may have fit their frames.

use super::{Bench, noise};
use engine::backup::{self, BackupRequest};
use engine::progress::Progress;
use format::classes::{Class, Classes};
use model::Clock;

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
