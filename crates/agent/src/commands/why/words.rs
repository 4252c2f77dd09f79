//! The answer in words: the verdict, what it rests on, and what to do.

use super::document::{Document, InSet, shown_size, time_of};
use super::stored::Version;
use crate::commands::ls::show;
use crate::commands::show_findings;
use crate::json::kind_name;
use crate::{Output, text};
use engine::backup::why::{Cause, Verdict};
use model::{Finding, FindingReason};
use platform::FileSystemKind;
use std::io::{self, Write};
use std::path::Path;

pub(super) fn write(
    out: &mut dyn Write,
    document: &Document,
    settings: &Path,
    output: &Output,
) -> io::Result<()> {
    out.write_all(&output.name(&document.path))?;
    writeln!(out, " {}", headline(document))?;
    for set in &document.sets {
        writeln!(out, "  Set '{}': {}", text::escaped(set.name.as_bytes()), of_set(set))?;
        for finding in &set.report.findings {
            writeln!(out, "    {}", of_finding(finding, &document.path))?;
        }
        if set.report.below > 0 {
            writeln!(out, "    {} below it in the last backup", text::counted(set.report.below, "finding"))?;
        }
    }
    if let Some(version) = &document.newest {
        writeln!(out, "  Last backed up {}", of_version(version))?;
    }
    if let (Some(stat), Some(true)) = (&document.on_disk, document.has_changed()) {
        let time = text::short_time(time_of(stat).secs);
        writeln!(out, "  Changed since: {}, modified {time}", text::size(shown_size(stat)))?;
    }
    match advice(document, settings) {
        Some(advice) => writeln!(out, "  {advice}"),
        None => Ok(()),
    }
}

fn headline(document: &Document) -> &'static str {
    let any = |is: fn(&InSet) -> bool| document.sets.iter().any(is);
    match (document.is_backed_up(), &document.newest) {
        (true, _) if document.on_disk.is_none() => "is not on this disk any more, and is backed up.",
        (true, _) => "is backed up.",
        _ if !any(|set| set.fate.root.is_some()) => "is not backed up: it is in no set.",
        (_, newest) if any(InSet::has_findings) => match newest {
            Some(_) => "is backed up, with findings.",
            None => "is not backed up: it could not be read.",
        },
        (_, None) if any(|set| set.fate.verdict == Verdict::Taken) => "has never been backed up.",
        _ if any(|set| matches!(set.fate.verdict, Verdict::Emptied(_))) => {
            "is backed up without what it holds."
        }
        _ if any(|set| matches!(set.fate.verdict, Verdict::LeftOut { .. })) => "is left out.",
        _ => "cannot be backed up now.",
    }
}

fn of_set(set: &InSet) -> String {
    let root = set.root().map(text::escaped).unwrap_or_default();
    match &set.fate.verdict {
        Verdict::Outside => {
            let below: Vec<String> = set.fate.roots_below.iter().map(|path| text::escaped(path)).collect();
            format!("only what lies below it, in {}", below.join(", "))
        }
        Verdict::Taken => format!("takes it, by {root}"),
        Verdict::Gone => format!("would take it, by {root}; it is not there"),
        Verdict::Emptied(cause) => {
            format!("takes the folder without what it holds: {}", of_cause(*cause, set))
        }
        Verdict::LeftOut { at, cause } => {
            format!("leaves it out at {}: {}", text::escaped(at), of_cause(*cause, set))
        }
        Verdict::Unreadable { at, error } => {
            let what = error
                .errno()
                .map_or_else(|| error.to_string(), |errno| io::Error::from_raw_os_error(errno).to_string());
            format!("cannot go on at {}: {what}", text::escaped(at))
        }
    }
}

fn of_cause(cause: Cause, set: &InSet) -> String {
    match (cause, &set.rule) {
        (Cause::Rule(_), Some((rule, Some(what)))) => format!("the default exclusion '{rule}' ({what})"),
        (Cause::Rule(_), Some((rule, None))) => format!("the rule '{}'", text::escaped(rule.as_bytes())),
        (Cause::Rule(_), None) => "a rule".into(),
        (Cause::OwnState, _) => "it is the agent's own state".into(),
        (Cause::Cache, _) => "the folder is a cache (CACHEDIR.TAG)".into(),
        (Cause::ObjectStore, _) => "the folder is an object store of a server".into(),
        (Cause::OneFileSystem, _) => "another file system begins there, and the set stays on its own".into(),
        (Cause::FileSystem(kind), _) => match kind {
            FileSystemKind::Network => "a network file system begins there".into(),
            FileSystemKind::Fuse => "a FUSE file system begins there".into(),
            FileSystemKind::Pseudo | FileSystemKind::Local => {
                "a view of the system's own state begins there".into()
            }
        },
    }
}

