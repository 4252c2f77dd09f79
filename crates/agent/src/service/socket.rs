//! The answering side of the socket: takes commands, hands them to the event loop, and passes its answers on.

use super::event_loop::Input;
use super::protocol::{COMMAND_MAX, Reply, Request, version};
use crate::AgentError;
use crate::state::State;
use model::Code;
use platform::socket::{Connection, Listener};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Nobody but the owner.
const MODE: u32 = 0o600;
/// Time for a command to be sent.
const COMMAND_TIME: Duration = Duration::from_secs(10);
/// How often who waits for an answer gets a sign of life.
const BEAT: Duration = Duration::from_secs(5);

/// The socket of a service. Its file is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Socket {
    path: PathBuf,
    /// Ends all conversations when it is dropped.
    _runtime: Runtime,
}

impl Socket {
    /// Listens from now on. The caller holds the state's lock, so a file that is there is a leftover.
    pub(super) fn listen(state: &State, inputs: Sender<Input>) -> Result<Self, AgentError> {
        let path = state.socket();
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(AgentError::local(&path, error));
            }
            _ => {}
        }
        let defect = |error: io::Error| AgentError::Defect(format!("the threads of the socket: {error}"));
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("socket").enable_all().build();
        let runtime = runtime.map_err(defect)?;
        let listener = {
            let _guard = runtime.enter();
            Listener::bind(&path, MODE).map_err(|error| AgentError::state(&path, error))?
        };
        runtime.spawn(accept(listener, inputs));
        Ok(Self { path, _runtime: runtime })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // A leftover does no harm: the next service removes it.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn accept(listener: Listener, inputs: Sender<Input>) {
    let own = platform::process::effective_uid().ok();
    loop {
        match listener.accept().await {
            Ok((connection, user)) if user == 0 || Some(user) == own => {
                tokio::spawn(answer(connection, inputs.clone()));
            }
            Ok(_) => tracing::warn!("a command of another user was refused"),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a command");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn answer(connection: Connection, inputs: Sender<Input>) {
    let (reader, mut writer) = connection.into_split();
    let mut reader = BufReader::new(reader);
    let request = match tokio::time::timeout(COMMAND_TIME, read_request(&mut reader)).await {
        Ok(Ok(request)) => request,
        Ok(Err(error)) => {
            let _ = writer.write_all(&Reply::failed(&error).to_line()).await;
            return;
        }
        Err(_) => return,
    };
    let (replies, mut said): (_, UnboundedReceiver<Reply>) = unbounded_channel();
    // A loop that has ended drops the other end, and so ends the conversation.
    drop(inputs.send(Input::Asked(request.command, replies)));
    let mut rest = [0; 64];
    let mut beats = tokio::time::interval(BEAT);
    loop {
        let line = tokio::select! {
            reply = said.recv() => match reply {
                Some(reply) => reply.to_line(),
                None => break,
            },
            // The asker sends nothing more; what comes is its end.
            read = reader.read(&mut rest) => match read {
                Ok(1..) => continue,
                _ => return,
            },
            _ = beats.tick() => Reply::Working.to_line(),
        };
        if writer.write_all(&line).await.is_err() {
            return;
        }
    }
    let _ = writer.shutdown().await;
}

async fn read_request(reader: &mut (impl AsyncBufReadExt + Unpin)) -> Result<Request, AgentError> {
    let refused = |message: String| AgentError::Service { code: Code::RequestInvalid, message };
    let mut line = Vec::new();
    let mut limited = reader.take(COMMAND_MAX);
    limited.read_until(b'\n', &mut line).await.map_err(|error| refused(error.to_string()))?;
    // The version first: another version's command may not be readable at all.
    let value: serde_json::Value =
        serde_json::from_slice(&line).map_err(|_| refused("the command is not JSON".into()))?;
    if value.get("version").and_then(serde_json::Value::as_str) != Some(version()) {
        let words = format!("the running service has version {}; restart it", version());
        return Err(refused(words));
    }
    serde_json::from_value(value).map_err(|_| refused("the command is not known".into()))
}
