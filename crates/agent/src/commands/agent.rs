//! `holdfast agent`: the service itself.

use super::{Context, Outcome};
use crate::state::State;
use crate::{AgentError, service};
use clap::{Args, Subcommand};

/// Run the service that makes backups when they are due
#[derive(Debug, Args)]
#[command(
    after_help = "The service manager of the system starts it; packaging/systemd has units for systemd. It ends on SIGTERM.

Examples:
  holdfast agent run
  HOLDFAST_LOG=info holdfast agent run"
)]
pub(crate) struct AgentArgs {
    /// What to do
    #[command(subcommand)]
    command: AgentCommand,
}

#[derive(Debug, Subcommand)]
enum AgentCommand {
    /// Run the service until it is stopped
    #[command(after_help = "Example:
  HOLDFAST_LOG=info holdfast agent run")]
    Run,
}

pub(crate) fn run(args: &AgentArgs, context: &Context) -> Result<Outcome, AgentError> {
    let AgentCommand::Run = args.command;
    service::run(&State::locate()?, context)?;
    Ok(Outcome::Complete)
}
