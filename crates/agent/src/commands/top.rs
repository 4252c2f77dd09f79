//! `holdfast top`: where the bytes of a snapshot are, and where they grew.

mod show;

use super::{Context, Outcome, entry_there};
use crate::AgentError;
use crate::select::{Selector, Wanted};
use clap::Args;
use engine::reader::SnapshotReader;
use engine::top::{growth, largest};
use format::snapshot::ClearPart;
use std::ffi::OsString;

/// Show the largest folders of a snapshot, or those that grew
#[derive(Debug, Args)]
#[command(
    after_help = "The size of a folder is that of all files below it; a file with several names below it counts once.
With --growth folders are listed that grew since the snapshot of the same set before this one.

Examples:
  holdfast top
  holdfast top latest:/home/ada --count 30
  holdfast top --growth
  holdfast top latest --since 3fa09c21"
)]
pub(crate) struct TopArgs {
    /// The snapshot, 'latest' or the beginning of its id, and a folder in it
    #[arg(value_name = "SNAPSHOT[:PATH]", default_value = "latest")]
    snapshot: OsString,
    /// How many folders to list
    #[arg(short, long, value_name = "N", default_value_t = 10)]
    count: usize,
    /// List what grew since the snapshot before
    #[arg(long)]
    growth: bool,
    /// List what grew since this snapshot
    #[arg(long, value_name = "SNAPSHOT")]
    since: Option<OsString>,
    /// The set that 'latest' means
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
}

pub(crate) fn run(args: &TopArgs, context: &Context) -> Result<Outcome, AgentError> {
    let selector = Selector::parse(&args.snapshot)?;
    let since = args.since.as_deref().map(Wanted::alone).transpose()?;
    let session = context.session()?;
    let reader = context.open_snapshot(&session, &selector.snapshot, args.set.as_deref())?;
    let root = selector.path.unwrap_or_else(|| b"/".to_vec());
    entry_there(&reader, &root)?;
    let output = &context.output;
    let damage = if args.growth || since.is_some() {
        let rows = session.vault.snapshot_rows()?;
        let before = match since {
            Some(since) => since.find(&rows, session.identity.device, args.set.as_deref())?,
            None => before(reader.clear(), &rows)?,
        };
        let old = SnapshotReader::open(&session.vault, session.keyring(), before.id)?;
        output.note(&show::since_words(before));
        let top = growth(&old, &reader, &root, args.count)?;
        for folder in &top.folders {
            let row = show::GrowthRow::new(folder);
            output.row(&row, |out| show::write_growth(out, folder, output))?;
        }
        if top.folders.is_empty() {
            output.note("No folder grew.");
        }
        top.damage
    } else {
        let top = largest(&reader, &root, args.count)?;
        for folder in &top.folders {
            output.row(&show::Row::new(folder), |out| show::write(out, folder, output))?;
        }
        top.damage
    };
    // What can be read was counted; that it is not all must not be missed.
    damage.map_or(Ok(Outcome::Complete), |error| Err(error.into()))
}

/// The complete snapshot of the same set that came before this one.
fn before<'r>(
    clear: &ClearPart,
    rows: &'r [api::runs::SnapshotRow],
) -> Result<&'r api::runs::SnapshotRow, AgentError> {
    let sequence = rows.iter().find(|row| row.id == clear.snapshot).map_or(0, |row| row.sequence);
    let older = rows.iter().filter(|row| row.set == clear.set && row.complete && row.sequence < sequence);
    older.max_by_key(|row| row.sequence).ok_or_else(|| AgentError::NoSnapshot {
        what: format!("complete snapshot of the same set before {}", &clear.snapshot.to_string()[..8]),
    })
}
