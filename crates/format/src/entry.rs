//! An entry: one name in a snapshot with everything that restore needs.

use crate::ranges::RangeList;
use crate::{limits, path};
use std::sync::Arc;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EntryKind {
    /// A regular file.
    File = 1,
    /// A folder.
    Dir = 2,
    /// A symbolic link.
    Symlink = 3,
    /// A named pipe.
    Fifo = 4,
    /// A Unix socket.
    Socket = 5,
    /// A character device.
    CharDevice = 6,
    /// A block device.
    BlockDevice = 7,
    /// More content of the file before it.
    Continuation = 8,
}

impl EntryKind {
    /// The kind with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::File,
            2 => Self::Dir,
            3 => Self::Symlink,
            4 => Self::Fifo,
            5 => Self::Socket,
            6 => Self::CharDevice,
            7 => Self::BlockDevice,
            8 => Self::Continuation,
            _ => return None,
        })
    }

    /// True when entries of this kind have content.
    pub const fn has_content(self) -> bool {
        matches!(self, Self::File | Self::Continuation)
    }
}

/// Bits of [`Entry::flags`].
pub mod flags {
    /// The inode had other names.
    pub const HARD_LINK: u32 = 1;
    /// Taken over from an earlier snapshot, because it could not be read now.
    pub const KEPT: u32 = 2;
    /// Changed while it was read.
    pub const CHANGING: u32 = 4;
    /// Its times lay within 2 s of the read: the next run reads it again.
    pub const RACY: u32 = 8;
    /// A folder above a root.
    pub const PARENT: u32 = 16;
    /// It has runs of data and holes.
    pub const SPARSE: u32 = 32;
    /// No content could ever be read.
    pub const UNREAD: u32 = 64;
    /// Taken over because the walk of a checkpoint had not come here.
    pub const NOT_WALKED: u32 = 128;
}

/// Seconds and nanoseconds since 1970 UTC; seconds may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FileTime {
    /// Whole seconds.
    pub secs: i64,
    /// Nanoseconds, below 1,000,000,000.
    pub nanos: u32,
}

impl FileTime {
    /// Nanoseconds of a second.
    pub(crate) const NANOS: u32 = 1_000_000_000;
}

/// Owner and group by number and name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Owner {
    /// User number.
    pub uid: u32,
    /// Group number.
    pub gid: u32,
    /// User name, empty where unknown.
    pub user: Vec<u8>,
    /// Group name, empty where unknown.
    pub group: Vec<u8>,
}

/// One extended attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Xattr {
    /// Name with its name space.
    pub name: Vec<u8>,
    /// Raw value.
    pub value: Vec<u8>,
}

/// A run of data in a sparse file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataRun {
    /// Length of the hole before it in bytes.
    pub hole: u64,
    /// Its length in bytes.
    pub length: u64,
}

/// What few entries have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rare {
    /// Target of a symbolic link.
    pub target: Option<Vec<u8>>,
    /// Major and minor number of a device.
    pub device: Option<(u32, u32)>,
    /// Extended attributes, sorted by name.
    pub xattrs: Vec<Xattr>,
    /// Runs of data of a sparse file.
    pub runs: Vec<DataRun>,
    /// Part number of a continuation, from 1; 0 for others.
    pub part: u64,
}

impl Rare {
    /// True when there is nothing in it.
    pub const fn is_empty(&self) -> bool {
        self.target.is_none()
            && self.device.is_none()
            && self.xattrs.is_empty()
            && self.runs.is_empty()
            && self.part == 0
    }
}

/// One name of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Absolute path, any bytes but NUL.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// See [`flags`].
    pub flags: u32,
    /// Permission bits, at most 07777.
    pub mode: u32,
    /// Owner and group.
    pub owner: Arc<Owner>,
    /// Last change of the content.
    pub modified: FileTime,
    /// Last change of the inode.
    pub changed: FileTime,
    /// Device number of the file system.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Bytes of a file, 0 for others.
    pub size: u64,
    /// Chunk class of a file.
    pub class: u8,
    /// What few entries have.
    pub rare: Rare,
    /// Addresses of a file's chunks, in order.
    pub content: RangeList,
}

impl Entry {
    /// True when this is the continuation with this number of the file at `path`.
    pub fn is_part_of(&self, path: &[u8], part: u64) -> bool {
        self.kind == EntryKind::Continuation && self.path == path && self.rare.part == part
    }

    /// False for one that readers refuse for its path, mode or times, with the whole part of the list that it is in.
    pub fn is_storable(&self) -> bool {
        self.path.len() <= limits::PATH_MAX
            && path::is_plain(&self.path)
            && self.mode <= 0o7777
            && [self.modified, self.changed].iter().all(|time| time.nanos < FileTime::NANOS)
    }

    /// True when this flag is set.
    pub const fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
}
