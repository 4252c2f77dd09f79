//! Reads one file: attributes, runs of data, chunks, and whether it changed meanwhile.

use super::base::BaseEntry;
use super::findings::{Findings, reason_of};
use super::item::{Ids, Item, ReadJob, Stored};
use super::meta;
use super::segments;
use super::small_file::SmallFile;
use super::worker::{BlockedFile, Shared, Worker};
use crate::EngineError;
use crate::progress::add;
use format::entry::{DataRun, Entry, flags};
use format::limits;
use model::FindingReason;
use platform::{FileKind, Node, Stat, file};
use std::fs::File;

/// From this size on a file is cut by one thread and hashed and compressed by all.
const BLOCKED_FROM: u64 = 32 << 20;
/// Content of a block of such a file, in bytes.
const BLOCK: usize = 2 << 20;
/// Room for reading at least, in bytes.
const BUFFER_MIN: usize = 1 << 20;

/// Reads the file of `job`. A file that cannot be read is a finding and keeps its earlier version.
pub(super) fn file(
    job: ReadJob,
    shared: &Shared<'_>,
    buffer: &mut Vec<u8>,
    worker: &mut Worker,
) -> Result<Item, EngineError> {
    let opened = job.dir.open_file(format::path::name(&job.entry.path));
    counted(job, opened, shared, buffer, worker)
}

/// [`read`], and counts the file as done.
pub(super) fn counted(
    job: ReadJob,
    opened: platform::Result<File>,
    shared: &Shared<'_>,
    buffer: &mut Vec<u8>,
    worker: &mut Worker,
) -> Result<Item, EngineError> {
    let mut counted_bytes = 0;
    let size_bytes = job.entry.size;
    let item = read(job, opened, shared, buffer, worker, &mut counted_bytes)?;
    // Holes, and what could not be read, are done too: the counting pass has counted them.
    add(&shared.progress.done_bytes, size_bytes.saturating_sub(counted_bytes));
    add(&shared.progress.done_files, 1);
    Ok(item)
}

/// Reads the file of `job` that was opened, with the bytes that were counted as done while they were read.
fn read(
    job: ReadJob,
    opened: platform::Result<File>,
    shared: &Shared<'_>,
    buffer: &mut Vec<u8>,
    worker: &mut Worker,
    counted_bytes: &mut u64,
) -> Result<Item, EngineError> {
    if let Ok(file) = &opened
        && let Some(small) = SmallFile::read(file, &job.stat, buffer)
    {
        return small.store(job, shared, buffer, worker);
    }
    let opened = opened.and_then(|file| {
        let stat = file::stat(&file)?;
        Ok((file, stat))
    });
    let (file, before) = match opened {
        Ok(opened) => opened,
        // It was there when the folder was listed and is gone now: deleted files are no finding.
        Err(error) if error.is_not_found() => return Ok(Item::Nothing),
        Err(error) => return Ok(unreadable(job.entry, job.previous.as_ref(), shared.findings, &error)),
    };
    if before.kind != FileKind::File {
        shared.findings.note(&job.entry.path, FindingReason::Changing, 0, false);
        return Ok(Item::Nothing);
    }
    let ReadJob { mut entry, stat: walked, class, previous, .. } = job;
    if !before.is_same_inode(&walked) || before.ctime != walked.ctime {
        let owner = meta::Owners::of_entry(&entry, &before);
        entry = meta::entry(entry.path, &before, entry.dev, &owner);
        if before.dev != walked.dev {
            // Mounted over the name just now: the number is not its file system's, where an inode may be another one.
            entry.flags &= !flags::HARD_LINK;
        }
    }
    let read_from = meta::now();
    entry.class = shared.classes.of_version(class, before.size_bytes);
    let mut reading = Reading {
        shared,
        worker,
        buffer,
        class: entry.class,
        stored: Stored::new(),
        blocks: None,
        counted_bytes,
    };
    match reading.all(&file, &before, &mut entry) {
        Ok(()) => {}
        Err(Failure::Engine(error)) => return Err(error),
        Err(Failure::File(error)) => {
            // Its blocks come to an end before the file does: a checkpoint takes it that no worker has one then.
            reading.finish()?;
            return Ok(unreadable(entry, previous.as_ref(), shared.findings, &error));
        }
    }
    let stored = reading.finish()?;
    meta::read_xattrs(&mut entry, Node::File(&file), shared.findings);
    mark_changes(shared.findings, &file, &before, read_from, &mut entry);
    Ok(Item::of(Box::new(entry), stored))
}

/// Notes whether the file changed while it was read, or may have without a trace in its times.
fn mark_changes(
    findings: &Findings,
    file: &File,
    before: &Stat,
    read_from: meta::Seconds,
    entry: &mut Entry,
) {
    let after = file::stat(file);
    let same = after.as_ref().is_ok_and(|after| {
        (after.size_bytes, after.mtime, after.ctime) == (before.size_bytes, before.mtime, before.ctime)
    });
    if !same || entry.size != before.size_bytes {
        entry.flags |= flags::CHANGING;
        findings.note(&entry.path, FindingReason::Changing, 0, false);
    }
    if meta::is_racy(before, read_from) {
        entry.flags |= flags::RACY;
    }
}

