//! `holdfast deactivate`: this machine is a device no longer. Its snapshots stay with the server.

use super::{Context, Outcome};
use crate::AgentError;
use crate::session::Session;
use crate::state::State;
use crate::state::identity::{self, Identity};
use clap::Args;
use model::{Code, Custody};
use serde::Serialize;

/// End this machine's access; its snapshots stay with the server
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  holdfast deactivate
  holdfast deactivate --yes      of a private vault whose recovery file is in a safe place
  holdfast deactivate --local    when the server is gone")]
pub(crate) struct DeactivateArgs {
    /// Forget the device on this machine only; the server goes on knowing it
    #[arg(long)]
    local: bool,
    /// The recovery file of this private vault is in a safe place
    #[arg(long)]
    yes: bool,
}

/// The result in JSON.
#[derive(Debug, Serialize)]
struct Document {
    device: Option<model::DeviceId>,
    server_told: bool,
}

pub(crate) fn run(args: &DeactivateArgs, context: &Context) -> Result<Outcome, AgentError> {
    let state = State::locate()?;
    // Without an identity there is nothing to do, and no state to make.
    if Identity::find(&state).is_ok_and(|found| found.is_none()) {
        return Err(AgentError::NotActivated { state: state.root().to_owned() });
    }
    let _lock = state.lock()?;
    let identity = match Identity::read(&state) {
        Err(AgentError::StateFileDamaged { .. }) if args.local => {
            identity::set_aside(&state)?;
            return print(context, None, false);
        }
        other => other?,
    };
    if identity.vault.keyring.custody() == Custody::Private && !args.yes {
        return Err(AgentError::Usage(
            "this vault is private: without its recovery file or another device nobody can open it after this. \
             Give --yes when the recovery file is in a safe place"
                .into(),
        ));
    }
    let device = identity.device;
    // Another machine goes on as this device: ending it would end that one's backups.
    let tell = !args.local && !identity::is_cloned(&state);
    if tell {
        end_at_server(&Session::open(state.clone(), &context.dialling())?)?;
    }
    identity::forget(&state)?;
    // Caches belong to the vault. They do no harm when they stay.
    let _ = std::fs::remove_dir_all(state.cache_folder());
    print(context, Some(device), tell)
}

/// A server where this machine is no device any more has nothing to end.
fn end_at_server(session: &Session) -> Result<(), AgentError> {
    match session.vault.connection().deactivate() {
        Err(error)
            if !matches!(
                error.code,
                Code::DeviceUnknown | Code::DeviceDeactivated | Code::DeviceDeleted | Code::DeviceReplaced
            ) =>
        {
            Err(error.into())
        }
        _ => Ok(()),
    }
}

fn print(
    context: &Context,
    device: Option<model::DeviceId>,
    server_told: bool,
) -> Result<Outcome, AgentError> {
    context.output.print(&Document { device, server_told }, |out| {
        let place = if server_told { "" } else { " as far as this machine is concerned" };
        writeln!(out, "This machine is no longer a device{place}. Its snapshots are still with the server.")
    })?;
    Ok(Outcome::Complete)
}
