//! One blob on its way into a folder store: temporary file, sync, rename, sync of the folder. All writes of the
//! store pass here.

use std::io::{self, Write};
use std::sync::Arc;

use model::failpoint;

use super::disk::DiskFile;
use super::{Inner, folder_path, path};
use crate::{BlobWriter, Error, Key, Op, PutMode};

/// After so many bytes the operating system is asked to begin writing, so that the last sync finds little to do.
const WRITEBACK_STEP_BYTES: u64 = 4 << 20;

pub(super) struct FolderWriter {
    inner: Arc<Inner>,
    key: Key,
    mode: PutMode,
    /// `Put` or `Create`, for errors.
    op: Op,
    temporary: String,
    /// Open while bytes may come.
    file: Option<Box<dyn DiskFile>>,
    written_bytes: u64,
    /// Up to here write-back has begun.
    started_bytes: u64,
    failed: bool,
    /// The temporary name is gone: nothing to clean up.
    placed: bool,
}

impl FolderWriter {
    pub(super) fn create(inner: Arc<Inner>, key: &Key, mode: PutMode, op: Op) -> Result<Self, Error> {
        let failed = |source| Error::Io { op, key: Some(key.clone()), source };
        if mode == PutMode::CreateNew && inner.disk.stat(&path(key)).is_ok() {
            return Err(exists(&inner, key, op)?);
        }
        let (temporary, file) = inner.create_temporary().map_err(failed)?;
        failpoint::hit("blob.put.after_create");
        Ok(Self {
            inner,
            key: key.clone(),
            mode,
            op,
            temporary,
            file: Some(file),
            written_bytes: 0,
            started_bytes: 0,
            failed: false,
            placed: false,
        })
    }

    /// Makes the blob durable and visible; returns its length in bytes.
    pub(super) fn finish_file(mut self) -> Result<u64, Error> {
        let op = if self.op == Op::Put { Op::Put } else { Op::Finish };
        let failed = |key: &Key, source| Error::io(op, Some(key), source);
        let file = self.file.take().filter(|_| !self.failed);
        let Some(mut file) = file else {
            return Err(Error::WriteFailed { key: self.key.clone() });
        };
        failpoint::hit("blob.put.before_fsync");
        file.sync().map_err(|source| failed(&self.key, source))?;
        drop(file);
        failpoint::hit("blob.put.after_fsync");
        match self.place() {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(exists(&self.inner, &self.key, op)?);
            }
            Err(source) => return Err(failed(&self.key, source)),
        }
        failpoint::hit("blob.put.before_dir_fsync");
        self.sync_folder().map_err(|source| failed(&self.key, source))?;
        failpoint::hit("blob.put.after_dir_fsync");
        Ok(self.written_bytes)
    }

    /// Gives the synced file its name.
    fn place(&mut self) -> io::Result<()> {
        let to = path(&self.key);
        let mut again = true;
        loop {
            self.inner.parents.ensure(self.inner.disk.as_ref(), &self.key)?;
            failpoint::hit("blob.put.before_rename");
            let result = match self.mode {
                PutMode::CreateNew => self.inner.disk.rename_new(&self.temporary, &to),
                PutMode::Replace => self.inner.disk.rename(&self.temporary, &to),
            };
            match result {
                Ok(()) => {
                    failpoint::hit("blob.put.after_rename");
                    self.placed = true;
                    return Ok(());
                }
                // Somebody tidied an empty folder away that this process knew.
                Err(error) if again && error.kind() == io::ErrorKind::NotFound => {
                    self.inner.parents.forget(&self.key);
                    again = false;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.inner.disk.sync_folder(&folder_path(self.key.folder().unwrap_or("")))
    }
}

/// Makes sure that the blob which is in the way is durable, since callers take `AlreadyExists` for 'is stored'.
/// `Ok` is the error to return.
fn exists(inner: &Inner, key: &Key, op: Op) -> Result<Error, Error> {
    let folder = folder_path(key.folder().unwrap_or(""));
    inner.disk.sync_folder(&folder).map_err(|source| Error::Io { op, key: Some(key.clone()), source })?;
    match inner.disk.stat(&path(key)) {
        Ok(stat) if stat.kind != super::FileKind::File => Ok(Error::Nested { op, key: key.clone() }),
        _ => Ok(Error::AlreadyExists { op, key: key.clone() }),
    }
}

impl Write for FolderWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(file) = self.file.as_mut().filter(|_| !self.failed) else {
            return Err(Error::WriteFailed { key: self.key.clone() }.into());
        };
        failpoint::hit("blob.put.before_write");
        match file.write(bytes) {
            Ok(count) => {
                failpoint::hit("blob.put.after_write");
                self.written_bytes += count as u64;
                let waiting = self.written_bytes - self.started_bytes;
                if waiting >= WRITEBACK_STEP_BYTES {
                    file.start_writeback(self.started_bytes, waiting);
                    self.started_bytes = self.written_bytes;
                }
                Ok(count)
            }
            Err(error) => {
                self.failed = error.kind() != io::ErrorKind::Interrupted;
                Err(error)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for FolderWriter {
    fn finish(self: Box<Self>) -> Result<u64, Error> {
        (*self).finish_file()
    }
}

impl Drop for FolderWriter {
    fn drop(&mut self) {
        if !self.placed {
            drop(self.file.take());
            // What cannot be removed now is removed when the store is opened next.
            let _ = self.inner.disk.remove_file(&self.temporary);
        }
    }
}
