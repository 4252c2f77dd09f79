//! `holdfast cancel`: the end of a running backup.

use super::{Context, Outcome};
use crate::AgentError;
use crate::service::{Command, ask_done};
use crate::state::State;
use clap::Args;

/// Stop the backup that the agent makes
#[derive(Debug, Args)]
#[command(
    after_help = "What was sent is not sent again. The next backup begins when it is due, or with holdfast backup.

Example:
  holdfast cancel"
)]
pub(crate) struct CancelArgs {}

pub(crate) fn run(_: &CancelArgs, context: &Context) -> Result<Outcome, AgentError> {
    ask_done(&State::locate()?, Command::Cancel)?;
    let canceled = serde_json::json!({ "canceled": true });
    context.output.print(&canceled, |out| writeln!(out, "The backup is canceled."))?;
    Ok(Outcome::Complete)
}
