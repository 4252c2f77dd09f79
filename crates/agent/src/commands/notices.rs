//! `holdfast notices`: the catalogue of all that Holdfast can tell about a device.

use super::{Context, Outcome};
use crate::AgentError;
use clap::Args;
use notices::{Category, Clearing, Icon, Notice, Parameter, Role, Variant, catalogue, priority};
use serde::Serialize;
use std::io::{self, Write};

/// List every notice that the status of a device can show, with its code
#[derive(Debug, Args)]
#[command(
    after_help = "What stands between < and > is filled in when a notice is shown. docs/notices.md says what each
means and what to do.

Examples:
  holdfast notices
  holdfast notices --json"
)]
pub(crate) struct NoticesArgs {}

/// A notice in JSON.
#[derive(Debug, Serialize)]
struct Row {
    code: &'static str,
    status: &'static str,
    sub_status: &'static str,
    /// The sub-status of platforms that need other words.
    variants: &'static [Variant],
    category: Category,
    icon: Icon,
    description: &'static str,
    next: &'static str,
    action: &'static str,
    parameters: &'static [Parameter],
    role: Role,
    /// Null for what never holds.
    priority: Option<usize>,
    clears: Clearing,
    seed: bool,
}

impl Row {
    fn new(notice: &'static Notice) -> Self {
        Self {
            code: notice.code,
            status: notice.status,
            sub_status: notice.sub_status,
            variants: notice.variants,
            category: notice.category,
            icon: notice.icon,
            description: notice.description,
            next: notice.next,
            action: notice.action,
            parameters: notice.parameters,
            role: notice.role,
            priority: priority::rank(notice),
            clears: notice.clears,
            seed: notice.seed.is_some(),
        }
    }
}

pub(crate) fn run(_: &NoticesArgs, context: &Context) -> Result<Outcome, AgentError> {
    let rows: Vec<Row> = catalogue::all().iter().map(|notice| Row::new(notice)).collect();
    context.output.print(&rows, |out| write_table(out, &rows))?;
    Ok(Outcome::Complete)
}

fn write_table(out: &mut dyn Write, rows: &[Row]) -> io::Result<()> {
    let width = |cell: fn(&Row) -> &str| rows.iter().map(|row| cell(row).len()).max().unwrap_or(0);
    let (code, status) = (width(|row| row.code), width(|row| row.status));
    let category = width(|row| row.category.as_str());
    let mut line = |cells: [&str; 4]| {
        let [first, second, third, last] = cells;
        writeln!(out, "{first:code$}  {second:category$}  {third:status$}  {last}")
    };
    line(["CODE", "CATEGORY", "STATUS", "SUB-STATUS"])?;
    for row in rows {
        line([row.code, row.category.as_str(), row.status, row.sub_status])?;
    }
    Ok(())
}
