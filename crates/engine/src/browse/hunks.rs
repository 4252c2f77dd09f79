//! Decoded hunks of all snapshots that are looked into, those that were used lately.

use super::{Opened, lock, lru::Lru};
use crate::EngineError;
use format::entry::Entry;
use model::SnapshotId;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// What decoded hunks may take together, as estimated below.
const KEPT_BYTES: usize = 96 << 20;
/// Hunks that are fetched at once when one follows on the other.
const AHEAD: usize = 8;
/// What an entry takes besides its path and its ranges.
const ENTRY_BYTES: usize = 320;
/// What a range takes.
const RANGE_BYTES: usize = 32;

/// By snapshot and number.
type Kept = Lru<(SnapshotId, usize), Arc<Vec<Entry>>>;

#[derive(Debug)]
pub(super) struct Hunks(Mutex<Kept>);

impl Hunks {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Lru::new(KEPT_BYTES)))
    }

    /// The hunk with this number.
    pub(super) fn get(&self, opened: &Opened<'_>, number: usize) -> Result<Arc<Vec<Entry>>, EngineError> {
        let snapshot = opened.reader.clear().snapshot;
        if let Some(hunk) = lock(&self.0).get((snapshot, number)) {
            return Ok(hunk);
        }
        let asked = Instant::now();
        let mut fetching = lock(&opened.fetching);
        // Whom another one kept waiting while the server did not answer does not wait as long once more.
        if let Some((_, error)) = fetching.as_ref().filter(|(when, _)| *when >= asked) {
            return Err(error.clone().into());
        }
        let is_next = {
            let mut kept = lock(&self.0);
            if let Some(hunk) = kept.get((snapshot, number)) {
                return Ok(hunk);
            }
            number > 0 && kept.has((snapshot, number - 1))
        };
        let end = if is_next { number + AHEAD } else { number + 1 };
        let mut wanted = None;
        for (found, hunk) in opened.reader.hunks(number..end) {
            match hunk {
                Ok(hunk) => {
                    lock(&opened.damaged).remove(&found);
                    let hunk = Arc::new(hunk.entries);
                    if found == number {
                        wanted = Some(Ok(Arc::clone(&hunk)));
                    }
                    lock(&self.0).put((snapshot, found), Arc::clone(&hunk), weight(&hunk));
                }
                Err(error) if found == number => {
                    match &error {
                        EngineError::Damaged { .. } => drop(lock(&opened.damaged).insert(found)),
                        EngineError::Remote(error) => *fetching = Some((Instant::now(), error.clone())),
                        _ => {}
                    }
                    wanted = Some(Err(error));
                }
                // Who wants that one meets its error.
                Err(_) => {}
            }
        }
        wanted.unwrap_or(Err(EngineError::Defect("a hunk was asked for that is not in the snapshot")))
    }
}

fn weight(hunk: &[Entry]) -> usize {
    let entry = |entry: &Entry| {
        let xattrs = entry.rare.xattrs.iter().map(|xattr| xattr.name.len() + xattr.value.len() + 48);
        ENTRY_BYTES
            + entry.path.len()
            + entry.content.as_slice().len() * RANGE_BYTES
            + entry.rare.target.as_ref().map_or(0, Vec::len)
            + entry.rare.runs.len() * 16
            + xattrs.sum::<usize>()
    };
    hunk.iter().map(entry).sum()
}