/// The entry of a file that cannot be read: its earlier version where there is one, else its name alone.
fn unreadable(
    mut entry: Entry,
    kept: Option<&BaseEntry>,
    findings: &Findings,
    error: &platform::Error,
) -> Item {
    findings.note(&entry.path, reason_of(error), error.errno().unwrap_or(0), kept.is_some());
    match kept {
        Some(previous) => meta::kept(previous),
        None => {
            // Of what was read until it failed nothing stays.
            entry.rare.runs.clear();
            entry.class = 0;
            entry.flags |= flags::UNREAD;
            Item::Entry(Box::new(entry), Ids::new())
        }
    }
}

enum Failure {
    /// The file failed: a finding.
    File(platform::Error),
    /// The run failed.
    Engine(EngineError),
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

struct Reading<'r, 'a> {
    shared: &'r Shared<'a>,
    worker: &'r mut Worker,
    buffer: &'r mut Vec<u8>,
    class: u8,
    stored: Stored,
    blocks: Option<BlockedFile>,
    counted_bytes: &'r mut u64,
}

impl Reading<'_, '_> {
    /// Reads all runs of data; sets size and runs of the entry to what was really read.
    fn all(&mut self, file: &File, stat: &Stat, entry: &mut Entry) -> Result<(), Failure> {
        if stat.size_bytes >= BLOCKED_FROM {
            self.blocks = Some(BlockedFile::default());
            // Only hints: a file system that takes none is no reason to stop.
            let _ = file::will_read_through(file);
        }
        entry.size = stat.size_bytes;
        if !stat.may_have_holes() {
            let read = self.run(file, 0, stat.size_bytes)?;
            entry.size = read;
            return Ok(());
        }
        let mut end = 0;
        let segments = segments::of(file, stat.size_bytes, limits::ENTRY_RUNS_MAX).map_err(Failure::File)?;
        for segment in segments {
            let read = self.run(file, segment.offset, segment.len)?;
            entry.rare.runs.push(DataRun { hole: segment.offset - end, length: read });
            end = segment.offset + read;
            if read < segment.len {
                entry.size = end;
                break;
            }
        }
        let whole = entry.rare.runs.first().is_some_and(|run| run.hole == 0 && run.length == entry.size);
        if whole {
            entry.rare.runs.clear();
        } else if entry.size > 0 {
            entry.flags |= flags::SPARSE;
        }
        Ok(())
    }

    /// Reads, cuts and stores one run of data; gives the bytes that were there.
    fn run(&mut self, file: &File, offset: u64, length: u64) -> Result<u64, Failure> {
        let chunker = &self.shared.chunkers[self.class as usize];
        let least = if self.blocks.is_some() { 2 * BLOCK } else { BUFFER_MIN };
        let room = (2 * chunker.max()).max(least).min(usize::try_from(length).unwrap_or(usize::MAX));
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        let (mut start, mut end, mut read, mut at_end) = (0usize, 0usize, 0u64, length == 0);
        let mut block = Vec::new();
        let mut block_start = 0usize;
        loop {
            while !at_end && end < room && end - start < chunker.max() {
                let wanted = (room - end).min(usize::try_from(length - read).unwrap_or(usize::MAX));
                let got = file::read_at(file, &mut self.buffer[end..end + wanted], offset + read)
                    .map_err(Failure::File)?;
                add(&self.shared.progress.read_bytes, got as u64);
                add(&self.shared.progress.done_bytes, got as u64);
                *self.counted_bytes += got as u64;
                end += got;
                read += got as u64;
                at_end = got == 0 || read == length;
            }
            while end > start && (at_end || end - start >= chunker.max()) {
                let cut = chunker.cut(&self.buffer[start..end]);
                if self.blocks.is_none() {
                    let stored = self.worker.store(self.shared, &self.buffer[start..start + cut])?;
                    self.stored.push(stored);
                } else {
                    block.push(cut as u32);
                }
                start += cut;
                if start - block_start >= BLOCK {
                    self.give(block_start, start, &mut block)?;
                    block_start = start;
                }
            }
            self.give(block_start, start, &mut block)?;
            if at_end {
                return Ok(read);
            }
            self.buffer.copy_within(start..end, 0);
            end -= start;
            (start, block_start) = (0, 0);
        }
    }

    fn give(&mut self, from: usize, to: usize, lengths: &mut Vec<u32>) -> Result<(), Failure> {
        if let Some(blocks) = &mut self.blocks
            && !lengths.is_empty()
        {
            let lengths = std::mem::take(lengths);
            blocks.push(self.shared, self.worker, &self.buffer[from..to], lengths)?;
        }
        Ok(())
    }

    fn finish(self) -> Result<Stored, EngineError> {
        match self.blocks {
            Some(blocks) => blocks.finish(self.shared, self.worker),
            None => Ok(self.stored),
        }
    }
}
