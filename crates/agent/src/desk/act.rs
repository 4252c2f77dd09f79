//! What a click does.

use crate::change::SettingsChange;
use crate::service::{Command, PauseWish, ask_begin, ask_done};
use crate::state::State;
use crate::state::settings::StoredPath;
use crate::{AgentError, overview};
use desktop::About;
use notices::{Action, PauseSpan, Value};
use platform::path;
use std::path::PathBuf;
use std::process::{Command as Program, Stdio};
use std::time::Duration;
use std::{fs, thread};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// A working day and what follows it.
const TODAY: Duration = Duration::from_secs(12 * 60 * 60);

/// Programs that let the user choose a folder, and how they are asked.
const CHOOSERS: [(&str, &[&str]); 2] = [
    ("zenity", &["--file-selection", "--directory", "--title=Add a folder to the backup"]),
    ("kdialog", &["--title", "Add a folder to the backup", "--getexistingdirectory"]),
];

/// Does what was clicked, on a thread of its own: a service may take a moment, and a user longer.
pub(super) fn begin(state: &State, action: Action, about: Option<About>) {
    let state = state.clone();
    let work = move || {
        if let Err(error) = act(&state, action, about.as_ref()) {
            tracing::warn!(%error, action = action.code(), "what was clicked could not be done");
        }
    };
    if let Err(error) = thread::Builder::new().name("click".into()).spawn(work) {
        tracing::warn!(%error, "no thread for what was clicked");
    }
}

/// What this session can do by itself.
pub(super) fn of_the_session() -> impl Iterator<Item = Action> {
    let opens = overview::opener().is_some();
    [Action::Details, Action::Open].into_iter().filter(move |_| opens)
}

/// Whether this session can do its part of what the service would do.
pub(super) fn can(action: Action) -> bool {
    action != Action::AddFolders || chooser().is_some()
}

fn act(state: &State, action: Action, about: Option<&About>) -> Result<(), AgentError> {
    let ask = |command| ask_done(state, command).map(drop);
    match action {
        Action::BackUpNow => ask_begin(state),
        Action::Cancel => ask(Command::Cancel),
        Action::Resume => ask(Command::Resume),
        Action::Pause(span) => ask(Command::Pause(match span {
            PauseSpan::Hour => PauseWish::Seconds(HOUR.as_secs()),
            PauseSpan::Today => PauseWish::Seconds(TODAY.as_secs()),
            PauseSpan::NextBackup => PauseWish::Next,
        })),
        Action::DisableOnNetwork => {
            let network = about.and_then(|about| match about.values.get("network") {
                Some(Value::Text(name)) => Some(name.clone()),
                _ => None,
            });
            SettingsChange::Block { network }.make(state)
        }
        Action::AddFolders => match choose_folder()? {
            Some(path) => SettingsChange::AddFolder { path: StoredPath(path), set: None }.make(state),
            None => Ok(()),
        },
        Action::Details | Action::Open => overview::open(state, about.map(|about| &about.code[..])).map(drop),
        // Never among what is possible.
        Action::Restore | Action::Settings => Ok(()),
    }
}

fn chooser() -> Option<(PathBuf, &'static [&'static str])> {
    CHOOSERS.iter().find_map(|(name, arguments)| Some((overview::program(name)?, *arguments)))
}

/// The folder that the user chooses; none when the user chooses none.
fn choose_folder() -> Result<Option<PathBuf>, AgentError> {
    let Some((program, arguments)) = chooser() else { return Ok(None) };
    let asked = Program::new(&program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let output = asked.map_err(|error| AgentError::local(&program, error))?;
    let name = output.stdout.strip_suffix(b"\n").unwrap_or(&output.stdout);
    if !output.status.success() || name.is_empty() {
        return Ok(None);
    }
    let chosen = path::from_bytes(name).to_owned();
    // Where links lead may change: the set names the folder itself.
    fs::canonicalize(&chosen).map(Some).map_err(|error| AgentError::local(&chosen, error))
}
