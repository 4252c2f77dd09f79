//! How commands reach the running server: a Unix socket in the data folder, one command on each connection, JSON
//! lines in both directions. Only the server's own user and root may speak.

mod client;
mod server;

use crate::admin::{Answer, Command};
use crate::watch::Progress;
use crate::{Error, Result};
use model::Code;
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub use client::ask;
pub use server::{Control, listen};

/// The longest line in either direction, in bytes. Lists of snapshots are the longest.
const LINE_MAX: usize = 256 << 20;
/// How long a server may say nothing.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it says that it works.
const BEAT: Duration = Duration::from_secs(5);
/// The longest command, in bytes.
const COMMAND_MAX: usize = 1 << 20;

/// What the client sends: one line.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    /// The program's version: socket and program are of one version, or the server is to be restarted.
    version: String,
    command: Command,
}

/// What the server sends: any number of progresses and signs of life, then one result.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Progress(Progress),
    Working,
    Done(Box<Answer>),
    Failed { code: String, detail: String },
}

impl Reply {
    fn of(result: Result<Answer>) -> Self {
        match result {
            Ok(answer) => Self::Done(Box::new(answer)),
            Err(error) => Self::Failed { code: error.code().to_string(), detail: error.to_string() },
        }
    }

    fn into_result(self) -> Option<Result<Answer>> {
        match self {
            Self::Progress(_) | Self::Working => None,
            Self::Done(answer) => Some(Ok(*answer)),
            Self::Failed { code, detail } => {
                Some(Err(Error::refused(Code::parse(&code).unwrap_or(Code::Internal), detail)))
            }
        }
    }

    fn to_line(&self) -> Vec<u8> {
        // Plain values with text keys: they always have a JSON form.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

const fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
