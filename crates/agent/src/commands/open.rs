//! `holdfast open`: the status of this device as a page.

use super::{Context, Outcome};
use crate::state::State;
use crate::{AgentError, overview, text};
use clap::Args;

/// Show in the browser how the backup of this device stands
#[derive(Debug, Args)]
#[command(
    after_help = "The page is made anew each time, in the agent's state. Without anything that opens pages here it is only made.

Examples:
  holdfast open
  holdfast open --json"
)]
pub(crate) struct OpenArgs {}

pub(crate) fn run(_: &OpenArgs, context: &Context) -> Result<Outcome, AgentError> {
    let page = overview::open(&State::locate()?, None)?;
    let document = serde_json::json!({ "page": page.path.to_string_lossy(), "opened": page.is_opened });
    context.output.print(&document, |out| {
        let words = if page.is_opened { "opened" } else { "made; nothing here opens pages" };
        writeln!(out, "The page {} is {words}.", text::escaped_path(&page.path))
    })?;
    Ok(Outcome::Complete)
}
