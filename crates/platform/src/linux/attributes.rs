//! Setting owner, mode and times without following a symbolic link.

use super::{At, os, proc_path, raw};
use crate::{Node, Result, Time};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, Uid, chmod, chownat, fchmod,
    fstat, futimens, openat, utimensat,
};
use rustix::io::Errno;

pub(crate) fn set_owner(node: Node<'_>, uid: u32, gid: u32) -> Result<()> {
    const OP: &str = "set owner";
    // The kernel takes -1 as 'leave it', which no caller means.
    if uid == u32::MAX || gid == u32::MAX {
        return Err(os(OP)(Errno::INVAL));
    }
    let (user, group) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
    match node.into() {
        At::Fd(fd) => chownat(fd, c"", user, group, AtFlags::EMPTY_PATH),
        At::Name(dir, name) => chownat(dir, name, user, group, AtFlags::SYMLINK_NOFOLLOW),
    }
    .map_err(os(OP))
}

pub(crate) fn set_mode(node: Node<'_>, mode: u32) -> Result<()> {
    let mode = mode & 0o7777;
    match node.into() {
        At::Fd(fd) => fchmod(fd, Mode::from_raw_mode(mode)),
        At::Name(dir, name) => set_mode_by_name(dir, name, mode),
    }
    .map_err(os("set mode"))
}

/// The old call by name follows symbolic links, so the entry is pinned by a descriptor first.
fn set_mode_by_name(dir: BorrowedFd<'_>, name: &[u8], mode: u32) -> Result<(), Errno> {
    let pinned = openat(dir, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    if FileType::from_raw_mode(fstat(&pinned)?.st_mode) == FileType::Symlink {
        return Err(Errno::OPNOTSUPP);
    }
    match chmod(proc_path::of(pinned.as_fd()), Mode::from_raw_mode(mode)) {
        Err(Errno::NOENT) if !proc_path::is_mounted() => raw::fchmodat2(dir, name, mode),
        answer => answer,
    }
}

pub(crate) fn set_times(node: Node<'_>, mtime: Time, atime: Option<Time>) -> Result<()> {
    const OP: &str = "set times";
    // Larger values would be read as 'now' or 'leave it'.
    let valid = |time: Time| time.nsec < 1_000_000_000;
    if !valid(mtime) || !atime.is_none_or(valid) {
        return Err(os(OP)(Errno::INVAL));
    }
    let spec = |time: Time| Timespec { tv_sec: time.sec, tv_nsec: time.nsec.into() };
    let times = Timestamps {
        last_access: atime.map_or(Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }, spec),
        last_modification: spec(mtime),
    };
    match node.into() {
        At::Fd(fd) => futimens(fd, &times),
        At::Name(dir, name) => utimensat(dir, name, &times, AtFlags::SYMLINK_NOFOLLOW),
    }
    .map_err(os(OP))
}
