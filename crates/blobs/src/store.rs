//! The contract of every object store: what is atomic, what is durable, what may be repeated.
//! It must not know how any store keeps its bytes.

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::time::SystemTime;

use crate::{Error, Key};

/// The most bytes that [`BlobStore::read`] returns; larger blobs are read through [`BlobStore::open`].
pub const READ_LIMIT_BYTES: u64 = 64 << 20;

/// What a write does when the key exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PutMode {
    /// The write fails with `AlreadyExists`; of several writers exactly one wins.
    CreateNew,
    /// The new blob takes the place of the old one in one step.
    Replace,
}

/// What a store knows of a blob without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    /// The name of the blob.
    pub key: Key,
    /// The length of the blob in bytes.
    pub size_bytes: u64,
    /// When the last byte was written, by the clock of the store: for a streamed blob this can lie a little
    /// before the moment at which it became visible.
    pub modified: SystemTime,
}

/// The room of the medium below a store, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Size of the medium.
    pub total_bytes: u64,
    /// What this process may still write.
    pub available_bytes: u64,
}

/// A store of blobs. Calls block; a store is shared freely between threads.
///
/// * **Atomic.** A blob is seen whole or not at all, and never changes while it is read.
/// * **Durable.** When `put`, `finish` or `delete` returns `Ok`, the effect outlives a loss of power. The same
///   holds for the existing blob when a write returns `AlreadyExists`. A blob that another thread is just putting
///   can be seen shortly before it is durable.
/// * **Errors.** After any other error of `put` or `finish` the key holds the old state or the whole new blob. After
///   one of `delete` it may or may not be gone. Repeating `put` with `Replace`, and `delete`, is always right.
/// * **Names.** A key must not be a folder of another key (`a` beside `a/b`): a store may refuse the second with
///   `Unsupported`.
pub trait BlobStore: Send + Sync + 'static {
    /// Writes a whole blob, durably.
    fn put(&self, key: &Key, bytes: &[u8], mode: PutMode) -> Result<(), Error>;

    /// Begins a streamed write. Nothing is visible before `finish`; dropping the writer leaves nothing. With
    /// `CreateNew` an existing key may be refused here already, and is refused by `finish` for certain.
    fn create(&self, key: &Key, mode: PutMode) -> Result<Box<dyn BlobWriter>, Error>;

    /// Reads a whole blob of at most `limit_bytes`; a longer one is the error `TooLarge`.
    fn read_limited(&self, key: &Key, limit_bytes: u64) -> Result<Vec<u8>, Error>;

    /// Opens a blob for reads at any offset. The reader keeps working when the key is deleted or replaced.
    fn open(&self, key: &Key) -> Result<Box<dyn BlobReader>, Error>;

    /// Tells size and time of a blob, `None` when there is none.
    fn info(&self, key: &Key) -> Result<Option<BlobInfo>, Error>;

    /// Lists the blobs whose key begins with `prefix` (any beginning of a key, not only whole segments; empty for
    /// all), sorted by the bytes of the key. Blobs that are written, replaced or deleted meanwhile may be missed or
    /// shown, unfinished ones never.
    fn list(&self, prefix: &str) -> Result<Vec<BlobInfo>, Error>;

    /// The names of the folders right below a folder (empty for the uppermost), sorted; none when there is no such
    /// folder. Looks at no blob. A folder of which all blobs were deleted may be shown.
    fn folders(&self, folder: &str) -> Result<Vec<String>, Error>;

    /// Deletes a blob, durably. That it was not there is no error.
    fn delete(&self, key: &Key) -> Result<(), Error>;

    /// Tells the room of the medium, `None` where that has no meaning.
    fn space(&self) -> Result<Option<Space>, Error>;

    /// Reads a whole blob of at most [`READ_LIMIT_BYTES`].
    fn read(&self, key: &Key) -> Result<Vec<u8>, Error> {
        self.read_limited(key, READ_LIMIT_BYTES)
    }
}

/// A blob that is being written. Each `write` is a call to the store: write in large pieces. `flush` promises
/// nothing; after a failed `write` only dropping is left ([`Error::from_write`] tells what failed).
pub trait BlobWriter: Write + Send {
    /// Makes the blob durable and then visible; returns its length in bytes.
    fn finish(self: Box<Self>) -> Result<u64, Error>;
}

/// An open blob, shared freely between threads.
pub trait BlobReader: Send + Sync {
    /// The length of the blob in bytes.
    fn size_bytes(&self) -> u64;

    /// Fills `buf` with the bytes from `offset` on. Reaching past the end is the error `PastEnd`.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), Error>;
}

impl fmt::Debug for dyn BlobWriter + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlobWriter")
    }
}

impl fmt::Debug for dyn BlobReader + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobReader").field("size_bytes", &self.size_bytes()).finish()
    }
}

macro_rules! forward {
    ($pointer:ident) => {
        impl<S: BlobStore + ?Sized> BlobStore for $pointer<S> {
            fn put(&self, key: &Key, bytes: &[u8], mode: PutMode) -> Result<(), Error> {
                (**self).put(key, bytes, mode)
            }
            fn create(&self, key: &Key, mode: PutMode) -> Result<Box<dyn BlobWriter>, Error> {
                (**self).create(key, mode)
            }
            fn read_limited(&self, key: &Key, limit_bytes: u64) -> Result<Vec<u8>, Error> {
                (**self).read_limited(key, limit_bytes)
            }
            fn open(&self, key: &Key) -> Result<Box<dyn BlobReader>, Error> {
                (**self).open(key)
            }
            fn info(&self, key: &Key) -> Result<Option<BlobInfo>, Error> {
                (**self).info(key)
            }
            fn list(&self, prefix: &str) -> Result<Vec<BlobInfo>, Error> {
                (**self).list(prefix)
            }
            fn folders(&self, folder: &str) -> Result<Vec<String>, Error> {
                (**self).folders(folder)
            }
            fn delete(&self, key: &Key) -> Result<(), Error> {
                (**self).delete(key)
            }
            fn space(&self) -> Result<Option<Space>, Error> {
                (**self).space()
            }
        }
    };
}
forward!(Arc);
forward!(Box);
