//! Reads and writes at an offset, where a file's data lies, cache hints and locks.

use super::{Handle, os};
use crate::{Error, Result};
use rustix::fs::{Advice, FlockOperation, Mode, OFlags, SeekFrom, fadvise, flock, openat, seek};
use rustix::io::{Errno, retry_on_intr};
use std::fs::File;
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;

/// Start and end of the first stored segment at or after `from`; `None` when only holes follow.
pub(crate) fn next_segment(file: &File, from: u64) -> Result<Option<(u64, u64)>> {
    const OP: &str = "find data";
    let start = match seek(file, SeekFrom::Data(from)) {
        Ok(start) => start,
        Err(Errno::NXIO) => return Ok(None),
        // This file system cannot tell: all may be data.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(Some((from, u64::MAX))),
        Err(errno) => return Err(os(OP)(errno)),
    };
    match seek(file, SeekFrom::Hole(start)) {
        Ok(end) => Ok(Some((start, end))),
        // Cut off between the two calls: what is left is for the reader to find out.
        Err(Errno::NXIO) => Ok(Some((start, u64::MAX))),
        Err(errno) => Err(os(OP)(errno)),
    }
}

pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> Result<usize> {
    retry_on_intr(|| rustix::io::pread(file, &mut *buffer, offset)).map_err(os("read file"))
}

pub(crate) fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> Result<()> {
    file.write_all_at(bytes, offset).map_err(|error| Error::from_io("write file", &error))
}

pub(crate) fn will_read_through(file: &File) -> Result<()> {
    advise(file, 0, 0, Advice::Sequential)
}

/// On Linux this advice starts the writing of dirty pages and does not wait for it; pages that are being written stay
/// in the cache. `sync_file_range` would say it more plainly but has no safe wrapper.
pub(crate) fn start_writeback(file: &File, offset: u64, len: u64) -> Result<()> {
    advise(file, offset, len, Advice::DontNeed)
}

/// A length of 0 means to the end.
fn advise(file: &File, offset: u64, len: u64, advice: Advice) -> Result<()> {
    match fadvise(file, offset, NonZeroU64::new(len), advice) {
        // Pipes and kernels built without it.
        Err(Errno::SPIPE | Errno::NOSYS) => Ok(()),
        answer => answer.map_err(os("advise")),
    }
}

pub(crate) fn open_lock_file(dir: &Handle, name: &[u8]) -> Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    openat(dir, name, flags, Mode::RUSR | Mode::WUSR).map(File::from).map_err(os("open lock file"))
}

/// Whether the lock was free and is ours now.
pub(crate) fn try_lock(file: &File) -> Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(errno) => Err(os("lock")(errno)),
    }
}
