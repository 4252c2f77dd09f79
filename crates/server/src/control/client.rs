//! The asking side of the socket. Plain blocking calls: a command does nothing else meanwhile.

use super::{LINE_MAX, PATIENCE, Reply, Request, version};
use crate::admin::{Answer, Command};
use crate::data::DataDir;
use crate::watch::Progress;
use crate::{Error, Result};
use model::Code;
use platform::socket;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::time::Duration;

/// Asks the running server; `None` when none runs, and an error when it says nothing for long.
pub fn ask(data: &DataDir, command: &Command, progress: impl FnMut(&Progress)) -> Result<Option<Answer>> {
    ask_within(data, command, PATIENCE, progress)
}

fn ask_within(
    data: &DataDir,
    command: &Command,
    patience: Duration,
    mut progress: impl FnMut(&Progress),
) -> Result<Option<Answer>> {
    let mut stream = match socket::connect(&data.socket(), patience) {
        Ok(stream) => stream,
        // Refused: the file of a server that was killed.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(source) => return Err(Error::File { path: data.socket(), source }),
    };
    let broke = |source: io::Error| match source.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => silent(data),
        _ => Error::Control { source },
    };
    let request = Request { version: version().to_owned(), command: command.clone() };
    let mut line = serde_json::to_vec(&request)
        .map_err(|error| Error::Broken { problem: format!("the command: {error}") })?;
    line.push(b'\n');
    stream.write_all(&line).map_err(broke)?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        let read = (&mut reader).take(LINE_MAX as u64).read_until(b'\n', &mut line).map_err(broke)?;
        if read == 0 {
            return Err(broke(io::ErrorKind::UnexpectedEof.into()));
        }
        let reply: Reply = serde_json::from_slice(&line).map_err(|error| broke(error.into()))?;
        if let Reply::Progress(step) = &reply {
            progress(step);
        }
        if let Some(result) = reply.into_result() {
            return result.map(Some);
        }
    }
}

/// A server that works says so all the time.
fn silent(data: &DataDir) -> Error {
    let detail = format!("the server that uses {} does not answer", data.path().display());
    Error::refused(Code::DataLocked, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_server_that_says_nothing_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path()).unwrap();
        let _hung = UnixListener::bind(data.socket()).unwrap();
        let asked = ask_within(&data, &Command::UserList, Duration::from_millis(50), |_| {});
        let error = asked.unwrap_err();
        assert_eq!(error.code(), Code::DataLocked);
        assert!(error.to_string().contains(folder.path().to_str().unwrap()), "{error}");
    }
}
