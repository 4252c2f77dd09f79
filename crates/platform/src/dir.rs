//! An open directory and what can be read through it.
//! Names below it are single components; no operation here follows a symbolic link in that name.

use crate::{Error, FileSystemKind, Listing, Node, Result, Space, Stat, sys};
use std::fs::File;
use std::path::Path;

/// An open directory. It stays the same directory when it or a folder above it is renamed.
#[derive(Debug)]
pub struct Dir {
    pub(crate) handle: sys::Handle,
}

/// Refuses anything that could lead out of the directory: names may come from a damaged snapshot.
pub(crate) fn check_name(op: &'static str, name: &[u8]) -> Result<()> {
    let plain = !matches!(name, b"" | b"." | b"..") && !name.iter().any(|byte| matches!(byte, b'/' | b'\0'));
    if plain { Ok(()) } else { Err(Error::BadName { op }) }
}

impl Dir {
    /// Opens the directory at `path`, of any length, following symbolic links as a user expects of a path
    /// that they typed.
    pub fn open_root(path: &Path) -> Result<Self> {
        sys::open_root(path, sys::Access::Read).map(|handle| Self { handle })
    }

    /// Opens the directory at `path` only to reach what is in it: [`Self::names`] and extended attributes
    /// are refused, but permission to list it is not needed either.
    pub fn open_for_search(path: &Path) -> Result<Self> {
        sys::open_root(path, sys::Access::Search).map(|handle| Self { handle })
    }

    /// Opens the directory that holds the last component of `path`, and gives that component.
    /// Paths that end in `/`, `.` or `..` once trailing slashes are dropped are refused with `BadName`.
    pub fn open_parent_of(path: &Path) -> Result<(Self, Vec<u8>)> {
        let (parent, name) = sys::split_last(path);
        check_name("open parent", &name)?;
        Ok((Self::open_root(&parent)?, name))
    }

    /// As [`Self::open_parent_of`], only to reach what is in the directory: it need not be one that may be listed.
    pub fn search_parent_of(path: &Path) -> Result<(Self, Vec<u8>)> {
        let (parent, name) = sys::split_last(path);
        check_name("open parent", &name)?;
        Ok((Self::open_for_search(&parent)?, name))
    }

    /// Opens the subdirectory `name`; a symbolic link there is an error, never followed.
    pub fn open_child(&self, name: &[u8]) -> Result<Self> {
        check_name("open folder", name)?;
        sys::open_child(&self.handle, name).map(|handle| Self { handle })
    }

    /// Opens the directory that now holds this one; the root of the file tree answers itself.
    pub fn open_parent(&self) -> Result<Self> {
        sys::open_parent(&self.handle).map(|handle| Self { handle })
    }

    /// A second handle to the same directory, with a listing position of its own. Needs permission to list it.
    pub fn reopen(&self) -> Result<Self> {
        sys::reopen(&self.handle).map(|handle| Self { handle })
    }

    /// A second handle to the same directory. Both share one listing position: no two threads may list
    /// through clones at the same time.
    pub fn try_clone(&self) -> Result<Self> {
        sys::try_clone(&self.handle).map(|handle| Self { handle })
    }

    /// The attributes of this directory.
    pub fn stat_self(&self) -> Result<Stat> {
        sys::stat(Node::Dir(self))
    }

    /// The attributes of the entry `name`; a symbolic link is described itself. Mounts no automount.
    pub fn stat(&self, name: &[u8]) -> Result<Stat> {
        check_name("stat", name)?;
        sys::stat(Node::Child(self, name))
    }

    /// All names in the directory. An error in the middle is an error of the whole: a part of a listing is
    /// never taken for all of it.
    pub fn names(&self) -> Result<Listing> {
        sys::names(&self.handle)
    }

    /// The target of the symbolic link `name`, as stored.
    pub fn read_link(&self, name: &[u8]) -> Result<Vec<u8>> {
        check_name("read link", name)?;
        sys::read_link(&self.handle, name)
    }

    /// Opens `name` for reading without following a symbolic link, without waiting for the other end of a
    /// named pipe, and where permitted without changing its access time. The caller asks
    /// [`crate::file::stat`] whether it still is the regular file that it saw.
    pub fn open_file(&self, name: &[u8]) -> Result<File> {
        check_name("open file", name)?;
        sys::open_file(&self.handle, name)
    }

    /// The entry `name`, for its attributes.
    pub const fn child<'a>(&'a self, name: &'a [u8]) -> Node<'a> {
        Node::Child(self, name)
    }

    /// Space on the file system that holds this directory.
    pub fn free_space(&self) -> Result<Space> {
        sys::space(&self.handle)
    }

    /// What kind of file system this directory lies on, by the file system's own number. `devtmpfs`
    /// has that of `tmpfs` and shows as local: [`crate::MountTable`] knows better where it is readable.
    pub fn file_system_kind(&self) -> Result<FileSystemKind> {
        sys::magic(&self.handle).map(FileSystemKind::of_magic)
    }

    /// The id that the file system gives itself (`f_fsid`). On ext4 and btrfs it stays the same over mounts
    /// and machines; elsewhere it may follow the device's number.
    pub fn file_system_id(&self) -> Result<u64> {
        sys::file_system_id(&self.handle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_single_components_are_names() {
        for bad in [&b""[..], b".", b"..", b"/", b"a/b", b"../x", b"a\0b", b"a/"] {
            assert_eq!(check_name("stat", bad), Err(Error::BadName { op: "stat" }), "{bad:?}");
        }
        for good in [&b"..."[..], b".a", b"a b", b"\xff\xfe", b"\n", b"-rf"] {
            assert_eq!(check_name("stat", good), Ok(()), "{good:?}");
        }
    }
}
