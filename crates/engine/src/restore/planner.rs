//! The thread that leads a restore: it goes through the entries, makes folders, and hands all else to the workers in
//! batches whose content lies in a few frames.

use super::attributes::Attributes;
use super::big_file::BigFile;
use super::decide::{Rules, Verdict};
use super::folder::{Folder, Maker};
use super::hunk_check::{BadHunks, Piece};
use super::links::{FirstName, Key, Links};
use super::naming::Berth;
use super::outcome::{Outcome, Trouble};
use super::source::{Item, Picked, Source};
use super::start::{Selection, Start};
use super::temp_names::TempNames;
use super::tree::{Slot, Tree};
use super::worker::{Batch, How, Job, Shared, Task, work};
use super::{Action, Conflict, RestoreRequest, RestoreSummary, survey, write_back};
use crate::EngineError;
use crate::content::{Group, RANGES_AT_ONCE, frames_of, groups};
use crate::frame_cache::FrameCache;
use crate::frames::FrameName;
use crate::progress::{Phase, Progress, add};
use crate::reader::SnapshotReader;
use crate::runs::data_bytes;
use crossbeam_channel::Sender;
use format::entry::{Entry, EntryKind, flags};
use model::{Finding, FindingReason, failpoint};
use platform::errno;
use platform::{Dir, Names, Node, process};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

/// Frames that all workers together have opened beside the cache at most. A frame has 4 MiB at most, mostly 2.
const FRAMES_IN_USE: usize = 12;
/// Entries of a batch at most.
const BATCH_ENTRIES: usize = 512;
/// Folders that the batches under way keep open at most, together.
const OPEN_FOLDERS: usize = 400;

/// `ignores_case` tells whether a folder takes names for the same that differ only in case.
pub(super) fn run(
    reader: &SnapshotReader<'_>,
    request: &RestoreRequest,
    names: &Names,
    progress: &Progress,
    ignores_case: fn(&Dir) -> platform::Result<bool>,
) -> Result<RestoreSummary, EngineError> {
    let start = Start::find(reader, request)?;
    let (plan, clash) = survey::look(reader, request, &start, progress, None)?;
    if let Some(first) = plan.first_conflict {
        return Err(EngineError::TargetExists { first, count: plan.conflicts });
    }
    if let Some(available_bytes) = plan.available_bytes.filter(|free| *free < plan.bytes) {
        let (path, needed_bytes) = (start.to.clone(), plan.bytes);
        return Err(EngineError::TargetFull { path, needed_bytes, available_bytes });
    }
    let local = |source| EngineError::Local { path: start.to.clone(), source };
    // More folders are open at once than some systems allow by default; what is allowed at most is enough.
    let _ = process::raise_open_file_limit();
    let outcome = Outcome::new(progress);
    let workers = worker_count(request.workers);
    let privileges = process::privileges().map_err(local)?;
    let temp_names = TempNames::new().map_err(local)?;
    // Nothing was changed up to here. What fails before the first entry leaves the target as it was found.
    let (base, base_mode) = start.open(request)?;
    let dir = base.dir().ok_or(EngineError::Defect("the target's own folder is not open"));
    let dir = dir.and_then(|dir| match clash {
        Some(path) if ignores_case(&dir).map_err(local)? => Err(EngineError::CaseClash { path }),
        _ => Ok(dir),
    });
    let dir = dir.inspect_err(|_| start.undo())?;
    let shared = Shared {
        maker: Maker { attributes: Attributes::new(names, privileges), outcome: &outcome, temp_names },
        cache: FrameCache::new(reader),
        links: Links::default(),
        base: Arc::clone(&dir),
        frames_at_once: (FRAMES_IN_USE / workers).max(2),
    };
    progress.enter(Phase::Working);
    let bad = BadHunks::default();
    let leader = Leader::new(&shared, request, &start, base_mode.is_some(), workers);
    let file_systems = leader.lead(reader, &base, &bad, workers);
    progress.enter(Phase::Finishing);
    if let Some(error) = outcome.take_failure() {
        return Err(error);
    }
    progress.go_on()?;
    note_bad_hunks(reader, &start, &bad, &outcome)?;
    note_missed(reader, &start, &outcome);
    if let Some(mode) = base_mode.filter(|_| !outcome.is_over() && !base.has_finish()) {
        Node::Dir(&dir).set_mode(mode).map_err(local)?;
    }
    shared.maker.release(base, Some(Arc::clone(&dir)));
    failpoint::hit("restore.before_sync");
    for dir in file_systems.iter().chain([&dir]).filter(|dir| request.waits_for_disk(dir)) {
        dir.sync_file_system().map_err(local)?;
    }
    Ok(summary(&outcome))
}

fn worker_count(wanted: usize) -> usize {
    if wanted > 0 {
        return wanted.min(64);
    }
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get).clamp(1, 16) + 1
}

