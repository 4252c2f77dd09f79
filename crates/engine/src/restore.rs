//! A restore: entries of a snapshot become files again, below a folder or where they were.
//!
//! It writes through temporary names, opens every folder name by name without following symbolic links, and can be
//! repeated after an interruption. Asking the user, wording and times of day belong to the callers.

use crate::EngineError;
use crate::progress::Progress;
use crate::reader::SnapshotReader;
use model::{Code, Finding};
use platform::{Dir, FileSystemKind, Names};
use std::path::PathBuf;

mod attributes;
mod big_file;
mod decide;
mod folder;
mod hunk_check;
mod links;
mod naming;
mod outcome;
mod place;
mod planner;
mod probe;
mod source;
mod start;
mod survey;
mod temp_names;
mod tree;
mod worker;
mod write_back;

pub use folder::FILLING_MODE;
pub use links::Key;
pub use start::NEW_MODE;

/// Begins every temporary name of a restore. What a kill leaves behind is recognised by it.
pub const TEMP_PREFIX: &[u8] = b".holdfast-restore-";

/// Where restored files go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Below a folder, which is made when missing.
    Folder {
        /// The folder.
        to: PathBuf,
        /// What is put into it.
        layout: Layout,
    },
    /// Where they were.
    InPlace,
}

/// What a restore puts into its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// The absolute paths of the snapshot.
    Absolute,
    /// What each selected folder holds; a selected file itself.
    Contents,
}

/// What happens to a name that is taken by something that is not a folder, or by a folder where none is restored.
/// An existing file of equal size and modification time counts as unchanged under every rule but [`Conflict::Refuse`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// Nothing at all is restored.
    Refuse,
    /// The restored one gets another name, with the request's label in it.
    KeepBoth,
    /// The restored one takes its place, unless it is certain that the file has not changed since it was backed up.
    Replace,
    /// As `Replace` when the restored one was modified later; otherwise as `Skip`.
    ReplaceIfNewer,
    /// The existing one stays.
    Skip,
}

/// What to restore, and how.
#[derive(Debug, Clone)]
pub struct RestoreRequest {
    /// Absolute paths inside the snapshot; none means all of it.
    pub selections: Vec<Vec<u8>>,
    /// Where to.
    pub target: Target,
    /// What happens to names that are taken.
    pub conflict: Conflict,
    /// Stands in the names that [`Conflict::KeepBoth`] makes, such as `restored 2026-11-24 10.30`. An interrupted
    /// restore is resumed with the same label.
    pub label: String,
    /// An interrupted restore goes on: names that are there with equal kind, size and modification time are taken as
    /// done, and what a kill left under temporary names is removed.
    pub resume: bool,
    /// The machine was started again since the restore that is resumed: what that one wrote may not all have reached
    /// the disk. A file that it may have made is written anew under [`Conflict::Refuse`] and [`Conflict::Replace`];
    /// under the other rules it cannot be told from the user's.
    pub after_restart: bool,
    /// A restore of another snapshot into the same target was cut short: what a kill left under temporary names is
    /// removed all the same, and all else is taken for the user's.
    pub after_another: bool,
    /// Wait until all of it is on stable storage. Without it a new file gets there when the system writes it out, as with
    /// any other program, unless something that was there may be replaced, or the target is on a network: then a
    /// restore always waits, since an error would be told nowhere else, or cost what was there before.
    pub durable: bool,
    /// Threads that decode and write; 0 means one more than there are cores.
    pub workers: usize,
}

/// What a restore did. Bytes are of content; holes of sparse files do not count.
#[derive(Debug, Clone, Default)]
pub struct RestoreSummary {
    /// Regular files that were restored, each name counted.
    pub files: u64,
    /// Bytes that were written to them.
    pub bytes: u64,
    /// Names of every kind that were restored, folders included.
    pub entries: u64,
    /// Names that were there already, equal in kind, size and modification time.
    pub unchanged: u64,
    /// Names that were left as they are by the rule for conflicts, with all below them.
    pub skipped: u64,
    /// Names that were restored beside an existing one.
    pub kept_both: u64,
    /// What could not be restored, or not as it was; no more than the format lists in a snapshot.
    pub findings: Vec<Finding>,
    /// Findings in all.
    pub finding_count: u64,
    /// Why the restore ended before its end: the target is full or has become read-only.
    pub ended_early: Option<Code>,
}

