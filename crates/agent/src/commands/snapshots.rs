//! `holdfast snapshots`: what can be restored.

use super::{Context, Outcome};
use crate::catalog::{self, Listed};
use crate::json::JsonPaths;
use crate::select::shown_digits;
use crate::{AgentError, text};
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};

/// List the snapshots of this device, newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  holdfast snapshots
  holdfast snapshots --set work
  holdfast snapshots --all --json")]
pub(crate) struct SnapshotsArgs {
    /// Only those of the set with this name
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
    /// Those of the user's other devices too
    #[arg(long)]
    all: bool,
}

/// A snapshot in JSON. `set` and `paths` are null and empty when its record is damaged.
#[derive(Debug, Serialize)]
struct Row<'a> {
    id: model::SnapshotId,
    time: model::Timestamp,
    set: Option<String>,
    #[serde(flatten)]
    paths: JsonPaths,
    files: u64,
    bytes: u64,
    findings: u64,
    complete: bool,
    device: model::DeviceId,
    device_name: &'a str,
    this_device: bool,
}

pub(crate) fn run(args: &SnapshotsArgs, context: &Context) -> Result<Outcome, AgentError> {
    let session = context.session()?;
    let own = session.identity.device;
    let mut listed = catalog::list(&session, |row| args.all || row.device == own)?;
    if let Some(set) = &args.set {
        listed.retain(|listed| set_name(listed).is_some_and(|name| name == *set));
    }
    let rows: Vec<Row<'_>> = listed.iter().map(|listed| row(listed, own)).collect();
    let digits = shown_digits(&listed.iter().map(|listed| listed.row.clone()).collect::<Vec<_>>());
    context.output.print(&rows, |out| write_table(out, &rows, args.all, digits))?;
    Ok(Outcome::Complete)
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
        files: server.files,
        bytes: server.bytes,
        findings: server.findings,
        complete: server.complete,
        device: server.device,
        device_name: &server.device_name,
        this_device: server.device == own,
    }
}

fn write_table(out: &mut dyn Write, rows: &[Row<'_>], with_devices: bool, digits: usize) -> io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "There are no snapshots yet. Make one: holdfast backup PATH");
    }
    let mut table = vec![heads(with_devices)];
    table.extend(rows.iter().map(|row| cells(row, with_devices, digits)));
    let columns = table[0].len();
    let widths: Vec<usize> = (0..columns)
        .map(|column| table.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0))
        .collect();
    for cells in &table {
        let mut line = String::new();
        for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            let fill = " ".repeat(width - cell.chars().count());
            // Numbers are aligned at their end; the last column is the paths.
            let numeric = (columns - 4..columns - 1).contains(&column);
            line.push_str(&if numeric { format!("{fill}{cell}  ") } else { format!("{cell}{fill}  ") });
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn heads(with_devices: bool) -> Vec<String> {
    let device = with_devices.then_some("DEVICE");
    ["ID", "TIME", "SET"]
        .into_iter()
        .chain(device)
        .chain(["FILES", "SIZE", "FINDINGS", "FOLDERS"])
        .map(str::to_owned)
        .collect()
}

fn cells(row: &Row<'_>, with_devices: bool, digits: usize) -> Vec<String> {
    let set = row.set.as_deref().map_or_else(|| "?".into(), |set| text::escaped(set.as_bytes()));
    let set = if row.complete { set } else { format!("{set} (incomplete)") };
    let paths = match &row.set {
        Some(_) => row.paths.words(),
        None => "its record is damaged".into(),
    };
    let findings = if row.findings == 0 { "-".into() } else { text::count(row.findings) };
    [row.id.to_string()[..digits].to_owned(), text::time(row.time), set]
        .into_iter()
        .chain(with_devices.then(|| text::escaped(row.device_name.as_bytes())))
        .chain([text::count(row.files), text::size(row.bytes), findings, paths])
        .collect()
}

#[cfg(test)]
mod tests;
