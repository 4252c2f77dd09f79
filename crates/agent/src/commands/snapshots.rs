//! `holdfast snapshots`: what can be restored.

use super::{Context, Outcome};
use crate::catalog::{self, Listed};
use crate::json::JsonPaths;
use crate::labels::{self, Labels};
use crate::select::shown_digits;
use crate::state::settings::Settings;
use crate::{AgentError, Output, text};
use clap::Args;
use model::SnapshotId;
use model::colour::Tone;
use serde::Serialize;
use std::collections::HashMap;
use std::io::{self, Write};

/// List the snapshots of this device, newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  holdfast snapshots
  holdfast snapshots --set work
  holdfast snapshots --tag 'before the upgrade'
  holdfast snapshots --all --json")]
pub(crate) struct SnapshotsArgs {
    /// Only those of the set with this name
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
    /// Only those with this label; may be given several times, for those with any of them
    #[arg(long = "tag", value_name = "LABEL")]
    tags: Vec<String>,
    /// Those of the user's other devices too
    #[arg(long)]
    all: bool,
}

/// A snapshot in JSON. `set` and `paths` are null and empty when its record is damaged, `labels` is null when they are.
#[derive(Debug, Serialize)]
struct Row<'a> {
    id: SnapshotId,
    time: model::Timestamp,
    set: Option<String>,
    #[serde(flatten)]
    paths: JsonPaths,
    labels: Option<Labels>,
    files: u64,
    bytes: u64,
    findings: u64,
    complete: bool,
    device: model::DeviceId,
    device_name: &'a str,
    this_device: bool,
}

pub(crate) fn run(args: &SnapshotsArgs, context: &Context) -> Result<Outcome, AgentError> {
    let tags = labels::parse(&args.tags)?;
    let session = context.session()?;
    let own = session.identity.device;
    let mut listed = catalog::list(&session, |row| args.all || row.device == own)?;
    if let Some(set) = &args.set {
        listed.retain(|listed| set_name(listed).is_some_and(|name| name == *set));
        let is_known = || Settings::read(&session.state).is_ok_and(|known| known.sets.contains_key(set));
        if listed.is_empty() && !is_known() {
            return Err(AgentError::NoSnapshot { what: format!("snapshot of a set '{set}'") });
        }
    }
    let mut rows: Vec<Row<'_>> = listed.iter().map(|listed| row(listed, own)).collect();
    if !rows.is_empty() {
        add_labels(&mut rows, labels::all(&session)?, context);
    }
    if !tags.is_empty() {
        rows.retain(|row| row.labels.as_ref().is_some_and(|labels| !labels.is_disjoint(&tags)));
    }
    let digits = shown_digits(listed.iter().map(|listed| &listed.row));
    if rows.is_empty() && !tags.is_empty() {
        context.output.note("No snapshot has such a label.");
        context.output.print(&rows, |_| Ok(()))?;
    } else {
        context.output.print(&rows, |out| write_table(out, &rows, args.all, digits, &context.output))?;
    }
    Ok(Outcome::Complete)
}

/// Enters the labels; those that cannot be read are told of, with what can be done.
fn add_labels(
    rows: &mut [Row<'_>],
    mut all: HashMap<SnapshotId, Result<Labels, AgentError>>,
    context: &Context,
) {
    for row in rows {
        row.labels = match all.remove(&row.id) {
            None => Some(Labels::new()),
            Some(Ok(labels)) => Some(labels),
            Some(Err(error)) => {
                context.output.note(&format!("warning: {error} [{}]\n  {}", error.code(), error.advice()));
                None
            }
        };
    }
}

fn set_name(listed: &Listed) -> Option<String> {
    listed.names.as_ref().map(|names| String::from_utf8_lossy(&names.set.0).into_owned())
}

fn row(listed: &Listed, own: model::DeviceId) -> Row<'_> {
    let server = &listed.row;
    let paths = listed.names.as_ref().map_or(&[][..], |names| &names.paths);
    Row {
        id: server.id,
        time: server.time,
        set: set_name(listed),
        paths: JsonPaths::new(paths.iter().map(|path| &path.0[..])),
        labels: Some(Labels::new()),
        files: server.files,
        bytes: server.bytes,
        findings: server.findings,
        complete: server.complete,
        device: server.device,
        device_name: &server.device_name,
        this_device: server.device == own,
    }
}

fn write_table(
    out: &mut dyn Write,
    rows: &[Row<'_>],
    with_devices: bool,
    digits: usize,
    output: &Output,
) -> io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "There are no snapshots yet. Make one: holdfast backup PATH");
    }
    // Who has no labels needs no column for them.
    let with_labels = rows.iter().any(|row| row.labels.as_ref().is_none_or(|labels| !labels.is_empty()));
    let mut table = vec![heads(with_devices, with_labels)];
    table.extend(rows.iter().map(|row| cells(row, with_devices, with_labels, digits)));
    let columns = table[0].len();
    let widths: Vec<usize> = (0..columns)
        .map(|column| table.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0))
        .collect();
    for (number, cells) in table.iter().enumerate() {
        let row = number.checked_sub(1).map(|number| &rows[number]);
        let mut line = String::new();
        for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            // Counted first: colours have no width.
            let fill = " ".repeat(width - cell.chars().count());
            // Numbers are aligned at their end; the last column is the paths.
            let numeric = (columns - 4..columns - 1).contains(&column);
            let is_notable = row.is_some_and(|row| match column {
                SET_COLUMN => !row.complete,
                column => column == columns - 2 && row.findings > 0,
            });
            let cell = if is_notable { output.word(cell, Tone::Notable) } else { cell.into() };
            line.push_str(&if numeric { format!("{fill}{cell}  ") } else { format!("{cell}{fill}  ") });
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

const SET_COLUMN: usize = 2;

fn heads(with_devices: bool, with_labels: bool) -> Vec<String> {
    let device = with_devices.then_some("DEVICE");
    let labels = with_labels.then_some("LABELS");
    ["ID", "TIME", "SET"]
        .into_iter()
        .chain(device)
        .chain(labels)
        .chain(["FILES", "SIZE", "FINDINGS", "FOLDERS"])
        .map(str::to_owned)
        .collect()
}

fn cells(row: &Row<'_>, with_devices: bool, with_labels: bool, digits: usize) -> Vec<String> {
    let set = row.set.as_deref().map_or_else(|| "?".into(), |set| text::escaped(set.as_bytes()));
    let set = if row.complete { set } else { format!("{set} (incomplete)") };
    let paths = match &row.set {
        Some(_) => row.paths.words(),
        None => "its record is damaged".into(),
    };
    let labels = match &row.labels {
        Some(labels) => labels.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
        None => "damaged".into(),
    };
    let findings = if row.findings == 0 { "-".into() } else { text::count(row.findings) };
    [row.id.to_string()[..digits].to_owned(), text::time(row.time), set]
        .into_iter()
        .chain(with_devices.then(|| text::escaped(row.device_name.as_bytes())))
        .chain(with_labels.then_some(labels))
        .chain([text::count(row.files), text::size(row.bytes), findings, paths])
        .collect()
}

#[cfg(test)]
mod tests;
