//! `holdfast verify`: whether a snapshot can be restored.

use super::{Context, Outcome, show_findings};
use crate::json::{Event, JsonFinding};
use crate::progress::{self, Words};
use crate::select::Selector;
use crate::state::State;
use crate::{AgentError, text};
use clap::Args;
use engine::verify::{VerifyReport, verify};
use model::{Code, SnapshotId};
use serde::Serialize;
use std::ffi::OsString;
use std::io::{self, Write};
use std::time::{Duration, Instant};

const WORDS: Words =
    Words { preparing: "Reading the list of entries", working: "Checking", finishing: "Checking" };

/// Check that a snapshot can be restored
#[derive(Debug, Args)]
#[command(
    after_help = "It reads the list of entries, and with --read-data the content of all files, and checks them with
the keys of this machine as a restore would. Damage is told by path, with exit status 7.

Examples:
  holdfast verify
  holdfast verify 3fa09c21 --read-data
  holdfast verify latest --set work"
)]
pub(crate) struct VerifyArgs {
    /// The snapshot: 'latest' or the beginning of its id
    #[arg(default_value = "latest")]
    snapshot: OsString,
    /// Read and check the content of all files, too
    #[arg(long)]
    read_data: bool,
    /// The set that 'latest' means
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
}

/// The fields of the event that ends a verification.
#[derive(Debug, Serialize)]
struct Summary {
    snapshot: SnapshotId,
    good: bool,
    read_data: bool,
    files: u64,
    entries: u64,
    bytes: u64,
    counts_fit: bool,
    frames: u64,
    read_bytes: u64,
    findings: u64,
    missed: u64,
    seconds: f64,
}

pub(crate) fn run(args: &VerifyArgs, context: &Context) -> Result<Outcome, AgentError> {
    let selector = Selector::parse(&args.snapshot)?;
    if selector.path.is_some() {
        return Err(AgentError::Usage("a whole snapshot is verified, without a path".into()));
    }
    let began = Instant::now();
    let session = context.patient_session(State::locate()?)?;
    let reader = context.open_snapshot(&session, &selector.snapshot, args.set.as_deref())?;
    let report = progress::watch(&context.output, &context.interrupts, WORDS, |progress| {
        verify(&reader, args.read_data, progress)
    })?;
    for finding in &report.findings {
        context.output.event(&Event { event: "finding", fields: JsonFinding::new(finding) })?;
    }
    let snapshot = reader.clear().snapshot;
    let took = began.elapsed();
    let fields = Summary {
        snapshot,
        good: report.is_good(),
        read_data: args.read_data,
        files: report.counts.files,
        entries: report.counts.entries,
        bytes: report.counts.bytes,
        counts_fit: report.counts_fit,
        frames: report.frames,
        read_bytes: report.read_bytes,
        findings: report.finding_count,
        missed: report.missed,
        seconds: took.as_secs_f64(),
    };
    context.output.print(&Event { event: "summary", fields }, |out| {
        write(out, snapshot, args.read_data, &report, took)
    })?;
    Ok(if report.is_good() { Outcome::with(report.missed) } else { Outcome::Failed(Code::DataDamaged) })
}

fn write(
    out: &mut dyn Write,
    snapshot: SnapshotId,
    read_data: bool,
    report: &VerifyReport,
    took: Duration,
) -> io::Result<()> {
    let id = &snapshot.to_string()[..8];
    let content = if read_data {
        format!("the content of {}", text::counted(report.counts.files, "file"))
    } else {
        format!("the list of {}", text::counted(report.counts.files, "file"))
    };
    let took = text::duration(took);
    if report.is_good() {
        writeln!(out, "Snapshot {id} is good: {content} was checked, in {took}.")?;
        if !read_data {
            writeln!(out, "The content of the files was not read; --read-data does.")?;
        }
        if report.missed > 0 {
            let missed = text::counted(report.missed, "path");
            writeln!(out, "The backup missed {missed}, which it cannot bring: holdfast findings {id}.")?;
        }
        return Ok(());
    }
    writeln!(out, "Snapshot {id} is damaged: {content} was checked, in {took}.")?;
    if !report.counts_fit {
        writeln!(out, "  Its record has other sums than its entries.")?;
    }
    let read = if read_data { " --read-data" } else { "" };
    let more = format!("holdfast verify {id}{read} --json");
    show_findings::write(out, &report.findings, report.finding_count, &more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Finding, FindingReason, Timestamp};

    fn words(read_data: bool, report: &VerifyReport) -> String {
        let mut out = Vec::new();
        write(&mut out, SnapshotId::from_bytes([0xcd; 16]), read_data, report, Duration::ZERO).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn damage_is_named_and_what_was_not_read_is_told() {
        let good = VerifyReport { counts_fit: true, ..VerifyReport::default() };
        let text = words(false, &good);
        assert!(text.starts_with("Snapshot cdcdcdcd is good: the list of 0 files"), "{text}");
        assert!(text.contains("--read-data"), "{text}");
        assert!(!words(true, &good).contains("--read-data"));
        assert!(!text.contains("missed"), "{text}");
        let text = words(true, &VerifyReport { missed: 2, ..good });
        assert!(text.contains("is good") && text.contains("missed 2 paths"), "{text}");

        let finding = Finding {
            path: b"/a".to_vec(),
            reason: FindingReason::Damaged,
            errno: 0,
            first_seen: Timestamp::from_secs(0),
            kept_previous: false,
        };
        let bad = VerifyReport { findings: vec![finding], finding_count: 3, ..VerifyReport::default() };
        let text = words(true, &bad);
        assert!(text.contains("  2 more: holdfast verify cdcdcdcd --read-data --json\n"), "{text}");
        assert!(text.contains("is damaged") && text.contains("/a") && text.contains("other sums"), "{text}");
    }
}
