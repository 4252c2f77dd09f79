//! Opening directories and files, and listing directories.

use super::{Handle, os};
use crate::{FileKind, Listing, Result};
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags, RawDir, SeekFrom, openat, readlinkat_raw, seek};
use rustix::io::{Errno, fcntl_dupfd_cloexec, retry_on_intr};
use std::fs::File;
use std::mem::MaybeUninit;
use std::path::Path;

/// What a root is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Listing and everything else.
    Read,
    /// Only to reach what is in it.
    Search,
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

pub(crate) fn open_root(path: &Path, access: Access) -> Result<Handle> {
    let open = |flags| super::path::open_any_length(path, flags);
    match access {
        Access::Read => without_access_time(DIRECTORY, open),
        Access::Search => open(DIRECTORY | OFlags::PATH),
    }
    .map_err(os("open folder"))
}

pub(crate) fn open_child(dir: &Handle, name: &[u8]) -> Result<Handle> {
    without_access_time(DIRECTORY | OFlags::NOFOLLOW, |flags| open(dir, name, flags))
        .map_err(os("open folder"))
}

pub(crate) fn open_parent(dir: &Handle) -> Result<Handle> {
    without_access_time(DIRECTORY, |flags| open(dir, b"..", flags)).map_err(os("open folder"))
}

pub(crate) fn reopen(dir: &Handle) -> Result<Handle> {
    without_access_time(DIRECTORY, |flags| open(dir, b".", flags)).map_err(os("open folder"))
}

pub(crate) fn try_clone(dir: &Handle) -> Result<Handle> {
    fcntl_dupfd_cloexec(dir, 0).map_err(os("open folder"))
}

pub(crate) fn open_file(dir: &Handle, name: &[u8]) -> Result<File> {
    // NONBLOCK: should a named pipe have taken the file's place, opening must not wait for a writer.
    // NOCTTY: nor must a terminal become ours.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    without_access_time(flags, |flags| open(dir, name, flags)).map(File::from).map_err(os("open file"))
}

fn open(dir: &Handle, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    retry_on_intr(|| openat(dir, name, flags, Mode::empty()))
}

/// Only owners and the privileged may leave the access time alone; others are refused with EPERM.
fn without_access_time(
    flags: OFlags,
    open: impl Fn(OFlags) -> Result<OwnedFd, Errno>,
) -> Result<OwnedFd, Errno> {
    match open(flags | OFlags::NOATIME) {
        Err(Errno::PERM) => open(flags),
        answer => answer,
    }
}

pub(crate) fn names(dir: &Handle) -> Result<Listing> {
    const OP: &str = "list folder";
    // One call in the kernel brings some 2,000 names.
    let mut buffer = [MaybeUninit::<u8>::uninit(); 64 * 1024];
    let mut listing = Listing::default();
    seek(dir, SeekFrom::Start(0)).map_err(os(OP))?;
    let mut entries = RawDir::new(dir, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Err(Errno::INTR) => continue,
            answer => answer.map_err(os(OP))?,
        };
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") && !listing.push(name, kind(entry.file_type()), entry.ino()) {
            return Err(os(OP)(Errno::OVERFLOW));
        }
    }
    Ok(listing)
}

pub(super) const fn kind(kind: FileType) -> Option<FileKind> {
    Some(match kind {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Dir,
        FileType::Symlink => FileKind::Symlink,
        FileType::Fifo => FileKind::Fifo,
        FileType::Socket => FileKind::Socket,
        FileType::CharacterDevice => FileKind::CharDevice,
        FileType::BlockDevice => FileKind::BlockDevice,
        FileType::Unknown => return None,
    })
}

pub(crate) fn read_link(dir: &Handle, name: &[u8]) -> Result<Vec<u8>> {
    let mut small = [0; 256];
    let read = |buffer: &mut [u8]| readlinkat_raw(dir, name, buffer).map_err(os("read link"));
    let len = read(&mut small)?;
    if len < small.len() {
        return Ok(small[..len].to_vec());
    }
    // A full buffer may hold only a part of the target.
    let mut large = vec![0; 8 * 1024];
    loop {
        let len = read(&mut large)?;
        if len < large.len() {
            large.truncate(len);
            return Ok(large);
        }
        large.resize(large.len() * 2, 0);
    }
}
