//! What changed in the status, one line of JSON each, for the history and until the server has it.
//!
//! Lines are added and synced before the status is written. After a crash a line may be cut short, or be of a change
//! that the status does not know: both are taken away when the log is opened. ADR 0007 says why it is no database.

use super::State;
use crate::AgentError;
use platform::durable;
use status::Transition;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// Lines that stay at least; with twice as many the oldest go.
const KEPT: usize = 10_000;

/// The log of a state. Its owner holds the state's lock.
#[derive(Debug)]
pub struct EventLog {
    path: PathBuf,
    file: File,
    lines: usize,
}

impl EventLog {
    /// Opens the log; changes from `next_sequence` on never happened, as far as the status knows.
    pub fn open(state: &State, next_sequence: u64) -> Result<Self, AgentError> {
        let path = path(state);
        let (good, whole) = read_lines(&path)?;
        let lines = good.iter().take_while(|line| line.sequence < next_sequence).count();
        // A log that is empty may not be there at all.
        if !whole || lines < good.len() || lines == 0 {
            rewrite(&path, &good[..lines])?;
        }
        Ok(Self { file: append_to(&path)?, path, lines })
    }

    /// Adds these changes, durably.
    pub fn append(&mut self, changes: &[Transition]) -> Result<(), AgentError> {
        if changes.is_empty() {
            return Ok(());
        }
        let bytes = lines_of(changes)?;
        self.file
            .write_all(&bytes)
            .and_then(|()| self.file.sync_data())
            .map_err(|error| AgentError::local(&self.path, error))?;
        self.lines += changes.len();
        if self.lines >= 2 * KEPT {
            let (good, _) = read_lines(&self.path)?;
            rewrite(&self.path, &good[good.len().saturating_sub(KEPT)..])?;
            self.file = append_to(&self.path)?;
            self.lines = good.len().min(KEPT);
        }
        Ok(())
    }
}

/// All changes that the log of this state holds, the oldest first.
pub fn read_events(state: &State) -> Result<Vec<Transition>, AgentError> {
    Ok(read_lines(&path(state))?.0)
}

fn path(state: &State) -> PathBuf {
    state.settings_folder().join("events.jsonl")
}

/// The lines up to the first that cannot be read, and whether that is all.
fn read_lines(path: &Path) -> Result<(Vec<Transition>, bool), AgentError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), true)),
        Err(error) => return Err(AgentError::local(path, error)),
    };
    let (mut reader, mut lines, mut line) = (BufReader::new(file), Vec::new(), Vec::new());
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line).map_err(|error| AgentError::local(path, error))?;
        if read == 0 {
            return Ok((lines, true));
        }
        match serde_json::from_slice(&line) {
            Ok(change) if line.ends_with(b"\n") => lines.push(change),
            _ => return Ok((lines, false)),
        }
    }
}

fn rewrite(path: &Path, changes: &[Transition]) -> Result<(), AgentError> {
    durable::write_file(path, &lines_of(changes)?, super::FILE_MODE)
        .map_err(|error| AgentError::state(path, error))
}

fn lines_of(changes: &[Transition]) -> Result<Vec<u8>, AgentError> {
    let mut bytes = Vec::new();
    for change in changes {
        serde_json::to_writer(&mut bytes, change).map_err(|error| AgentError::Defect(error.to_string()))?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

fn append_to(path: &Path) -> Result<File, AgentError> {
    OpenOptions::new().append(true).open(path).map_err(|error| AgentError::local(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;
    use status::{Change, Event};

    fn changes(state: &mut status::State, count: usize) -> Vec<Transition> {
        let events = [Event::Unreachable { error: "away".into() }, Event::Accepted];
        let now = Timestamp::from_secs(9);
        (0..count).flat_map(|at| state.apply(&events[at % 2], now).unwrap()).collect()
    }

    #[test]
    fn what_a_crash_leaves_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path().to_owned());
        state.prepare().unwrap();
        let mut status = status::State::new(Timestamp::from_secs(1));
        let changes = changes(&mut status, 4);
        let first = changes[0].sequence;
        let mut log = EventLog::open(&state, first).unwrap();
        log.append(&changes[..2]).unwrap();
        log.append(&changes[2..]).unwrap();
        drop(log);
        assert_eq!(read_events(&state).unwrap(), changes);
        // The status that was written knows three; the fourth was not finished.
        let bytes = std::fs::read(path(&state)).unwrap();
        for cut in [bytes.len(), bytes.len() - 1, bytes.len() - 30] {
            std::fs::write(path(&state), &bytes[..cut]).unwrap();
            let mut log = EventLog::open(&state, first + 3).unwrap();
            assert_eq!(read_events(&state).unwrap(), changes[..3], "{cut}");
            log.append(&changes[3..]).unwrap();
            assert_eq!(read_events(&state).unwrap(), changes, "{cut}");
        }
        assert!(changes.iter().all(|change| change.change != Change::Told));
    }

    #[test]
    fn the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path().to_owned());
        state.prepare().unwrap();
        let mut status = status::State::new(Timestamp::from_secs(1));
        let changes = changes(&mut status, 2 * KEPT);
        let mut log = EventLog::open(&state, changes[0].sequence).unwrap();
        log.append(&changes[..KEPT]).unwrap();
        assert_eq!(read_events(&state).unwrap().len(), KEPT);
        log.append(&changes[KEPT..]).unwrap();
        assert_eq!(read_events(&state).unwrap(), changes[KEPT..]);
    }
}
