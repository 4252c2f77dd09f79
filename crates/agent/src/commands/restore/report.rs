//! What a restore says: line by line before it begins, and at its end.

use crate::commands::{Outcome, show_findings};
use crate::json::{Event, JsonFinding, JsonPath, text_and_bytes};
use crate::{AgentError, Output, text};
use engine::restore::{Action, Planned, RestorePlan, RestoreSummary};
use serde::Serialize;
use std::io::{self, Write};
use std::time::Duration;

/// The fields of the event that ends a restore.
#[derive(Debug, Serialize)]
struct Summary {
    snapshot: model::SnapshotId,
    files: u64,
    entries: u64,
    bytes: u64,
    unchanged: u64,
    skipped: u64,
    kept_both: u64,
    findings: u64,
    ended_early: Option<&'static str>,
    seconds: f64,
}

/// Prints the findings and the end of a restore.
pub(super) fn summary(
    summary: &RestoreSummary,
    snapshot: model::SnapshotId,
    took: Duration,
    output: &Output,
) -> Result<Outcome, AgentError> {
    for finding in &summary.findings {
        output.event(&Event { event: "finding", fields: JsonFinding::new(finding) })?;
    }
    let fields = Summary {
        snapshot,
        files: summary.files,
        entries: summary.entries,
        bytes: summary.bytes,
        unchanged: summary.unchanged,
        skipped: summary.skipped,
        kept_both: summary.kept_both,
        findings: summary.finding_count,
        ended_early: summary.ended_early.map(model::Code::as_str),
        seconds: took.as_secs_f64(),
    };
    output.print(&Event { event: "summary", fields }, |out| write(out, summary, took))?;
    Ok(match summary.ended_early {
        Some(code) => Outcome::Failed(code),
        None => Outcome::with(summary.finding_count),
    })
}

fn write(out: &mut dyn Write, summary: &RestoreSummary, took: Duration) -> io::Result<()> {
    writeln!(
        out,
        "Restored {}, {}, in {}",
        text::counted(summary.files, "file"),
        text::size(summary.bytes),
        text::duration(took)
    )?;
    write_counts(out, summary.unchanged, summary.skipped, summary.kept_both)?;
    if summary.finding_count > 0 {
        writeln!(out, "{}:", text::counted(summary.finding_count, "finding"))?;
        // Another restore finds other things, since this one has been.
        let more = "only --json lists them, up to 100,000";
        show_findings::write(out, &summary.findings, summary.finding_count, more)?;
    }
    if summary.ended_early.is_some() {
        writeln!(out, "It ended before its end. The same command again goes on from here.")?;
    }
    Ok(())
}

fn write_counts(out: &mut dyn Write, unchanged: u64, skipped: u64, kept_both: u64) -> io::Result<()> {
    let counts = [
        (unchanged, "were there already"),
        (skipped, "were left as they are"),
        (kept_both, "came beside an existing one, under another name"),
    ];
    for (count, words) in counts.iter().filter(|(count, _)| *count > 0) {
        writeln!(out, "  {} {words}", text::count(*count))?;
    }
    Ok(())
}

/// One line of a dry run in JSON.
#[derive(Debug, Serialize)]
struct PlannedFields {
    #[serde(flatten)]
    path: JsonPath,
    to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_base64: Option<String>,
    action: &'static str,
    bytes: u64,
}

/// Prints one line of a dry run.
pub(super) fn planned(planned: &Planned, output: &Output) -> Result<(), AgentError> {
    let to = platform::path::bytes(&planned.to);
    let (action, words) = names(planned.action);
    let (to_text, to_base64) = text_and_bytes(to);
    let path = JsonPath::new(&planned.path);
    let fields = PlannedFields { path, to: to_text, to_base64, action, bytes: planned.bytes };
    output.row(&Event { event: "planned", fields }, |out| {
        write!(out, "{words:<12} ")?;
        out.write_all(&output.name(to))?;
        writeln!(out)
    })
}

/// An action's name, and the word for people.
const fn names(action: Action) -> (&'static str, &'static str) {
    match action {
        Action::Create => ("create", "create"),
        Action::Enter => ("enter", "into"),
        Action::Unchanged => ("unchanged", "unchanged"),
        Action::Replace => ("replace", "replace"),
        Action::KeepBoth => ("keep_both", "beside"),
        Action::Skip => ("skip", "skip"),
        Action::Refuse => ("refuse", "TAKEN"),
        Action::Blocked => ("blocked", "BLOCKED"),
    }
}

/// The end of a dry run in JSON.
#[derive(Debug, Serialize)]
struct PlanFields {
    files: u64,
    entries: u64,
    bytes: u64,
    unchanged: u64,
    skipped: u64,
    blocked: u64,
    missed: u64,
    kept_both: u64,
    conflicts: u64,
    available_bytes: Option<u64>,
    case_clash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    case_clash_base64: Option<String>,
    unreadable_lists: u64,
    /// It would not be refused. What it would have findings for is told by the counts.
    possible: bool,
}

