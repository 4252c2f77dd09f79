//! `holdfast folders`: what is backed up by itself.

use super::{Context, Outcome};
use crate::change::SettingsChange;
use crate::json::JsonPath;
use crate::state::State;
use crate::state::identity::Identity;
use crate::state::settings::{Settings, StoredPath};
use crate::{AgentError, roots, text};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::path::PathBuf;

/// List, add or remove the folders of a set
#[derive(Debug, Args)]
#[command(
    after_help = "The service backs up the default set, or all sets where there is no default one. What is removed stays in the
backups that have it.

Examples:
  holdfast folders list
  holdfast folders add ~/Documents
  holdfast folders remove ~/Downloads --set work"
)]
pub(crate) struct FoldersArgs {
    /// What to do
    #[command(subcommand)]
    command: FoldersCommand,
}

#[derive(Debug, Subcommand)]
enum FoldersCommand {
    /// List the folders of all sets
    #[command(after_help = "Example:
  holdfast folders list")]
    List,
    /// Add a folder to a set
    #[command(after_help = "Example:
  holdfast folders add ~/Documents")]
    Add(Named),
    /// Take a folder out of a set
    #[command(after_help = "Example:
  holdfast folders remove ~/Downloads")]
    Remove(Named),
}

#[derive(Debug, Args)]
struct Named {
    /// The folder or file
    path: PathBuf,
    /// The set; 'default' when none is named
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    set: String,
    #[serde(flatten)]
    path: JsonPath,
    #[serde(skip)]
    shown: String,
    /// It is where it should be.
    is_there: bool,
}

pub(crate) fn run(args: &FoldersArgs, context: &Context) -> Result<Outcome, AgentError> {
    let state = State::locate()?;
    match &args.command {
        FoldersCommand::List => {}
        FoldersCommand::Add(Named { path, set }) => {
            let path = StoredPath(roots::resolve(path)?.path);
            SettingsChange::AddFolder { path, set: set.clone() }.make(&state)?;
        }
        FoldersCommand::Remove(Named { path, set }) => {
            let path = StoredPath(roots::resolve(path)?.path);
            SettingsChange::RemoveFolder { path, set: set.clone() }.make(&state)?;
        }
    }
    Identity::read(&state)?;
    let sets = Settings::read(&state)?.sets;
    let rows = sets.into_iter().flat_map(|(set, folders)| {
        folders.paths().into_iter().map(move |path| Row {
            set: set.clone(),
            is_there: path.symlink_metadata().is_ok(),
            path: JsonPath::new(platform::path::bytes(path.as_os_str())),
            shown: text::escaped_path(&path),
        })
    });
    let rows: Vec<Row> = rows.collect();
    context.output.print(&rows, |out| {
        if rows.is_empty() {
            writeln!(out, "No folder is backed up.")?;
        }
        for Row { set, shown, is_there, .. } in &rows {
            let missing = if *is_there { "" } else { " (not there)" };
            writeln!(out, "{set}: {shown}{missing}")?;
        }
        Ok(())
    })?;
    Ok(Outcome::Complete)
}
