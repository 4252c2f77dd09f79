//! The answering side of the socket. A command goes on only as long as its client stays.

use super::{BEAT, COMMAND_MAX, Reply, Request, version};
use crate::data::{DataDir, FILE_MODE, file_error};
use crate::instance::Instance;
use crate::watch::Watch;
use crate::{Error, Result, admin};
use model::Code;
use platform::socket::{Connection, Listener};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Time for a client to send its command.
const COMMAND_TIME: Duration = Duration::from_secs(10);
/// Clients at once; more wait.
const CLIENTS_MAX: usize = 32;
/// Progresses that wait for a slow client; more are left out.
const WAITING_MAX: usize = 16;

/// The listening socket; its file is removed when this is dropped.
pub struct Control {
    listener: Listener,
    data: DataDir,
}

/// Opens the socket. The caller holds the folder's lock, so a file that is there is a leftover.
pub fn listen(data: &DataDir) -> Result<Control> {
    let path = data.socket();
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(file_error(&path, &error, "make socket"));
        }
        _ => {}
    }
    let listener =
        Listener::bind(&path, FILE_MODE).map_err(|source| Error::File { path: path.clone(), source })?;
    Ok(Control { listener, data: data.clone() })
}

impl Control {
    /// Answers clients until `shutdown`; then asks what runs to stop, and waits for it.
    pub async fn serve(self, instance: Arc<Instance>, shutdown: impl Future<Output = ()>) {
        let own = platform::process::effective_uid().ok();
        let mut clients = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        let stop = Watch::silent();
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(_) = clients.join_next(), if !clients.is_empty() => {}
                accepted = self.listener.accept(), if clients.len() < CLIENTS_MAX => match accepted {
                    Ok((stream, user)) if user == 0 || Some(user) == own => {
                        clients.spawn(answer(stream, instance.clone(), stop.clone()));
                    }
                    Ok(_) => tracing::warn!("a command of another user was refused"),
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a command");
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                },
            }
        }
        stop.stop();
        while clients.join_next().await.is_some() {}
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // A leftover does no harm: the next server removes it.
        let _ = std::fs::remove_file(self.data.socket());
    }
}

async fn answer(stream: Connection, instance: Arc<Instance>, stop: Watch) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let request = match tokio::time::timeout(COMMAND_TIME, read_request(&mut reader)).await {
        Ok(Ok(request)) => request,
        Ok(Err(error)) => {
            let _ = writer.write_all(&Reply::of(Err(error)).to_line()).await;
            return;
        }
        Err(_) => return,
    };
    let (sender, mut steps) = mpsc::channel(WAITING_MAX);
    let watch = Watch::new(move |progress| {
        let _ = sender.try_send(progress.clone());
    });
    let mut work = tokio::spawn({
        let watch = watch.clone();
        async move { admin::run(&instance, request.command, &watch).await }
    });
    let mut rest = [0; 64];
    let mut looks = tokio::time::interval(Duration::from_millis(200));
    let mut beats = tokio::time::interval(BEAT);
    let mut gone = false;
    let result = loop {
        tokio::select! {
            done = &mut work => break done.unwrap_or_else(|error| {
                Err(Error::Broken { problem: error.to_string() })
            }),
            Some(step) = steps.recv() => {
                let _ = writer.write_all(&Reply::Progress(step).to_line()).await;
            }
            // The client sends nothing more; what comes is its end.
            read = reader.read(&mut rest), if !gone => {
                gone = !matches!(read, Ok(1..));
                if gone {
                    watch.stop();
                }
            }
            _ = beats.tick() => {
                let _ = writer.write_all(&Reply::Working.to_line()).await;
            }
            _ = looks.tick() => if stop.is_stopped() {
                watch.stop();
            },
        }
    };
    if let Err(error) = &result
        && error.code() == Code::Internal
    {
        tracing::error!(%error, "a command failed");
    }
    let _ = writer.write_all(&Reply::of(result).to_line()).await;
    let _ = writer.shutdown().await;
}

async fn read_request(reader: &mut (impl AsyncBufReadExt + Unpin)) -> Result<Request> {
    let mut line = Vec::new();
    let invalid = |detail: &str| Error::refused(Code::RequestInvalid, detail);
    let mut limited = reader.take(COMMAND_MAX as u64);
    limited.read_until(b'\n', &mut line).await.map_err(|source| Error::Control { source })?;
    // The version first: another version's command may not be readable at all.
    let value: serde_json::Value =
        serde_json::from_slice(&line).map_err(|_| invalid("the command is not JSON"))?;
    if value.get("version").and_then(serde_json::Value::as_str) != Some(version()) {
        let detail = format!("the running server has version {}; restart it or use that version", version());
        return Err(Error::refused(Code::RequestInvalid, detail));
    }
    serde_json::from_value(value).map_err(|_| invalid("the command is not known"))
}
