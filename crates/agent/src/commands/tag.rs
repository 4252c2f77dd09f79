//! `holdfast tag`: labels of a snapshot, shown and changed.

use super::{Context, Outcome, pick};
use crate::labels::{self, Change, Labels};
use crate::select::{Wanted, shown_digits};
use crate::{AgentError, text};
use clap::Args;
use serde::Serialize;
use std::ffi::OsString;

/// Show, add and remove labels of a snapshot
#[derive(Debug, Args)]
#[command(
    after_help = "A label is text of 1 to 64 bytes; a snapshot has at most 32. Labels are encrypted as file names are.
They keep no snapshot from being deleted.

Examples:
  holdfast tag latest 'before the upgrade' milestone
  holdfast tag 4f1c2a9e
  holdfast tag 4f1c2a9e --remove milestone
  holdfast tag 4f1c2a9e --replace archive
  holdfast snapshots --tag milestone"
)]
pub(crate) struct TagArgs {
    /// The snapshot: 'latest' or the beginning of its id
    snapshot: OsString,
    /// Labels to add; without any, those that are there are shown
    #[arg(value_name = "LABEL")]
    labels: Vec<String>,
    /// Take these labels away
    #[arg(long, requires = "labels")]
    remove: bool,
    /// Have these labels alone, or none; also where those that are there are damaged
    #[arg(long, conflicts_with = "remove")]
    replace: bool,
    /// 'latest' means the latest of the set with this name
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
}

/// The labels in JSON.
#[derive(Debug, Serialize)]
struct Document {
    snapshot: model::SnapshotId,
    labels: Labels,
}

pub(crate) fn run(args: &TagArgs, context: &Context) -> Result<Outcome, AgentError> {
    let wanted = Wanted::alone(&args.snapshot)?;
    let change = args.change()?;
    let session = context.session()?;
    let rows = session.vault.snapshot_rows()?;
    let row = pick(&session, &rows, &wanted, args.set.as_deref())?;
    let id = &row.id.to_string()[..shown_digits(&rows)];
    if wanted == Wanted::Latest {
        context.output.note(&format!("latest is snapshot {id}, {}", text::time(row.time)));
    }
    let labels = match &change {
        Some(change) => labels::change(&session, row.id, change)?,
        None => labels::of(&session, row.id)?,
    };
    if labels.is_empty() {
        context.output.note(&format!("Snapshot {id} has no labels."));
    }
    let document = Document { snapshot: row.id, labels };
    context
        .output
        .print(&document, |out| document.labels.iter().try_for_each(|label| writeln!(out, "{label}")))?;
    Ok(Outcome::Complete)
}

impl TagArgs {
    /// What is asked for; `None` to be shown what is there.
    fn change(&self) -> Result<Option<Change>, AgentError> {
        let labels = labels::parse(&self.labels)?;
        Ok(match (self.remove, self.replace) {
            (true, _) => Some(Change::Remove(labels)),
            (_, true) => Some(Change::Replace(labels)),
            _ if labels.is_empty() => None,
            _ => Some(Change::Add(labels)),
        })
    }
}
