//! `completions` and `man`: what shells and manuals need, made from the definition of the command line. No server is
//! asked.

use super::output::Output;
use crate::Result;
use crate::data::file_error;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use clap_complete::Shell;
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// What is made.
#[derive(Debug, Subcommand)]
pub(super) enum Page {
    /// Print what a shell needs to complete this program's command line
    #[command(after_help = "Examples:
  holdfast-server completions bash > /etc/bash_completion.d/holdfast-server
  holdfast-server completions zsh > /usr/local/share/zsh/site-functions/_holdfast-server")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages of this program into a folder
    #[command(after_help = "Example:
  holdfast-server man /usr/local/share/man/man1")]
    Man {
        /// The folder, which must be there; pages of the same names are replaced
        #[arg(value_name = "DIR")]
        to: PathBuf,
    },
}

#[derive(Serialize)]
struct Completions {
    shell: String,
    script: String,
}

impl fmt::Display for Completions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.script)
    }
}

#[derive(Serialize)]
struct Pages {
    to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_base64: Option<String>,
}

impl Pages {
    /// A path that is no text has its bytes besides.
    fn new(to: &Path) -> Self {
        let bytes = || STANDARD.encode(platform::path::bytes(to));
        Self { to: to.to_string_lossy().into_owned(), to_base64: to.to_str().is_none().then(bytes) }
    }
}

impl fmt::Display for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The pages are in {}.", self.to)
    }
}

/// The generator for bash takes a dash in a program's name for the beginning of a command, so it is given a name
/// without one, which stands behind `complete` only, at the end of a line.
fn script(shell: Shell, line: &mut clap::Command) -> String {
    const NAME: &str = "holdfast-server";
    let plain = NAME.replace('-', "_");
    let name = if shell == Shell::Bash { &plain } else { NAME };
    let mut script = Vec::new();
    clap_complete::generate(shell, line, name, &mut script);
    String::from_utf8_lossy(&script).replace(&format!(" {plain}\n"), &format!(" {NAME}\n"))
}

/// Makes it.
pub(super) fn run(page: Page, mut line: clap::Command, output: &Output) -> Result<()> {
    match page {
        Page::Completions { shell } => {
            output.document(&Completions { shell: shell.to_string(), script: script(shell, &mut line) })
        }
        Page::Man { to } => {
            clap_mangen::generate_to(line, &to).map_err(|error| file_error(&to, &error, "write pages"))?;
            output.document(&Pages::new(&to))
        }
    }
}
