//! Where a file's data lies, cache hints, holes and locks.

use super::{Handle, os};
use crate::Result;
use crate::file::Advice;
use rustix::fs::{
    FallocateFlags, FlockOperation, Mode, OFlags, SeekFrom, fadvise, fallocate, flock, openat, seek,
};
use rustix::io::{Errno, retry_on_intr};
use std::fs::File;
use std::num::NonZeroU64;

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

pub(crate) fn advise(file: &File, offset: u64, len: u64, advice: Advice) -> Result<()> {
    let advice = match advice {
        Advice::Sequential => rustix::fs::Advice::Sequential,
        Advice::WillNeed => rustix::fs::Advice::WillNeed,
        Advice::DontNeed => rustix::fs::Advice::DontNeed,
    };
    match fadvise(file, offset, NonZeroU64::new(len), advice) {
        // Pipes and kernels built without it.
        Err(Errno::SPIPE | Errno::NOSYS) => Ok(()),
        answer => answer.map_err(os("advise")),
    }
}

pub(crate) fn punch_hole(file: &File, offset: u64, len: u64) -> Result<()> {
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    retry_on_intr(|| fallocate(file, flags, offset, len)).map_err(os("punch hole"))
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
