//! `holdfast man`: manual pages, made from the definition of the command line.

use super::{Context, Outcome};
use crate::json::text_and_bytes;
use crate::{AgentError, text};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;

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
struct Pages {
    to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_base64: Option<String>,
}

pub(crate) fn run(args: &ManArgs, context: &Context) -> Result<Outcome, AgentError> {
    clap_mangen::generate_to(crate::cli::command(), &args.to)
        .map_err(|error| AgentError::local(&args.to, error))?;
    let (to, to_base64) = text_and_bytes(platform::path::bytes(&args.to));
    context.output.print(&Pages { to, to_base64 }, |out| {
        writeln!(out, "The pages are in {}.", text::escaped_path(&args.to))
    })?;
    Ok(Outcome::Complete)
}
