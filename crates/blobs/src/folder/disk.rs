//! The few file operations on which a folder store stands. They are a trait so that tests can watch their order,
//! fail any of them, and cut the power between two. Paths are relative to the store's folder, segments joined by
//! `/`, and empty for the folder itself.

use std::io;
use std::time::SystemTime;

use crate::Space;

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    File,
    Folder,
    /// A symbolic link, a device and the like: a store has none.
    Foreign,
}

/// Facts about a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stat {
    pub(crate) kind: FileKind,
    pub(crate) size_bytes: u64,
    pub(crate) modified: SystemTime,
}

/// What came of the wish to have a store alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locking {
    /// It is ours.
    Ours,
    /// It is ours, and can only be read.
    ReadOnly,
    /// It is open already, here or in another process.
    Taken,
}

/// One name in a folder.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) kind: FileKind,
}

/// A folder on a disk and what lies below it.
pub(crate) trait Disk: Send + Sync {
    /// Takes the store for this opening alone, until the disk is dropped. Never waits.
    fn lock(&self) -> io::Result<Locking>;
    /// Creates a file for writing; the name must be new.
    fn create_file(&self, path: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file for reading; a folder is `IsADirectory`.
    fn open_file(&self, path: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Renames a file, taking the place of a file at `to`.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Renames a file; `AlreadyExists` when there is anything at `to`.
    fn rename_new(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove_file(&self, path: &str) -> io::Result<()>;
    fn create_folder(&self, path: &str) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, path: &str) -> io::Result<()>;
    fn stat(&self, path: &str) -> io::Result<Stat>;
    /// Lists a folder in any order; names that are not UTF-8 are left out, as no key has them.
    fn list_folder(&self, path: &str) -> io::Result<Vec<Listed>>;
    fn space(&self) -> io::Result<Space>;
}

/// An open file.
pub(crate) trait DiskFile: Send + Sync {
    /// Appends bytes; returns how many were taken.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Asks for a range to go to the medium soon, without waiting. A hint: failures show at `sync`.
    fn start_writeback(&mut self, offset: u64, length: u64);
    /// Makes content and size durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Reads at an offset; returns how many bytes were there.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;
    fn size_bytes(&self) -> io::Result<u64>;
}
