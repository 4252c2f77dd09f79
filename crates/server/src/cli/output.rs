//! What `holdfast-server` prints: one document or text on standard output, progress and errors on standard error.

use crate::admin::Answer;
use crate::data::file_error;
use crate::serve::Started;
use crate::watch::{Progress, Watch};
use crate::{Error, Result};
use anstream::{AutoStream, ColorChoice};
use model::text::escaped_lines;
use model::{Code, colour};
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Pause between two lines of progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);
const PROGRESS_EVERY_IN_FILES: Duration = Duration::from_secs(10);

/// Where and how things are printed. Cheap to clone.
#[derive(Clone)]
pub(super) struct Output {
    json: bool,
    terminal: bool,
    /// When progress was printed last, at first when the command began; and whether its line is still open.
    progress: Arc<Mutex<(Instant, bool)>>,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            terminal: io::stderr().is_terminal(),
            progress: Arc::new(Mutex::new((Instant::now(), false))),
        }
    }

    /// What came of a command.
    pub(super) fn answer(&self, answer: &Answer) -> Result<()> {
        self.end_progress();
        if self.json {
            return print(&format_args!("{}\n", answer.to_json()?));
        }
        // What a person wants to know, where a file for the result does not take it.
        if let Some(remark) = answer.remark() {
            let _ = write!(io::stderr(), "{}", escaped_lines(&remark));
        }
        print_words(answer)
    }

    /// Something else than the answer to a command, in the same two forms.
    pub(super) fn document(&self, document: &(impl Display + serde::Serialize)) -> Result<()> {
        if !self.json {
            return print_words(document);
        }
        match serde_json::to_value(document) {
            Ok(value) => print(&format_args!("{value}\n")),
            Err(error) => Err(Error::Broken { problem: format!("the answer: {error}") }),
        }
    }

    /// The server answers.
    pub(super) fn started(&self, started: &Started) {
        if let Err(error) = self.document(started) {
            tracing::warn!(%error, "nobody can be told that the server answers");
        }
    }

    /// What went wrong, and what to do next; for people also when a program asked.
    pub(super) fn error(&self, error: &Error) {
        self.end_progress();
        let code = error.code();
        let (message, advice) = (error.to_string(), error.advice());
        let shown = escaped_lines(&message);
        let words = format!("error: {shown} [{code}]\n  {advice}");
        let words = if has_colours() { colour::remark(&words) } else { words };
        let _ = writeln!(io::stderr(), "{words}");
        if self.json {
            print_error(code, &message, advice);
        }
    }

    /// Where a command stands.
    pub(super) fn progress(&self, step: &Progress) {
        if self.json {
            return;
        }
        let mut state = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let every = if self.terminal { PROGRESS_EVERY } else { PROGRESS_EVERY_IN_FILES };
        if state.0.elapsed() < every {
            return;
        }
        *state = (Instant::now(), self.terminal);
        let Progress { phase, done, total, unit } = step;
        let of = if *total > 0 { format!(" of {total}") } else { String::new() };
        let mut stderr = io::stderr();
        // Back to the start of the line, and what is behind the text erased.
        let (start, end) = if self.terminal { ("\r", "\x1b[K") } else { ("", "\n") };
        let _ = write!(stderr, "{start}{phase}: {done}{of} {unit}{end}");
        let _ = stderr.flush();
    }

    /// Hands progress over from wherever the work runs.
    pub(super) fn watch(&self) -> Watch {
        let output = self.clone();
        Watch::new(move |step| output.progress(step))
    }

    fn end_progress(&self) {
        let mut state = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if state.1 {
            let _ = write!(io::stderr(), "\r\x1b[K");
            state.1 = false;
        }
    }
}

/// Whether standard error is to have colours.
pub(super) fn has_colours() -> bool {
    AutoStream::choice(&io::stderr()) != ColorChoice::Never
}

/// Prints a result for people. What it holds of names gives a terminal no orders, and stays exact elsewhere.
fn print_words(words: &impl Display) -> Result<()> {
    if io::stdout().is_terminal() { print(&escaped_lines(&words.to_string())) } else { print(words) }
}

/// Prints a result, or says that it could not be: it may be a token or a password that is shown only now.
fn print(text: &impl Display) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match write!(stdout, "{text}").and_then(|()| stdout.flush()) {
        // Who closes the pipe has seen enough; the command is done.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(file_error(Path::new("standard output"), &error, "write"))
        }
        _ => Ok(()),
    }
}

/// The document of an error. There is no other place to say that it could not be printed.
pub(super) fn print_error(code: Code, message: &str, advice: &str) {
    let text = code.as_str();
    let value = serde_json::json!({"error": {"code": text, "message": message, "advice": advice}});
    let _ = print(&format_args!("{value}\n"));
}
