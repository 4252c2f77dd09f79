//! What commands and the service say to each other over the socket in the state folder: the command sends one line of
//! JSON, the service answers with lines until it has nothing more to say.

use super::desktop_view::DesktopView;
use crate::AgentError;
use crate::change::SettingsChange;
use crate::run::Manner;
use crate::sets::{Change, Choice, Wish};
use crate::state::settings::{BackupSet, StoredPath};
use engine::backup::BackupSummary;
use engine::progress::{Phase, Progress};
use model::{Code, Finding, FindingReason, SnapshotId, Timestamp};
use serde::{Deserialize, Serialize};
use status::{Status, Transition};
use std::sync::atomic::{AtomicU64, Ordering};

/// The longest line in either direction, in bytes. Lists of findings are the longest.
pub(super) const LINE_MAX: u64 = 256 << 20;
/// The longest command, in bytes.
pub(super) const COMMAND_MAX: u64 = 1 << 20;

/// What a command sends.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    /// The program's version: service and program are of one version, or the service is to be restarted.
    pub(super) version: String,
    pub(super) command: Command,
}

/// What the service is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Command {
    /// The status, once or with each change.
    Status {
        /// With each change, until the asker goes.
        watch: bool,
    },
    /// A backup, and its end.
    Backup(Order),
    /// To stop the backup.
    Cancel,
    /// To pause.
    Pause(PauseWish),
    /// To end the pause.
    Resume,
    /// To change the settings.
    Change(SettingsChange),
    /// What a desktop shows, with each change, until the asker goes.
    Desktop,
}

/// Which backup is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    paths: Vec<StoredPath>,
    set: Option<String>,
    exclude: Vec<String>,
    one_file_system: bool,
    no_default_exclusions: bool,
    update: bool,
    accept_changed_roots: bool,
    is_watched: bool,
}

/// For how long to pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PauseWish {
    /// So many seconds.
    Seconds(u64),
    /// Until the next backup would be due after the usual interval.
    Next,
    /// Until then.
    Until(Timestamp),
}

/// What the service answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    /// A sign of life.
    Working,
    /// The status.
    Status(Box<Status>),
    /// What a desktop shows.
    Desktop(Box<DesktopView>),
    /// Something that comes up on a desktop and is over.
    Event(Box<Transition>),
    /// The set that is backed up.
    Chosen(ChosenSet),
    /// How far the backup is.
    Progress(Counters),
    /// The backup is made.
    Made(Box<Made>),
    /// When the pause ends.
    Paused {
        /// By itself.
        until: Timestamp,
    },
    /// It is done.
    Done,
    /// It is not.
    Failed { code: String, message: String },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ChosenSet {
    name: String,
    set: BackupSet,
    change: ChangeWord,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChangeWord {
    None,
    Created,
    Updated,
}

/// The counters of a run, as they travel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counters {
    phase: u8,
    total_known: bool,
    counters: Vec<u64>,
}

/// A backup that was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Made {
    set: String,
    snapshot: SnapshotId,
    files: u64,
    entries: u64,
    bytes: u64,
    read_bytes: u64,
    new_bytes: u64,
    stored_bytes: u64,
    findings: Vec<Found>,
    finding_count: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Found {
    path: api::Blob,
    reason: FindingReason,
    errno: i32,
    first_seen: Timestamp,
    kept_previous: bool,
}

impl Order {
    pub(super) fn new(wish: &Wish, manner: Manner) -> Self {
        Self {
            paths: wish.paths.iter().cloned().map(StoredPath).collect(),
            set: wish.set.clone(),
            exclude: wish.exclude.clone(),
            one_file_system: wish.one_file_system,
            no_default_exclusions: wish.no_default_exclusions,
            update: wish.update,
            accept_changed_roots: manner.accept_changed_roots,
            is_watched: manner.is_watched,
        }
    }

    pub(super) fn into_parts(self) -> (Wish, Manner) {
        let wish = Wish {
            paths: self.paths.into_iter().map(|path| path.0).collect(),
            set: self.set,
            exclude: self.exclude,
            one_file_system: self.one_file_system,
            no_default_exclusions: self.no_default_exclusions,
            update: self.update,
        };
        (
            wish,
            Manner {
                accept_changed_roots: self.accept_changed_roots,
                is_watched: self.is_watched,
                walks_all: true,
            },
        )
    }
}

impl ChosenSet {
    pub(super) fn new(choice: &Choice) -> Self {
        let change = match choice.change {
            Change::None => ChangeWord::None,
            Change::Created => ChangeWord::Created,
            Change::Updated => ChangeWord::Updated,
        };
        Self { name: choice.name.clone(), set: choice.set.clone(), change }
    }

