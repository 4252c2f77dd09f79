//! A store in memory, for tests and for trying things out. It keeps the whole contract except that nothing
//! outlives the process.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::key::Prefix;
use crate::{BlobInfo, BlobReader, BlobStore, BlobWriter, Error, Key, Op, PutMode, Space};

type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// A store in memory. Cheap to clone; clones share the blobs.
#[derive(Clone)]
pub struct MemoryStore {
    blobs: Arc<Mutex<BTreeMap<Key, Blob>>>,
    clock: Clock,
    capacity_bytes: Option<u64>,
}

#[derive(Clone)]
struct Blob {
    bytes: Arc<[u8]>,
    modified: SystemTime,
}

impl MemoryStore {
    /// An empty store with the system's clock and without a limit.
    pub fn new() -> Self {
        Self { blobs: Arc::default(), clock: Arc::new(SystemTime::now), capacity_bytes: None }
    }

    /// The store with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The store with room for so many bytes of blobs; more is an error of the kind `Full`.
    #[must_use]
    pub fn with_capacity(mut self, capacity_bytes: u64) -> Self {
        self.capacity_bytes = Some(capacity_bytes);
        self
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Blob>> {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, op: Op, key: &Key) -> Result<Blob, Error> {
        self.lock().get(key).cloned().ok_or_else(|| Error::NotFound { op, key: key.clone() })
    }

    fn insert(&self, op: Op, key: &Key, bytes: &[u8], mode: PutMode) -> Result<(), Error> {
        let mut blobs = self.lock();
        if mode == PutMode::CreateNew && blobs.contains_key(key) {
            return Err(Error::AlreadyExists { op, key: key.clone() });
        }
        if lies_across(&blobs, key) {
            return Err(Error::Nested { op, key: key.clone() });
        }
        let replaced_bytes = blobs.get(key).map_or(0, |old| old.bytes.len() as u64);
        if (bytes.len() as u64) > self.room(&blobs).saturating_add(replaced_bytes) {
            return Err(Error::io(op, Some(key), io::ErrorKind::StorageFull.into()));
        }
        blobs.insert(key.clone(), Blob { bytes: bytes.into(), modified: (self.clock)() });
        Ok(())
    }

    fn room(&self, blobs: &BTreeMap<Key, Blob>) -> u64 {
        self.capacity_bytes.map_or(u64::MAX, |capacity| capacity.saturating_sub(used_bytes(blobs)))
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl BlobStore for MemoryStore {
    fn put(&self, key: &Key, bytes: &[u8], mode: PutMode) -> Result<(), Error> {
        self.insert(Op::Put, key, bytes, mode)
    }

    fn create(&self, key: &Key, mode: PutMode) -> Result<Box<dyn BlobWriter>, Error> {
        if mode == PutMode::CreateNew && self.lock().contains_key(key) {
            return Err(Error::AlreadyExists { op: Op::Create, key: key.clone() });
        }
        Ok(Box::new(MemoryWriter {
            store: self.clone(),
            key: key.clone(),
            mode,
            bytes: Vec::new(),
            failed: false,
        }))
    }

    fn read_limited(&self, key: &Key, limit_bytes: u64) -> Result<Vec<u8>, Error> {
        let blob = self.get(Op::Read, key)?;
        let size_bytes = blob.bytes.len() as u64;
        if size_bytes > limit_bytes {
            return Err(Error::TooLarge { key: key.clone(), size_bytes, limit_bytes });
        }
        Ok(blob.bytes.to_vec())
    }

    fn open(&self, key: &Key) -> Result<Box<dyn BlobReader>, Error> {
        let bytes = self.get(Op::Open, key)?.bytes;
        Ok(Box::new(MemoryReader { key: key.clone(), bytes }))
    }

    fn info(&self, key: &Key) -> Result<Option<BlobInfo>, Error> {
        Ok(self.lock().get(key).map(|blob| info(key, blob)))
    }

    fn list(&self, prefix: &str) -> Result<Vec<BlobInfo>, Error> {
        Prefix::parse(prefix)?;
        let blobs = self.lock();
        let matching = blobs.iter().filter(|(key, _)| key.as_str().starts_with(prefix));
        Ok(matching.map(|(key, blob)| info(key, blob)).collect())
    }

    fn folders(&self, folder: &str) -> Result<Vec<String>, Error> {
        let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        Prefix::parse(&folder)?;
        let blobs = self.lock();
        let below = blobs.keys().filter_map(|key| key.as_str().strip_prefix(&folder)?.split_once('/'));
        let names: BTreeSet<&str> = below.map(|(name, _)| name).collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    fn delete(&self, key: &Key) -> Result<(), Error> {
        self.lock().remove(key);
        Ok(())
    }

    fn space(&self) -> Result<Option<Space>, Error> {
        let available_bytes = self.room(&self.lock());
        Ok(self.capacity_bytes.map(|total_bytes| Space { total_bytes, available_bytes }))
    }
}

struct MemoryWriter {
    store: MemoryStore,
    key: Key,
    mode: PutMode,
    bytes: Vec<u8>,
    failed: bool,
}

impl Write for MemoryWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.store.room(&self.store.lock());
        if (self.bytes.len() + bytes.len()) as u64 > room {
            self.failed = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for MemoryWriter {
    fn finish(self: Box<Self>) -> Result<u64, Error> {
        if self.failed {
            return Err(Error::WriteFailed { key: self.key });
        }
        self.store.insert(Op::Finish, &self.key, &self.bytes, self.mode)?;
        Ok(self.bytes.len() as u64)
    }
}

struct MemoryReader {
    key: Key,
    bytes: Arc<[u8]>,
}

impl BlobReader for MemoryReader {
    fn size_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), Error> {
        let start = usize::try_from(offset).ok();
        let wanted = start.and_then(|start| Some(start..start.checked_add(buf.len())?));
        match wanted.and_then(|range| self.bytes.get(range)) {
            Some(bytes) => {
                buf.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(Error::PastEnd {
                key: self.key.clone(),
                offset_bytes: offset,
                wanted_bytes: buf.len() as u64,
                size_bytes: self.size_bytes(),
            }),
        }
    }
}

fn info(key: &Key, blob: &Blob) -> BlobInfo {
    BlobInfo { key: key.clone(), size_bytes: blob.bytes.len() as u64, modified: blob.modified }
}

fn used_bytes(blobs: &BTreeMap<Key, Blob>) -> u64 {
    blobs.values().map(|blob| blob.bytes.len() as u64).sum()
}

/// Whether the key is a folder of another, or another a folder of it: refused here since a file system must.
fn lies_across(blobs: &BTreeMap<Key, Blob>, key: &Key) -> bool {
    let is_folder = || {
        let below = format!("{key}/");
        // Keys between `key` and `key/` share its beginning (`key-1`, `key.x`): they are passed over.
        blobs
            .range(key.clone()..)
            .map(|(other, _)| other.as_str())
            .take_while(|other| other.starts_with(key.as_str()))
            .any(|other| other.starts_with(&below))
    };
    key.folders().any(|folder| Key::parse(folder).is_ok_and(|folder| blobs.contains_key(&folder)))
        || is_folder()
}
