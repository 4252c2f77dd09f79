//! Reading one file of a folder store. Files are never changed in place, so the size at opening holds, and an open
//! handle keeps working when the name is deleted or replaced.

use std::io;

use super::disk::DiskFile;
use super::{Inner, path};
use crate::{BlobReader, Error, Key, Op};

pub(super) struct FolderReader {
    file: Box<dyn DiskFile>,
    key: Key,
    size_bytes: u64,
}

impl FolderReader {
    pub(super) fn open(inner: &Inner, key: &Key, op: Op) -> Result<Self, Error> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::IsADirectory => Error::NotFound { op, key: key.clone() },
            _ => Error::io(op, Some(key), source),
        };
        let file = inner.disk.open_file(&path(key)).map_err(failed)?;
        let size_bytes = file.size_bytes().map_err(failed)?;
        Ok(Self { file, key: key.clone(), size_bytes })
    }

    /// Reads the whole file if it has at most `limit_bytes`.
    pub(super) fn read_all(&self, limit_bytes: u64) -> Result<Vec<u8>, Error> {
        let size_bytes = self.size_bytes;
        let too_large = || Error::TooLarge { key: self.key.clone(), size_bytes, limit_bytes };
        if size_bytes > limit_bytes {
            return Err(too_large());
        }
        let mut bytes = vec![0; usize::try_from(size_bytes).map_err(|_| too_large())?];
        self.fill(Op::Read, 0, &mut bytes)?;
        Ok(bytes)
    }

    fn fill(&self, op: Op, offset_bytes: u64, buf: &mut [u8]) -> Result<(), Error> {
        let (wanted_bytes, size_bytes) = (buf.len() as u64, self.size_bytes);
        let past_end = || Error::PastEnd { key: self.key.clone(), offset_bytes, wanted_bytes, size_bytes };
        if offset_bytes.checked_add(wanted_bytes).is_none_or(|end| end > size_bytes) {
            return Err(past_end());
        }
        let mut done = 0;
        while done < buf.len() {
            match self.file.read_at(offset_bytes + done as u64, &mut buf[done..]) {
                // Somebody else cut the file short after it was opened.
                Ok(0) => return Err(past_end()),
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(Error::io(op, Some(&self.key), source)),
            }
        }
        Ok(())
    }
}

impl BlobReader for FolderReader {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), Error> {
        self.fill(Op::ReadAt, offset, buf)
    }
}
