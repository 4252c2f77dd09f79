//! Verification of a snapshot by those with keys: the list of entries, and if asked the content of every file, are read
//! and checked as a restore would, and nothing is written.

use crate::EngineError;
use crate::frames::FrameName;
use crate::progress::{Phase, Progress, add};
use crate::reader::SnapshotReader;
use crate::runs::data_bytes;
use format::entry::{Entry, EntryKind, flags};
use format::hunk::Hunk;
use format::snapshot::Counts;
use format::{limits, path};
use model::{Clock, Finding, FindingReason, Timestamp};
use std::collections::HashMap;

mod frames;
use frames::{Frames, Known};

/// Frames that are fetched before the hunks that refer to them are checked.
const FRAMES_AT_ONCE: usize = 48;
/// Hunks that wait for that at most: many refer to no frame that is still to come.
const HUNKS_AT_ONCE: usize = 32;

/// What a verification found.
#[derive(Debug, Clone, Default)]
pub struct VerifyReport {
    /// Hunks that were read.
    pub hunks: u64,
    /// What the entries in them add up to.
    pub counts: Counts,
    /// False when the sums in the snapshot's record are others, although every hunk was read.
    pub counts_fit: bool,
    /// Data frames that were fetched and checked; 0 unless content was asked for.
    pub frames: u64,
    /// Their content in bytes.
    pub read_bytes: u64,
    /// Files whose content is damaged or missing, and parts of the list of entries that cannot be read, each by the
    /// path that it begins with. No more than the format lists in a snapshot.
    pub findings: Vec<Finding>,
    /// Findings in all.
    pub finding_count: u64,
    /// What the backup missed, as far as the snapshot lists it: the snapshot is no worse for it, and cannot bring it.
    pub missed: u64,
}

impl VerifyReport {
    /// True when everything that was read is right.
    pub const fn is_good(&self) -> bool {
        self.finding_count == 0 && self.counts_fit
    }
}

/// Reads the whole list of entries; with `read_data` also every frame of content, once.
pub fn verify(
    reader: &SnapshotReader<'_>,
    read_data: bool,
    progress: &Progress,
) -> Result<VerifyReport, EngineError> {
    let counts = reader.clear().counts;
    add(&progress.total_files, counts.files);
    add(&progress.total_bytes, if read_data { counts.bytes } else { 0 });
    progress.total_known();
    progress.enter(if read_data { Phase::Preparing } else { Phase::Working });
    let mut check = Check {
        reader,
        progress,
        report: VerifyReport::default(),
        now: Clock::system().now(),
        last_path: Vec::new(),
        last_part: None,
    };
    check.report.missed = reader.missed(b"/").count() as u64;
    let uses = check.lists(read_data)?;
    if read_data {
        progress.enter(Phase::Working);
        check.contents(uses)?;
    }
    check.report.findings.sort_by(|a, b| path::compare(&a.path, &b.path));
    Ok(check.report)
}

struct Check<'c> {
    reader: &'c SnapshotReader<'c>,
    progress: &'c Progress,
    report: VerifyReport,
    now: Timestamp,
    last_path: Vec<u8>,
    /// Its part number when it is a continuation, else 0. None at the beginning and after a lost hunk.
    last_part: Option<u64>,
}