fn summary(outcome: &Outcome<'_>) -> RestoreSummary {
    let (findings, finding_count, ended_early) = outcome.finish();
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    RestoreSummary {
        files: read(&outcome.files),
        bytes: read(&outcome.bytes),
        entries: read(&outcome.entries),
        unchanged: read(&outcome.unchanged),
        skipped: read(&outcome.skipped),
        kept_both: read(&outcome.kept_both),
        findings,
        finding_count,
        ended_early,
    }
}

/// Every file of a hunk whose digest does not fit may be the wrong one: which of them is, the digest does not tell.
fn note_bad_hunks(
    reader: &SnapshotReader<'_>,
    start: &Start,
    bad: &BadHunks,
    outcome: &Outcome<'_>,
) -> Result<(), EngineError> {
    let numbers = std::mem::take(&mut *bad.lock().unwrap_or_else(PoisonError::into_inner));
    for number in numbers {
        for (_, hunk) in reader.hunks(number..number + 1) {
            let is_meant = |entry: &Entry| {
                start.selections.iter().any(|selection| format::path::is_within(&entry.path, &selection.path))
            };
            for entry in hunk?.entries.iter().filter(|entry| !entry.content.is_empty() && is_meant(entry)) {
                outcome.note(&entry.path, Trouble::DAMAGED);
            }
        }
    }
    Ok(())
}

/// What the backup missed has no entry that could be restored, or one without content, which was told.
fn note_missed(reader: &SnapshotReader<'_>, start: &Start, outcome: &Outcome<'_>) {
    let told = outcome.paths();
    for selection in &start.selections {
        let missed = reader.missed(&selection.path).filter(|finding| !told.contains(&finding.path));
        missed.for_each(|finding| outcome.push(finding.clone()));
    }
}

struct Leader<'l> {
    shared: &'l Shared<'l>,
    request: &'l RestoreRequest,
    start: &'l Start,
    takes_base: bool,
    batch: Batch,
    folders_in_batch: usize,
    folders_at_once: usize,
}

/// What the leader needs while it goes through one part of the snapshot.
struct Tour<'l, 't> {
    tree: &'t mut Tree<'l>,
    tasks: &'t Sender<Task>,
    /// The snapshot's own findings, for entries without content.
    unread: &'t mut Option<HashMap<Vec<u8>, Finding>>,
    reader: &'t SnapshotReader<'t>,
}

impl<'l> Leader<'l> {
    fn new(
        shared: &'l Shared<'l>,
        request: &'l RestoreRequest,
        start: &'l Start,
        takes_base: bool,
        workers: usize,
    ) -> Self {
        let folders_at_once = (OPEN_FOLDERS / (3 * workers + 1)).clamp(4, 64);
        let batch = Batch::default();
        Self { shared, request, start, takes_base, batch, folders_in_batch: 0, folders_at_once }
    }

    /// Restores everything; gives one folder of each file system that it came to.
    fn lead(
        mut self,
        reader: &SnapshotReader<'_>,
        base: &Arc<Folder>,
        bad: &BadHunks,
        workers: usize,
    ) -> Vec<Arc<Dir>> {
        let (shared, start) = (self.shared, self.start);
        let outcome = shared.maker.outcome;
        if self.request.removes_leftovers() {
            shared.maker.temp_names.remove_leftovers(&shared.base);
        }
        let mut tree = Tree::new(Rules::of(self.request), Some(&shared.maker), Arc::clone(base));
        // Parts that share a folder come one after the other: a name that both take is a conflict for the later one.
        let together = if start.shares_base() { 1 } else { start.selections.len() };
        let (end, ended) = crossbeam_channel::bounded(0);
        std::thread::scope(|scope| {
            if self.request.waits_for_disk(&shared.base) {
                scope.spawn(move || {
                    if let Err(source) = write_back::run(&shared.base, &outcome.progress.done_bytes, &ended) {
                        outcome.fail(EngineError::Local { path: start.to.clone(), source });
                    }
                });
            }
            for selections in start.selections.chunks(together.max(1)) {
                self.share(reader, selections, base, bad, &mut tree, workers);
            }
            drop(end);
        });
        tree.end(outcome)
    }

