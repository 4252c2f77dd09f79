//! A decorator that commits planned faults, so that tests can show what the layers above do when a store fails,
//! lies, fills up or crashes. It must not fail in any other way than planned.

mod plan;

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use platform::errno;

pub use self::plan::{Fault, FaultPlan};
use crate::{BlobInfo, BlobReader, BlobStore, BlobWriter, Error, ErrorKind, Key, Op, PutMode, Space};

/// A store that goes wrong by plan. Once crashed, every call fails with the kind `Other`, and streamed blobs that
/// were not finished are lost; what the wrapped store holds then is what a restarted server would find.
pub struct Faulty<S> {
    inner: S,
    state: State,
}

#[derive(Clone)]
struct State(Arc<Mutex<Inside>>);

struct Inside {
    plan: FaultPlan,
    committed: Vec<(Op, Fault)>,
    crashed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Damage {
    Short,
    Flip,
}

impl<S: BlobStore> Faulty<S> {
    /// Wraps a store.
    pub fn new(inner: S, plan: FaultPlan) -> Self {
        let inside = Inside { plan, committed: Vec::new(), crashed: false };
        Self { inner, state: State(Arc::new(Mutex::new(inside))) }
    }

    /// Crashes the store now.
    pub fn crash(&self) {
        self.state.lock().crashed = true;
    }

    /// Whether the store has crashed.
    pub fn is_crashed(&self) -> bool {
        self.state.lock().crashed
    }

    /// The faults committed so far, so that a test can show that its plan took effect.
    pub fn committed(&self) -> Vec<(Op, Fault)> {
        self.state.lock().committed.clone()
    }

    /// How many calls of an operation the store received, those after a crash left out.
    pub fn calls(&self, op: Op) -> u64 {
        self.state.lock().plan.calls(op)
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, op: Op, key: Option<&Key>) -> Result<Option<Fault>, Error> {
        let mut inside = self.lock();
        if inside.crashed {
            return Err(crashed(op, key));
        }
        let fault = inside.plan.next(op);
        inside.committed.extend(fault.map(|fault| (op, fault)));
        Ok(fault)
    }

    fn crash(&self, op: Op, key: Option<&Key>) -> Error {
        self.lock().crashed = true;
        crashed(op, key)
    }

    /// Makes one call with whatever fault the plan has for it. The lock is not held meanwhile.
    fn call<T>(
        &self,
        op: Op,
        key: Option<&Key>,
        run: impl FnOnce(Option<Damage>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let has_bytes = matches!(op, Op::Put | Op::Write | Op::Read | Op::ReadAt);
        match self.next(op, key)? {
            None => run(None),
            Some(Fault::Fail(kind)) => Err(injected(op, key, kind)),
            Some(Fault::FailAfter(kind)) => run(None).and_then(|_| Err(injected(op, key, kind))),
            Some(Fault::Short | Fault::Flip) if !has_bytes => Err(injected(op, key, ErrorKind::Other)),
            Some(Fault::Short) => run(Some(Damage::Short)),
            Some(Fault::Flip) => run(Some(Damage::Flip)),
            Some(Fault::Crash) => Err(self.crash(op, key)),
            Some(Fault::CrashAfter) => run(None).and_then(|_| Err(self.crash(op, key))),
        }
    }
}

impl<S: BlobStore> BlobStore for Faulty<S> {
    fn put(&self, key: &Key, bytes: &[u8], mode: PutMode) -> Result<(), Error> {
        self.state.call(Op::Put, Some(key), |damage| match damage {
            None => self.inner.put(key, bytes, mode),
            Some(Damage::Short) => self.inner.put(key, &bytes[..bytes.len() / 2], mode),
            Some(Damage::Flip) => self.inner.put(key, &flipped(bytes), mode),
        })
    }

    fn create(&self, key: &Key, mode: PutMode) -> Result<Box<dyn BlobWriter>, Error> {
        let inner = self.state.call(Op::Create, Some(key), |_| self.inner.create(key, mode))?;
        Ok(Box::new(FaultyWriter {
            inner: Some(inner),
            key: key.clone(),
            failed: false,
            state: self.state.clone(),
        }))
    }

    fn read_limited(&self, key: &Key, limit_bytes: u64) -> Result<Vec<u8>, Error> {
        self.state.call(Op::Read, Some(key), |damage| {
            let mut bytes = self.inner.read_limited(key, limit_bytes)?;
            match damage {
                None => {}
                Some(Damage::Short) => bytes.truncate(bytes.len() / 2),
                Some(Damage::Flip) => flip(&mut bytes),
            }
            Ok(bytes)
        })
    }

