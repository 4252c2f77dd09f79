//! A decorator that repeats failed calls whose error is `Transient`, a bounded number of times, with growing and
//! jittered pauses. It must not repeat anything whose first attempt could have had another effect.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::random::Random;
use crate::{BlobInfo, BlobReader, BlobStore, BlobWriter, Error, ErrorKind, Key, PutMode, Space};

/// How often and after which pauses a call is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The most attempts at one call, the first included; 0 counts as 1.
    pub attempts: u32,
    /// The longest pause after the first attempt; it doubles from one to the next.
    pub first_pause: Duration,
    /// The longest pause at all.
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    /// Five attempts within at most 1.5 seconds.
    fn default() -> Self {
        Self { attempts: 5, first_pause: Duration::from_millis(100), longest_pause: Duration::from_secs(5) }
    }
}

/// A store whose calls are repeated after transient errors.
///
/// Not repeated are the writes and the `finish` of a streamed blob, as the bytes are gone: their caller begins the
/// blob anew. A `put` with `CreateNew` that finds the key after a failed attempt compares the content: when it is
/// the same, the earlier attempt had succeeded and its answer was lost, so the call succeeds. Two writers that race
/// for a key with the same bytes can then both win; whoever needs one winner puts something of his own into them.
pub struct Retrying<S> {
    inner: S,
    repeat: Arc<Repeat>,
}

struct Repeat {
    policy: RetryPolicy,
    pause: Box<dyn Fn(Duration) + Send + Sync>,
    random: Random,
}

impl<S: BlobStore> Retrying<S> {
    /// Wraps a store; pauses block the calling thread.
    pub fn new(inner: S, policy: RetryPolicy) -> Self {
        Self::with_pause(inner, policy, thread::sleep)
    }

    /// Wraps a store with another way to pause.
    pub fn with_pause(
        inner: S,
        policy: RetryPolicy,
        pause: impl Fn(Duration) + Send + Sync + 'static,
    ) -> Self {
        let repeat = Repeat { policy, pause: Box::new(pause), random: Random::from_system() };
        Self { inner, repeat: Arc::new(repeat) }
    }

    fn put_new(&self, key: &Key, bytes: &[u8]) -> Result<(), Error> {
        let mut first = true;
        self.repeat.run(|| match self.inner.put(key, bytes, PutMode::CreateNew) {
            Err(Error::AlreadyExists { op, key }) if !first => {
                let same = self.inner.read_limited(&key, bytes.len() as u64).map(|stored| stored == bytes);
                match same {
                    Ok(true) => Ok(()),
                    Ok(false) | Err(Error::TooLarge { .. } | Error::NotFound { .. }) => {
                        Err(Error::AlreadyExists { op, key })
                    }
                    Err(error) => Err(error),
                }
            }
            result => {
                first = false;
                result
            }
        })
    }
}

impl Repeat {
    fn run<T>(&self, mut call: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
        let mut longest = self.policy.first_pause;
        for _ in 1..self.policy.attempts {
            match call() {
                Err(error) if error.kind() == ErrorKind::Transient => {}
                result => return result,
            }
            longest = longest.min(self.policy.longest_pause);
            // Between the half and the whole, so that callers that failed together do not return together.
            (self.pause)(longest.mul_f64(0.5 + 0.5 * self.random.fraction()));
            longest = longest.saturating_mul(2);
        }
        call()
    }
}

impl<S: BlobStore> BlobStore for Retrying<S> {
    fn put(&self, key: &Key, bytes: &[u8], mode: PutMode) -> Result<(), Error> {
        match mode {
            PutMode::CreateNew => self.put_new(key, bytes),
            PutMode::Replace => self.repeat.run(|| self.inner.put(key, bytes, mode)),
        }
    }

    fn create(&self, key: &Key, mode: PutMode) -> Result<Box<dyn BlobWriter>, Error> {
        self.repeat.run(|| self.inner.create(key, mode))
    }

    fn read_limited(&self, key: &Key, limit_bytes: u64) -> Result<Vec<u8>, Error> {
        self.repeat.run(|| self.inner.read_limited(key, limit_bytes))
    }

    fn open(&self, key: &Key) -> Result<Box<dyn BlobReader>, Error> {
        let inner = self.repeat.run(|| self.inner.open(key))?;
        Ok(Box::new(RetryingReader { inner, repeat: Arc::clone(&self.repeat) }))
    }

    fn info(&self, key: &Key) -> Result<Option<BlobInfo>, Error> {
        self.repeat.run(|| self.inner.info(key))
    }

    fn list(&self, prefix: &str) -> Result<Vec<BlobInfo>, Error> {
        self.repeat.run(|| self.inner.list(prefix))
    }

    fn folders(&self, folder: &str) -> Result<Vec<String>, Error> {
        self.repeat.run(|| self.inner.folders(folder))
    }

    fn delete(&self, key: &Key) -> Result<(), Error> {
        self.repeat.run(|| self.inner.delete(key))
    }

    fn space(&self) -> Result<Option<Space>, Error> {
        self.repeat.run(|| self.inner.space())
    }
}

struct RetryingReader {
    inner: Box<dyn BlobReader>,
    repeat: Arc<Repeat>,
}

impl BlobReader for RetryingReader {
    fn size_bytes(&self) -> u64 {
        self.inner.size_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), Error> {
        self.repeat.run(|| self.inner.read_at(offset, buf))
    }
}

#[cfg(test)]
mod tests;