    /// Restores some parts with as many threads, and waits for them.
    fn share(
        &mut self,
        reader: &SnapshotReader<'_>,
        selections: &'l [Selection],
        base: &Arc<Folder>,
        bad: &BadHunks,
        tree: &mut Tree<'l>,
        workers: usize,
    ) {
        let shared = self.shared;
        let (tasks, queue) = crossbeam_channel::bounded(2 * workers);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                let queue = queue.clone();
                scope.spawn(move || work(shared, &queue));
            }
            drop(queue);
            if let Err(error) = self.go(reader, selections, base, bad, tree, &tasks) {
                shared.maker.outcome.fail(error);
            }
            drop(tasks);
        });
    }

    fn go(
        &mut self,
        reader: &SnapshotReader<'_>,
        selections: &'l [Selection],
        base: &Arc<Folder>,
        bad: &BadHunks,
        tree: &mut Tree<'l>,
        tasks: &Sender<Task>,
    ) -> Result<(), EngineError> {
        let outcome = self.shared.maker.outcome;
        let mut unread = None;
        for selection in selections.iter().take_while(|_| !outcome.is_over()) {
            let mut tour = Tour { tree, tasks, unread: &mut unread, reader };
            if let Err(trouble) = tour.tree.begin(&selection.base) {
                outcome.note(&selection.base, trouble);
            }
            for entry in &selection.way {
                self.folder(&mut tour, base, &selection.base, entry, true);
            }
            for item in Source::new(reader, &selection.path, Some(bad)) {
                if outcome.is_over() {
                    return Ok(());
                }
                match item? {
                    Item::Gap(path) => outcome.note(&path, Trouble::DAMAGED),
                    Item::Entry(picked) if picked.entry.kind == EntryKind::Dir => {
                        self.folder(&mut tour, base, &selection.base, &picked.entry, false);
                    }
                    Item::Entry(picked) => self.leaf(&mut tour, picked),
                }
            }
        }
        self.flush(tasks);
        Ok(())
    }

    fn folder(
        &self,
        tour: &mut Tour<'l, '_>,
        base: &Arc<Folder>,
        base_path: &[u8],
        entry: &Entry,
        is_way: bool,
    ) {
        let outcome = self.shared.maker.outcome;
        if entry.path == base_path {
            let replaces = self.start.is_in_place && self.request.conflict == Conflict::Replace;
            let is_meant = replaces && !is_way && !entry.has(flags::PARENT);
            if self.takes_base || is_meant {
                base.finish_as(entry.clone());
            }
            return;
        }
        if tour.tree.is_blocked(&entry.path) {
            add(&outcome.skipped, 1);
            return;
        }
        if entry.has(flags::UNREAD) {
            outcome.push(tour.never_read(entry, outcome));
        }
        match tour.tree.enter(entry, is_way) {
            Err(trouble) => outcome.note(&entry.path, trouble),
            Ok(entered) => {
                if let Some(trouble) = entered.trouble {
                    outcome.note(&entry.path, trouble);
                }
                let counter = match entered.action {
                    Action::Create | Action::Replace | Action::KeepBoth => &outcome.entries,
                    Action::Enter | Action::Unchanged => &outcome.unchanged,
                    Action::Skip | Action::Refuse | Action::Blocked => &outcome.skipped,
                };
                // A folder that exists is neither restored nor left out.
                add(counter, u64::from(entered.action != Action::Enter));
                add(&outcome.kept_both, u64::from(entered.action == Action::KeepBoth));
            }
        }
    }

    fn leaf(&mut self, tour: &mut Tour<'l, '_>, picked: Box<Picked>) {
        let outcome = self.shared.maker.outcome;
        let entry = &picked.entry;
        if tour.tree.is_blocked(&entry.path) {
            add(&outcome.skipped, 1);
            return self.leave_out(&picked);
        }
        if entry.has(flags::UNREAD) {
            outcome.push(tour.never_read(entry, outcome));
            return self.leave_out(&picked);
        }
        let (verdict, mut slot) = match tour.tree.leaf(entry) {
            Ok(answer) => answer,
            Err(trouble) => {
                outcome.note(&entry.path, trouble);
                return self.leave_out(&picked);
            }
        };
        let (mut replaces, mut keeps_both) = (false, false);
        match verdict {
            Verdict::Create => {}
            Verdict::Replace => replaces = true,
            Verdict::KeepBoth(name, _) => {
                slot.name = name;
                keeps_both = true;
            }
            Verdict::Unchanged(other) => {
                add(&outcome.unchanged, 1);
                if let Some(key) = Key::of(entry) {
                    let first = FirstName::new(&slot.folder, other.as_ref().unwrap_or(&slot.name));
                    self.shared.links.found(key, first);
                }
                return self.leave_out(&picked);
            }
            Verdict::Skip => {
                add(&outcome.skipped, 1);
                return self.leave_out(&picked);
            }
            Verdict::Refuse => {
                outcome.note(&entry.path, Trouble::new(FindingReason::Skipped, errno::EEXIST));
                return self.leave_out(&picked);
            }
            Verdict::Enter | Verdict::Blocked(_) => {
                let number = if let Verdict::Blocked(number) = verdict { number } else { errno::EISDIR };
                outcome.note(&entry.path, Trouble::new(FindingReason::WriteFailed, number));
                return self.leave_out(&picked);
            }
        }
        self.dispatch(
            tour.tasks,
            Job { slot, picked, how: How::Special, replaces, keeps_both, key: None, berth: None },
        );
    }

    /// The content of this entry is not read.
    fn leave_out(&self, picked: &Picked) {
        picked.leave_out();
        if picked.entry.kind == EntryKind::File {
            add(&self.shared.maker.outcome.progress.done_files, 1);
            add(&self.shared.maker.outcome.progress.done_bytes, data_bytes(&picked.entry));
        }
    }

    /// Gives the job to the present batch, or to a batch or large file of its own.
    fn dispatch(&mut self, tasks: &Sender<Task>, mut job: Job) {
        if let Some(key) = Key::of(&job.picked.entry) {
            if !self.shared.links.claim(key) {
                job.picked.leave_out();
                job.how = How::Link(key);
                return self.push(tasks, job, &[]);
            }
            job.key = Some(key);
        }
        if job.picked.entry.kind != EntryKind::File {
            return self.push(tasks, job, &[]);
        }
        let ranges: usize = job.picked.parts().map(|(content, _)| content.as_slice().len()).sum();
        let mut frames: Vec<FrameName> = Vec::new();
        if ranges <= RANGES_AT_ONCE && job.picked.more.is_empty() {
            frames_of(&job.picked.entry.content, &mut frames);
        }
        let is_big = ranges > RANGES_AT_ONCE
            || !job.picked.more.is_empty()
            || frames.len() > self.shared.frames_at_once;
        // Continuations without content make no segment, and nobody would end the file.
        if is_big && ranges > 0 {
            return self.dispatch_big(tasks, job);
        }
        let pieces = job.picked.parts().map(|(content, check)| piece_of(content.is_empty(), check));
        job.how = How::Content(pieces.collect());
        self.push(tasks, job, &frames);
    }

    fn push(&mut self, tasks: &Sender<Task>, mut job: Job, frames: &[FrameName]) {
        job.berth = Berth::take(&job.slot.folder, job.slot.dir.as_ref());
        let is_other_folder = |slot: &Slot| !Arc::ptr_eq(&slot.folder, &job.slot.folder);
        let enters = self.batch.jobs.last().is_none_or(|last| is_other_folder(&last.slot));
        let added = frames.iter().filter(|name| !self.batch.frames.contains(name)).count();
        let is_full = self.batch.frames.len() + added > self.shared.frames_at_once
            || self.batch.jobs.len() >= BATCH_ENTRIES
            || (enters && self.folders_in_batch >= self.folders_at_once);
        if is_full {
            self.flush(tasks);
        }
        self.folders_in_batch += usize::from(enters || is_full);
        for name in frames {
            if !self.batch.frames.contains(name) {
                self.batch.frames.push(*name);
            }
        }
        self.batch.jobs.push(job);
    }

    fn flush(&mut self, tasks: &Sender<Task>) {
        self.folders_in_batch = 0;
        if !self.batch.jobs.is_empty() {
            // The workers take tasks until this end is dropped.
            let _ = tasks.send(Task::Batch(std::mem::take(&mut self.batch)));
        }
    }

    fn dispatch_big(&mut self, tasks: &Sender<Task>, job: Job) {
        // The batch in front of it goes first: who waits for a name of it must be behind it.
        self.flush(tasks);
        let mut segments: Vec<(Vec<_>, Vec<FrameName>, Option<Piece>)> = Vec::new();
        for (content, check) in job.picked.parts() {
            let ranges = content.as_slice();
            for Group { ranges: part, frames } in groups(ranges, self.shared.frames_at_once) {
                segments.push((ranges[part].to_vec(), frames, piece_of(false, check)));
            }
        }
        let file = BigFile::new(job, segments.len() as u32);
        for (number, (ranges, frames, piece)) in segments.into_iter().enumerate() {
            let _ = tasks.send(Task::Segment(file.segment(number as u32, ranges, frames, piece)));
        }
    }
}

/// The next piece of a hunk, for content that is read.
fn piece_of(is_empty: bool, check: Option<&Arc<super::hunk_check::HunkCheck>>) -> Option<Piece> {
    if is_empty { None } else { check.map(super::hunk_check::HunkCheck::piece) }
}

impl Tour<'_, '_> {
    /// The finding for an entry whose content no backup could ever read: as the snapshot has it.
    fn never_read(&mut self, entry: &Entry, outcome: &Outcome<'_>) -> Finding {
        let known = self.unread.get_or_insert_with(|| {
            let findings = self.reader.sealed().findings.iter();
            findings.map(|finding| (finding.path.clone(), finding.clone())).collect()
        });
        known.get(&entry.path).cloned().unwrap_or_else(|| Finding {
            path: entry.path.clone(),
            reason: FindingReason::ReadError,
            errno: 0,
            first_seen: outcome.now(),
            kept_previous: false,
        })
    }
}
