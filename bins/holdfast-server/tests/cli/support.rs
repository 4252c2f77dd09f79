//! A data folder, commands on it, and a server process that ends with its test.

use serde_json::Value;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What a command did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, 0, "{self:?}");
        self
    }

    /// The one document on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.stdout.trim_end().lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// The code of a failed command, from its document and from its words for people.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let code = self.json()["error"]["code"].as_str().unwrap().to_owned();
        assert!(self.stderr.contains(&format!("[{code}]")), "{self:?}");
        let known = model::Code::parse(&code).unwrap();
        assert_eq!(self.status, i32::from(known.exit_status()), "{self:?}");
        code
    }
}

/// The program, with nothing in its environment.
fn bare() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast-server"));
    command.env_clear();
    command
}

/// Runs the program with these arguments alone.
pub(crate) fn program(arguments: &[&str]) -> Outcome {
    run(bare().args(arguments))
}

fn run(command: &mut Command) -> Outcome {
    let done = command.stdin(Stdio::null()).output().unwrap();
    Outcome {
        status: done.status.code().unwrap_or(-1),
        stdout: String::from_utf8(done.stdout).unwrap(),
        stderr: String::from_utf8(done.stderr).unwrap(),
    }
}

/// A data folder in a folder of its own.
pub(crate) struct Site {
    _dir: tempfile::TempDir,
    pub(crate) data: PathBuf,
}

impl Site {
    /// A folder that is not there yet.
    pub(crate) fn empty() -> Self {
        Self::named("data")
    }

    pub(crate) fn named(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join(name);
        Self { _dir: dir, data }
    }

    /// A server that was made and does not run.
    pub(crate) fn made() -> Self {
        let site = Self::empty();
        site.init();
        site
    }

    pub(crate) fn init(&self) -> Value {
        self.json(&["init", "--listen", "127.0.0.1:0", "--url", "https://localhost:1"])
    }

    /// A path beside the data folder.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self._dir.path().join(name)
    }

    fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = bare();
        command.args(arguments).arg("--data").arg(&self.data);
        command
    }

    pub(crate) fn run(&self, arguments: &[impl AsRef<OsStr>]) -> Outcome {
        run(&mut self.command(arguments))
    }

    /// Runs a command that prints into this file.
    pub(crate) fn run_into(&self, file: File, arguments: &[&str]) -> Outcome {
        run(self.command(arguments).stdout(file))
    }

    /// Runs a command with `--json`, whatever comes of it.
    pub(crate) fn ask(&self, arguments: &[impl AsRef<OsStr>]) -> Outcome {
        run(self.command(arguments).arg("--json"))
    }

    /// The document of a command that succeeds.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[impl AsRef<OsStr>]) -> Value {
        self.ask(arguments).ok().json()
    }

    /// Starts a server and waits until it says that it answers.
    pub(crate) fn serve(&self) -> Serving {
        let mut command = self.command(&["serve", "--json"]);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Serving { started: serde_json::from_str(&line).unwrap(), child }
    }
}

/// A server process. Killed when dropped.
pub(crate) struct Serving {
    pub(crate) started: Value,
    child: Child,
}

impl Serving {
    /// Sends a signal by its name and gives the exit status.
    pub(crate) fn stop(mut self, signal: &str) -> i32 {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(format!("-{signal}")).arg(pid).status().unwrap().success());
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
