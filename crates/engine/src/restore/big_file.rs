//! A large file that several threads decode and write at the same time.
//!
//! It is cut into segments of a few frames. Where a segment begins in the file is known once the one before it is
//! decoded: from then on both are written side by side.

use super::hunk_check::Piece;
use super::outcome::Trouble;
use super::worker::{Job, Shared};
use crate::content::collect;
use crate::frames::FrameName;
use crate::progress::add;
use crate::runs::Runs;
use format::ranges::Range;
use model::failpoint;
use std::fs::File;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A file and how far it has come.
pub(super) struct BigFile {
    runs: Option<Runs>,
    segments: u32,
    state: Mutex<State>,
    turned: Condvar,
}

struct State {
    /// The segment whose place is known.
    next: u32,
    /// Where it begins in the content.
    offset: u64,
    /// Segments that are done or given up.
    finished: u32,
    file: Option<(Vec<u8>, Arc<File>)>,
    failed: Option<Trouble>,
    /// Taken by the last segment.
    job: Option<Box<Job>>,
}

/// A part of a large file.
pub(super) struct Segment {
    file: Arc<BigFile>,
    number: u32,
    ranges: Vec<Range>,
    frames: Vec<FrameName>,
    piece: Option<Piece>,
}

impl BigFile {
    /// The file of `job`, which will have so many segments.
    pub(super) fn new(job: Job, segments: u32) -> Arc<Self> {
        let runs = Runs::of(&job.picked.entry).filter(|_| job.picked.is_whole);
        let failed = runs.is_none().then_some(Trouble::DAMAGED);
        let job = Some(Box::new(job));
        let state = State { next: 0, offset: 0, finished: 0, file: None, failed, job };
        Arc::new(Self { runs, segments, state: Mutex::new(state), turned: Condvar::new() })
    }

    /// The segment of this number; they are given out in order.
    pub(super) fn segment(
        self: &Arc<Self>,
        number: u32,
        ranges: Vec<Range>,
        frames: Vec<FrameName>,
        piece: Option<Piece>,
    ) -> Segment {
        Segment { file: Arc::clone(self), number, ranges, frames, piece }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, trouble: Trouble) {
        self.lock().failed.get_or_insert(trouble);
        self.turned.notify_all();
    }
}

/// Writes a segment; the last one to end gives the file its attributes and its name, or takes it away.
pub(super) fn run(shared: &Shared<'_>, segment: Segment) {
    let file = Arc::clone(&segment.file);
    if let Err(trouble) = write(shared, segment) {
        file.fail(trouble);
    }
    let mut state = file.lock();
    state.finished += 1;
    if state.finished < file.segments {
        return;
    }
    let Some(job) = state.job.take() else { return };
    let (made, failed, bytes) = (state.file.take(), state.failed, state.offset);
    drop(state);
    let result = end(shared, &file, &job, made, failed, bytes);
    if failed == Some(OVER) {
        // Nobody's fault: the restore ended, and the file is there for its next try.
        job.key.into_iter().for_each(|key| shared.links.failed(key));
        return;
    }
    shared.settle(*job, result);
}

/// Stands for 'the restore is over' in place of a trouble of the file itself.
const OVER: Trouble = Trouble::new(model::FindingReason::Skipped, 0);

fn write(shared: &Shared<'_>, segment: Segment) -> Result<(), Trouble> {
    let outcome = shared.maker.outcome;
    let Segment { file, number, ranges, frames, piece } = segment;
    let runs = file.runs.as_ref().ok_or(Trouble::DAMAGED)?;
    if let Some(failed) = file.lock().failed {
        return Err(failed);
    }
    if outcome.is_over() {
        return Err(OVER);
    }
    let opened = shared.cache.get(&frames).map_err(|error| {
        outcome.fail(error);
        OVER
    })?;
    let (mut content, mut ids) = (Vec::new(), Vec::new());
    collect(&ranges, &opened, &mut content, &mut ids).ok_or(Trouble::DAMAGED)?;
    if let Some(piece) = piece {
        piece.submit(ids);
    }
    let length: u64 = content.iter().map(|part| part.len() as u64).sum();

    let (mut from, target) = {
        let mut state = file.lock();
        while state.next != number && state.failed.is_none() {
            state = file.turned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(failed) = state.failed {
            return Err(failed);
        }
        let from = state.offset;
        if from + length > runs.data_bytes() {
            return Err(Trouble::DAMAGED);
        }
        let target = match &state.file {
            Some((_, target)) => Arc::clone(target),
            None => create(shared, &mut state, runs)?,
        };
        state.next += 1;
        state.offset += length;
        (from, target)
    };
    file.turned.notify_all();
    failpoint::hit("restore.before_write");
    for part in content {
        runs.write(&target, from, part)?;
        from += part.len() as u64;
        add(&outcome.progress.done_bytes, part.len() as u64);
    }
    Ok(())
}

fn create(shared: &Shared<'_>, state: &mut State, runs: &Runs) -> Result<Arc<File>, Trouble> {
    let job = state.job.as_ref().ok_or(Trouble::DAMAGED)?;
    let dir = job.slot.dir.as_ref().ok_or(Trouble::DAMAGED)?;
    failpoint::hit("restore.before_create");
    let (temp, target) = shared.create_file(job, dir)?;
    let target = Arc::new(target);
    state.file = Some((temp, Arc::clone(&target)));
    runs.begin(&target)?;
    Ok(target)
}

/// Gives the bytes of content that were written.
fn end(
    shared: &Shared<'_>,
    file: &BigFile,
    job: &Job,
    made: Option<(Vec<u8>, Arc<File>)>,
    failed: Option<Trouble>,
    bytes: u64,
) -> Result<u64, Trouble> {
    let dir = job.slot.dir.as_ref().ok_or(Trouble::DAMAGED)?;
    let Some((temp, target)) = made else { return Err(failed.unwrap_or(Trouble::DAMAGED)) };
    let is_whole = file.runs.as_ref().is_some_and(|runs| runs.data_bytes() == bytes);
    let published = match failed {
        Some(trouble) => Err(trouble),
        None if !is_whole => Err(Trouble::DAMAGED),
        None => shared.publish(job, dir, &temp, Some(&target)),
    };
    if published.is_err() {
        let _ = dir.remove_file(&temp);
    }
    published.map(|()| bytes)
}
