//! `holdfast completions`: what a shell needs to complete the command line.

use super::{Context, Outcome};
use crate::AgentError;
use clap::Args;
use clap_complete::Shell;
use serde::Serialize;

/// Print what a shell needs to complete this program's command line
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  holdfast completions bash > ~/.local/share/bash-completion/completions/holdfast
  holdfast completions zsh > ~/.zfunc/_holdfast
  holdfast completions fish > ~/.config/fish/completions/holdfast.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Serialize)]
struct Completions {
    shell: String,
    script: String,
}

pub(crate) fn run(args: &CompletionsArgs, context: &Context) -> Result<Outcome, AgentError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::cli::command(), "holdfast", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    let answer = Completions { shell: args.shell.to_string(), script };
    context.output.print(&answer, |out| out.write_all(answer.script.as_bytes()))?;
    Ok(Outcome::Complete)
}
