//! `holdfast ls`: what is in a snapshot.

pub(super) mod show;

use super::{Context, Outcome, entry_there};
use crate::AgentError;
use crate::select::Selector;
use clap::Args;
use engine::EngineError;
use engine::reader::SnapshotReader;
use engine::reader::children::{hunks_with_children, is_child};
use format::entry::{Entry, EntryKind};
use std::ffi::OsString;

/// List what is in a snapshot
#[derive(Debug, Args)]
#[command(after_help = "Without a path the folders of the set are listed, with a folder what it holds.

Examples:
  holdfast ls latest
  holdfast ls --long latest:/home/ada/Documents
  holdfast ls --recursive 3fa09c21:/etc | grep ssh")]
pub(crate) struct LsArgs {
    /// The snapshot, 'latest' or the beginning of its id, and a path in it
    #[arg(value_name = "SNAPSHOT[:PATH]")]
    snapshot: OsString,
    /// Mode, owner, size and time of each entry
    #[arg(short, long)]
    long: bool,
    /// Everything below, too
    #[arg(short, long)]
    recursive: bool,
    /// The set that 'latest' means
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
}

pub(crate) fn run(args: &LsArgs, context: &Context) -> Result<Outcome, AgentError> {
    let selector = Selector::parse(&args.snapshot)?;
    let session = context.session()?;
    let reader = context.open_snapshot(&session, &selector.snapshot, args.set.as_deref())?;
    let mut listing = Listing { args, context, reader: &reader, damaged: None };
    match &selector.path {
        Some(path) => listing.named(path)?,
        None => {
            for path in &reader.sealed().paths {
                // A path that was never there has no entry; the findings tell.
                if let Some(entry) = reader.find(path)? {
                    listing.entry_or_children(&entry)?;
                }
            }
        }
    }
    // What can be listed was listed; that it is not all must not be missed.
    listing.damaged.map_or(Ok(Outcome::Complete), |error| Err(error.into()))
}

struct Listing<'a> {
    args: &'a LsArgs,
    context: &'a Context,
    reader: &'a SnapshotReader<'a>,
    /// The first part of the list that could not be read.
    damaged: Option<EngineError>,
}

impl Listing<'_> {
    fn named(&mut self, path: &[u8]) -> Result<(), AgentError> {
        match entry_there(self.reader, path)? {
            Some(entry) => self.entry_or_children(&entry),
            None => self.children(path),
        }
    }

    fn entry_or_children(&mut self, entry: &Entry) -> Result<(), AgentError> {
        if entry.kind == EntryKind::Dir { self.children(&entry.path) } else { self.show(entry) }
    }

    fn children(&mut self, folder: &[u8]) -> Result<(), AgentError> {
        let reader = self.reader;
        if self.args.recursive {
            for entry in reader.entries(folder) {
                self.take(entry, |entry| entry.path != folder)?;
            }
            return Ok(());
        }
        let hunks = &reader.sealed().hunks;
        let first_paths = |number: usize| hunks.get(number).map(|hunk| &hunk.first_path[..]);
        for run in hunks_with_children(folder, reader.hunks_within(folder), first_paths) {
            for (_, hunk) in reader.hunks(run) {
                match hunk {
                    Ok(hunk) => {
                        for entry in hunk.entries {
                            self.take(Ok(entry), |entry| is_child(&entry.path, folder))?;
                        }
                    }
                    Err(error) => self.take(Err(error), |_| false)?,
                }
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        entry: Result<Entry, EngineError>,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Result<(), AgentError> {
        match entry {
            Ok(entry) if entry.kind != EntryKind::Continuation && wanted(&entry) => self.show(&entry),
            Ok(_) => Ok(()),
            Err(error @ EngineError::Damaged { .. }) => {
                self.damaged.get_or_insert(error);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn show(&self, entry: &Entry) -> Result<(), AgentError> {
        let output = &self.context.output;
        output.row(&show::Row::new(entry), |out| show::write(out, entry, self.args.long, output))
    }
}
