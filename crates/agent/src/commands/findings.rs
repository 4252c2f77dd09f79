//! `holdfast findings`: what a backup missed, kept from before, or read while it changed.

use super::{Context, Outcome, findings_csv, show_findings};
use crate::json::JsonFinding;
use crate::select::Selector;
use crate::{AgentError, text};
use clap::Args;
use serde::Serialize;
use std::ffi::OsString;

/// List what a backup missed, kept from before, or read while it changed
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  holdfast findings
  holdfast findings 3fa09c21
  holdfast findings latest --set work
  holdfast findings --csv > missed.csv")]
pub(crate) struct FindingsArgs {
    /// The snapshot: 'latest' or the beginning of its id
    #[arg(default_value = "latest")]
    snapshot: OsString,
    /// The set that 'latest' means
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
    /// Print a table for other programs (RFC 4180), those of one cause together
    #[arg(long)]
    csv: bool,
}

/// The result in JSON.
#[derive(Debug, Serialize)]
struct Document {
    snapshot: model::SnapshotId,
    /// How many there were; the list may be shorter.
    count: u64,
    findings: Vec<JsonFinding>,
}

pub(crate) fn run(args: &FindingsArgs, context: &Context) -> Result<Outcome, AgentError> {
    let selector = Selector::parse(&args.snapshot)?;
    if selector.path.is_some() {
        return Err(AgentError::Usage("findings are listed for a whole snapshot, without a path".into()));
    }
    if args.csv && context.output.is_json() {
        return Err(AgentError::Usage("--csv and --json are two forms: give one of them".into()));
    }
    let session = context.session()?;
    let reader = context.open_snapshot(&session, &selector.snapshot, args.set.as_deref())?;
    let findings = &reader.sealed().findings;
    let count = reader.clear().counts.findings;
    let document = Document {
        snapshot: reader.clear().snapshot,
        count,
        findings: findings.iter().map(JsonFinding::new).collect(),
    };
    context.output.print(&document, |out| {
        if args.csv {
            return findings_csv::write(out, findings);
        }
        if count == 0 {
            return writeln!(out, "This snapshot has no findings.");
        }
        for finding in findings {
            out.write_all(&context.output.name(&finding.path))?;
            let since = text::time(finding.first_seen);
            let (words, detail) = (show_findings::words(finding.reason), show_findings::detail(finding));
            writeln!(out, ": {words}{detail}, since {since}")?;
        }
        match count.saturating_sub(findings.len() as u64) {
            0 => Ok(()),
            more => writeln!(out, "{} more are counted and not listed", text::count(more)),
        }
    })?;
    if args.csv && count > findings.len() as u64 {
        let more = text::count(count - findings.len() as u64);
        context.output.note(&format!("{more} more are counted and not listed"));
    }
    Ok(Outcome::Complete)
}
