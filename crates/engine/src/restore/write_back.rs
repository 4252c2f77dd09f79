//! Lets the disk work while the restore does. In the end everything has to be on stable storage; left to that moment,
//! a restore would wait for the disk about as long as it had worked, with idle processors.

use crossbeam_channel::{Receiver, RecvTimeoutError};
use platform::Dir;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bytes of content that are written at once. With much less, names and attributes of the same folders are written
/// again and again.
const STEP: u64 = 64 << 20;
/// Between two looks at what there is to write.
const INTERVAL: Duration = Duration::from_millis(50);

/// Writes the file system of `dir` out again and again, while `done` counts the bytes that were restored, until
/// `ended` is closed. The kernel tells each error once: one that is given here would be missed in the end.
pub(super) fn run(dir: &Dir, done: &AtomicU64, ended: &Receiver<()>) -> platform::Result<()> {
    let mut written = 0;
    while ended.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
        let now = done.load(Ordering::Relaxed);
        if now - written >= STEP {
            dir.sync_file_system()?;
            written = now;
        }
    }
    Ok(())
}