/// Prints the end of a dry run. What stands against the restore is its exit status.
pub(super) fn plan(plan: &RestorePlan, output: &Output) -> Result<Outcome, AgentError> {
    let against = against(plan);
    let clash = plan.case_clash.as_ref().map(|path| text_and_bytes(platform::path::bytes(path)));
    let (case_clash, case_clash_base64) = clash.unzip();
    let fields = PlanFields {
        files: plan.files,
        entries: plan.entries,
        bytes: plan.bytes,
        unchanged: plan.unchanged,
        skipped: plan.skipped,
        blocked: plan.blocked,
        missed: plan.missed,
        kept_both: plan.kept_both,
        conflicts: plan.conflicts,
        available_bytes: plan.available_bytes,
        case_clash,
        case_clash_base64: case_clash_base64.flatten(),
        unreadable_lists: plan.unreadable_lists.len() as u64,
        possible: against.is_none(),
    };
    output.print(&Event { event: "plan", fields }, |out| write_plan(out, plan))?;
    Ok(match against {
        Some(code) => Outcome::Failed(code),
        None => Outcome::with(findings(plan)),
    })
}

/// What is known to become a finding of the restore.
const fn findings(plan: &RestorePlan) -> u64 {
    plan.unreadable_lists.len() as u64 + plan.blocked + plan.missed
}

/// What the restore would be refused for.
fn against(plan: &RestorePlan) -> Option<model::Code> {
    if plan.conflicts > 0 {
        Some(model::Code::TargetExists)
    } else if plan.case_clash.is_some() {
        Some(model::Code::TargetCaseClash)
    } else if plan.available_bytes.is_some_and(|available| available < plan.bytes) {
        Some(model::Code::TargetFull)
    } else {
        None
    }
}

fn write_plan(out: &mut dyn Write, plan: &RestorePlan) -> io::Result<()> {
    let (files, size) = (text::counted(plan.files, "file"), text::size(plan.bytes));
    let free =
        plan.available_bytes.map_or(String::new(), |bytes| format!("; {} are free there", text::size(bytes)));
    writeln!(out, "Would restore {files}, {size}{free}. Nothing was changed.")?;
    write_counts(out, plan.unchanged, plan.skipped, plan.kept_both)?;
    if let Some(first) = &plan.first_conflict {
        writeln!(
            out,
            "It would be refused: {} in the way, the first is {}. Choose an empty folder, or a rule with --conflict.",
            text::counted(plan.conflicts, "name"),
            text::escaped_path(first)
        )?;
    }
    if let Some(path) = &plan.case_clash {
        let path = text::escaped_path(path);
        writeln!(out, "It would be refused: {path} and another name differ only in upper and lower case.")?;
    }
    if against(plan) == Some(model::Code::TargetFull) {
        writeln!(out, "It would be refused: the target lacks space.")?;
    }
    if plan.blocked > 0 {
        let names = text::counted(plan.blocked, "name");
        writeln!(
            out,
            "It would not be complete: something is in the way of {names} and would not be replaced."
        )?;
    }
    if plan.missed > 0 {
        let paths = text::counted(plan.missed, "path");
        writeln!(out, "It would not be complete: the backup missed {paths}.")?;
    }
    for path in &plan.unreadable_lists {
        writeln!(out, "The list of entries is damaged from {} on.", text::escaped(path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Code;

    #[test]
    fn a_dry_run_says_what_would_be_refused() {
        let plan = RestorePlan {
            files: 3,
            bytes: 2048,
            available_bytes: Some(1024),
            unchanged: 1,
            ..RestorePlan::default()
        };
        let words = |plan: &RestorePlan| {
            let mut out = Vec::new();
            write_plan(&mut out, plan).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(against(&plan), Some(Code::TargetFull));
        assert!(words(&plan).contains("3 files, 2.0 KiB; 1.0 KiB are free there"), "{}", words(&plan));
        let taken = RestorePlan {
            conflicts: 2,
            first_conflict: Some("/x\n".into()),
            available_bytes: None,
            ..plan.clone()
        };
        assert_eq!(against(&taken), Some(Code::TargetExists));
        assert!(words(&taken).contains("2 names in the way, the first is /x\\x0a"), "{}", words(&taken));
        let enough = RestorePlan { available_bytes: Some(2048), ..plan };
        assert_eq!((against(&enough), findings(&enough)), (None, 0));
        let partial = RestorePlan { blocked: 2, missed: 1, ..enough };
        assert_eq!((against(&partial), findings(&partial)), (None, 3));
        assert!(words(&partial).contains("in the way of 2 names"), "{}", words(&partial));
        assert!(words(&partial).contains("missed 1 path"), "{}", words(&partial));
    }

    #[test]
    fn an_early_end_is_told() {
        let summary = RestoreSummary {
            files: 1,
            skipped: 2,
            ended_early: Some(Code::TargetFull),
            ..RestoreSummary::default()
        };
        let mut out = Vec::new();
        write(&mut out, &summary, Duration::ZERO).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("2 were left as they are"), "{text}");
        assert!(text.contains("ended before its end"), "{text}");
    }
}
