//! The answer: what is known of the path, and what follows from it. Its fields are those of the JSON document.

use super::stored::{Report, Version};
use crate::commands::ls::show;
use crate::json::{JsonFinding, JsonPath, file_time, kind_name};
use crate::rules;
use crate::state::settings::BackupSet;
use engine::backup::why::{Cause, Fate, Scope, Verdict};
use engine::kind::entry_kind;
use format::entry::{Entry, EntryKind, FileTime, flags};
use platform::{FileSystemKind, Stat};
use serde::{Serialize, Serializer};
use std::path::PathBuf;

/// What a set does with the path.
#[derive(Debug, Clone)]
pub(super) struct InSet {
    pub(super) name: String,
    /// All its folders and files.
    pub(super) folders: Vec<PathBuf>,
    pub(super) fate: Fate,
    /// The rule that leaves it out, and what it is for when it is one of the default exclusions.
    pub(super) rule: Option<(String, Option<&'static str>)>,
    pub(super) report: Report,
}

impl InSet {
    pub(super) fn new(name: &str, set: &BackupSet, scope: &Scope, fate: Fate) -> Self {
        let rule = match fate.verdict {
            Verdict::LeftOut { cause: Cause::Rule(place), .. } => {
                scope.exclusions.get(place).map(|rule| (rule.clone(), rules::default_at(set, place)))
            }
            _ => None,
        };
        Self { name: name.to_owned(), folders: set.paths(), fate, rule, report: Report::default() }
    }

    /// The root that the path belongs to.
    pub(super) fn root(&self) -> Option<&[u8]> {
        self.fate.root.as_deref()
    }

    pub(super) const fn has_findings(&self) -> bool {
        !self.report.findings.is_empty() || self.report.below > 0
    }

    const fn state(&self) -> &'static str {
        match self.fate.verdict {
            Verdict::Outside => "above",
            Verdict::Taken => "taken",
            Verdict::Emptied(_) => "emptied",
            Verdict::LeftOut { .. } => "left_out",
            Verdict::Unreadable { .. } => "unreadable",
            Verdict::Gone => "gone",
        }
    }
}

/// The text of a cause for programs.
const fn cause_text(cause: Cause) -> &'static str {
    match cause {
        Cause::Rule(_) => "rule",
        Cause::OwnState => "own_state",
        Cause::Cache => "cache_tag",
        Cause::ObjectStore => "object_store",
        Cause::OneFileSystem => "one_file_system",
        Cause::FileSystem(FileSystemKind::Network) => "network_file_system",
        Cause::FileSystem(FileSystemKind::Fuse) => "fuse_file_system",
        Cause::FileSystem(FileSystemKind::Pseudo | FileSystemKind::Local) => "pseudo_file_system",
    }
}

/// All that is known of the path.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) path: Vec<u8>,
    pub(super) on_disk: Option<Stat>,
    pub(super) sets: Vec<InSet>,
    pub(super) newest: Option<Version>,
}

impl Document {
    pub(super) fn new(path: &[u8], on_disk: Option<Stat>, sets: Vec<InSet>, newest: Option<Version>) -> Self {
        Self { path: path.to_vec(), on_disk, sets, newest }
    }

    /// Whether a set takes the path, a snapshot has it, and the last backup had nothing to say of it. What is gone from
    /// the disk counts by what is stored.
    pub(super) fn is_backed_up(&self) -> bool {
        let has_content = |version: &Version| !version.entry.has(flags::UNREAD);
        let serves = |set: &InSet| {
            let is_gone = self.on_disk.is_none() && set.fate.verdict == Verdict::Gone;
            (set.fate.verdict == Verdict::Taken || is_gone) && !set.has_findings()
        };
        self.newest.as_ref().is_some_and(has_content) && self.sets.iter().any(serves)
    }

