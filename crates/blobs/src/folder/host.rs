//! The disk of the operating system. All paths are resolved from a handle of the store's folder, so that nothing
//! lands below a mount point from which the store's file system has gone away, and no symbolic link below it is
//! followed.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use platform::{Dir, Time, errno, file};

use super::disk::{Disk, DiskFile, FileKind, Listed, Locking, Stat};
use super::marker::MARKER_NAME;
use crate::Space;

const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// A folder of the operating system.
pub(super) struct HostDisk {
    root: Dir,
    /// The marker, held open because the lock between processes hangs on it.
    lock: OnceLock<File>,
}

impl HostDisk {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { root: Dir::open_root(path)?, lock: OnceLock::new() })
    }

    /// Makes the folder at `path` when only it is missing, durably.
    pub(super) fn create(path: &Path) -> io::Result<()> {
        let (parent, name) = match Dir::search_parent_of(path) {
            // `/`, `.` and the like: a folder that is there.
            Err(platform::Error::BadName { .. }) => return Ok(()),
            found => found?,
        };
        match parent.create_dir(&name, FOLDER_MODE) {
            Ok(()) => Ok(Dir::open_parent_of(path)?.0.sync()?),
            Err(error) if error.is_already_exists() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The folder at `path`, opened for this call alone: two listings of one handle would share a position.
    fn folder(&self, path: &str) -> platform::Result<Dir> {
        let mut names = path.split('/').filter(|name| !name.is_empty());
        let Some(first) = names.next() else { return self.root.reopen() };
        names.try_fold(self.root.open_child(first.as_bytes())?, |dir, name| dir.open_child(name.as_bytes()))
    }

    /// Does something with the last name of `path` and the folder that holds it.
    fn at<T>(&self, path: &str, act: impl FnOnce(&Dir, &[u8]) -> platform::Result<T>) -> platform::Result<T> {
        match path.rsplit_once('/') {
            Some((folder, name)) => act(&self.folder(folder)?, name.as_bytes()),
            None => act(&self.root, path.as_bytes()),
        }
    }
}

impl Disk for HostDisk {
    fn lock(&self) -> io::Result<Locking> {
        let name = MARKER_NAME.as_bytes();
        // Restores must work from a medium that has become read-only.
        let (marker, locking) = match self.root.open_file_to_write(name) {
            Err(error) if is_read_only(&error) => (self.root.open_file(name)?, Locking::ReadOnly),
            marker => (marker?, Locking::Ours),
        };
        match file::try_lock(&marker) {
            Ok(true) => {}
            Ok(false) => return Ok(Locking::Taken),
            // Some network file systems lock only what is open for writing.
            Err(error) if error.errno() == Some(errno::EBADF) && locking == Locking::ReadOnly => {}
            Err(error) => return Err(error.into()),
        }
        let _ = self.lock.set(marker);
        Ok(locking)
    }

    fn create_file(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = self.at(path, |dir, name| dir.create_file_as(name, FILE_MODE))?;
        Ok(Box::new(HostFile(file)))
    }

    fn open_file(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = self.at(path, Dir::open_file)?;
        if file::stat(&file)?.kind == platform::FileKind::Dir {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(Box::new(HostFile(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(self.at(from, |dir, name| self.at(to, |to_dir, to| dir.move_over(name, to_dir, to)))?)
    }

    fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(self.at(from, |dir, name| self.at(to, |to_dir, to| dir.move_noreplace(name, to_dir, to)))?)
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        Ok(self.at(path, Dir::remove_file)?)
    }

    fn create_folder(&self, path: &str) -> io::Result<()> {
        Ok(self.at(path, |dir, name| dir.create_dir(name, FOLDER_MODE))?)
    }

    fn sync_folder(&self, path: &str) -> io::Result<()> {
        Ok(self.folder(path)?.sync()?)
    }

    fn stat(&self, path: &str) -> io::Result<Stat> {
        let stat = self.at(path, Dir::stat)?;
        Ok(Stat { kind: kind(stat.kind), size_bytes: stat.size_bytes, modified: time(stat.mtime) })
    }

    fn list_folder(&self, path: &str) -> io::Result<Vec<Listed>> {
        let folder = self.folder(path)?;
        let mut listed = Vec::new();
        for entry in &folder.names()? {
            let Ok(name) = std::str::from_utf8(entry.name) else { continue };
            let found =
                match entry.kind_hint.map_or_else(|| folder.stat(entry.name).map(|stat| stat.kind), Ok) {
                    Err(error) if error.is_not_found() => continue,
                    found => found?,
                };
            listed.push(Listed { name: name.to_owned(), kind: kind(found) });
        }
        Ok(listed)
    }

    fn space(&self) -> io::Result<Space> {
        let space = self.root.free_space()?;
        Ok(Space { total_bytes: space.total_bytes, available_bytes: space.available_bytes })
    }
}

struct HostFile(File);

impl DiskFile for HostFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn start_writeback(&mut self, offset: u64, length: u64) {
        let _ = file::start_writeback(&self.0, offset, length);
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_all()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        Ok(file::read_at(&self.0, buf, offset)?)
    }

    fn size_bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

fn is_read_only(error: &platform::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}

fn kind(kind: platform::FileKind) -> FileKind {
    match kind {
        platform::FileKind::File => FileKind::File,
        platform::FileKind::Dir => FileKind::Folder,
        _ => FileKind::Foreign,
    }
}

fn time(time: Time) -> SystemTime {
    let whole = Duration::from_secs(time.sec.unsigned_abs());
    let base = if time.sec < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(whole)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(whole)
    };
    let fraction = Duration::from_nanos(time.nsec.into());
    base.and_then(|base| base.checked_add(fraction)).unwrap_or(SystemTime::UNIX_EPOCH)
}
