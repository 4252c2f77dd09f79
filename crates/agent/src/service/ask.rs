//! The asking side of the socket. Plain blocking calls: a command does nothing else meanwhile.

use super::desktop_view::DesktopView;
use super::protocol::{Command, LINE_MAX, Order, Reply, Request, error_of, version};
use crate::AgentError;
use crate::change::SettingsChange;
use crate::commands::Context;
use crate::progress::{self, Words};
use crate::run::Manner;
use crate::sets::{Choice, Wish};
use crate::state::State;
use crate::state::identity::Identity;
use engine::backup::BackupSummary;
use model::Timestamp;
use platform::socket;
use status::{Status, Transition};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::time::Duration;

/// How long a service may say nothing: it gives a sign of life every few seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// A service that was asked.
struct Asked {
    reader: BufReader<socket::Stream>,
}

/// Asks the service of this state; none when none runs.
fn ask(state: &State, command: Command) -> Result<Option<Asked>, AgentError> {
    let path = state.socket();
    let mut stream = match socket::connect(&path, PATIENCE) {
        Ok(stream) => stream,
        // Refused: the socket of a service that was killed.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(AgentError::state(&path, error)),
    };
    let request = Request { version: version().to_owned(), command };
    let mut line = serde_json::to_vec(&request).map_err(|error| AgentError::Defect(error.to_string()))?;
    line.push(b'\n');
    stream.write_all(&line).map_err(|error| AgentError::ServiceSilent { source: error })?;
    Ok(Some(Asked { reader: BufReader::new(stream) }))
}

impl Asked {
    /// The next answer; an error for one that failed.
    fn next(&mut self) -> Result<Reply, AgentError> {
        let silent = |source| AgentError::ServiceSilent { source };
        loop {
            let mut line = Vec::new();
            let read = (&mut self.reader).take(LINE_MAX).read_until(b'\n', &mut line).map_err(silent)?;
            if read == 0 {
                return Err(silent(io::ErrorKind::UnexpectedEof.into()));
            }
            match serde_json::from_slice(&line).map_err(|error| silent(error.into()))? {
                Reply::Working => {}
                Reply::Failed { code, message } => return Err(error_of(&code, message)),
                other => return Ok(other),
            }
        }
    }
}

fn unexpected() -> AgentError {
    AgentError::Defect("the service answered something else than it was asked".into())
}

/// Hands each status of the service to `show`: one, or with `watch` one after each change until the service ends. False
/// when none runs.
pub(crate) fn ask_status(
    state: &State,
    watch: bool,
    mut show: impl FnMut(&Status) -> Result<(), AgentError>,
) -> Result<bool, AgentError> {
    let Some(mut asked) = ask(state, Command::Status { watch })? else { return Ok(false) };
    loop {
        match asked.next() {
            Ok(Reply::Status(status)) => show(&status)?,
            Ok(_) => return Err(unexpected()),
            // The service has ended.
            Err(AgentError::ServiceSilent { source }) if watch && is_end(&source) => return Ok(false),
            Err(error) => return Err(error),
        }
        if !watch {
            return Ok(true);
        }
    }
}

fn is_end(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset)
}

/// What a desktop is told.
pub(crate) enum DesktopNews {
    /// What it shows now.
    View(Box<DesktopView>),
    /// What comes up and is over.
    Event(Box<Transition>),
}

/// Hands over what a desktop shows, after each change, until the service ends. False when none runs.
pub(crate) fn ask_desktop(state: &State, mut show: impl FnMut(DesktopNews)) -> Result<bool, AgentError> {
    let Some(mut asked) = ask(state, Command::Desktop)? else { return Ok(false) };
    loop {
        match asked.next() {
            Ok(Reply::Desktop(view)) => show(DesktopNews::View(view)),
            Ok(Reply::Event(event)) => show(DesktopNews::Event(event)),
            Ok(_) => return Err(unexpected()),
            Err(AgentError::ServiceSilent { source }) if is_end(&source) => return Ok(true),
            Err(error) => return Err(error),
        }
    }
}

/// Lets the service change the settings. False when none runs.
pub(crate) fn ask_change(state: &State, change: &SettingsChange) -> Result<bool, AgentError> {
    let Some(mut asked) = ask(state, Command::Change(change.clone()))? else { return Ok(false) };
    match asked.next()? {
        Reply::Done => Ok(true),
        _ => Err(unexpected()),
    }
}

/// Lets the service begin a backup of the set that is meant without a name, and does not wait for its end.
pub(crate) fn ask_begin(state: &State) -> Result<(), AgentError> {
    let manner = Manner { accept_changed_roots: false, is_watched: false, walks_all: true };
    let order = Command::Backup(Order::new(&Wish::default(), manner));
    let Some(mut asked) = ask(state, order)? else { return Err(AgentError::AgentNotRunning) };
    match asked.next()? {
        Reply::Chosen(_) => Ok(()),
        _ => Err(unexpected()),
    }
}

/// Lets the service do something that is done at once.
pub(crate) fn ask_done(state: &State, command: Command) -> Result<Option<Timestamp>, AgentError> {
    let Some(mut asked) = ask(state, command)? else {
        // A machine that is no device has none to run.
        Identity::read(state)?;
        return Err(AgentError::AgentNotRunning);
    };
    match asked.next()? {
        Reply::Done => Ok(None),
        Reply::Paused { until } => Ok(Some(until)),
        _ => Err(unexpected()),
    }
}

/// Lets the service make a backup, and shows how far it is; none when no service runs. A signal cancels it.
pub(crate) fn ask_backup(
    state: &State,
    wish: &Wish,
    manner: Manner,
    context: &Context,
    words: Words,
    say: impl Fn(&Choice),
) -> Result<Option<(String, BackupSummary)>, AgentError> {
    let order = Command::Backup(Order::new(wish, manner));
    let Some(mut asked) = ask(state, order)? else { return Ok(None) };
    progress::watch(&context.output, &context.interrupts, words, |progress| {
        let mut canceled = false;
        loop {
            match asked.next()? {
                Reply::Chosen(chosen) => say(&chosen.into_choice()),
                Reply::Progress(counters) => counters.show(progress),
                Reply::Made(made) => return Ok(Some(made.into_parts())),
                _ => return Err(unexpected()),
            }
            if progress.is_stopped() && !canceled {
                canceled = true;
                if let Err(error) = ask_done(state, Command::Cancel) {
                    tracing::warn!(%error, "the backup goes on");
                }
            }
        }
    })
}
