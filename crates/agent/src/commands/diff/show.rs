//! A difference and the sums over all, as JSON and as lines.

use crate::json::{Event, JsonPath, kind_name, text_and_bytes};
use crate::{Output, text};
use engine::diff::{Aspect, DiffReport, Difference, State};
use model::SnapshotId;
use model::colour::Tone;
use serde::Serialize;
use std::io::{self, Write};

/// A difference in JSON. Sizes and kinds are those before and now, as far as there are both.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    #[serde(flatten)]
    path: JsonPath,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_path_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differs: Vec<&'static str>,
}

/// The sums in JSON.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    old_snapshot: SnapshotId,
    new_snapshot: SnapshotId,
    added: u64,
    added_bytes: u64,
    removed: u64,
    removed_bytes: u64,
    changed: u64,
    changed_old_bytes: u64,
    changed_new_bytes: u64,
    metadata: u64,
    renamed: u64,
    renames_sought: bool,
}

impl Row {
    pub(super) fn new(difference: &Difference) -> Event<Self> {
        let (old, new) = states(difference);
        let differs = match difference {
            Difference::Changed(_, _, differs) => differs.iter().map(|aspect| aspect.as_str()).collect(),
            _ => Vec::new(),
        };
        let other = old.zip(new).filter(|(old, new)| old.path != new.path);
        let (old_path, old_path_base64) = other.map(|(old, _)| text_and_bytes(&old.path)).unzip();
        let path = new.or(old).map_or(&b""[..], |state| &state.path);
        Event {
            event: word(difference),
            fields: Self {
                path: JsonPath::new(path),
                old_path,
                old_path_base64: old_path_base64.flatten(),
                old_kind: old.map(|state| kind_name(state.kind)),
                old_size: old.map(|state| state.size),
                kind: new.map(|state| kind_name(state.kind)),
                size: new.map(|state| state.size),
                differs,
            },
        }
    }
}

const fn states(difference: &Difference) -> (Option<&State>, Option<&State>) {
    match difference {
        Difference::Added(new) => (None, Some(new)),
        Difference::Removed(old) => (Some(old), None),
        Difference::Changed(old, new, _) | Difference::Renamed(old, new) => (Some(old), Some(new)),
    }
}

fn word(difference: &Difference) -> &'static str {
    match difference {
        Difference::Added(_) => "added",
        Difference::Removed(_) => "removed",
        Difference::Changed(..) if difference.is_metadata_only() => "metadata",
        Difference::Changed(..) => "changed",
        Difference::Renamed(..) => "renamed",
    }
}

const fn tone(difference: &Difference) -> Tone {
    match difference {
        Difference::Added(_) => Tone::Good,
        Difference::Removed(_) => Tone::Bad,
        Difference::Changed(..) | Difference::Renamed(..) => Tone::Notable,
    }
}

/// Writes one line: what happened, the sizes before and now, the path.
pub(super) fn write(out: &mut dyn Write, difference: &Difference, output: &Output) -> io::Result<()> {
    let (old, new) = states(difference);
    let size = |state: Option<&State>| match state {
        Some(state) if state.kind == format::entry::EntryKind::File => text::size(state.size),
        Some(_) => "-".into(),
        None => String::new(),
    };
    // Filled first: colours have no width.
    let word = output.word(&format!("{:<8}", word(difference)), tone(difference)).into_owned();
    write!(out, "{word}  {:>10}  {:>10}  ", size(old), size(new))?;
    if let Some((old, _)) = old.zip(new).filter(|(old, new)| old.path != new.path) {
        out.write_all(&output.name(&old.path))?;
        out.write_all(b" -> ")?;
    }
    out.write_all(&output.name(new.or(old).map_or(b"", |state| &state.path)))?;
    if let Difference::Changed(old, new, differs) = difference {
        write!(out, "  ({})", words(old, new, differs))?;
    }
    writeln!(out)
}