impl Check<'_> {
    fn note(&mut self, path: &[u8]) {
        add(&self.progress.findings, 1);
        self.report.finding_count += 1;
        if self.report.findings.len() < limits::SNAPSHOT_FINDINGS_MAX {
            let (reason, first_seen) = (FindingReason::Damaged, self.now);
            self.report.findings.push(Finding {
                path: path.to_vec(),
                reason,
                errno: 0,
                first_seen,
                kept_previous: false,
            });
        }
    }

    /// Reads all hunks. Gives how many hunks refer to each frame, for `count_uses`.
    fn lists(&mut self, count_uses: bool) -> Result<HashMap<FrameName, u32>, EngineError> {
        let mut uses = HashMap::new();
        let (mut counts, mut is_whole) = (Counts::default(), true);
        let reader = self.reader;
        for (number, hunk) in reader.hunks(0..reader.hunk_addresses().len()) {
            self.progress.go_on()?;
            let told = &reader.sealed().hunks[number];
            let hunk = match hunk {
                Ok(hunk) => hunk,
                Err(error @ EngineError::Damaged { .. }) => {
                    tracing::warn!(hunk = number, %error, "a part of the snapshot's list cannot be read");
                    is_whole = false;
                    self.last_part = None;
                    self.note(&told.first_path);
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.report.hunks += 1;
            let first = hunk.entries.first().map(|entry| &entry.path);
            if hunk.entries.len() as u64 != told.entries || first != Some(&told.first_path) {
                self.note(&told.first_path);
            }
            for entry in &hunk.entries {
                self.order(entry);
                let is_file = entry.kind == EntryKind::File;
                counts.files += u64::from(is_file);
                counts.bytes += if is_file { entry.size } else { 0 };
                // A continuation is a part of the entry before it.
                counts.entries += u64::from(entry.kind != EntryKind::Continuation);
                add(&self.progress.done_files, u64::from(is_file && !count_uses));
            }
            if count_uses {
                for name in frames::names_of(&hunk) {
                    *uses.entry(name).or_insert(0) += 1;
                }
            }
        }
        counts.findings = reader.clear().counts.findings;
        self.report.counts = counts;
        self.report.counts_fit = !is_whole || counts == reader.clear().counts;
        Ok(uses)
    }

    /// Entries ascend, also from hunk to hunk; a continuation is the next part of the file before it.
    fn order(&mut self, entry: &Entry) {
        let is_right = if entry.kind == EntryKind::Continuation {
            // After a lost hunk the number is not known, and the loss was told.
            let part = self.last_part.map_or(entry.rare.part, |last| last + 1);
            entry.is_part_of(&self.last_path, part)
        } else {
            path::compare(&self.last_path, &entry.path).is_lt()
        };
        if !is_right {
            self.note(&entry.path);
        }
        self.last_path.clone_from(&entry.path);
        self.last_part = Some(if entry.kind == EntryKind::Continuation { entry.rare.part } else { 0 });
    }

    /// Reads all content, a few hunks at a time.
    fn contents(&mut self, uses: HashMap<FrameName, u32>) -> Result<(), EngineError> {
        let reader = self.reader;
        let mut frames = Frames::new(reader, uses);
        let mut waiting: Vec<Hunk> = Vec::new();
        let mut file = None;
        for (_, hunk) in reader.hunks(0..reader.hunk_addresses().len()) {
            // Those that cannot be read were noted by the first pass.
            let hunk = match hunk {
                Ok(hunk) => hunk,
                Err(EngineError::Damaged { .. }) => continue,
                Err(error) => return Err(error),
            };
            frames.want(&hunk);
            waiting.push(hunk);
            if frames.wanted() >= FRAMES_AT_ONCE || waiting.len() >= HUNKS_AT_ONCE {
                self.settle(&mut frames, &mut waiting, &mut file)?;
            }
        }
        self.settle(&mut frames, &mut waiting, &mut file)?;
        self.end_file(file.take());
        (self.report.frames, self.report.read_bytes) = (frames.fetched, frames.fetched_bytes);
        Ok(())
    }

    /// Fetches what is wanted and checks the hunks that wait for it.
    fn settle(
        &mut self,
        frames: &mut Frames<'_>,
        waiting: &mut Vec<Hunk>,
        file: &mut Option<Open>,
    ) -> Result<(), EngineError> {
        frames.fetch(self.progress)?;
        for hunk in waiting.drain(..) {
            self.hunk(frames, &hunk, file);
            frames.release(&hunk);
        }
        Ok(())
    }

    fn hunk(&mut self, frames: &Frames<'_>, hunk: &Hunk, file: &mut Option<Open>) {
        let mut digest = self.reader.id_keys().content_digest();
        let mut is_whole = true;
        for entry in &hunk.entries {
            if entry.kind != EntryKind::Continuation {
                self.end_file(file.take());
            }
            if entry.kind == EntryKind::File {
                *file = Some(Open::new(entry));
            }
            for range in entry.content.as_slice() {
                let known = frames.get(&(range.pack, range.frame)).and_then(Known::as_ref);
                let part = known.and_then(|known| known.part(range.first, range.count));
                match (part, file.as_mut()) {
                    (Some((ids, bytes)), file) => {
                        digest.update(ids);
                        file.into_iter().for_each(|file| file.bytes += bytes);
                    }
                    (None, file) => {
                        is_whole = false;
                        file.into_iter().for_each(|file| file.is_damaged = true);
                    }
                }
            }
        }
        if is_whole && digest.finish() != hunk.digest {
            // Which file it is, the digest does not tell. The one that goes on in the next hunk is told at its end.
            for entry in hunk.entries.iter().filter(|entry| !entry.content.is_empty()) {
                match file.as_mut().filter(|file| file.path == entry.path) {
                    Some(file) => file.is_damaged = true,
                    None => self.note(&entry.path),
                }
            }
        }
    }

    fn end_file(&mut self, file: Option<Open>) {
        let Some(file) = file else { return };
        if file.is_damaged || file.bytes != file.wanted {
            self.note(&file.path);
        }
        add(&self.progress.done_files, 1);
        add(&self.progress.done_bytes, file.size);
    }
}

/// A file whose content is being added up.
struct Open {
    path: Vec<u8>,
    size: u64,
    wanted: u64,
    bytes: u64,
    is_damaged: bool,
}

impl Open {
    fn new(entry: &Entry) -> Self {
        // Content that was never read is no damage: the snapshot's own findings tell it.
        let wanted = if entry.has(flags::UNREAD) { 0 } else { data_bytes(entry) };
        Self { path: entry.path.clone(), size: entry.size, wanted, bytes: 0, is_damaged: false }
    }
}
