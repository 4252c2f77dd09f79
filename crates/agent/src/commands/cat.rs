//! `holdfast cat`: the content of one file of a snapshot, on standard output.

use super::{Context, Outcome};
use crate::select::Selector;
use crate::{AgentError, Output};
use clap::Args;
use engine::cat::cat;
use engine::progress::Progress;
use std::ffi::OsString;
use std::io::{self, Write};

/// Write the content of a file to standard output
#[derive(Debug, Args)]
#[command(after_help = "Example:
  holdfast cat latest:/home/ada/notes.txt | less")]
pub(crate) struct CatArgs {
    /// The snapshot, 'latest' or the beginning of its id, and the path of a file in it
    #[arg(value_name = "SNAPSHOT:PATH")]
    file: OsString,
    /// The set that 'latest' means
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
}

pub(crate) fn run(args: &CatArgs, context: &Context) -> Result<Outcome, AgentError> {
    let selector = Selector::parse(&args.file)?;
    let path = selector.path.ok_or_else(|| AgentError::Usage("cat needs a file: SNAPSHOT:PATH".into()))?;
    let session = context.session()?;
    let reader = context.open_snapshot(&session, &selector.snapshot, args.set.as_deref())?;
    // Without a bar, which would mix with the content on a terminal; a signal ends the process at once.
    cat(&reader, &path, &mut Content(&context.output), &Progress::new())?;
    Ok(Outcome::Complete)
}

/// Standard output for bytes.
struct Content<'a>(&'a Output);

impl Write for Content<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_bytes(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
