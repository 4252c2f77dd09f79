//! A short life of a store, in steps that write, replace, abandon and delete: the same for losses of power and for
//! kills.

use std::io::Write;

use super::key;
use crate::{BlobStore, Error, PutMode};

/// The key, what it shall hold afterwards, and how the step ended.
type Outcome = (&'static str, Option<Vec<u8>>, Result<(), Error>);

pub(super) enum Step {
    Put(&'static str, PutMode, usize),
    Stream(&'static str, PutMode, usize),
    Abandon(&'static str),
    Delete(&'static str),
}

pub(super) const STEPS: &[Step] = &[
    Step::Put("a/b", PutMode::CreateNew, 10),
    Step::Stream("a/c/d", PutMode::CreateNew, 3000),
    Step::Put("a/b", PutMode::Replace, 20),
    Step::Abandon("a/x"),
    Step::Put("a/b", PutMode::CreateNew, 30),
    Step::Delete("a/c/d"),
    Step::Stream("e", PutMode::Replace, 500),
    Step::Stream("e", PutMode::Replace, 400),
    Step::Delete("e"),
    Step::Put("a/c/d", PutMode::CreateNew, 40),
    Step::Delete("none"),
    Step::Put("e", PutMode::CreateNew, 1),
];

/// The content of a blob of that length, without zeros.
pub(super) fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i % 251) as u8 + 1).collect()
}

fn stream(store: &dyn BlobStore, name: &str, mode: PutMode, length: usize) -> Result<(), Error> {
    let mut writer = store.create(&key(name), mode)?;
    for piece in bytes(length).chunks(1000) {
        writer.write_all(piece).map_err(|error| Error::from_write(&key(name), error))?;
    }
    writer.finish().map(drop)
}

impl Step {
    /// Carries the step out; an abandoned blob has no outcome.
    pub(super) fn run(&self, store: &dyn BlobStore) -> Option<Outcome> {
        match *self {
            Step::Put(name, mode, length) => {
                Some((name, Some(bytes(length)), store.put(&key(name), &bytes(length), mode)))
            }
            Step::Stream(name, mode, length) => {
                Some((name, Some(bytes(length)), stream(store, name, mode, length)))
            }
            Step::Delete(name) => Some((name, None, store.delete(&key(name)))),
            Step::Abandon(name) => {
                if let Ok(mut writer) = store.create(&key(name), PutMode::CreateNew) {
                    let _ = writer.write_all(b"lost");
                }
                None
            }
        }
    }
}
