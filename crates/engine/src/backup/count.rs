//! The counting pass: walks ahead of the run so that a progress bar knows the whole.

use super::walk::{Found, Walk};
use crate::progress::{Progress, add};
use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};
use platform::FileKind;
use std::time::Duration;

/// A run that ends sooner is over before anybody could have read a total, and counting would have slowed it down.
const COUNT_AFTER: Duration = Duration::from_secs(2);

/// Counts all files and their bytes, unless the run stops first or `ended` is closed.
pub(super) fn run(mut walk: Walk<'_>, progress: &Progress, ended: &Receiver<()>) {
    if ended.recv_timeout(COUNT_AFTER) != Err(RecvTimeoutError::Timeout) {
        return;
    }
    while let Some(found) = walk.next() {
        if progress.go_on().is_err() || ended.try_recv() == Err(TryRecvError::Disconnected) {
            return;
        }
        if let Found::Entry(place) = found
            && place.stat.kind == FileKind::File
        {
            add(&progress.total_files, 1);
            add(&progress.total_bytes, place.stat.size_bytes);
        }
    }
    progress.total_known();
}
