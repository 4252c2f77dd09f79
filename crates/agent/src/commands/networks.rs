//! `holdfast networks`: on which networks backups run.

use super::{Context, Outcome};
use crate::change::SettingsChange;
use crate::state::State;
use crate::state::identity::Identity;
use crate::state::networks::{Known, Networks};
use crate::{AgentError, text};
use clap::{Args, Subcommand};
use model::Timestamp;
use serde::Serialize;
use surroundings::NetworkKind;

/// List networks, and keep backups off one
#[derive(Debug, Args)]
#[command(
    after_help = "A network is one that led to the server. Only small ones can be blocked, such as a hotspot: of IPv4 those of /24 or
longer, unless the administrator says otherwise. A backup that runs there is interrupted within seconds and goes on
elsewhere. Restores work everywhere.

Examples:
  holdfast networks list
  holdfast networks block
  holdfast networks unblock 'Hotel WiFi'"
)]
pub(crate) struct NetworksArgs {
    /// What to do
    #[command(subcommand)]
    command: NetworksCommand,
}

#[derive(Debug, Subcommand)]
enum NetworksCommand {
    /// List the networks that this device was on, the last one first
    #[command(after_help = "Example:
  holdfast networks list")]
    List,
    /// Make no backups on a network
    #[command(after_help = "Examples:
  holdfast networks block
  holdfast networks block 'Hotel WiFi'")]
    Block(Named),
    /// Make backups there again
    #[command(after_help = "Example:
  holdfast networks unblock 'Hotel WiFi'")]
    Unblock(Named),
}

#[derive(Debug, Args)]
struct Named {
    /// Its name, or the hardware address of its router; the one that the device was on last when neither is given
    network: Option<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    kind: NetworkKind,
    prefix: Option<String>,
    gateway_mac: Option<String>,
    /// When the device came to it last.
    seen: Timestamp,
    blocked: bool,
    /// A backup has run on it.
    used: bool,
}

impl Row {
    fn new(known: Known) -> Self {
        let Known { network, seen, is_blocked, was_used } = known;
        Self {
            name: network.name,
            kind: network.kind,
            prefix: network.prefix.map(|prefix| prefix.to_string()),
            gateway_mac: network.gateway_mac,
            seen,
            blocked: is_blocked,
            used: was_used,
        }
    }
}

pub(crate) fn run(args: &NetworksArgs, context: &Context) -> Result<Outcome, AgentError> {
    let state = State::locate()?;
    match &args.command {
        NetworksCommand::List => {}
        NetworksCommand::Block(Named { network }) => {
            SettingsChange::Block { network: network.clone() }.make(&state)?;
        }
        NetworksCommand::Unblock(Named { network }) => {
            SettingsChange::Unblock { network: network.clone() }.make(&state)?;
        }
    }
    Identity::read(&state)?;
    let rows: Vec<Row> = Networks::read(&state)?.known.into_iter().map(Row::new).collect();
    context.output.print(&rows, |out| {
        if rows.is_empty() {
            writeln!(out, "No network is known yet. The agent notes those that lead to the server.")?;
        }
        for row in &rows {
            let name = text::escaped(row.name.as_bytes());
            let parts = [row.prefix.clone(), row.gateway_mac.as_ref().map(|mac| format!("router {mac}"))];
            let place: Vec<String> = parts.into_iter().flatten().collect();
            let place = if place.is_empty() { String::new() } else { format!(" ({})", place.join(", ")) };
            let blocked = if row.blocked { "blocked" } else { "backups run" };
            writeln!(out, "{name}{place}: {blocked}, last joined {}", text::time(row.seen))?;
        }
        Ok(())
    })?;
    Ok(Outcome::Complete)
}
