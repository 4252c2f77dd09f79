//! What the kernel is told of an entry.

use engine::browse::data_bytes;
use format::entry::{Entry, EntryKind, FileTime, flags};
use model::Timestamp;
use platform::fuse::Attributes;
use platform::{FileKind, Stat, Time};
use std::time::Duration;

/// Snapshots never change.
const FOR_GOOD: Duration = Duration::from_secs(24 * 3600);
/// Folders that no backup made: nobody writes to them.
const MADE_MODE: u32 = 0o555;
const BLOCK: u64 = 512;

/// Of an entry of a snapshot.
pub(super) fn of_entry(entry: &Entry, node: u64) -> Attributes {
    let target = entry.rare.target.as_ref().map(|target| target.len() as u64);
    Attributes {
        node,
        kind: kind(entry.kind),
        mode: entry.mode,
        uid: entry.owner.uid,
        gid: entry.owner.gid,
        size_bytes: target.unwrap_or(entry.size),
        blocks: data_bytes(entry).div_ceil(BLOCK),
        // A snapshot does not know how many other names there were.
        nlink: if entry.has(flags::HARD_LINK) { 2 } else { 1 },
        rdev: entry.rare.device.unwrap_or_default(),
        mtime: time(entry.modified),
        ctime: time(entry.changed),
        keep: FOR_GOOD,
    }
}

/// Of a folder that is made here, with the owner of the folder that is mounted on.
pub(super) fn of_made(
    node: u64,
    kind: FileKind,
    owner: &Stat,
    at: Time,
    keep: Option<Duration>,
) -> Attributes {
    Attributes {
        node,
        kind,
        mode: if kind == FileKind::Symlink { 0o777 } else { MADE_MODE },
        uid: owner.uid,
        gid: owner.gid,
        size_bytes: 0,
        blocks: 0,
        nlink: 1,
        rdev: (0, 0),
        mtime: at,
        ctime: at,
        keep: keep.unwrap_or(FOR_GOOD),
    }
}

/// A time of ours as one of files.
pub(super) fn time_of(time: Timestamp) -> Time {
    let micros = time.as_micros();
    let nsec = (micros.rem_euclid(1_000_000) * 1000) as u32;
    Time { sec: micros.div_euclid(1_000_000), nsec }
}

const fn time(time: FileTime) -> Time {
    Time { sec: time.secs, nsec: time.nanos }
}

const fn kind(kind: EntryKind) -> FileKind {
    match kind {
        EntryKind::File | EntryKind::Continuation => FileKind::File,
        EntryKind::Dir => FileKind::Dir,
        EntryKind::Symlink => FileKind::Symlink,
        EntryKind::Fifo => FileKind::Fifo,
        EntryKind::Socket => FileKind::Socket,
        EntryKind::CharDevice => FileKind::CharDevice,
        EntryKind::BlockDevice => FileKind::BlockDevice,
    }
}
