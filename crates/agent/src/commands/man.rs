//! `holdfast man`: manual pages, made from the definition of the command line.

use super::{Context, Outcome};
use crate::{AgentError, text};
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Write the manual pages of this program into a folder
#[derive(Debug, Args)]
#[command(after_help = "Example:
  holdfast man ~/.local/share/man/man1")]
pub(crate) struct ManArgs {
    /// The folder, which must be there; pages of the same names are replaced
    #[arg(value_name = "DIR")]
    to: PathBuf,
}

#[derive(Debug, Serialize)]
struct Pages<'a> {
    to: &'a Path,
}

pub(crate) fn run(args: &ManArgs, context: &Context) -> Result<Outcome, AgentError> {
    clap_mangen::generate_to(crate::cli::command(), &args.to)
        .map_err(|error| AgentError::local(&args.to, error))?;
    let answer = Pages { to: &args.to };
    context
        .output
        .print(&answer, |out| writeln!(out, "The pages are in {}.", text::escaped_path(answer.to)))?;
    Ok(Outcome::Complete)
}
