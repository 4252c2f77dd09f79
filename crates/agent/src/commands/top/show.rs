//! A folder with what it holds, or by how much it grew, as JSON and as a line.

use crate::json::JsonPath;
use crate::{Output, text};
use api::runs::SnapshotRow;
use engine::top::{Growth, Usage};
use serde::Serialize;
use std::io::{self, Write};

/// A folder in JSON.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    #[serde(flatten)]
    path: JsonPath,
    bytes: u64,
    files: u64,
    entries: u64,
}

/// A folder that grew, in JSON. `old_bytes` is null when it was not there.
#[derive(Debug, Serialize)]
pub(super) struct GrowthRow {
    #[serde(flatten)]
    now: Row,
    old_bytes: Option<u64>,
    growth_bytes: u64,
}

impl Row {
    pub(super) fn new(usage: &Usage) -> Self {
        let Usage { path, bytes, files, entries } = usage;
        Self { path: JsonPath::new(path), bytes: *bytes, files: *files, entries: *entries }
    }
}

impl GrowthRow {
    pub(super) fn new(growth: &Growth) -> Self {
        let (now, growth_bytes) = (Row::new(&growth.now), growth.bytes());
        Self { now, old_bytes: growth.old_bytes, growth_bytes }
    }
}

/// Writes one line: size, files, path.
pub(super) fn write(out: &mut dyn Write, usage: &Usage, output: &Output) -> io::Result<()> {
    let files = text::counted(usage.files, "file");
    write!(out, "{:>10}  {files:>16}  ", text::size(usage.bytes))?;
    out.write_all(&output.name(&usage.path))?;
    writeln!(out)
}

/// Writes one line: by how much it grew, sizes before and now, path.
pub(super) fn write_growth(out: &mut dyn Write, growth: &Growth, output: &Output) -> io::Result<()> {
    let old = growth.old_bytes.map_or_else(|| "new".into(), text::size);
    let more = format!("+{}", text::size(growth.bytes()));
    write!(out, "{more:>11}  {old:>10} -> {:<10}  ", text::size(growth.now.bytes))?;
    out.write_all(&output.name(&growth.now.path))?;
    writeln!(out)
}

/// Says which snapshot the sizes before are of.
pub(super) fn since_words(row: &SnapshotRow) -> String {
    format!("growth since snapshot {}, {}", &row.id.to_string()[..8], text::time(row.time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, to_value};

    fn usage() -> Usage {
        Usage { path: b"/a".to_vec(), bytes: 3072, files: 2, entries: 3 }
    }

    #[test]
    fn json_has_its_documented_fields() {
        let row = json!({"path": "/a", "bytes": 3072, "files": 2, "entries": 3});
        assert_eq!(to_value(Row::new(&usage())).unwrap(), row);
        let growth = Growth { now: usage(), old_bytes: Some(1024) };
        let row = json!({"path": "/a", "bytes": 3072, "files": 2, "entries": 3, "old_bytes": 1024,
            "growth_bytes": 2048});
        assert_eq!(to_value(GrowthRow::new(&growth)).unwrap(), row);
        let new = to_value(GrowthRow::new(&Growth { now: usage(), old_bytes: None })).unwrap();
        assert_eq!((&new["old_bytes"], &new["growth_bytes"]), (&json!(null), &json!(3072)));
    }

    #[test]
    fn lines_begin_with_the_size() {
        let output = Output::plain();
        let mut out = Vec::new();
        write(&mut out, &usage(), &output).unwrap();
        write_growth(&mut out, &Growth { now: usage(), old_bytes: Some(1024) }, &output).unwrap();
        write_growth(&mut out, &Growth { now: usage(), old_bytes: None }, &output).unwrap();
        let lines = String::from_utf8(out).unwrap();
        let expected = "   3.0 KiB           2 files  /a\n   +2.0 KiB     1.0 KiB -> 3.0 KiB     /a\n   \
                        +3.0 KiB         new -> 3.0 KiB     /a\n";
        assert_eq!(lines, expected);
    }
}
