//! The frames of a verification: each is fetched once, and of its content only ids and lengths are kept, for as long
//! as a hunk will ask for them.

use crate::EngineError;
use crate::frames::{self, CheckedFrame, FrameName};
use crate::progress::Progress;
use crate::reader::SnapshotReader;
use format::frame::PackKind;
use format::hunk::Hunk;
use model::ChunkId;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Frames that one thread asks for at a time.
const FRAMES_PER_REQUEST: usize = 4;

/// What is kept of a frame; `None` when it is damaged or missing.
pub(super) type Known = Option<Parts>;

/// Ids and lengths of a frame's chunks.
#[derive(Debug)]
pub(super) struct Parts {
    ids: Vec<ChunkId>,
    /// Where each chunk ends, counted from the start of the first.
    ends: Vec<u64>,
}

impl Parts {
    fn new(frame: CheckedFrame) -> Self {
        let mut end = 0;
        let lengths = (0..frame.ids.len() as u32).map(|at| frame.content.chunk(at).map_or(0, <[u8]>::len));
        let ends = lengths
            .map(|length| {
                end += length as u64;
                end
            })
            .collect();
        Self { ids: frame.ids, ends }
    }

    /// The ids of `count` chunks from `first` on, and their length together. `None` unless all are here.
    pub(super) fn part(&self, first: u32, count: u32) -> Option<(&[ChunkId], u64)> {
        let (first, count) = (first as usize, count as usize);
        let ids = self.ids.get(first..first + count)?;
        let end = *self.ends.get((first + count).checked_sub(1)?)?;
        let start = if first == 0 { 0 } else { self.ends[first - 1] };
        Some((ids, end - start))
    }
}

/// All frames that the snapshot refers to.
pub(super) struct Frames<'f> {
    reader: &'f SnapshotReader<'f>,
    /// Hunks that will still ask for a frame.
    uses: HashMap<FrameName, u32>,
    known: HashMap<FrameName, Known>,
    wanted: Vec<FrameName>,
    asked: HashSet<FrameName>,
    pub(super) fetched: u64,
    pub(super) fetched_bytes: u64,
}

/// The frames that a hunk refers to, each once, in order of first use.
pub(super) fn names_of(hunk: &Hunk) -> Vec<FrameName> {
    let mut seen = HashSet::new();
    let names = hunk.references.as_slice().iter().map(|range| (range.pack, range.frame));
    names.filter(|name| seen.insert(*name)).collect()
}

impl<'f> Frames<'f> {
    pub(super) fn new(reader: &'f SnapshotReader<'f>, uses: HashMap<FrameName, u32>) -> Self {
        let (known, asked) = Default::default();
        Self { reader, uses, known, wanted: Vec::new(), asked, fetched: 0, fetched_bytes: 0 }
    }

    /// The frames of this hunk will be asked for.
    pub(super) fn want(&mut self, hunk: &Hunk) {
        for name in names_of(hunk) {
            if !self.known.contains_key(&name) && self.asked.insert(name) {
                self.wanted.push(name);
            }
        }
    }

    /// Frames that are wanted and not fetched.
    pub(super) fn wanted(&self) -> usize {
        self.wanted.len()
    }

    /// What is known of a frame that was fetched.
    pub(super) fn get(&self, name: &FrameName) -> Option<&Known> {
        self.known.get(name)
    }

    /// This hunk is done with its frames.
    pub(super) fn release(&mut self, hunk: &Hunk) {
        for name in names_of(hunk) {
            let Some(left) = self.uses.get_mut(&name) else { continue };
            *left -= 1;
            if *left == 0 {
                self.uses.remove(&name);
                self.known.remove(&name);
            }
        }
    }

    /// Fetches what is wanted with several threads.
    pub(super) fn fetch(&mut self, progress: &Progress) -> Result<(), EngineError> {
        let wanted = std::mem::take(&mut self.wanted);
        self.asked.clear();
        let requests: Vec<&[FrameName]> = wanted.chunks(FRAMES_PER_REQUEST).collect();
        let next = AtomicUsize::new(0);
        let found: Mutex<Vec<(FrameName, Known, u64)>> = Mutex::default();
        let reader = self.reader;
        let work = || -> Result<(), EngineError> {
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                progress.go_on()?;
                fetch(reader, request, &found)?;
            }
            Ok(())
        };
        let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get).clamp(2, 8);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads.min(requests.len())).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| {
                worker.join().unwrap_or(Err(EngineError::Defect("a thread that verifies panicked")))
            })
        })?;
        for (name, known, bytes) in found.into_inner().unwrap_or_else(PoisonError::into_inner) {
            self.fetched += 1;
            self.fetched_bytes += bytes;
            self.known.insert(name, known);
        }
        Ok(())
    }
}

fn fetch(
    reader: &SnapshotReader<'_>,
    request: &[FrameName],
    found: &Mutex<Vec<(FrameName, Known, u64)>>,
) -> Result<(), EngineError> {
    let snapshot = reader.clear().snapshot;
    let (remote, keyring, ids) = (reader.remote(), reader.keyring(), reader.id_keys());
    frames::fetch(remote, keyring, ids, PackKind::Data, snapshot, request, &mut |name, frame| {
        let (known, bytes) = match frame {
            Ok(frame) => {
                let bytes = frame.content.size_bytes() as u64;
                (Some(Parts::new(frame)), bytes)
            }
            Err(error) => {
                tracing::warn!(%snapshot, pack = %name.0, frame = name.1, %error, "a frame cannot be read");
                (None, 0)
            }
        };
        found.lock().unwrap_or_else(PoisonError::into_inner).push((name, known, bytes));
        Ok(())
    })
}