    /// Whether what stands on the disk is another than the newest version; `None` when one of them is not there.
    pub(super) fn has_changed(&self) -> Option<bool> {
        let (disk, entry) = (self.on_disk.as_ref()?, &self.newest.as_ref()?.entry);
        let kind = entry_kind(disk.kind);
        let of_file = kind == EntryKind::File && disk.size_bytes != entry.size;
        Some(kind != entry.kind || of_file || time_of(disk) != entry.modified)
    }
}

/// The time of the last change of the content.
pub(super) const fn time_of(stat: &Stat) -> FileTime {
    FileTime { secs: stat.mtime.sec, nanos: stat.mtime.nsec }
}

#[derive(Serialize)]
struct JsonDocument<'a> {
    #[serde(flatten)]
    path: JsonPath,
    backed_up: bool,
    sets: Vec<JsonSet<'a>>,
    on_disk: Option<JsonFile>,
    newest: Option<JsonVersion<'a>>,
    changed_since: Option<bool>,
}

#[derive(Serialize)]
struct JsonSet<'a> {
    set: &'a str,
    state: &'static str,
    root: Option<JsonPath>,
    folders_below: Vec<JsonPath>,
    at: Option<JsonPath>,
    cause: Option<&'static str>,
    rule: Option<&'a str>,
    is_default_rule: bool,
    errno: i32,
    findings: Vec<JsonFinding>,
    findings_below: u64,
}

#[derive(Serialize)]
struct JsonFile {
    kind: &'static str,
    size: u64,
    modified: String,
}

#[derive(Serialize)]
struct JsonVersion<'a> {
    snapshot: model::SnapshotId,
    time: model::Timestamp,
    set: &'a str,
    complete: bool,
    #[serde(flatten)]
    file: JsonFile,
    marks: Vec<&'static str>,
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        JsonDocument {
            path: JsonPath::new(&self.path),
            backed_up: self.is_backed_up(),
            sets: self.sets.iter().map(json_set).collect(),
            on_disk: self.on_disk.as_ref().map(|stat| JsonFile {
                kind: kind_name(entry_kind(stat.kind)),
                size: shown_size(stat),
                modified: file_time(time_of(stat)),
            }),
            newest: self.newest.as_ref().map(json_version),
            changed_since: self.has_changed(),
        }
        .serialize(serializer)
    }
}

/// As a snapshot has it: of a file alone.
pub(super) fn shown_size(stat: &Stat) -> u64 {
    if stat.kind == platform::FileKind::File { stat.size_bytes } else { 0 }
}

fn json_set(set: &InSet) -> JsonSet<'_> {
    let (at, cause, errno) = match &set.fate.verdict {
        Verdict::LeftOut { at, cause } => (Some(&at[..]), Some(*cause), 0),
        Verdict::Emptied(cause) => (None, Some(*cause), 0),
        Verdict::Unreadable { at, error } => (Some(&at[..]), None, error.errno().unwrap_or(0)),
        Verdict::Outside | Verdict::Taken | Verdict::Gone => (None, None, 0),
    };
    JsonSet {
        set: &set.name,
        state: set.state(),
        root: set.root().map(JsonPath::new),
        folders_below: set.fate.roots_below.iter().map(|path| JsonPath::new(path)).collect(),
        at: at.map(JsonPath::new),
        cause: cause.map(cause_text),
        rule: set.rule.as_ref().map(|(rule, _)| rule.as_str()),
        is_default_rule: set.rule.as_ref().is_some_and(|(_, what)| what.is_some()),
        errno,
        findings: set.report.findings.iter().map(JsonFinding::new).collect(),
        findings_below: set.report.below,
    }
}

fn json_version(version: &Version) -> JsonVersion<'_> {
    let Entry { kind, size, modified, .. } = version.entry;
    JsonVersion {
        snapshot: version.row.id,
        time: version.row.time,
        set: &version.set,
        complete: version.row.complete,
        file: JsonFile { kind: kind_name(kind), size, modified: file_time(modified) },
        marks: show::marks(&version.entry),
    }
}
