//! Where all output goes: results to standard output as text or JSON, everything said along the way to standard error.
//! A command hands over a value and the words for it; only this file decides which of both is printed.

use crate::{AgentError, text};
use anstream::{AutoStream, ColorChoice};
use indicatif::MultiProgress;
use model::Code;
use model::colour::{self, Tone};
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The output of one command.
#[derive(Debug)]
pub struct Output {
    json: bool,
    stdout: Mutex<BufWriter<Stdout>>,
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
    stdout_has_colours: bool,
    stderr_has_colours: bool,
    /// Draws progress bars, and lets lines pass above them.
    bars: MultiProgress,
}

/// The body of an error in JSON.
#[derive(Debug, Serialize)]
struct ErrorDocument<'a> {
    error: ErrorFields<'a>,
}

#[derive(Debug, Serialize)]
struct ErrorFields<'a> {
    code: &'static str,
    message: &'a str,
    advice: &'static str,
}

impl Output {
    /// Output as JSON or as text.
    pub fn new(json: bool) -> Self {
        let stdout = io::stdout();
        let stdout_is_terminal = stdout.is_terminal();
        let buffered = BufWriter::with_capacity(64 << 10, stdout);
        let stderr_is_terminal = io::stderr().is_terminal();
        Self {
            json,
            stdout: Mutex::new(buffered),
            stdout_is_terminal,
            stderr_is_terminal,
            stdout_has_colours: AutoStream::choice(&io::stdout()) != ColorChoice::Never,
            stderr_has_colours: AutoStream::choice(&io::stderr()) != ColorChoice::Never,
            bars: MultiProgress::new(),
        }
    }

    /// Text as it is written where there is no terminal, whatever the process has: what tests compare with.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        let (stdout_is_terminal, stderr_is_terminal) = (false, false);
        let (stdout_has_colours, stderr_has_colours) = (false, false);
        Self {
            stdout_is_terminal,
            stderr_is_terminal,
            stdout_has_colours,
            stderr_has_colours,
            ..Self::new(false)
        }
    }

    /// Whether results are JSON.
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// Whether a person may look at standard error.
    pub const fn stderr_is_terminal(&self) -> bool {
        self.stderr_is_terminal
    }

    /// The progress bars, which share standard error with [`Self::note`].
    pub const fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// Prints a result: `value` in one line of JSON, or what `words` writes.
    pub fn print<T: Serialize>(
        &self,
        value: &T,
        words: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), AgentError> {
        match self.row(value, words) {
            Err(AgentError::OutputClosed) => Ok(()),
            other => other,
        }
    }

    /// One of many results. Fails with [`AgentError::OutputClosed`] when nobody reads them any more, so that a long
    /// list can end.
    pub fn row<T: Serialize>(
        &self,
        value: &T,
        words: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), AgentError> {
        let mut stdout = self.lock();
        let written = if self.json {
            serde_json::to_writer(&mut *stdout, value)
                .map_err(io::Error::from)
                .and_then(|()| writeln!(stdout))
        } else {
            words(&mut *stdout)
        };
        Self::check(written)
    }

    /// Something that happens while the command runs: one line of JSON at once, and nothing in text.
    pub fn event<T: Serialize>(&self, value: &T) -> Result<(), AgentError> {
        if !self.json {
            return Ok(());
        }
        self.print(value, |_| Ok(()))?;
        self.finish()
    }

    /// Says something to people, beside the results.
    pub fn note(&self, text: &str) {
        let text = if self.stderr_has_colours { Cow::from(colour::remark(text)) } else { text.into() };
        // Standard error has no other place to report its failure to.
        self.bars.suspend(|| drop(writeln!(io::stderr(), "{text}")));
    }

    /// Says why the command failed.
    pub fn error(&self, error: &AgentError) {
        if !matches!(error, AgentError::OutputClosed) {
            self.say_error(error, Some(self.lock()));
        }
    }

    /// [`Self::error`] from another thread, just before the process ends: it never waits for one that is stuck in a
    /// write to standard output.
    pub fn last_words(&self, error: &AgentError) {
        self.say_error(error, self.stdout.try_lock().ok());
    }

    /// The document of an error alone, for JSON, when people were told otherwise.
    pub fn error_document(&self, error: &AgentError) {
        write_error(error, &mut *self.lock());
    }

    /// Says what a command found, when it did what it was asked and that shows an error.
    pub fn failed(&self, code: Code) {
        let meaning = text::lower_first(code.meaning().trim_end_matches('.'));
        self.note(&format!("error: {meaning} [{code}]\n  {}", code.advice()));
    }

    fn say_error(&self, error: &AgentError, stdout: Option<MutexGuard<'_, BufWriter<Stdout>>>) {
        let message = text::escaped_lines(&error.to_string());
        self.note(&format!("error: {message} [{}]\n  {}", error.code(), error.advice()));
        if let Some(mut stdout) = stdout.filter(|_| self.json) {
            write_error(error, &mut *stdout);
        }
    }

    /// Bytes for standard output, as they are.
    pub fn write_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        self.lock().write_all(bytes)
    }

    /// A name for text on standard output: readable on a terminal, exact elsewhere.
    pub fn name<'a>(&self, name: &'a [u8]) -> Cow<'a, [u8]> {
        if self.stdout_is_terminal { text::escaped(name).into_bytes().into() } else { name.into() }
    }

    /// A word for text on standard output.
    pub fn word<'a>(&self, word: &'a str, tone: Tone) -> Cow<'a, str> {
        if self.stdout_has_colours { colour::painted(word, tone).into() } else { word.into() }
    }

    /// Brings out what is still held back.
    pub fn finish(&self) -> Result<(), AgentError> {
        let flushed = self.lock().flush();
        match Self::check(flushed) {
            Err(AgentError::OutputClosed) => Ok(()),
            other => other,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BufWriter<Stdout>> {
        self.stdout.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(written: io::Result<()>) -> Result<(), AgentError> {
        match written {
            Ok(()) => Ok(()),
            Err(error) => Err(AgentError::output(error)),
        }
    }
}

fn write_error(error: &AgentError, out: &mut impl Write) {
    let (code, message, advice) = (error.code().as_str(), error.to_string(), error.advice());
    let document = ErrorDocument { error: ErrorFields { code, message: &message, advice } };
    if let Ok(line) = serde_json::to_string(&document) {
        // When this cannot be written, the exit status still says it.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}