/// What differs, for people.
fn words(old: &State, new: &State, differs: &[Aspect]) -> String {
    let word = |aspect: &Aspect| match aspect {
        Aspect::Kind => format!("{}, was {}", kind_name(new.kind), kind_name(old.kind)).replace('_', " "),
        Aspect::Modified => "time".into(),
        Aspect::Xattrs => "extended attributes".into(),
        other => other.as_str().to_owned(),
    };
    differs.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// The sums over all differences of the snapshots `ids`.
pub(super) const fn summary(report: &DiffReport, ids: (SnapshotId, SnapshotId)) -> Event<Summary> {
    Event {
        event: "summary",
        fields: Summary {
            old_snapshot: ids.0,
            new_snapshot: ids.1,
            added: report.added,
            added_bytes: report.added_bytes,
            removed: report.removed,
            removed_bytes: report.removed_bytes,
            changed: report.changed,
            changed_old_bytes: report.changed_old_bytes,
            changed_new_bytes: report.changed_new_bytes,
            metadata: report.metadata,
            renamed: report.renamed,
            renames_sought: report.renames_sought,
        },
    }
}

/// Writes the sums in one line.
pub(super) fn write_summary(out: &mut dyn Write, report: &DiffReport) -> io::Result<()> {
    let DiffReport { added, removed, changed, metadata, renamed, .. } = *report;
    if added + removed + changed + metadata + renamed == 0 {
        return writeln!(
            out,
            "{}",
            if report.damage.is_none() { "Nothing differs." } else { "Nothing that can be read differs." }
        );
    }
    let count = text::count;
    writeln!(
        out,
        "{} added ({}), {} removed ({}), {} changed ({} -> {}), {} metadata only, {} renamed",
        count(added),
        text::size(report.added_bytes),
        count(removed),
        text::size(report.removed_bytes),
        count(changed),
        text::size(report.changed_old_bytes),
        text::size(report.changed_new_bytes),
        count(metadata),
        count(renamed),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use format::entry::EntryKind;
    use serde_json::{json, to_value};

    fn state(path: &[u8], kind: EntryKind, size: u64) -> State {
        State { path: path.to_vec(), kind, size }
    }

    fn line(difference: &Difference) -> String {
        let mut out = Vec::new();
        write(&mut out, difference, &Output::plain()).unwrap();
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn json_has_its_documented_fields() {
        let file = |path, size| state(path, EntryKind::File, size);
        let value = |difference| to_value(Row::new(&difference)).unwrap();
        let added = json!({"event": "added", "path": "/a", "kind": "file", "size": 2});
        assert_eq!(value(Difference::Added(file(b"/a", 2))), added);
        let removed = json!({"event": "removed", "path": "/\u{fffd}", "path_base64": "L/8=", "old_kind": "folder",
            "old_size": 0});
        assert_eq!(value(Difference::Removed(state(b"/\xff", EntryKind::Dir, 0))), removed);
        let renamed = json!({"event": "renamed", "path": "/b", "old_path": "/\u{fffd}", "old_path_base64": "L/8=",
            "old_kind": "file", "old_size": 2, "kind": "file", "size": 2});
        assert_eq!(value(Difference::Renamed(file(b"/\xff", 2), file(b"/b", 2))), renamed);
        let metadata = json!({"event": "metadata", "path": "/a", "old_kind": "file", "old_size": 2, "kind": "file",
            "size": 2, "differs": ["mode", "owner"]});
        let differs = vec![Aspect::Mode, Aspect::Owner];
        assert_eq!(value(Difference::Changed(file(b"/a", 2), file(b"/a", 2), differs)), metadata);
    }

    #[test]
    fn lines_have_both_sizes() {
        let file = |path, size| state(path, EntryKind::File, size);
        assert_eq!(line(&Difference::Added(file(b"/a", 2))), "added                        2 B  /a\n");
        assert_eq!(line(&Difference::Removed(file(b"/a", 2))), "removed          2 B              /a\n");
        let renamed = Difference::Renamed(file(b"/a", 2048), file(b"/b", 2048));
        assert_eq!(line(&renamed), "renamed      2.0 KiB     2.0 KiB  /a -> /b\n");
        let kinds = (file(b"/a", 2), state(b"/a", EntryKind::Dir, 0));
        let changed = line(&Difference::Changed(kinds.0, kinds.1, vec![Aspect::Kind, Aspect::Mode]));
        assert_eq!(changed, "changed          2 B           -  /a  (folder, was file, mode)\n");
    }
}
