//! Making, renaming and removing entries.

use super::{Handle, os, proc_path};
use crate::{FileKind, Result};
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, fsync, linkat, makedev, mkdirat, mknodat, openat,
    renameat, renameat_with, symlinkat, syncfs, unlinkat,
};
use rustix::io::{Errno, retry_on_intr};
use std::fs::File;
use std::os::fd::AsFd;

pub(crate) fn create_dir(dir: &Handle, name: &[u8], mode: u32) -> Result<()> {
    mkdirat(dir, name, Mode::from_raw_mode(mode)).map_err(os("create folder"))
}

pub(crate) fn create_file(dir: &Handle, name: &[u8], mode: u32) -> Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    retry_on_intr(|| openat(dir, name, flags, Mode::from_raw_mode(mode)))
        .map(File::from)
        .map_err(os("create file"))
}

/// `None` where the file system has no unnamed files, or nothing could give it a name later.
pub(crate) fn create_unnamed(dir: &Handle) -> Result<Option<File>> {
    if !proc_path::is_mounted() {
        return Ok(None);
    }
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match retry_on_intr(|| openat(dir, c".", flags, Mode::RUSR | Mode::WUSR)) {
        Ok(file) => Ok(Some(file.into())),
        // open(2): what file systems and kernels without the flag answer.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL) => Ok(None),
        Err(errno) => Err(os("create file")(errno)),
    }
}

pub(crate) fn name_unnamed(dir: &Handle, file: &File, name: &[u8]) -> Result<()> {
    linkat(CWD, proc_path::of(file.as_fd()), dir, name, AtFlags::SYMLINK_FOLLOW).map_err(os("create file"))
}

pub(crate) fn open_file_to_write(dir: &Handle, name: &[u8]) -> Result<File> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    retry_on_intr(|| openat(dir, name, flags, Mode::empty())).map(File::from).map_err(os("open file"))
}

pub(crate) fn move_over(dir: &Handle, from: &[u8], to_dir: &Handle, to: &[u8]) -> Result<()> {
    renameat(dir, from, to_dir, to).map_err(os("rename"))
}

pub(crate) fn move_noreplace(dir: &Handle, from: &[u8], to_dir: &Handle, to: &[u8]) -> Result<()> {
    match renameat_with(dir, from, to_dir, to, RenameFlags::NOREPLACE) {
        // EINVAL and EOPNOTSUPP: the file system does not know the flag; ENOSYS: the kernel does not.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => link_and_unlink(dir, from, to_dir, to),
        answer => answer,
    }
    .map_err(os("rename"))
}

/// A link is as exclusive as the flag, for everything but directories, which the kernel then refuses.
fn link_and_unlink(dir: &Handle, from: &[u8], to_dir: &Handle, to: &[u8]) -> Result<(), Errno> {
    linkat(dir, from, to_dir, to, AtFlags::empty())?;
    // The new name is there, which is what was asked for; what stays is a leftover under a temporary name.
    let _ = unlinkat(dir, from, AtFlags::empty());
    Ok(())
}

pub(crate) fn exchange(dir: &Handle, a: &[u8], b: &[u8]) -> Result<()> {
    renameat_with(dir, a, dir, b, RenameFlags::EXCHANGE).map_err(os("exchange"))
}

pub(crate) fn create_symlink(dir: &Handle, target: &[u8], name: &[u8]) -> Result<()> {
    symlinkat(target, dir, name).map_err(os("create symlink"))
}

pub(crate) fn create_special(
    dir: &Handle,
    name: &[u8],
    kind: FileKind,
    rdev: (u32, u32),
    mode: u32,
) -> Result<()> {
    const OP: &str = "create special file";
    let (file_type, device) = match kind {
        FileKind::Fifo => (FileType::Fifo, 0),
        FileKind::Socket => (FileType::Socket, 0),
        FileKind::CharDevice => (FileType::CharacterDevice, makedev(rdev.0, rdev.1)),
        FileKind::BlockDevice => (FileType::BlockDevice, makedev(rdev.0, rdev.1)),
        FileKind::File | FileKind::Dir | FileKind::Symlink => return Err(os(OP)(Errno::INVAL)),
    };
    mknodat(dir, name, file_type, Mode::from_raw_mode(mode), device).map_err(os(OP))
}

pub(crate) fn create_hard_link(from: &Handle, from_name: &[u8], to: &Handle, name: &[u8]) -> Result<()> {
    linkat(from, from_name, to, name, AtFlags::empty()).map_err(os("create hard link"))
}

pub(crate) fn remove_file(dir: &Handle, name: &[u8]) -> Result<()> {
    unlinkat(dir, name, AtFlags::empty()).map_err(os("remove file"))
}

pub(crate) fn remove_dir(dir: &Handle, name: &[u8]) -> Result<()> {
    unlinkat(dir, name, AtFlags::REMOVEDIR).map_err(os("remove folder"))
}

pub(crate) fn sync_dir(dir: &Handle) -> Result<()> {
    retry_on_intr(|| fsync(dir)).map_err(os("sync folder"))
}

pub(crate) fn sync_file_system(dir: &Handle) -> Result<()> {
    retry_on_intr(|| syncfs(dir)).map_err(os("sync file system"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dir;

    #[test]
    fn the_way_without_rename_noreplace_is_as_strict() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open_root(folder.path()).unwrap();
        for name in ["one", "two"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let link = |from: &[u8]| link_and_unlink(&dir.handle, from, &dir.handle, b"target");
        assert_eq!(link(b"one"), Ok(()));
        assert_eq!(link(b"two"), Err(Errno::EXIST));
        assert_eq!(std::fs::read(folder.path().join("target")).unwrap(), b"one");
        assert!(!folder.path().join("one").exists() && folder.path().join("two").exists());
    }
}
