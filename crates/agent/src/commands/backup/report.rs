//! What a backup says at its end, and the default exclusions.

use crate::commands::show_findings;
use crate::json::{Event, JsonFinding};
use crate::{AgentError, Output, rules, text};
use engine::backup::BackupSummary;
use serde::Serialize;
use std::io::{self, Write};
use std::time::Duration;

/// The fields of the event that ends a backup.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    snapshot: model::SnapshotId,
    set: &'a str,
    files: u64,
    entries: u64,
    bytes: u64,
    read_bytes: u64,
    new_bytes: u64,
    stored_bytes: u64,
    findings: u64,
    seconds: f64,
}

/// One of the default exclusions in JSON.
#[derive(Debug, Serialize)]
struct Rule {
    rule: &'static str,
    leaves_out: &'static str,
}

/// Prints the findings and the end of a backup.
pub(super) fn summary(
    summary: &BackupSummary,
    set: &str,
    took: Duration,
    output: &Output,
) -> Result<(), AgentError> {
    for finding in &summary.findings {
        output.event(&Event { event: "finding", fields: JsonFinding::new(finding) })?;
    }
    let fields = Summary {
        snapshot: summary.snapshot,
        set,
        files: summary.files,
        entries: summary.entries,
        bytes: summary.bytes,
        read_bytes: summary.read_bytes,
        new_bytes: summary.new_bytes,
        stored_bytes: summary.stored_bytes,
        findings: summary.finding_count,
        seconds: took.as_secs_f64(),
    };
    output.print(&Event { event: "summary", fields }, |out| write(out, summary, set, took))
}

fn write(out: &mut dyn Write, summary: &BackupSummary, set: &str, took: Duration) -> io::Result<()> {
    let id = &summary.snapshot.to_string()[..8];
    writeln!(
        out,
        "Snapshot {id} of set '{set}': {}, {}, in {}",
        text::counted(summary.files, "file"),
        text::size(summary.bytes),
        text::duration(took)
    )?;
    writeln!(
        out,
        "  read {}, new {}, stored {}",
        text::size(summary.read_bytes),
        text::size(summary.new_bytes),
        text::size(summary.stored_bytes)
    )?;
    if summary.finding_count > 0 {
        writeln!(out, "{}; all other files are backed up:", text::counted(summary.finding_count, "finding"))?;
        show_findings::write(
            out,
            &summary.findings,
            summary.finding_count,
            &format!("holdfast findings {id}"),
        )?;
        if let Some(advice) = show_findings::advice(&summary.findings, set) {
            writeln!(out, "{advice}")?;
        }
    }
    Ok(())
}

/// Prints the default exclusions.
pub(super) fn default_rules(output: &Output) -> Result<(), AgentError> {
    let rules: Vec<Rule> =
        rules::DEFAULT.iter().map(|(rule, leaves_out)| Rule { rule, leaves_out }).collect();
    output.print(&rules, |out| {
        for Rule { rule, leaves_out } in &rules {
            writeln!(out, "{rule:<28} {leaves_out}")?;
        }
        writeln!(out, "{:<28} what a folder with this file holds, but not the file", "CACHEDIR.TAG")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Finding, FindingReason, SnapshotId, Timestamp};

    #[test]
    fn the_end_names_what_is_missing_and_how_to_see_it() {
        let finding = Finding {
            path: b"/data".to_vec(),
            reason: FindingReason::RootEmpty,
            errno: 0,
            first_seen: Timestamp::from_secs(0),
            kept_previous: true,
        };
        let summary = BackupSummary {
            snapshot: SnapshotId::from_bytes([0xab; 16]),
            files: 2,
            entries: 3,
            bytes: 4096,
            read_bytes: 1024,
            new_bytes: 0,
            stored_bytes: 512,
            findings: vec![finding],
            finding_count: 2,
        };
        let mut out = Vec::new();
        write(&mut out, &summary, "docs", Duration::from_secs(61)).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.starts_with("Snapshot abababab of set 'docs': 2 files, 4.0 KiB, in 1 min 01 s\n"),
            "{text}"
        );
        assert!(text.contains("read 1.0 KiB, new 0 B, stored 512 B"), "{text}");
        assert!(text.contains("1 more: holdfast findings abababab"), "{text}");
        assert!(text.contains("holdfast backup --set docs --accept-changed-roots"), "{text}");
    }
}
