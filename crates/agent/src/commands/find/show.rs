//! A path that was found and its versions, as JSON and as lines.

use crate::json::{JsonPath, file_time, kind_name, text_and_bytes};
use crate::{Output, text};
use api::runs::SnapshotRow;
use engine::find::{Found, Span, Version};
use format::entry::EntryKind;
use serde::Serialize;
use std::io::{self, Write};

/// What is shown beside what was found.
pub(super) struct Shown<'s> {
    /// The snapshots that were searched.
    pub(super) rows: &'s [SnapshotRow],
    /// Digits of their ids.
    pub(super) digits: usize,
    /// Whether people are told of which device a path is.
    pub(super) with_devices: bool,
}

/// A path in JSON.
#[derive(Debug, Serialize)]
pub(super) struct Row<'s> {
    #[serde(flatten)]
    path: JsonPath,
    device: model::DeviceId,
    device_name: &'s str,
    versions: Vec<VersionRow>,
}

/// A version of it in JSON.
#[derive(Debug, Serialize)]
struct VersionRow {
    kind: &'static str,
    size: u64,
    modified: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_base64: Option<String>,
    first_snapshot: model::SnapshotId,
    first_time: model::Timestamp,
    last_snapshot: model::SnapshotId,
    last_time: model::Timestamp,
    /// How many of those that were searched hold it.
    snapshots: u64,
}

impl<'s> Shown<'s> {
    pub(super) fn row(&self, found: &Found) -> Row<'s> {
        Row {
            path: JsonPath::new(&found.path),
            device: found.device,
            device_name: self.device_name(found),
            versions: found.versions.iter().map(|(version, span)| self.version(version, *span)).collect(),
        }
    }

    fn version(&self, version: &Version, span: Span) -> VersionRow {
        let (first, last) = (&self.rows[span.first], &self.rows[span.last]);
        let (target, target_base64) = version.target.as_deref().map(text_and_bytes).unzip();
        VersionRow {
            kind: kind_name(version.kind),
            size: version.size,
            modified: file_time(version.modified),
            target,
            target_base64: target_base64.flatten(),
            first_snapshot: first.id,
            first_time: first.time,
            last_snapshot: last.id,
            last_time: last.time,
            snapshots: span.count,
        }
    }

    /// Writes the path, and below it a line for each version.
    pub(super) fn write(&self, out: &mut dyn Write, found: &Found, output: &Output) -> io::Result<()> {
        out.write_all(&output.name(&found.path))?;
        if self.with_devices {
            write!(out, "  (on {})", text::escaped(self.device_name(found).as_bytes()))?;
        }
        writeln!(out)?;
        for (version, span) in &found.versions {
            let what = match version.kind {
                EntryKind::File => text::size(version.size),
                other => kind_name(other).replace('_', " "),
            };
            let time = text::short_time(version.modified.secs);
            write!(out, "  {time}  {what:>12}  {}", self.words(*span))?;
            if let Some(target) = &version.target {
                out.write_all(b"  -> ")?;
                out.write_all(&output.name(target))?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    /// Which snapshots hold a version: one, or from which to which.
    fn words(&self, span: Span) -> String {
        let name = |at: usize| {
            let row = &self.rows[at];
            format!("{} ({})", &row.id.to_string()[..self.digits], text::short_time(row.time.as_secs()))
        };
        match span.count {
            1 => format!("in {}", name(span.first)),
            count => {
                format!(
                    "in {} from {} to {}",
                    text::counted(count, "snapshot"),
                    name(span.first),
                    name(span.last)
                )
            }
        }
    }

    fn device_name(&self, found: &Found) -> &'s str {
        let of_device = self.rows.iter().find(|row| row.device == found.device);
        of_device.map_or("", |row| &row.device_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{DeviceId, SetId, SnapshotId, Timestamp};

    fn row(id: u8) -> SnapshotRow {
        SnapshotRow {
            id: SnapshotId::from_bytes([id; 16]),
            device: DeviceId::from_bytes([7; 16]),
            device_name: "lap\ntop".into(),
            set: SetId::from_bytes([8; 16]),
            sequence: id.into(),
            time: Timestamp::from_secs(i64::from(id) * 86_400),
            complete: true,
            files: 1,
            bytes: 1,
            findings: 0,
        }
    }

    fn found(span: Span) -> Found {
        let entry = testkit::snapshot_writer::file(b"/a\xff", 2048);
        let version = Version::of(&entry);
        Found { path: entry.path, device: DeviceId::from_bytes([7; 16]), versions: vec![(version, span)] }
    }

    #[test]
    fn json_has_its_documented_fields() {
        let rows = [row(1), row(2), row(3)];
        let shown = Shown { rows: &rows, digits: 8, with_devices: false };
        let (id, device) = (|row: usize| rows[row].id.to_string(), rows[0].device.to_string());
        assert_eq!(
            serde_json::to_value(shown.row(&found(Span { first: 0, last: 2, count: 2 }))).unwrap(),
            serde_json::json!({
                "path": "/a\u{fffd}", "path_base64": "L2H/", "device": device, "device_name": "lap\ntop",
                "versions": [{
                    "kind": "file", "size": 2048, "modified": "2020-01-26T00:53:20.123456789Z",
                    "first_snapshot": id(0), "first_time": "1970-01-02T00:00:00Z",
                    "last_snapshot": id(2), "last_time": "1970-01-04T00:00:00Z", "snapshots": 2,
                }],
            })
        );
    }

    #[test]
    fn lines_say_from_which_to_which_snapshot() {
        let rows = [row(1), row(2), row(3)];
        let shown = Shown { rows: &rows, digits: 8, with_devices: true };
        let lines = |found: &Found| {
            let mut out = Vec::new();
            shown.write(&mut out, found, &Output::plain()).unwrap();
            String::from_utf8_lossy(&out).into_owned()
        };
        let text = lines(&found(Span { first: 0, last: 2, count: 2 }));
        let time = text::short_time(1_580_000_000);
        assert!(text.starts_with(&format!("/a\u{fffd}  (on lap\\x0atop)\n  {time} ")), "{text}");
        assert!(text.contains(" 2.0 KiB  in 2 snapshots from 01010101 (1970-01-0"), "{text}");
        let text = lines(&found(Span { first: 1, last: 1, count: 1 }));
        assert!(text.contains(" in 02020202 (1970-01-0") && !text.contains(" to "), "{text}");
    }
}
