//! What the file system tells about one entry, in the same form on every system.

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A Unix socket.
    Socket,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
}

/// A point in time as the file system stores it; `sec` is negative before 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Time {
    /// Whole seconds since 1970 UTC, rounded down.
    pub sec: i64,
    /// Nanoseconds after `sec`, below 1,000,000,000.
    pub nsec: u32,
}

/// The attributes of one entry; a symbolic link is described itself, not what it points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: FileKind,
    /// Permission bits, `0o7777` at most.
    pub mode: u32,
    /// Owning user.
    pub uid: u32,
    /// Owning group.
    pub gid: u32,
    /// Content length in bytes.
    pub size_bytes: u64,
    /// Allocated blocks of 512 bytes.
    pub blocks: u64,
    /// Number of names.
    pub nlink: u32,
    /// Device number of the file system that holds it.
    pub dev: u64,
    /// Inode number in that file system.
    pub ino: u64,
    /// Major and minor number of a device; zeros for all else.
    pub rdev: (u32, u32),
    /// Time of the last change of the content.
    pub mtime: Time,
    /// Time of the last change of content or attributes.
    pub ctime: Time,
    /// The mount it was reached through (an id of [`crate::Mount`]), where the kernel tells.
    pub mount_id: Option<u64>,
}

impl Stat {
    /// Fewer blocks are allocated than the size needs: asking for segments may save reading.
    pub const fn may_have_holes(&self) -> bool {
        self.blocks.saturating_mul(512) < self.size_bytes
    }

    /// Whether `other` is the same inode of the same file system.
    pub const fn is_same_inode(&self, other: &Self) -> bool {
        self.dev == other.dev && self.ino == other.ino
    }
}
