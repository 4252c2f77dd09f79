//! The attributes of one entry, addressed by an open handle or by a name in an open directory.
//! A name that is a symbolic link means the link itself.

use crate::dir::check_name;
use crate::{Dir, Result, Stat, Time, Xattrs, sys};
use std::fs::File;

/// An entry whose attributes are read or set.
#[derive(Debug, Clone, Copy)]
pub enum Node<'a> {
    /// An open file.
    File(&'a File),
    /// An open directory.
    Dir(&'a Dir),
    /// An entry of an open directory, of any kind.
    Child(&'a Dir, &'a [u8]),
}

impl<'a> From<&'a File> for Node<'a> {
    fn from(file: &'a File) -> Self {
        Self::File(file)
    }
}

impl<'a> From<&'a Dir> for Node<'a> {
    fn from(dir: &'a Dir) -> Self {
        Self::Dir(dir)
    }
}

impl Node<'_> {
    fn check(&self, op: &'static str) -> Result<()> {
        match self {
            Self::Child(_, name) => check_name(op, name),
            Self::File(_) | Self::Dir(_) => Ok(()),
        }
    }

    /// The basic attributes.
    pub fn stat(self) -> Result<Stat> {
        self.check("stat")?;
        sys::stat(self)
    }

    /// All extended attributes; none where the file system has no such thing.
    pub fn xattrs(self) -> Result<Xattrs> {
        self.check("read attributes")?;
        sys::xattrs(self)
    }

    /// Creates or replaces the extended attribute `name`.
    pub fn set_xattr(self, name: &[u8], value: &[u8]) -> Result<()> {
        self.check("set attribute")?;
        sys::set_xattr(self, name, value)
    }

    /// Removes the extended attribute `name`.
    pub fn remove_xattr(self, name: &[u8]) -> Result<()> {
        self.check("remove attribute")?;
        sys::remove_xattr(self, name)
    }

    /// Sets owning user and group. The kernel then clears the set-id bits: set the mode afterwards.
    pub fn set_owner(self, uid: u32, gid: u32) -> Result<()> {
        self.check("set owner")?;
        sys::set_owner(self, uid, gid)
    }

    /// Sets the permission bits, `0o7777` at most, whatever the umask. A symbolic link has none: EOPNOTSUPP.
    pub fn set_mode(self, mode: u32) -> Result<()> {
        self.check("set mode")?;
        sys::set_mode(self, mode)
    }

    /// Sets the time of the last change, and that of the last access unless `None` leaves it.
    pub fn set_times(self, mtime: Time, atime: Option<Time>) -> Result<()> {
        self.check("set times")?;
        sys::set_times(self, mtime, atime)
    }
}
