//! The asking side of the socket. Plain blocking calls: a command does nothing else meanwhile.

use super::socket::SocketPath;
use super::{LINE_MAX, Reply, Request, version};
use crate::admin::{Answer, Command};
use crate::data::DataDir;
use crate::watch::Progress;
use crate::{Error, Result};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;

/// Asks the running server; `None` when none runs.
pub fn ask(data: &DataDir, command: &Command, mut progress: impl FnMut(&Progress)) -> Result<Option<Answer>> {
    let socket = match SocketPath::of(data) {
        Ok(socket) => socket,
        Err(Error::DataMissing { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut stream = match UnixStream::connect(socket.path()) {
        Ok(stream) => stream,
        // Refused: the file of a server that was killed.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(crate::data::file_error(&data.socket(), &error, "connect")),
    };
    let broke = |source| Error::Control { source };
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
