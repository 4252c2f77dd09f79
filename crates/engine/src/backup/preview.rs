//! What a first run would bring: the walk of a run without its reading and sending. Nothing is asked of a server.

use super::findings::{Findings, is_missing, reason_of};
use super::rules::Rules;
use super::walk::{Found, Place, Walk, normalised};
use super::why::Scope;
use crate::EngineError;
use crate::progress::{Phase, Progress, add};
use format::path;
use model::{Clock, Finding, FindingReason};
use platform::{FileKind, Stat};
use std::collections::HashSet;

/// What a run would bring when nothing of it were there.
#[derive(Debug, Clone, Default)]
pub struct Preview {
    /// Each path of the set with what lies below it, but for what lies below another one.
    pub roots: Vec<RootPreview>,
    /// Everything that could not be read, or could not be reached.
    pub findings: Vec<Finding>,
    /// Findings in all; `findings` lists no more than the format takes.
    pub finding_count: u64,
}

/// One path of a set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RootPreview {
    /// The path.
    pub path: Vec<u8>,
    /// Regular files.
    pub files: u64,
    /// Entries of every kind.
    pub entries: u64,
    /// Sizes of the files together, in bytes; a file with several names counts once in all of the set.
    pub bytes: u64,
}

/// Walks the set as a first run would, and opens each file without reading it.
///
/// # Errors
/// Rules or paths that no run takes, and [`EngineError::Stopped`].
pub fn preview(scope: &Scope, clock: &Clock, progress: &Progress) -> Result<Preview, EngineError> {
    if scope.paths.is_empty() {
        return Err(EngineError::EmptySet);
    }
    let roots = normalised(&scope.paths)?;
    let rules = Rules::new(&scope.exclusions, scope.exclude_caches, &scope.own_folders)?;
    let mut sums = Sums {
        roots: roots.iter().map(|path| RootPreview { path: path.clone(), ..Default::default() }).collect(),
        findings: Findings::new(clock.now(), &[]),
        linked: HashSet::new(),
        progress,
    };
    progress.enter(Phase::Working);
    let mut walk = Walk::new(roots, &rules, scope.one_file_system);
    while let Some(found) = walk.next() {
        progress.go_on()?;
        sums.take(found);
    }
    let (findings, finding_count) = sums.findings.list();
    Ok(Preview { roots: sums.roots, findings, finding_count })
}

struct Sums<'p> {
    roots: Vec<RootPreview>,
    findings: Findings,
    /// Files with several names that were counted.
    linked: HashSet<(u64, u64)>,
    progress: &'p Progress,
}

impl Sums<'_> {
    fn take(&mut self, found: Found) {
        match found {
            Found::Entry(place) | Found::MountHidden(place) => self.entry(&place),
            // No file comes without its attributes, and no folder is spared: this walk asks for all.
            Found::File { .. }
            | Found::Spared { .. }
            | Found::Parent { .. }
            | Found::ParentGone { .. }
            | Found::Root(_)
            | Found::RootMoved(_)
            | Found::RootEmpty { .. } => {}
            Found::RootGone { path, error } => {
                let reason = if is_missing(&error) { FindingReason::RootMissing } else { reason_of(&error) };
                self.findings.note(&path, reason, error.errno().unwrap_or(0), false);
            }
            Found::RootRefused { path, reason } => self.findings.note(&path, reason, 0, false),
            Found::Unreadable { path, error } => self.trouble(&path, reason_of(&error), &error),
            Found::Unlisted { path, error } => self.trouble(&path, FindingReason::FolderUnreadable, &error),
        }
    }

    fn entry(&mut self, Place { path, dir, stat }: &Place) {
        let is_file = stat.kind == FileKind::File;
        let bytes = if is_file && self.is_first_name(stat) { stat.size_bytes } else { 0 };
        // The innermost root: they are sorted, so the last one that fits.
        if let Some(root) = self.roots.iter_mut().rfind(|root| path::is_within(path, &root.path)) {
            root.entries += 1;
            root.files += u64::from(is_file);
            root.bytes += bytes;
        }
        add(&self.progress.done_files, u64::from(is_file));
        add(&self.progress.done_bytes, bytes);
        if is_file && let Err(error) = dir.open_file(path::name(path)) {
            self.trouble(path, reason_of(&error), &error);
        }
    }

    fn is_first_name(&mut self, stat: &Stat) -> bool {
        stat.nlink < 2 || self.linked.insert((stat.dev, stat.ino))
    }

    fn trouble(&self, path: &[u8], reason: FindingReason, error: &platform::Error) {
        // Gone since its folder was listed: a run would not see it either.
        if !error.is_not_found() {
            self.findings.note(path, reason, error.errno().unwrap_or(0), false);
        }
        self.progress.findings.store(self.findings.count(), std::sync::atomic::Ordering::Relaxed);
    }
}
