//! What the unit tests of this module's parts share. Runs as a whole are tested in `tests/`.

use crate::remote::{Lease, LogPosition};
use format::entry::{Entry, EntryKind, FileTime, Rare};
use format::ranges::RangeList;
use model::{LeaseId, Timestamp};
use std::sync::Arc;

/// A lease in an empty vault.
pub(crate) fn any_lease() -> Lease {
    Lease {
        id: LeaseId::random(),
        position: LogPosition { incarnation: [1; 16], sequence: 0 },
        deadline: Timestamp::default(),
        server_time: Timestamp::default(),
        data_ids: 0,
        newest: Vec::new(),
        has_damage: false,
    }
}

/// An empty file with this path.
pub(crate) fn plain_entry(path: &str) -> Entry {
    Entry {
        path: path.as_bytes().to_vec(),
        kind: EntryKind::File,
        flags: 0,
        mode: 0o644,
        owner: Arc::default(),
        modified: FileTime::default(),
        changed: FileTime::default(),
        dev: 1,
        ino: 1,
        size: 0,
        class: 0,
        rare: Rare::default(),
        content: RangeList::new(),
    }
}