fn of_finding(finding: &Finding, path: &[u8]) -> String {
    let place =
        if finding.path == path { String::new() } else { format!("{}: ", text::escaped(&finding.path)) };
    let (words, detail) = (show_findings::words(finding.reason), show_findings::detail(finding));
    format!("{place}{words}{detail}, since {}", text::time(finding.first_seen))
}

fn of_version(version: &Version) -> String {
    let (row, entry) = (&version.row, &version.entry);
    let state = if row.complete { "" } else { " (incomplete)" };
    let (id, set) = (&row.id.to_string()[..8], text::escaped(version.set.as_bytes()));
    let (size, modified) = (text::size(entry.size), text::short_time(entry.modified.secs));
    let marks = show::marks(entry);
    let marks = if marks.is_empty() { String::new() } else { format!(" [{}]", marks.join(", ")) };
    let kind = kind_name(entry.kind);
    let time = text::time(row.time);
    format!("{time}, in snapshot {id} of set '{set}'{state}: {kind}, {size}, modified {modified}{marks}")
}

/// What to do next; nothing when all is well.
fn advice(document: &Document, settings: &Path) -> Option<String> {
    let backup = |set: &InSet| format!("holdfast backup {}", text::set_option(&set.name));
    let of = |is: fn(&Verdict) -> bool| document.sets.iter().find(|set| is(&set.fate.verdict));
    if document.is_backed_up() {
        let taken = of(|verdict| *verdict == Verdict::Taken);
        let version = document.newest.as_ref().filter(|_| document.on_disk.is_none());
        let restore = version.map(|version| {
            let id = &version.row.id.to_string()[..8];
            let what = [id.as_bytes(), b":", &document.path].concat();
            format!("Bring it back: holdfast restore {} --to DIR", text::quoted(&what))
        });
        let again = taken
            .filter(|_| document.has_changed() == Some(true))
            .map(|set| format!("The next backup takes it as it is now: {}", backup(set)));
        return restore.or(again);
    }
    if let Some(set) = document.sets.iter().find(|set| set.has_findings()) {
        return Some(of_findings(set, document));
    }
    let can_be_named = |cause: &Cause| {
        !matches!(cause, Cause::OwnState | Cause::ObjectStore | Cause::FileSystem(FileSystemKind::Pseudo))
    };
    if let Some(set) = of(|verdict| *verdict == Verdict::Taken) {
        return Some(format!("Back it up: {}", backup(set)));
    }
    let inside = document.sets.iter().find(|set| set.fate.root.is_some());
    let name_it =
        || inside.map(|set| format!("To take it, add it to the set: {}", adding(set, &document.path)));
    match inside.map(|set| &set.fate.verdict) {
        Some(Verdict::LeftOut { cause: Cause::Rule(_), .. }) => name_it().map(|words| {
            let settings = text::escaped_path(settings);
            format!("{words}\n  Or add a rule with '!' behind that one in {settings}.")
        }),
        Some(Verdict::LeftOut { cause, .. } | Verdict::Emptied(cause)) if can_be_named(cause) => name_it(),
        Some(Verdict::LeftOut { .. } | Verdict::Emptied(_)) => Some("This is never backed up.".into()),
        Some(Verdict::Unreadable { .. }) => {
            Some("Give the user that backs up access to it: check owner and mode.".into())
        }
        Some(_) => None,
        None => Some(format!("Back it up: holdfast backup {}", text::quoted(&document.path))),
    }
}

/// The command that makes the path a folder of the set. It names the others too: those that are named replace those
/// that are stored.
fn adding(set: &InSet, path: &[u8]) -> String {
    let paths = set.folders.iter().map(platform::path::bytes).chain([path]);
    let paths: Vec<String> = paths.map(text::quoted).collect();
    format!("holdfast backup {} --update-set {}", text::set_option(&set.name), paths.join(" "))
}

fn of_findings(set: &InSet, document: &Document) -> String {
    let findings = &set.report.findings;
    if let Some(advice) = show_findings::advice(findings, &set.name) {
        return advice;
    }
    match findings.first().map(|finding| finding.reason) {
        Some(FindingReason::Denied | FindingReason::FolderUnreadable) => {
            "Give the user that backs up access to it: check owner and mode.".into()
        }
        Some(FindingReason::Changing) => {
            "The next backup reads it again; stop the program that writes to it, or back up a copy.".into()
        }
        Some(FindingReason::ReadError) => "Check the disk.".into(),
        _ => match &document.newest {
            Some(version) => format!("See them all: holdfast findings {}", &version.row.id.to_string()[..8]),
            None => format!("See them all: holdfast findings latest {}", text::set_option(&set.name)),
        },
    }
}
