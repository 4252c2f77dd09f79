//! The threads of a restore: each takes a batch of entries, gets the frames that they need with one request, and
//! writes them out.

use super::attributes::CLOSED_MODE;
use super::big_file::{self, Segment};
use super::folder::Maker;
use super::hunk_check::Piece;
use super::links::{FirstName, Key, Links};
use super::naming::Berth;
use super::outcome::Trouble;
use super::source::Picked;
use super::tree::Slot;
use crate::EngineError;
use crate::content::{collect, groups};
use crate::frame_cache::{FrameCache, Opened};
use crate::frames::FrameName;
use crate::progress::add;
use crate::runs::{Runs, data_bytes};
use crossbeam_channel::Receiver;
use format::entry::{Entry, EntryKind};
use format::ranges::Range;
use model::failpoint;
use platform::errno;
use platform::{Dir, FileKind, Node};
use std::fs::File;
use std::sync::Arc;

/// What all threads of a restore share.
pub(super) struct Shared<'s> {
    pub(super) maker: Maker<'s>,
    pub(super) cache: FrameCache<'s>,
    pub(super) links: Links,
    /// The target's own folder.
    pub(super) base: Arc<Dir>,
    /// Frames that one request asks for at most.
    pub(super) frames_at_once: usize,
}

/// One thing to do.
pub(super) enum Task {
    /// Entries whose content lies in a few frames.
    Batch(Batch),
    /// A part of a large file.
    Segment(Segment),
}

/// Entries that are written by one thread, in order.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) jobs: Vec<Job>,
    /// The frames that hold their content.
    pub(super) frames: Vec<FrameName>,
}

/// One entry and its place.
pub(super) struct Job {
    pub(super) slot: Slot,
    pub(super) picked: Box<Picked>,
    pub(super) how: How,
    /// What is there goes.
    pub(super) replaces: bool,
    /// It is restored beside what is there.
    pub(super) keeps_both: bool,
    /// The file has other names.
    pub(super) key: Option<Key>,
    /// It is made under its own name, which is not seen before its folder's.
    pub(super) berth: Option<Berth>,
}

/// How an entry is restored.
pub(super) enum How {
    /// A file from content in the batch's frames, with the check of each of its parts.
    Content(Vec<Option<Piece>>),
    /// A link, pipe, socket or device.
    Special,
    /// As a further name of a file that another job restores.
    Link(Key),
}

/// Works until the channel ends. When the restore is over early, takes what is left off it and drops it.
pub(super) fn work(shared: &Shared<'_>, tasks: &Receiver<Task>) {
    for task in tasks {
        match task {
            Task::Batch(batch) => shared.run_batch(batch),
            Task::Segment(segment) => big_file::run(shared, segment),
        }
    }
}

