//! The disk of the operating system. All paths are resolved from a handle of the store's folder, so that nothing
//! lands below a mount point from which the store's file system has gone away.

use std::fs::File;
use std::io::{self, Write};
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use rustix::fs::{self as sys, Advice, AtFlags, FileType, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::disk::{Disk, DiskFile, FileKind, Listed, Locking, Stat};
use super::marker::MARKER_NAME;
use crate::Space;

const FILE_MODE: Mode = Mode::from_raw_mode(0o600);
const FOLDER_MODE: Mode = Mode::from_raw_mode(0o700);

/// A folder of the operating system.
pub(super) struct HostDisk {
    root: OwnedFd,
    /// The marker, held open because the lock between processes hangs on it.
    lock: OnceLock<File>,
}

impl HostDisk {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let root = sys::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { root, lock: OnceLock::new() })
    }

    fn open_at(&self, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let path = if path.is_empty() { "." } else { path };
        Ok(sys::openat(&self.root, path, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, FILE_MODE)?)
    }

    /// Names a file twice, then takes the old name away: for file systems without RENAME_NOREPLACE.
    pub(super) fn link_new(&self, from: &str, to: &str) -> io::Result<()> {
        sys::linkat(&self.root, from, &self.root, to, AtFlags::empty())?;
        // A name that stays behind lies among the temporary files and goes when the store is opened next.
        let _ = self.remove_file(from);
        Ok(())
    }
}

impl Disk for HostDisk {
    fn lock(&self) -> io::Result<Locking> {
        // Restores must work from a medium that has become read-only.
        let (marker, locking) = match self.open_at(MARKER_NAME, OFlags::RDWR) {
            Err(error) if is_read_only(&error) => {
                (self.open_at(MARKER_NAME, OFlags::RDONLY)?, Locking::ReadOnly)
            }
            marker => (marker?, Locking::Ours),
        };
        match sys::flock(&marker, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Ok(Locking::Taken),
            // Some network file systems lock only what is open for writing.
            Err(Errno::BADF) if locking == Locking::ReadOnly => {}
            Err(error) => return Err(error.into()),
        }
        let _ = self.lock.set(marker.into());
        Ok(locking)
    }

    fn create_file(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = self.open_at(path, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)?;
        Ok(Box::new(HostFile(file.into())))
    }

    fn open_file(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = File::from(self.open_at(path, OFlags::RDONLY)?);
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(Box::new(HostFile(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(sys::renameat(&self.root, from, &self.root, to)?)
    }

    fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        match sys::renameat_with(&self.root, from, &self.root, to, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(()),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => self.link_new(from, to),
            Err(error) => Err(error.into()),
        }
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        Ok(sys::unlinkat(&self.root, path, AtFlags::empty())?)
    }

    fn create_folder(&self, path: &str) -> io::Result<()> {
        Ok(sys::mkdirat(&self.root, path, FOLDER_MODE)?)
    }

    fn sync_folder(&self, path: &str) -> io::Result<()> {
        Ok(sys::fsync(self.open_at(path, OFlags::RDONLY | OFlags::DIRECTORY)?)?)
    }

    fn stat(&self, path: &str) -> io::Result<Stat> {
        let stat = sys::statat(&self.root, path, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(Stat {
            kind: kind(FileType::from_raw_mode(stat.st_mode)),
            size_bytes: u64::try_from(stat.st_size).unwrap_or(0),
            modified: time(stat.st_mtime, stat.st_mtime_nsec),
        })
    }

    fn list_folder(&self, path: &str) -> io::Result<Vec<Listed>> {
        let folder = self.open_at(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut listed = Vec::new();
        for entry in sys::Dir::read_from(&folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => match sys::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => kind(FileType::from_raw_mode(stat.st_mode)),
                    Err(Errno::NOENT) => continue,
                    Err(error) => return Err(error.into()),
                },
                known => kind(known),
            };
            listed.push(Listed { name: name.to_owned(), kind });
        }
        Ok(listed)
    }

    fn space(&self) -> io::Result<Space> {
        let space = sys::fstatvfs(&self.root)?;
        Ok(Space {
            total_bytes: space.f_blocks.saturating_mul(space.f_frsize),
            available_bytes: space.f_bavail.saturating_mul(space.f_frsize),
        })
    }
}

struct HostFile(File);

impl DiskFile for HostFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn start_writeback(&mut self, offset: u64, length: u64) {
        // On Linux this advice starts the writing of dirty pages and does not wait for it; pages that are being
        // written stay in the cache. `sync_file_range` would say it more plainly but has no safe wrapper.
        let _ = sys::fadvise(&self.0, offset, NonZeroU64::new(length), Advice::DontNeed);
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_all()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }

    fn size_bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

fn is_read_only(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}

fn kind(file_type: FileType) -> FileKind {
    match file_type {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Folder,
        _ => FileKind::Foreign,
    }
}

fn time(seconds: i64, nanoseconds: impl TryInto<u32>) -> SystemTime {
    let fraction = Duration::from_nanos(u64::from(nanoseconds.try_into().unwrap_or(0)));
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let base = if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(whole)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(whole)
    };
    base.and_then(|base| base.checked_add(fraction)).unwrap_or(SystemTime::UNIX_EPOCH)
}
