//! The command line of `holdfast`: its arguments, and the way from there to an exit status.

use crate::commands::{
    Context, Outcome, activate, agent, backup, cancel, cat, completions, deactivate, diagnose, diff, find,
    findings, folders, history, ls, man, mount, networks, notices, open, pause, restore, resume, settings,
    snapshots, status, tag, top, verify, why,
};
use crate::state::{State, identity};
use crate::{AgentError, Interrupts, Output, log};
use clap::{CommandFactory, Parser, Subcommand};
use model::Code;
use model::text::WrongUsage;
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

/// Back up this machine to your organisation's Holdfast server, and bring files back
#[derive(Debug, Parser)]
#[command(
    name = "holdfast",
    version,
    after_help = "Environment:
  HOLDFAST_STATE=DIR     the agent's state [default: /var/lib/holdfast for root, else ~/.local/state/holdfast]
  HOLDFAST_SERVER=URL    the server's address in place of the one that was stored
  HOLDFAST_LOG=FILTER    what is logged to standard error, such as info or client=debug [default: warn]

Exit status: 0 complete, 3 complete with findings, 2 wrong usage, others by kind of error (docs/errors.md)."
)]
struct Cli {
    /// Print results as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Activate(activate::ActivateArgs),
    Backup(backup::BackupArgs),
    Status(status::StatusArgs),
    Cancel(cancel::CancelArgs),
    Pause(pause::PauseArgs),
    Resume(resume::ResumeArgs),
    History(history::HistoryArgs),
    Open(open::OpenArgs),
    Folders(folders::FoldersArgs),
    Networks(networks::NetworksArgs),
    Settings(settings::SettingsArgs),
    Snapshots(snapshots::SnapshotsArgs),
    Tag(tag::TagArgs),
    Ls(ls::LsArgs),
    Find(find::FindArgs),
    Diff(diff::DiffArgs),
    Top(top::TopArgs),
    Restore(restore::RestoreArgs),
    Mount(mount::MountArgs),
    Cat(cat::CatArgs),
    Verify(verify::VerifyArgs),
    Findings(findings::FindingsArgs),
    Why(why::WhyArgs),
    Notices(notices::NoticesArgs),
    Diagnose(diagnose::DiagnoseArgs),
    Agent(agent::AgentArgs),
    Deactivate(deactivate::DeactivateArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// The definition of the command line, for pages that are made from it.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(refuse(&error, &args)),
    };
    let output = Arc::new(Output::new(cli.json));
    ExitCode::from(match start(&cli, &output) {
        Ok(outcome) => {
            if let Outcome::Failed(code) = outcome {
                output.failed(code);
            }
            outcome.exit_status()
        }
        Err(AgentError::OutputClosed) => model::code::exit::COMPLETE,
        Err(error) => {
            output.error(&error);
            error.code().exit_status()
        }
    })
}

fn start(cli: &Cli, output: &Arc<Output>) -> Result<Outcome, AgentError> {
    log::init(output);
    protect_process();
    let interrupts = Interrupts::install(Arc::clone(output))?;
    let context = Context { output: Arc::clone(output), interrupts };
    let result = run(&cli.command, &context);
    // Also what was found before an error, and before that is told.
    let finished = output.finish();
    let result = result.and_then(|outcome| finished.map(|()| outcome));
    match result {
        // Whatever broke after the signal broke because of it.
        Err(_) if context.interrupts.caught() => Err(AgentError::Interrupted),
        Err(error) if error.code() == Code::DeviceCloned => {
            remember_clone();
            Err(error)
        }
        other => other,
    }
}

fn run(command: &Command, context: &Context) -> Result<Outcome, AgentError> {
    match command {
        Command::Activate(args) => activate::run(args, context),
        Command::Backup(args) => backup::run(args, context),
        Command::Status(args) => status::run(args, context),
        Command::Cancel(args) => cancel::run(args, context),
        Command::Pause(args) => pause::run(args, context),
        Command::Resume(args) => resume::run(args, context),
        Command::History(args) => history::run(args, context),
        Command::Open(args) => open::run(args, context),
        Command::Folders(args) => folders::run(args, context),
        Command::Networks(args) => networks::run(args, context),
        Command::Settings(args) => settings::run(args, context),
        Command::Snapshots(args) => snapshots::run(args, context),
        Command::Tag(args) => tag::run(args, context),
        Command::Ls(args) => ls::run(args, context),
        Command::Find(args) => find::run(args, context),
        Command::Diff(args) => diff::run(args, context),
        Command::Top(args) => top::run(args, context),
        Command::Mount(args) => mount::run(args, context),
        Command::Restore(args) => restore::run(args, context),
        Command::Cat(args) => cat::run(args, context),
        Command::Verify(args) => verify::run(args, context),
        Command::Findings(args) => findings::run(args, context),
        Command::Why(args) => why::run(args, context),
        Command::Notices(args) => notices::run(args, context),
        Command::Diagnose(args) => diagnose::run(args, context),
        Command::Agent(args) => agent::run(args, context),
        Command::Deactivate(args) => deactivate::run(args, context),
        Command::Completions(args) => completions::run(args, context),
        Command::Man(args) => man::run(args, context),
    }
}

/// This process holds keys: what it makes is closed to others, and its memory stays out of core dumps.
fn protect_process() {
    for (what, done) in [
        ("the umask", platform::process::restrict_umask()),
        ("core dumps", platform::process::disable_core_dumps()),
    ] {
        if let Err(error) = done {
            tracing::warn!(what, %error, "the process could not be protected");
        }
    }
}

/// `deactivate` must not end the device that now belongs to another machine.
fn remember_clone() {
    let marked = State::locate().and_then(|state| identity::mark_cloned(&state));
    if let Err(error) = marked {
        tracing::warn!(%error, "that this state was copied could not be noted");
    }
}

/// Prints what the parser says: help and version to standard output, all else to standard error.
fn refuse(error: &clap::Error, args: &[OsString]) -> u8 {
    if !error.use_stderr() {
        // Nothing can be done when even this cannot be printed.
        let _ = error.print();
        return model::code::exit::COMPLETE;
    }
    let wrong = WrongUsage::of(&error.render().to_string());
    let flags = args.iter().skip(1).take_while(|arg| *arg != "--");
    let output = Output::new(flags.into_iter().any(|arg| arg == "--json"));
    output.note(wrong.words.trim_end());
    if output.is_json() {
        output.error_document(&AgentError::Usage(wrong.reason));
    }
    model::code::exit::USAGE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds_together() {
        command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_is() {
        for subcommand in command().get_subcommands() {
            let name = subcommand.get_name();
            assert!(subcommand.get_about().is_some(), "{name}");
            let after = subcommand.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.contains("Example") && after.contains(&format!("  holdfast {name}")), "{name}");
            for argument in subcommand.get_arguments() {
                assert!(argument.get_help().is_some(), "{name} {}", argument.get_id());
            }
        }
    }
}