impl Shared<'_> {
    fn run_batch(&self, batch: Batch) {
        let outcome = self.maker.outcome;
        let opened = if outcome.is_over() { Ok(Opened::default()) } else { self.cache.get(&batch.frames) };
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => {
                outcome.fail(error);
                Opened::default()
            }
        };
        for mut job in batch.jobs {
            if outcome.is_over() {
                job.key.into_iter().for_each(|key| self.links.failed(key));
                continue;
            }
            let result = self.restore(&mut job, &opened);
            self.settle(job, result);
        }
    }

    /// Counts what was restored or notes why not, and lets go of the folder.
    pub(super) fn settle(&self, job: Job, result: Result<u64, Trouble>) {
        let outcome = self.maker.outcome;
        let entry = &job.picked.entry;
        match result {
            Ok(bytes) => {
                add(&outcome.entries, 1);
                add(&outcome.bytes, bytes);
                add(&outcome.files, u64::from(entry.kind == EntryKind::File));
                add(&outcome.kept_both, u64::from(job.keeps_both));
                if let Some(key) = job.key {
                    self.links.done(key, FirstName::new(&job.slot.folder, &job.slot.name));
                }
            }
            Err(trouble) => {
                outcome.note(&entry.path, trouble);
                job.key.into_iter().for_each(|key| self.links.failed(key));
            }
        }
        if entry.kind == EntryKind::File {
            add(&outcome.progress.done_files, 1);
        }
        // Before its folder is let go, which gets its attributes then.
        drop(job.berth);
        let Slot { folder, dir, .. } = job.slot;
        drop(job.picked);
        self.maker.release(folder, dir);
    }

    /// Gives the bytes of content that were written.
    fn restore(&self, job: &mut Job, opened: &Opened) -> Result<u64, Trouble> {
        let dir = job.slot.dir.clone().ok_or(Trouble::DAMAGED)?;
        match std::mem::replace(&mut job.how, How::Special) {
            How::Content(pieces) => self.restore_file(job, &dir, opened, pieces),
            How::Special => self.restore_special(job, &dir).map(|()| 0),
            How::Link(key) => self.restore_link(job, &dir, key),
        }
    }

    fn restore_file(
        &self,
        job: &Job,
        dir: &Dir,
        opened: &Opened,
        pieces: Vec<Option<Piece>>,
    ) -> Result<u64, Trouble> {
        let mut content = Vec::new();
        for ((ranges, _), piece) in job.picked.parts().zip(pieces) {
            let mut ids = Vec::new();
            collect(ranges.as_slice(), opened, &mut content, &mut ids).ok_or(Trouble::DAMAGED)?;
            if let Some(piece) = piece {
                piece.submit(ids);
            }
        }
        let entry = &job.picked.entry;
        let runs = Runs::of(entry).ok_or(Trouble::DAMAGED)?;
        let bytes: u64 = content.iter().map(|part| part.len() as u64).sum();
        if bytes != runs.data_bytes() || !job.picked.is_whole {
            return Err(Trouble::DAMAGED);
        }
        failpoint::hit("restore.before_create");
        let (temp, file) = self.create_file(job, dir)?;
        let written = (|| {
            runs.begin(&file)?;
            failpoint::hit("restore.before_write");
            let mut from = 0;
            for part in content {
                runs.write(&file, from, part)?;
                from += part.len() as u64;
                add(&self.maker.outcome.progress.done_bytes, part.len() as u64);
            }
            self.publish(job, dir, &temp, Some(&file))
        })();
        if written.is_err() {
            // The first error is the one to report; the leftover is recognisable.
            let _ = dir.remove_file(&temp);
        }
        written.map(|()| bytes)
    }

    /// The name under which the entry of a job is made.
    fn first_name(&self, job: &Job) -> Vec<u8> {
        if job.berth.is_some() { job.slot.name.clone() } else { self.maker.temp_names.next() }
    }

    /// Makes the new file of a job, and gives the name that it has first.
    pub(super) fn create_file(&self, job: &Job, dir: &Dir) -> Result<(Vec<u8>, File), Trouble> {
        let name = self.first_name(job);
        let mode = self.maker.attributes.first_mode(&job.picked.entry, job.slot.folder.traits);
        let file = dir.create_file_as(&name, mode).map_err(taken)?;
        Ok((name, file))
    }

    /// Sets the attributes of what was made as `made`, and gives it its name unless that is it.
    pub(super) fn publish(
        &self,
        job: &Job,
        dir: &Dir,
        made: &[u8],
        file: Option<&File>,
    ) -> Result<(), Trouble> {
        let (entry, traits) = (&job.picked.entry, job.slot.folder.traits);
        let attributes = &self.maker.attributes;
        let (node, mode) = match file {
            Some(file) => (Node::File(file), attributes.first_mode(entry, traits)),
            None => (Node::Child(dir, made), CLOSED_MODE),
        };
        let missed = attributes.set(node, entry, traits.made(Some(mode)));
        if job.berth.is_none() {
            failpoint::hit("restore.before_rename");
            rename(dir, made, &job.slot.name, job.replaces)?;
            failpoint::hit("restore.after_rename");
        }
        if let Some(errno) = missed.errno() {
            self.maker.note_attributes(&entry.path, errno);
        }
        Ok(())
    }

    fn restore_special(&self, job: &Job, dir: &Dir) -> Result<(), Trouble> {
        let entry = &job.picked.entry;
        let temp = self.first_name(job);
        failpoint::hit("restore.before_create");
        make_special(dir, &temp, entry)?;
        let published = self.publish(job, dir, &temp, None);
        if published.is_err() {
            let _ = dir.remove_file(&temp);
        }
        published
    }

    fn restore_link(&self, job: &mut Job, dir: &Dir, key: Key) -> Result<u64, Trouble> {
        if let Some(first) = self.links.wait(key) {
            let from = first.open(&self.base);
            let linked = from.and_then(|from| self.link(&from, &first.name, dir, job));
            match linked {
                Ok(()) => {
                    let bytes = data_bytes(&job.picked.entry);
                    add(&self.maker.outcome.progress.done_bytes, bytes);
                    return Ok(0);
                }
                Err(trouble) if trouble.errno == errno::EEXIST => return Err(trouble),
                // Too many names, another file system, or one without such links: it gets content of its own.
                Err(trouble) => self.maker.note_attributes(&job.picked.entry.path, trouble.errno),
            }
        } else {
            job.key = Some(key);
        }
        if job.picked.entry.kind == EntryKind::File {
            self.restore_alone(job, dir)
        } else {
            self.restore_special(job, dir).map(|()| 0)
        }
    }

    fn link(&self, from: &Dir, first: &[u8], dir: &Dir, job: &Job) -> Result<(), Trouble> {
        failpoint::hit("restore.before_link");
        if !job.replaces {
            return dir.create_hard_link(from, first, &job.slot.name).map_err(taken);
        }
        let temp = self.maker.temp_names.next();
        dir.create_hard_link(from, first, &temp)?;
        let renamed = dir.rename_over(&temp, &job.slot.name);
        // Where the name already was one of this file, the kernel renames nothing and the temporary one stays.
        let _ = dir.remove_file(&temp);
        Ok(renamed?)
    }

    /// Restores a file whose frames are not in its batch, a few frames at a time.
    fn restore_alone(&self, job: &Job, dir: &Dir) -> Result<u64, Trouble> {
        let runs = Runs::of(&job.picked.entry).filter(|_| job.picked.is_whole).ok_or(Trouble::DAMAGED)?;
        let (temp, file) = self.create_file(job, dir)?;
        let written = (|| {
            runs.begin(&file)?;
            let mut from = 0;
            let ranges: Vec<Range> =
                job.picked.parts().flat_map(|(ranges, _)| ranges.as_slice()).copied().collect();
            for group in groups(&ranges, self.frames_at_once) {
                let opened = self.cache.get(&group.frames).map_err(|error| self.interrupted(error))?;
                let (mut content, mut ids) = (Vec::new(), Vec::new());
                collect(&ranges[group.ranges], &opened, &mut content, &mut ids).ok_or(Trouble::DAMAGED)?;
                for part in content {
                    if from + part.len() as u64 > runs.data_bytes() {
                        return Err(Trouble::DAMAGED);
                    }
                    runs.write(&file, from, part)?;
                    from += part.len() as u64;
                    add(&self.maker.outcome.progress.done_bytes, part.len() as u64);
                }
            }
            if from != runs.data_bytes() {
                return Err(Trouble::DAMAGED);
            }
            self.publish(job, dir, &temp, Some(&file))?;
            Ok(from)
        })();
        if written.is_err() {
            let _ = dir.remove_file(&temp);
        }
        written
    }

    /// Ends the restore because the server cannot be asked. The trouble that it gives is seen by nobody.
    fn interrupted(&self, error: EngineError) -> Trouble {
        self.maker.outcome.fail(error);
        Trouble::DAMAGED
    }
}