/// What would happen to one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// It is made.
    Create,
    /// A folder that is there; what it holds is restored into it.
    Enter,
    /// It is there already and stays.
    Unchanged,
    /// It takes the place of what is there.
    Replace,
    /// It is made under another name.
    KeepBoth,
    /// What is there stays, and this and all below it is left out.
    Skip,
    /// The name is taken, so nothing at all is restored.
    Refuse,
    /// A symbolic link or a folder is in the way, and all below it is left out.
    Blocked,
}

/// One line of a dry run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Path in the snapshot.
    pub path: Vec<u8>,
    /// Where it goes.
    pub to: PathBuf,
    /// What would happen.
    pub action: Action,
    /// Bytes that would be written.
    pub bytes: u64,
}

/// What a restore would do, and what stands against it.
#[derive(Debug, Clone, Default)]
pub struct RestorePlan {
    /// Regular files that would be written.
    pub files: u64,
    /// Bytes that would be written to them.
    pub bytes: u64,
    /// Names of every kind that would be made or replaced.
    pub entries: u64,
    /// Names that are there already.
    pub unchanged: u64,
    /// Names that would be left out, as far as they are known.
    pub skipped: u64,
    /// Names among them that something is in the way of which is never replaced, or that cannot be looked at: the
    /// restore would have a finding for each. What lies below them is left out too.
    pub blocked: u64,
    /// What the backup missed of the selection, or could not read: the restore would have a finding for each.
    pub missed: u64,
    /// Names that would be restored beside an existing one.
    pub kept_both: u64,
    /// Names that are taken, under [`Conflict::Refuse`].
    pub conflicts: u64,
    /// The first of them.
    pub first_conflict: Option<PathBuf>,
    /// Bytes that are free at the target; `None` in place.
    pub available_bytes: Option<u64>,
    /// A name that another one differs from only in case, where the target is known not to tell them apart.
    pub case_clash: Option<PathBuf>,
    /// Parts of the list of entries that cannot be read, each by the path that it begins with.
    pub unreadable_lists: Vec<Vec<u8>>,
}

/// Tells what [`run`] would do, entry by entry, and changes nothing.
pub fn plan(
    reader: &SnapshotReader<'_>,
    request: &RestoreRequest,
    progress: &Progress,
    sink: &mut dyn FnMut(&Planned),
) -> Result<RestorePlan, EngineError> {
    let start = start::Start::find(reader, request)?;
    survey::survey(reader, request, &start, progress, sink)
}

/// Restores. Space, existing names and names that differ only in case are checked before anything is written.
/// Files that cannot be restored are findings of the summary; an error means that the restore stopped and can be
/// resumed.
pub fn run(
    reader: &SnapshotReader<'_>,
    request: &RestoreRequest,
    names: &Names,
    progress: &Progress,
) -> Result<RestoreSummary, EngineError> {
    planner::run(reader, request, names, progress, probe::ignores_case)
}

impl RestoreRequest {
    /// Whether the end of a restore into `dir` is on stable storage.
    fn waits_for_disk(&self, dir: &Dir) -> bool {
        self.durable
            || matches!(self.conflict, Conflict::Replace | Conflict::ReplaceIfNewer)
            || dir.file_system_kind().ok() != Some(FileSystemKind::Local)
    }

    /// Whether temporary names in the target may be those of an earlier restore.
    const fn removes_leftovers(&self) -> bool {
        self.resume || self.after_another
    }

    /// A restore into `to` under the absolute paths of the snapshot, which refuses when names are taken.
    pub fn into_folder(to: impl Into<PathBuf>, layout: Layout) -> Self {
        Self {
            selections: Vec::new(),
            target: Target::Folder { to: to.into(), layout },
            conflict: Conflict::Refuse,
            label: String::new(),
            resume: false,
            after_restart: false,
            after_another: false,
            durable: false,
            workers: 0,
        }
    }
}

#[cfg(test)]
mod tests;