    fn open(&self, key: &Key) -> Result<Box<dyn BlobReader>, Error> {
        let inner = self.state.call(Op::Open, Some(key), |_| self.inner.open(key))?;
        Ok(Box::new(FaultyReader { inner, key: key.clone(), state: self.state.clone() }))
    }

    fn info(&self, key: &Key) -> Result<Option<BlobInfo>, Error> {
        self.state.call(Op::Info, Some(key), |_| self.inner.info(key))
    }

    fn list(&self, prefix: &str) -> Result<Vec<BlobInfo>, Error> {
        self.state.call(Op::List, None, |_| self.inner.list(prefix))
    }

    fn folders(&self, folder: &str) -> Result<Vec<String>, Error> {
        self.state.call(Op::List, None, |_| self.inner.folders(folder))
    }

    fn delete(&self, key: &Key) -> Result<(), Error> {
        self.state.call(Op::Delete, Some(key), |_| self.inner.delete(key))
    }

    fn space(&self) -> Result<Option<Space>, Error> {
        self.state.call(Op::Space, None, |_| self.inner.space())
    }
}

struct FaultyWriter {
    /// Gone after a crash.
    inner: Option<Box<dyn BlobWriter>>,
    key: Key,
    failed: bool,
    state: State,
}

impl Write for FaultyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Self { inner, key, state, .. } = self;
        let result = state.call(Op::Write, Some(key), |damage| {
            let Some(inner) = inner else { return Err(crashed(Op::Write, Some(key))) };
            let written = match damage {
                None => inner.write(bytes),
                Some(Damage::Short) => inner.write(&bytes[..bytes.len().div_ceil(2)]),
                Some(Damage::Flip) => inner.write(&flipped(bytes)),
            };
            written.map_err(|error| Error::from_write(key, error))
        });
        self.failed |= result.is_err();
        if self.state.lock().crashed {
            self.inner = None;
        }
        Ok(result?)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl BlobWriter for FaultyWriter {
    fn finish(self: Box<Self>) -> Result<u64, Error> {
        let Self { inner, key, failed, state } = *self;
        state.call(Op::Finish, Some(&key), |_| match inner.filter(|_| !failed) {
            Some(inner) => inner.finish(),
            None => Err(Error::WriteFailed { key: key.clone() }),
        })
    }
}

struct FaultyReader {
    inner: Box<dyn BlobReader>,
    key: Key,
    state: State,
}

impl BlobReader for FaultyReader {
    fn size_bytes(&self) -> u64 {
        self.inner.size_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), Error> {
        self.state.call(Op::ReadAt, Some(&self.key), |damage| {
            if damage == Some(Damage::Short) {
                return Err(Error::PastEnd {
                    key: self.key.clone(),
                    offset_bytes: offset,
                    wanted_bytes: buf.len() as u64,
                    size_bytes: offset.saturating_add(buf.len() as u64 / 2),
                });
            }
            self.inner.read_at(offset, buf)?;
            if damage == Some(Damage::Flip) {
                flip(buf);
            }
            Ok(())
        })
    }
}

fn flip(bytes: &mut [u8]) {
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
}

fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    flip(&mut bytes);
    bytes
}

fn crashed(op: Op, key: Option<&Key>) -> Error {
    Error::Io { op, key: key.cloned(), source: io::Error::other("the store has crashed") }
}

/// The error that a store gives for the report of the operating system behind a kind.
fn injected(op: Op, key: Option<&Key>, kind: ErrorKind) -> Error {
    let source: io::Error = match (kind, key) {
        (ErrorKind::NotFound, Some(key)) => return Error::NotFound { op, key: key.clone() },
        (ErrorKind::AlreadyExists, Some(key)) => return Error::AlreadyExists { op, key: key.clone() },
        (ErrorKind::Full, _) => io::Error::from_raw_os_error(errno::ENOSPC),
        (ErrorKind::Denied, _) => io::Error::from_raw_os_error(errno::EACCES),
        (ErrorKind::Transient, _) => io::Error::from_raw_os_error(errno::ETIMEDOUT),
        (ErrorKind::Unsupported, _) => io::Error::from_raw_os_error(errno::EOPNOTSUPP),
        (ErrorKind::Corrupt, _) => io::ErrorKind::InvalidData.into(),
        (ErrorKind::Other | ErrorKind::NotFound | ErrorKind::AlreadyExists, _) => {
            io::Error::from_raw_os_error(errno::EIO)
        }
    };
    Error::io(op, key, source)
}

#[cfg(test)]
mod tests;