    pub(super) fn into_choice(self) -> Choice {
        let change = match self.change {
            ChangeWord::None => Change::None,
            ChangeWord::Created => Change::Created,
            ChangeWord::Updated => Change::Updated,
        };
        Choice { name: self.name, set: self.set, change }
    }
}

/// The counters in the order in which they travel.
fn counters(progress: &Progress) -> [&AtomicU64; 8] {
    let Progress {
        total_files,
        total_bytes,
        done_files,
        done_bytes,
        read_bytes,
        new_bytes,
        stored_bytes,
        findings,
        ..
    } = progress;
    [total_files, total_bytes, done_files, done_bytes, read_bytes, new_bytes, stored_bytes, findings]
}

impl Counters {
    pub(super) fn of(progress: &Progress) -> Self {
        Self {
            phase: progress.phase() as u8,
            total_known: progress.total_is_known(),
            counters: counters(progress).iter().map(|counter| counter.load(Ordering::Relaxed)).collect(),
        }
    }

    /// Shows them as if the run took place here.
    pub(super) fn show(&self, progress: &Progress) {
        progress.enter(match self.phase {
            0 => Phase::Preparing,
            1 => Phase::Working,
            _ => Phase::Finishing,
        });
        if self.total_known {
            progress.total_known();
        }
        for (counter, value) in counters(progress).iter().zip(&self.counters) {
            counter.store(*value, Ordering::Relaxed);
        }
    }
}

impl Made {
    pub(super) fn new(set: &str, summary: BackupSummary) -> Self {
        let found = |finding: Finding| Found {
            path: api::Blob(finding.path),
            reason: finding.reason,
            errno: finding.errno,
            first_seen: finding.first_seen,
            kept_previous: finding.kept_previous,
        };
        Self {
            set: set.to_owned(),
            snapshot: summary.snapshot,
            files: summary.files,
            entries: summary.entries,
            bytes: summary.bytes,
            read_bytes: summary.read_bytes,
            new_bytes: summary.new_bytes,
            stored_bytes: summary.stored_bytes,
            findings: summary.findings.into_iter().map(found).collect(),
            finding_count: summary.finding_count,
        }
    }

    pub(super) fn into_parts(self) -> (String, BackupSummary) {
        let finding = |found: Found| Finding {
            path: found.path.0,
            reason: found.reason,
            errno: found.errno,
            first_seen: found.first_seen,
            kept_previous: found.kept_previous,
        };
        let summary = BackupSummary {
            snapshot: self.snapshot,
            files: self.files,
            entries: self.entries,
            bytes: self.bytes,
            read_bytes: self.read_bytes,
            new_bytes: self.new_bytes,
            stored_bytes: self.stored_bytes,
            findings: self.findings.into_iter().map(finding).collect(),
            finding_count: self.finding_count,
        };
        (self.set, summary)
    }
}

impl Reply {
    pub(super) fn failed(error: &AgentError) -> Self {
        Self::Failed { code: error.code().as_str().into(), message: error.to_string() }
    }

    pub(super) fn to_line(&self) -> Vec<u8> {
        // Plain values with text keys: they always have a JSON form.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

/// The error that a [`Reply::Failed`] tells of.
pub(super) fn error_of(code: &str, message: String) -> AgentError {
    match Code::parse(code).unwrap_or(Code::Internal) {
        Code::Interrupted => AgentError::Interrupted,
        code => AgentError::Service { code, message },
    }
}

pub(super) const fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_arrive_as_they_were_sent() {
        let (here, there) = (Progress::new(), Progress::new());
        for (number, counter) in counters(&here).iter().enumerate() {
            counter.store(number as u64 + 1, Ordering::Relaxed);
        }
        here.enter(Phase::Working);
        here.total_known();
        let line = serde_json::to_string(&Counters::of(&here)).unwrap();
        serde_json::from_str::<Counters>(&line).unwrap().show(&there);
        assert_eq!(Counters::of(&there), Counters::of(&here));
    }

    #[test]
    fn names_of_any_bytes_pass() {
        let path = platform::path::from_vec(b"/a\xff".to_vec());
        let wish = Wish { paths: vec![path.clone()], ..Wish::default() };
        let manner = Manner { accept_changed_roots: true, is_watched: false, walks_all: true };
        let line = serde_json::to_string(&Order::new(&wish, manner)).unwrap();
        let (wish, manner) = serde_json::from_str::<Order>(&line).unwrap().into_parts();
        assert_eq!((wish.paths, manner.accept_changed_roots), (vec![path], true));
    }
}
