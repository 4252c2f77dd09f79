//! `statx`: one call for all attributes, with the id of the mount.

use super::{At, os};
use crate::{Error, Node, Result, Stat, Time};
use rustix::fs::{AtFlags, FileType, Statx, StatxFlags, StatxTimestamp, makedev, statx};

pub(crate) fn stat(node: Node<'_>) -> Result<Stat> {
    let mask = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
    let answer = match node.into() {
        At::Fd(fd) => statx(fd, c"", AtFlags::EMPTY_PATH, mask),
        At::Name(dir, name) => statx(dir, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT, mask),
    };
    convert(&answer.map_err(os("stat"))?)
}

fn convert(raw: &Statx) -> Result<Stat> {
    let mode = u32::from(raw.stx_mode);
    // Only descriptors that are no entries of a folder, such as an epoll, have none of the kinds.
    let kind = super::dir::kind(FileType::from_raw_mode(mode)).ok_or(Error::unsupported("stat"))?;
    Ok(Stat {
        kind,
        mode: mode & 0o7777,
        uid: raw.stx_uid,
        gid: raw.stx_gid,
        size_bytes: raw.stx_size,
        blocks: raw.stx_blocks,
        nlink: raw.stx_nlink,
        dev: makedev(raw.stx_dev_major, raw.stx_dev_minor),
        ino: raw.stx_ino,
        rdev: (raw.stx_rdev_major, raw.stx_rdev_minor),
        mtime: time(raw.stx_mtime),
        ctime: time(raw.stx_ctime),
        mount_id: (raw.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(raw.stx_mnt_id),
    })
}

const fn time(raw: StatxTimestamp) -> Time {
    Time { sec: raw.tv_sec, nsec: raw.tv_nsec }
}
