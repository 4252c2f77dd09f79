//! `holdfast diff`: what differs between two snapshots.

mod show;

use super::{Context, Outcome, entry_there};
use crate::AgentError;
use crate::select::{Selector, Wanted};
use crate::session::Session;
use clap::Args;
use engine::EngineError;
use engine::diff::{HELD_MAX, Side};
use engine::reader::SnapshotReader;
use std::ffi::OsString;

/// Show what differs between two snapshots
#[derive(Debug, Args)]
#[command(
    after_help = "Each line has the size before and now: 'added' and 'removed', 'changed' when the content or the
kind differs, 'metadata' when only attributes do, with their names, and 'renamed' for a file whose
content has another path now. Two folders are compared when paths are given, also of one snapshot.

Examples:
  holdfast diff 3fa09c21 latest
  holdfast diff 3fa09c21:/home/ada/thesis latest:/home/ada/thesis
  holdfast diff latest:/srv/old latest:/srv/new --json"
)]
pub(crate) struct DiffArgs {
    /// The old snapshot, 'latest' or the beginning of its id, and a path in it
    #[arg(value_name = "OLD[:PATH]")]
    old: OsString,
    /// The new one; without a path, the path of the old one is meant
    #[arg(value_name = "NEW[:PATH]")]
    new: OsString,
    /// The set that 'latest' means
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
}

pub(crate) fn run(args: &DiffArgs, context: &Context) -> Result<Outcome, AgentError> {
    let (old, new) = (Selector::parse(&args.old)?, Selector::parse(&args.new)?);
    if old.path.is_none() && new.path.is_some() {
        return Err(AgentError::Usage(
            "a whole snapshot and a path are compared: give OLD a path too".into(),
        ));
    }
    if args.set.is_some() && ![&old.snapshot, &new.snapshot].contains(&&Wanted::Latest) {
        return Err(AgentError::Usage("--set says which 'latest' is meant; ids need none".into()));
    }
    let session = context.session()?;
    let (old_reader, old_root) = open(context, &session, &old, args.set.as_deref())?;
    let new = Selector { path: new.path.or(old.path), ..new };
    let (new_reader, new_root) = open(context, &session, &new, args.set.as_deref())?;
    let old = Side { reader: &old_reader, root: &old_root };
    let new = Side { reader: &new_reader, root: &new_root };
    let output = &context.output;
    // Whoever reads the output may go, which is no error of the comparison.
    let mut failed = None;
    let report = engine::diff::diff(old, new, HELD_MAX, &mut |difference| {
        let written = output.row(&show::Row::new(&difference), |out| show::write(out, &difference, output));
        written.map_err(|error| {
            failed = Some(error);
            EngineError::Stopped
        })
    });
    let report = match failed {
        Some(error) => return Err(error),
        None => report?,
    };
    tracing::info!(hunks = report.hunks, shared = report.shared, "parts of lists were read");
    let ids = (old_reader.clear().snapshot, new_reader.clear().snapshot);
    output.print(&show::summary(&report, ids), |out| show::write_summary(out, &report))?;
    if !report.renames_sought {
        output.note("There are too many differences to look for what was renamed.");
    }
    // What can be compared was compared; that it is not all must not be missed.
    report.damage.map_or(Ok(Outcome::Complete), |error| Err(error.into()))
}

/// Opens the snapshot that is meant, and gives the path in it that is to be compared.
fn open<'s>(
    context: &Context,
    session: &'s Session,
    selector: &Selector,
    set: Option<&str>,
) -> Result<(SnapshotReader<'s>, Vec<u8>), AgentError> {
    // --set is for 'latest' alone; the other snapshot may be named by its id.
    let set = set.filter(|_| selector.snapshot == Wanted::Latest);
    let reader = context.open_snapshot(session, &selector.snapshot, set)?;
    let root = selector.path.clone().unwrap_or_else(|| b"/".to_vec());
    entry_there(&reader, &root)?;
    Ok((reader, root))
}
