//! `holdfast resume`: the end of a pause.

use super::{Context, Outcome};
use crate::AgentError;
use crate::service::{Command, ask_done};
use crate::state::State;
use clap::Args;

/// End a pause
#[derive(Debug, Args)]
#[command(after_help = "A backup that was paused goes on, and one that became due begins.

Example:
  holdfast resume")]
pub(crate) struct ResumeArgs {}

pub(crate) fn run(_: &ResumeArgs, context: &Context) -> Result<Outcome, AgentError> {
    ask_done(&State::locate()?, Command::Resume)?;
    let resumed = serde_json::json!({ "resumed": true });
    context.output.print(&resumed, |out| writeln!(out, "Backup is no longer paused."))?;
    Ok(Outcome::Complete)
}
