//! A tree of folders and files that this process makes, mounted for reading (FUSE): what such a tree answers, and the
//! mount. The kernel's requests are handed to a few threads, so that one that waits does not hold the others up.

use crate::{FileKind, Time, sys};
use std::path::Path;
use std::time::Duration;

/// The node of the tree's topmost folder.
pub const TOP: u64 = 1;

/// Attributes of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// Its number, which is its inode number too.
    pub node: u64,
    /// What it is.
    pub kind: FileKind,
    /// Permission bits.
    pub mode: u32,
    /// Owning user.
    pub uid: u32,
    /// Owning group.
    pub gid: u32,
    /// Content length in bytes; of a symbolic link, of its target.
    pub size_bytes: u64,
    /// Blocks of 512 bytes that it takes.
    pub blocks: u64,
    /// Number of names.
    pub nlink: u32,
    /// Major and minor number of a device; zeros for all else.
    pub rdev: (u32, u32),
    /// Time of the last change of the content.
    pub mtime: Time,
    /// Time of the last change of content or attributes.
    pub ctime: Time,
    /// How long the kernel may go by them without asking again.
    pub keep: Duration,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// There is no such name.
    NotFound,
    /// It is no folder.
    NotAFolder,
    /// It is no file with content.
    NotAFile,
    /// There is no such attribute.
    NoAttribute,
    /// It was there and is gone.
    Stale,
    /// It cannot be read.
    Failed,
}

/// What a tree answers.
pub type Answer<T> = std::result::Result<T, Refusal>;

/// Takes a name with its attributes and the position after it; false when there is no room for it any more.
pub type NameSink<'a> = dyn FnMut(&[u8], &Attributes, u64) -> bool + 'a;

/// A tree that can be read, from several threads at the same time.
pub trait Tree: Sync {
    /// The entry `name` of a folder. It counts as known to the kernel once more.
    fn look_up(&self, folder: u64, name: &[u8]) -> Answer<Attributes>;

    /// The kernel no longer knows a node that it was told `count` times.
    fn forget(&self, node: u64, count: u64);

    /// Attributes of a node that the kernel knows.
    fn attributes(&self, node: u64) -> Answer<Attributes>;

    /// The target of a symbolic link.
    fn read_link(&self, node: u64) -> Answer<Vec<u8>>;

    /// Names of a folder behind the position `after`, 0 at first. With `known` each that is taken counts as known to
    /// the kernel once more.
    fn list(&self, folder: u64, after: u64, known: bool, sink: &mut NameSink<'_>) -> Answer<()>;

    /// Opens a file; gives a number for [`Self::read`] and [`Self::close`].
    fn open(&self, node: u64) -> Answer<u64>;

    /// Content from `offset`, `size` bytes unless the file ends before.
    fn read(&self, file: u64, offset: u64, size: usize) -> Answer<Vec<u8>>;

    /// The file is no longer needed.
    fn close(&self, file: u64);

    /// Names of the extended attributes of a node.
    fn xattr_names(&self, node: u64) -> Answer<Vec<Vec<u8>>>;

    /// The value of an extended attribute.
    fn xattr(&self, node: u64, name: &[u8]) -> Answer<Vec<u8>>;
}

/// Why a folder could not be mounted on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MountError {
    /// Not on this operating system.
    #[error("mounting is not supported on this system")]
    Unsupported,
    /// The kernel's device for it is not there.
    #[error("there is no /dev/fuse")]
    NoDevice,
    /// It may not be opened by this user.
    #[error("this user may not open /dev/fuse")]
    DeviceDenied,
    /// The program that mounts for ordinary users is not there.
    #[error("there is no program fusermount3, which mounts for ordinary users")]
    NoHelper,
    /// The system refused.
    #[error("{reason}")]
    Refused {
        /// What it said.
        reason: String,
    },
}

/// A mounted tree that nobody answers for yet.
#[derive(Debug)]
pub struct Mounted(sys::Mounted);

impl Mounted {
    /// Mounts on the folder `point`, for this user alone and for reading. `name` is shown in the table of mounts. Until
    /// [`Self::serve`] who looks at the folder waits.
    pub fn new(point: &Path, name: &str) -> Result<Self, MountError> {
        sys::mount(point, name).map(Self)
    }

    /// Answers for `tree` until somebody unmounts it, or until `is_over` says so, which is asked a few times a second;
    /// then it is unmounted here. When somebody still has something open in it, or an answer is still being waited for,
    /// `leave` is called: the process has to end then, and with it everything that is open.
    pub fn serve(
        self,
        tree: &dyn Tree,
        is_over: &dyn Fn() -> bool,
        leave: &dyn Fn(),
    ) -> Result<(), MountError> {
        sys::serve(self.0, tree, is_over, leave)
    }
}
