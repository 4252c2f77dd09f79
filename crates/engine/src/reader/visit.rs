//! Reads chosen hunks in any order, frame by frame: each frame is fetched once however many of its hunks are wanted,
//! and one frame at a time is held.

use super::SnapshotReader;
use crate::EngineError;
use crate::frames::{self, FrameName};
use format::frame::PackKind;
use format::hunk::Hunk;
use std::collections::HashMap;

/// Frames that are asked for with one request. They arrive one after another and none is kept.
const FRAMES_PER_REQUEST: usize = 64;

/// Takes a hunk with its number. A damaged one is an error of its own, and the rest follows.
pub(crate) type HunkSink<'s> = dyn FnMut(usize, Result<Hunk, EngineError>) -> Result<(), EngineError> + 's;

impl SnapshotReader<'_> {
    /// Gives the hunks with these numbers to the sink, in the order of their frames.
    pub(crate) fn visit_hunks(&self, numbers: &[usize], sink: &mut HunkSink<'_>) -> Result<(), EngineError> {
        let mut names: Vec<FrameName> = Vec::new();
        let mut wanted: HashMap<FrameName, Vec<usize>> = HashMap::new();
        for number in numbers {
            let name = (self.addresses[*number].pack, self.addresses[*number].frame);
            let hunks = wanted.entry(name).or_default();
            if hunks.is_empty() {
                names.push(name);
            }
            hunks.push(*number);
        }
        for batch in names.chunks(FRAMES_PER_REQUEST) {
            let snapshot = self.clear.snapshot;
            frames::fetch(
                self.remote,
                self.keyring,
                &self.ids,
                PackKind::Hunk,
                snapshot,
                batch,
                &mut |name, frame| {
                    let frame = frame.map_err(|error| error.to_string());
                    // Each frame answers once, whatever a server repeats.
                    for number in wanted.remove(&name).unwrap_or_default() {
                        let hunk = self.open_hunk(number, self.addresses[number], Some(&frame));
                        sink(number, hunk.map(|hunk| hunk.decoded))?;
                    }
                    Ok(())
                },
            )?;
            for name in batch {
                for number in wanted.remove(name).unwrap_or_default() {
                    sink(
                        number,
                        self.open_hunk(number, self.addresses[number], None).map(|hunk| hunk.decoded),
                    )?;
                }
            }
        }
        Ok(())
    }
}