fn make_special(dir: &Dir, name: &[u8], entry: &Entry) -> Result<(), Trouble> {
    let kind = match entry.kind {
        EntryKind::Symlink => {
            let target = entry.rare.target.as_ref().ok_or(Trouble::DAMAGED)?;
            return Ok(dir.create_symlink(target, name)?);
        }
        EntryKind::Fifo => FileKind::Fifo,
        EntryKind::Socket => FileKind::Socket,
        EntryKind::CharDevice => FileKind::CharDevice,
        EntryKind::BlockDevice => FileKind::BlockDevice,
        EntryKind::File | EntryKind::Dir | EntryKind::Continuation => return Err(Trouble::DAMAGED),
    };
    let device = match (kind, entry.rare.device) {
        (FileKind::CharDevice | FileKind::BlockDevice, None) => return Err(Trouble::DAMAGED),
        (_, device) => device.unwrap_or_default(),
    };
    Ok(dir.create_special(name, kind, device, CLOSED_MODE)?)
}

/// Gives `temp` its name. A name that somebody has taken meanwhile stays theirs.
fn rename(dir: &Dir, temp: &[u8], name: &[u8], replaces: bool) -> Result<(), Trouble> {
    let renamed = if replaces { dir.rename_over(temp, name) } else { dir.rename_noreplace(temp, name) };
    renamed.map_err(taken)
}

fn taken(error: platform::Error) -> Trouble {
    if error.is_already_exists() {
        Trouble::new(model::FindingReason::Skipped, errno::EEXIST)
    } else {
        error.into()
    }
}
