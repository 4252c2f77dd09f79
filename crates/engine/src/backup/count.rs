//! The counting pass: walks ahead of the run so that a progress bar knows the whole.

use super::walk::{Found, Walk};
use crate::progress::{Progress, add};
use platform::FileKind;

/// Counts all files and their bytes, unless the run stops first.
pub(super) fn run(mut walk: Walk<'_>, progress: &Progress) {
    while let Some(found) = walk.next() {
        if progress.is_stopped() {
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
