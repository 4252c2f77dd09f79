//! `holdfast agent`: the service itself, and its helper on the desktop.

use super::{Context, Outcome};
use crate::state::State;
use crate::{AgentError, desk, service};
use clap::{Args, Subcommand};

/// Run the service that makes backups when they are due, or its helper on the desktop
#[derive(Debug, Args)]
#[command(
    after_help = "The service manager of the system starts it; packaging/systemd has units for systemd. It ends on SIGTERM.

Examples:
  holdfast agent run
  HOLDFAST_LOG=info holdfast agent run
  holdfast agent desktop"
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
    /// Show on this session's desktop what the service says, until the session ends
    #[command(
        after_help = "Notices come up by org.freedesktop.Notifications, and an icon stands in the tray by StatusNotifierItem. The session
starts it; packaging has an autostart entry and a unit of systemd. One runs for a state at a time. Without a desktop it
waits for one.

Example:
  holdfast agent desktop"
    )]
    Desktop,
}

pub(crate) fn run(args: &AgentArgs, context: &Context) -> Result<Outcome, AgentError> {
    let state = State::locate()?;
    match args.command {
        AgentCommand::Run => service::run(&state, context)?,
        AgentCommand::Desktop => desk::run(&state)?,
    }
    Ok(Outcome::Complete)
}
