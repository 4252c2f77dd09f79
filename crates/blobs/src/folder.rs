//! A store in a folder of a local file system: a marker, `tmp/` for what is being written, `blobs/` with one file
//! per blob. Files are written below `tmp/`, synced, renamed, and the folder synced. It must not touch the operating
//! system except through [`disk::Disk`].

pub(crate) mod disk;
mod host;
mod marker;
mod opening;
mod parents;
mod reader;
mod writer;

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::failpoint;

use self::disk::{Disk, DiskFile, FileKind};
pub use self::marker::{MARKER_NAME, MarkerProblem, StoreId};
use self::parents::Parents;
use self::reader::FolderReader;
use self::writer::FolderWriter;
use crate::key::Prefix;
use crate::{BlobInfo, BlobReader, BlobStore, BlobWriter, Error, Key, Op, PutMode, Space};

const BLOBS: &str = "blobs";
const TEMPORARY: &str = "tmp";

/// A store in a local folder. Cheap to clone; clones share the store.
///
/// A store is open once at a time: two servers on one store would each remove what the other needs. What a killed
/// process left in `tmp/` is removed by the next one that opens the store.
#[derive(Clone)]
pub struct FolderStore(Arc<Inner>);

struct Inner {
    disk: Box<dyn Disk>,
    id: StoreId,
    removed_files: u64,
    /// Begins the names of this process's temporary files.
    session: u64,
    next_file: AtomicU64,
    parents: Parents,
}

impl FolderStore {
    /// The identity of the store, to be given to [`FolderStore::open`] later.
    pub fn id(&self) -> StoreId {
        self.0.id
    }

    /// How many unfinished files of killed processes were removed when the store was opened.
    pub fn removed_files(&self) -> u64 {
        self.0.removed_files
    }
}

impl BlobStore for FolderStore {
    fn put(&self, key: &Key, bytes: &[u8], mode: PutMode) -> Result<(), Error> {
        let mut writer = FolderWriter::create(Arc::clone(&self.0), key, mode, Op::Put)?;
        writer.write_all(bytes).map_err(|source| Error::io(Op::Put, Some(key), source))?;
        writer.finish_file().map(drop)
    }

    fn create(&self, key: &Key, mode: PutMode) -> Result<Box<dyn BlobWriter>, Error> {
        Ok(Box::new(FolderWriter::create(Arc::clone(&self.0), key, mode, Op::Create)?))
    }

    fn read_limited(&self, key: &Key, limit_bytes: u64) -> Result<Vec<u8>, Error> {
        FolderReader::open(&self.0, key, Op::Read)?.read_all(limit_bytes)
    }

    fn open(&self, key: &Key) -> Result<Box<dyn BlobReader>, Error> {
        Ok(Box::new(FolderReader::open(&self.0, key, Op::Open)?))
    }

    fn info(&self, key: &Key) -> Result<Option<BlobInfo>, Error> {
        match self.0.disk.stat(&path(key)) {
            Ok(stat) if stat.kind == FileKind::File => {
                let (size_bytes, modified) = (stat.size_bytes, stat.modified);
                Ok(Some(BlobInfo { key: key.clone(), size_bytes, modified }))
            }
            Ok(_) => Ok(None),
            Err(source) => match Error::io(Op::Info, Some(key), source) {
                Error::NotFound { .. } => Ok(None),
                error => Err(error),
            },
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<BlobInfo>, Error> {
        let Prefix { folder, stem } = Prefix::parse(prefix)?;
        let failed = |source| Error::io(Op::List, None, source);
        let mut blobs = Vec::new();
        let mut stem = stem;
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let Some(entries) = if_there(self.0.disk.list_folder(&folder_path(&folder))).map_err(failed)?
            else {
                continue;
            };
            for entry in entries.iter().filter(|entry| entry.name.starts_with(stem)) {
                let whole =
                    if folder.is_empty() { entry.name.clone() } else { format!("{folder}/{}", entry.name) };
                // Names that are no keys are not ours: file systems make hidden ones for deleted open files.
                let Ok(key) = Key::parse(&whole) else { continue };
                match entry.kind {
                    FileKind::Folder => folders.push(whole),
                    FileKind::File => blobs.extend(self.info(&key)?),
                    FileKind::Foreign => {}
                }
            }
            stem = "";
        }
        blobs.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(blobs)
    }

    fn folders(&self, folder: &str) -> Result<Vec<String>, Error> {
        if !folder.is_empty() {
            Key::parse(folder)?;
        }
        let failed = |source| Error::io(Op::List, None, source);
        let entries =
            if_there(self.0.disk.list_folder(&folder_path(folder))).map_err(failed)?.unwrap_or_default();
        let is_folder =
            |entry: &disk::Listed| entry.kind == FileKind::Folder && Key::parse(&entry.name).is_ok();
        let mut names: Vec<String> = entries.into_iter().filter(is_folder).map(|entry| entry.name).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn delete(&self, key: &Key) -> Result<(), Error> {
        let disk = &self.0.disk;
        failpoint::hit("blob.delete.before_unlink");
        match disk.remove_file(&path(key)) {
            Ok(()) => {}
            // A folder of that name is not a blob: nothing to delete.
            Err(source) if source.kind() == io::ErrorKind::IsADirectory => return Ok(()),
            Err(source) => match Error::io(Op::Delete, Some(key), source) {
                // Another thread may have removed the name without having made that durable yet.
                Error::NotFound { .. } => {}
                error => return Err(error),
            },
        }
        failpoint::hit("blob.delete.before_dir_fsync");
        let folder = folder_path(key.folder().unwrap_or(""));
        if_there(disk.sync_folder(&folder)).map_err(|source| Error::io(Op::Delete, Some(key), source))?;
        failpoint::hit("blob.delete.after_dir_fsync");
        Ok(())
    }

    fn space(&self) -> Result<Option<Space>, Error> {
        self.0.disk.space().map(Some).map_err(|source| Error::io(Op::Space, None, source))
    }
}

impl Inner {
    /// A name below `tmp/` that no other file has.
    fn temporary_path(&self) -> String {
        let number = self.next_file.fetch_add(1, Ordering::Relaxed);
        format!("{TEMPORARY}/{:016x}-{number}", self.session)
    }

    fn create_temporary(&self) -> io::Result<(String, Box<dyn DiskFile>)> {
        let path = self.temporary_path();
        let file = match self.disk.create_file(&path) {
            // Somebody tidied the empty folder away.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create_if_missing(self.disk.as_ref(), TEMPORARY)?;
                self.disk.create_file(&path)?
            }
            result => result?,
        };
        Ok((path, file))
    }
}

fn path(key: &Key) -> String {
    format!("{BLOBS}/{key}")
}

fn folder_path(folder: &str) -> String {
    if folder.is_empty() { BLOBS.to_owned() } else { format!("{BLOBS}/{folder}") }
}

/// Turns the absence of a folder into `None`.
fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn create_if_missing(disk: &dyn Disk, folder: &str) -> io::Result<()> {
    match disk.create_folder(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests;
