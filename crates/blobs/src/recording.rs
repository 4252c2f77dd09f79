//! A decorator that notes every call, so that tests can say how many reads and writes an operation did. The list
//! grows without bound: it is not for a running server.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{BlobInfo, BlobReader, BlobStore, BlobWriter, Error, Key, Op, PutMode, Space};

/// One call that a store received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which operation.
    pub op: Op,
    /// On which key; the prefix for a `List`, empty for a `Space`.
    pub target: String,
    /// The bytes given to a write or received from a read, the blobs received from a `List`, else 0.
    pub amount: u64,
    /// Whether it succeeded.
    pub ok: bool,
}

/// A store that notes the calls it receives.
pub struct Recording<S> {
    inner: S,
    log: Log,
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Call>>>);

impl<S: BlobStore> Recording<S> {
    /// Wraps a store, with an empty list.
    pub fn new(inner: S) -> Self {
        Self { inner, log: Log::default() }
    }

    /// All calls since the beginning or the last `take`, in the order in which they ended.
    pub fn calls(&self) -> Vec<Call> {
        self.log.lock().clone()
    }

    /// The same, and begins a new list.
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.log.lock())
    }

    /// How many calls of one operation are in the list.
    pub fn count(&self, op: Op) -> usize {
        self.log.lock().iter().filter(|call| call.op == op).count()
    }

    /// The sum of the amounts of the successful calls of one operation.
    pub fn amount(&self, op: Op) -> u64 {
        self.log.lock().iter().filter(|call| call.op == op && call.ok).map(|call| call.amount).sum()
    }
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Vec<Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note<T, E>(
        &self,
        op: Op,
        target: &str,
        result: Result<T, E>,
        amount: impl Fn(&T) -> u64,
    ) -> Result<T, E> {
        let call = Call {
            op,
            target: target.to_owned(),
            amount: result.as_ref().map_or(0, amount),
            ok: result.is_ok(),
        };
        self.lock().push(call);
        result
    }
}

fn nothing<T>(_: &T) -> u64 {
    0
}

impl<S: BlobStore> BlobStore for Recording<S> {
    fn put(&self, key: &Key, bytes: &[u8], mode: PutMode) -> Result<(), Error> {
        self.log.note(Op::Put, key.as_str(), self.inner.put(key, bytes, mode), |()| bytes.len() as u64)
    }

    fn create(&self, key: &Key, mode: PutMode) -> Result<Box<dyn BlobWriter>, Error> {
        let inner = self.log.note(Op::Create, key.as_str(), self.inner.create(key, mode), nothing)?;
        Ok(Box::new(RecordingWriter { inner, key: key.clone(), log: self.log.clone() }))
    }

    fn read_limited(&self, key: &Key, limit_bytes: u64) -> Result<Vec<u8>, Error> {
        let result = self.inner.read_limited(key, limit_bytes);
        self.log.note(Op::Read, key.as_str(), result, |bytes| bytes.len() as u64)
    }

    fn open(&self, key: &Key) -> Result<Box<dyn BlobReader>, Error> {
        let inner = self.log.note(Op::Open, key.as_str(), self.inner.open(key), nothing)?;
        Ok(Box::new(RecordingReader { inner, key: key.clone(), log: self.log.clone() }))
    }

    fn info(&self, key: &Key) -> Result<Option<BlobInfo>, Error> {
        self.log.note(Op::Info, key.as_str(), self.inner.info(key), nothing)
    }

    fn list(&self, prefix: &str) -> Result<Vec<BlobInfo>, Error> {
        self.log.note(Op::List, prefix, self.inner.list(prefix), |blobs| blobs.len() as u64)
    }

    fn folders(&self, folder: &str) -> Result<Vec<String>, Error> {
        self.log.note(Op::List, folder, self.inner.folders(folder), |folders| folders.len() as u64)
    }

    fn delete(&self, key: &Key) -> Result<(), Error> {
        self.log.note(Op::Delete, key.as_str(), self.inner.delete(key), nothing)
    }

    fn space(&self) -> Result<Option<Space>, Error> {
        self.log.note(Op::Space, "", self.inner.space(), nothing)
    }
}

struct RecordingWriter {
    inner: Box<dyn BlobWriter>,
    key: Key,
    log: Log,
}

impl Write for RecordingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.log.note(Op::Write, self.key.as_str(), self.inner.write(bytes), |&count| count as u64)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl BlobWriter for RecordingWriter {
    fn finish(self: Box<Self>) -> Result<u64, Error> {
        let Self { inner, key, log } = *self;
        log.note(Op::Finish, key.as_str(), inner.finish(), nothing)
    }
}

struct RecordingReader {
    inner: Box<dyn BlobReader>,
    key: Key,
    log: Log,
}

impl BlobReader for RecordingReader {
    fn size_bytes(&self) -> u64 {
        self.inner.size_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), Error> {
        let length = buf.len() as u64;
        self.log.note(Op::ReadAt, self.key.as_str(), self.inner.read_at(offset, buf), |()| length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;

    #[test]
    fn every_call_is_noted_in_order() {
        let store = Recording::new(MemoryStore::new());
        let key = Key::parse("a/b").unwrap();
        store.put(&key, b"12345", PutMode::CreateNew).unwrap();
        store.put(&key, b"12345", PutMode::CreateNew).unwrap_err();
        let mut writer = store.create(&key, PutMode::Replace).unwrap();
        writer.write_all(b"123").unwrap();
        writer.finish().unwrap();
        store.read(&key).unwrap();
        store.open(&key).unwrap().read_at(1, &mut [0; 2]).unwrap();
        store.info(&key).unwrap();
        store.list("a/").unwrap();
        store.delete(&key).unwrap();
        store.space().unwrap();

        let noted: Vec<_> = store.calls().into_iter().map(|c| (c.op, c.target, c.amount, c.ok)).collect();
        let expected = [
            (Op::Put, "a/b", 5, true),
            (Op::Put, "a/b", 0, false),
            (Op::Create, "a/b", 0, true),
            (Op::Write, "a/b", 3, true),
            (Op::Finish, "a/b", 0, true),
            (Op::Read, "a/b", 3, true),
            (Op::Open, "a/b", 0, true),
            (Op::ReadAt, "a/b", 2, true),
            (Op::Info, "a/b", 0, true),
            (Op::List, "a/", 1, true),
            (Op::Delete, "a/b", 0, true),
            (Op::Space, "", 0, true),
        ];
        assert_eq!(noted, expected.map(|(op, target, amount, ok)| (op, target.to_owned(), amount, ok)));
        assert_eq!((store.count(Op::Put), store.amount(Op::Put)), (2, 5));
        assert_eq!(store.take().len(), 12);
        assert!(store.calls().is_empty());
    }
}
