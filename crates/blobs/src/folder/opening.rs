//! Making a folder a store and opening it: the marker, the lock between processes, the removal of what killed
//! processes left. It must not touch blobs.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use model::failpoint;

use super::disk::{Disk, FileKind, Locking};
use super::host::HostDisk;
use super::marker::{self, MARKER_NAME, MarkerProblem, StoreId};
use super::parents::Parents;
use super::{BLOBS, FolderStore, Inner, TEMPORARY, create_if_missing, if_there};
use crate::Error;

/// A new file system puts this folder into its root.
const LOST_AND_FOUND: &str = "lost+found";

impl FolderStore {
    /// Makes an empty folder a store and opens it. The folder is created when only it is missing, not its parents.
    pub fn init(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Folder { path: path.to_owned(), source };
        HostDisk::create(path).map_err(failed)?;
        Self::init_on(Box::new(HostDisk::open(path).map_err(failed)?), path)
    }

    /// Opens a store; with `expected`, that very store. Anything else at that path is refused, so that a folder on
    /// which the store's disk is not mounted is never taken for an empty store. A store that is open already, here or
    /// in another process, is [`Error::Locked`].
    pub fn open(path: &Path, expected: Option<StoreId>) -> Result<Self, Error> {
        Self::open_on(Box::new(open_folder(path)?), path, expected)
    }

    /// Looks whether the store is still at its path, without opening it: it may be open.
    pub fn look(path: &Path, expected: Option<StoreId>) -> Result<(), Error> {
        find(&open_folder(path)?, path, expected).map(drop)
    }

    pub(crate) fn init_on(disk: Box<dyn Disk>, path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Folder { path: path.to_owned(), source };
        let found = disk.list_folder("").map_err(failed)?;
        if found.iter().any(|entry| entry.name == MARKER_NAME) {
            return Err(Error::StoreExists { path: path.to_owned() });
        }
        // An earlier `init` that was killed may have left the two folders.
        let own = [TEMPORARY, BLOBS, LOST_AND_FOUND];
        let mut foreign = found.into_iter().map(|entry| entry.name).filter(|n| !own.contains(&n.as_str()));
        if let Some(found) = foreign.next() {
            return Err(Error::NotEmpty { path: path.to_owned(), found });
        }
        for folder in [TEMPORARY, BLOBS] {
            create_if_missing(disk.as_ref(), folder).map_err(failed)?;
        }
        if let Some(blob) = disk.list_folder(BLOBS).map_err(failed)?.into_iter().next() {
            let found = format!("{BLOBS}/{}", blob.name);
            return Err(Error::NotEmpty { path: path.to_owned(), found });
        }
        disk.sync_folder("").map_err(failed)?;
        let id = StoreId::random().map_err(failed)?;
        match write_marker(disk.as_ref(), id) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(Error::StoreExists { path: path.to_owned() });
            }
            result => result.map_err(failed)?,
        }
        Self::open_on(disk, path, Some(id))
    }

    pub(crate) fn open_on(
        disk: Box<dyn Disk>,
        path: &Path,
        expected: Option<StoreId>,
    ) -> Result<Self, Error> {
        let failed = |source| Error::Folder { path: path.to_owned(), source };
        let id = find(disk.as_ref(), path, expected)?;
        let removed_files = match disk.lock().map_err(failed)? {
            Locking::Ours => remove_temporary(disk.as_ref()).map_err(failed)?,
            Locking::ReadOnly => 0,
            Locking::Taken => return Err(Error::Locked { path: path.to_owned() }),
        };
        let session = getrandom::u64().map_err(|e| failed(io::Error::other(e)))?;
        let (next_file, parents) = (AtomicU64::new(0), Parents::default());
        Ok(Self(Arc::new(Inner { disk, id, removed_files, session, next_file, parents })))
    }
}

fn open_folder(path: &Path) -> Result<HostDisk, Error> {
    HostDisk::open(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::NoStore { path: path.to_owned() },
        _ => Error::Folder { path: path.to_owned(), source },
    })
}

/// The id of the store at a path; anything but a whole store, and with `expected` that store, is refused.
fn find(disk: &dyn Disk, path: &Path, expected: Option<StoreId>) -> Result<StoreId, Error> {
    let id = read_marker(disk, path)?;
    if let Some(expected) = expected.filter(|&expected| expected != id) {
        return Err(Error::WrongStore { path: path.to_owned(), expected, found: id });
    }
    match disk.stat(BLOBS) {
        Ok(stat) if stat.kind == FileKind::Folder => Ok(id),
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::Folder { path: path.to_owned(), source })
        }
        _ => Err(Error::BadMarker { path: path.to_owned(), problem: MarkerProblem::NoBlobs }),
    }
}

fn remove_temporary(disk: &dyn Disk) -> io::Result<u64> {
    let mut removed = 0;
    for entry in if_there(disk.list_folder(TEMPORARY))?.unwrap_or_default() {
        if entry.kind != FileKind::Folder {
            disk.remove_file(&format!("{TEMPORARY}/{}", entry.name))?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn read_marker(disk: &dyn Disk, path: &Path) -> Result<StoreId, Error> {
    let failed = |source| Error::Folder { path: path.to_owned(), source };
    let bad = |problem| Error::BadMarker { path: path.to_owned(), problem };
    let Some(file) = if_there(disk.open_file(MARKER_NAME)).map_err(failed)? else {
        return Err(Error::NoStore { path: path.to_owned() });
    };
    let size = file.size_bytes().map_err(failed)?.min(marker::MARKER_LIMIT_BYTES);
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
    let read = file.read_at(0, &mut bytes).map_err(failed)?;
    marker::read(&bytes[..read]).map_err(bad)
}

fn write_marker(disk: &dyn Disk, id: StoreId) -> io::Result<()> {
    let temporary = format!("{TEMPORARY}/marker-{id}");
    let mut file = disk.create_file(&temporary)?;
    let text = marker::write(id);
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let count = file.write(rest)?;
        rest = &rest[count..];
    }
    file.sync()?;
    drop(file);
    failpoint::hit("blob.init.before_rename");
    disk.rename_new(&temporary, MARKER_NAME)?;
    failpoint::hit("blob.init.after_rename");
    disk.sync_folder("")
}
