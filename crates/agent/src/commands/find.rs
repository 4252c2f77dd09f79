//! `holdfast find`: in which snapshots a file is, and in which versions.

mod show;

use super::{Context, Outcome, pick};
use crate::select::{Wanted, shown_digits};
use crate::session::Session;
use crate::when::parse_time;
use crate::{AgentError, text};
use api::runs::SnapshotRow;
use clap::{Args, ValueEnum};
use engine::find::{Filter, Pattern, Place};
use format::entry::{EntryKind, FileTime};
use format::snapshot::ClearPart;
use model::amounts::parse_size;
use std::ffi::OsString;

/// Find files in all snapshots, with their versions
#[derive(Debug, Args)]
#[command(
    after_help = "PATTERN is compared with the last name of each path, and one with a slash with the whole path.
* stands for any characters but a slash, ? for one byte, [a-z] for one of a range, {a,b} for one of
several, ** between slashes for any folders; a backslash takes a character as it is. A pattern with
a slash that does not begin with one may begin in any folder.

SIZE is a number of bytes, or one with KiB, MiB, GiB or TiB. DATE is a day, a day and an hour, or an
age such as 36h, 7d or 2w.

Examples:
  holdfast find thesis.tex
  holdfast find --ignore-case '*.jpg' --larger 5MiB --newer 2026-01-01
  holdfast find '/home/ada/Documents/**/budget*' --type file
  holdfast find '*' --snapshot latest --newer 1d --json"
)]
pub(crate) struct FindArgs {
    /// What the name, or with a slash the whole path, looks like
    pattern: OsString,
    /// Take upper and lower case as the same
    #[arg(short, long)]
    ignore_case: bool,
    /// Only entries of this kind; may be given several times
    #[arg(long = "type", value_enum, value_name = "KIND")]
    kinds: Vec<Kind>,
    /// Only files of more than this size
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    larger: Option<u64>,
    /// Only files of less than this size
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    smaller: Option<u64>,
    /// Only what was modified then or later
    #[arg(long, value_name = "DATE", value_parser = parse_time)]
    newer: Option<FileTime>,
    /// Only what was modified before then
    #[arg(long, value_name = "DATE", value_parser = parse_time)]
    older: Option<FileTime>,
    /// Only in this snapshot: 'latest' or the beginning of its id
    #[arg(long, value_name = "SNAPSHOT", conflicts_with = "all")]
    snapshot: Option<OsString>,
    /// Only in snapshots of the set with this name
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
    /// In snapshots of the user's other devices too
    #[arg(long)]
    all: bool,
}

/// Kinds of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Regular files
    File,
    /// Folders
    Folder,
    /// Symbolic links
    Symlink,
    /// Pipes, sockets and devices
    Other,
}

impl Kind {
    const fn entries(self) -> &'static [EntryKind] {
        match self {
            Self::File => &[EntryKind::File],
            Self::Folder => &[EntryKind::Dir],
            Self::Symlink => &[EntryKind::Symlink],
            Self::Other => {
                &[EntryKind::Fifo, EntryKind::Socket, EntryKind::CharDevice, EntryKind::BlockDevice]
            }
        }
    }
}

pub(crate) fn run(args: &FindArgs, context: &Context) -> Result<Outcome, AgentError> {
    let filter = args.filter()?;
    let wanted = args.snapshot.as_deref().map(Wanted::alone).transpose()?;
    let session = context.session()?;
    let all = session.vault.snapshot_rows()?;
    let mut rows = match &wanted {
        Some(wanted) => vec![pick(&session, &all, wanted, args.set.as_deref())?.clone()],
        None => args.rows(&all, &session),
    };
    // The oldest first: most hunks are then read where their frames are whole.
    rows.sort_by_key(|row| row.sequence);
    let places: Vec<Place> = rows.iter().map(|row| Place { snapshot: row.id, device: row.device }).collect();
    let report = engine::find::find(&session.vault, session.keyring(), &places, &filter)?;
    tracing::info!(hunks = report.hunks, shared = report.shared, "parts of lists were read");
    let shown = show::Shown { rows: &rows, digits: shown_digits(&all), with_devices: args.all };
    for found in &report.found {
        context.output.row(&shown.row(found), |out| shown.write(out, found, &context.output))?;
    }
    if report.found.is_empty() {
        let count = text::counted(rows.len() as u64, "snapshot");
        context.output.note(&format!("Nothing like this is in {count}."));
    }
    // All that can be read was searched; that it is not all must not be missed.
    report.damage.map_or(Ok(Outcome::Complete), |error| Err(error.into()))
}

impl FindArgs {
    fn filter(&self) -> Result<Filter, AgentError> {
        let pattern = self.pattern.to_str().ok_or_else(|| {
            AgentError::Usage("the pattern is no UTF-8 text: give ? for each byte that is none".into())
        })?;
        Ok(Filter {
            kinds: self.kinds.iter().flat_map(|kind| kind.entries()).copied().collect(),
            larger: self.larger,
            smaller: self.smaller,
            newer: self.newer,
            older: self.older,
            ..Filter::new(Pattern::new(pattern, self.ignore_case)?)
        })
    }

    fn rows(&self, all: &[SnapshotRow], session: &Session) -> Vec<SnapshotRow> {
        let is_of_set = |row: &SnapshotRow| {
            self.set.as_ref().is_none_or(|name| row.set == ClearPart::set_id(row.device, name.as_bytes()))
        };
        let own = session.identity.device;
        all.iter().filter(|row| (self.all || row.device == own) && is_of_set(row)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_cover_all_entries_once() {
        let mut all: Vec<u8> =
            Kind::value_variants().iter().flat_map(|kind| kind.entries()).map(|kind| *kind as u8).collect();
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3, 4, 5, 6, 7]);
    }
}
