//! A store on a disk with bad spots: reads that touch one fail as the operating system tells it, all else goes on.

use blobs::{BlobInfo, BlobReader, BlobStore, BlobWriter, Error, Key, MemoryStore, Op, PutMode, Space};
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// The code of the operating system for a failing disk.
const EIO: i32 = 5;

/// Where the disk is bad.
type Spots = Arc<Mutex<Vec<(Key, Range<u64>)>>>;

#[derive(Clone)]
pub(crate) struct BadDisk {
    inner: MemoryStore,
    spots: Spots,
}

impl BadDisk {
    pub(crate) fn new(inner: &MemoryStore) -> Self {
        Self { inner: inner.clone(), spots: Spots::default() }
    }

    /// From now on these bytes of the object cannot be read.
    pub(crate) fn spoil(&self, key: &Key, bytes: Range<u64>) {
        self.spots.lock().unwrap().push((key.clone(), bytes));
    }
}

fn check(spots: &Spots, op: Op, key: &Key, bytes: &Range<u64>) -> Result<(), Error> {
    let spots = spots.lock().unwrap();
    let hit =
        |(bad, spot): &(Key, Range<u64>)| bad == key && spot.start < bytes.end && bytes.start < spot.end;
    if spots.iter().any(hit) {
        let source = io::Error::from_raw_os_error(EIO);
        return Err(Error::Io { op, key: Some(key.clone()), source });
    }
    Ok(())
}

impl BlobStore for BadDisk {
    fn put(&self, key: &Key, bytes: &[u8], mode: PutMode) -> Result<(), Error> {
        self.inner.put(key, bytes, mode)
    }

    fn create(&self, key: &Key, mode: PutMode) -> Result<Box<dyn BlobWriter>, Error> {
        self.inner.create(key, mode)
    }

    fn read_limited(&self, key: &Key, limit_bytes: u64) -> Result<Vec<u8>, Error> {
        check(&self.spots, Op::Read, key, &(0..u64::MAX))?;
        self.inner.read_limited(key, limit_bytes)
    }

    fn open(&self, key: &Key) -> Result<Box<dyn BlobReader>, Error> {
        let inner = self.inner.open(key)?;
        Ok(Box::new(Reader { inner, key: key.clone(), spots: self.spots.clone() }))
    }

    fn info(&self, key: &Key) -> Result<Option<BlobInfo>, Error> {
        self.inner.info(key)
    }

    fn list(&self, prefix: &str) -> Result<Vec<BlobInfo>, Error> {
        self.inner.list(prefix)
    }

    fn folders(&self, folder: &str) -> Result<Vec<String>, Error> {
        self.inner.folders(folder)
    }

    fn delete(&self, key: &Key) -> Result<(), Error> {
        self.inner.delete(key)
    }

    fn space(&self) -> Result<Option<Space>, Error> {
        self.inner.space()
    }
}

struct Reader {
    inner: Box<dyn BlobReader>,
    key: Key,
    spots: Spots,
}

impl BlobReader for Reader {
    fn size_bytes(&self) -> u64 {
        self.inner.size_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), Error> {
        check(&self.spots, Op::ReadAt, &self.key, &(offset..offset + buf.len() as u64))?;
        self.inner.read_at(offset, buf)
    }
}
