//! Runs one of our programs to its end and keeps everything it said.

use serde_json::Value;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The path of a program under test.
///
/// # Panics
/// When it was not built.
pub fn program(name: &str) -> PathBuf {
    let folder = std::env::var_os("HOLDFAST_TEST_PROGRAMS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/quick")),
        PathBuf::from,
    );
    let path = folder.join(name);
    assert!(path.exists(), "{} is not built; run scripts/test, which builds it", path.display());
    path
}

/// A command without what the caller's environment says about our programs, their colours and their times: it is the
/// test that decides. With `CI` set even a dumb terminal has colours.
pub fn clean(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI", "TZ"] {
        command.env_remove(name);
    }
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_bytes().starts_with(b"HOLDFAST_")) {
        command.env_remove(name);
    }
    command
}

/// How a command ended.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit status; 128 and the signal's number when a signal ended it.
    pub status: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    line: String,
}

impl Outcome {
    /// Runs a command to its end, without standard input.
    pub fn of(command: &mut Command) -> Self {
        let line = format!("{command:?}");
        let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{line}: {error}"));
        Self::new(line, &output)
    }

    /// From what a command left.
    pub fn new(line: String, output: &Output) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let status = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { status, stdout: text(&output.stdout), stderr: text(&output.stderr), line }
    }

    /// Fails the test unless the status is this one.
    #[track_caller]
    pub fn expect(self, status: i32) -> Self {
        assert!(self.status == status, "expected exit status {status}: {self}");
        self
    }

    /// Fails the test unless the command ended with exit status 0.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.expect(0)
    }

    /// Fails the test unless the command failed with this stable code, in its exit status and on standard error.
    #[track_caller]
    pub fn fails_with(self, code: model::Code) -> Self {
        assert!(self.stderr.contains(code.as_str()), "expected the code {code}: {self}");
        self.expect(i32::from(code.exit_status()))
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not one JSON document: {error}: {self}"))
    }

    /// Standard output as one JSON document a line.
    #[track_caller]
    pub fn events(&self) -> Vec<Value> {
        let parse =
            |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("not JSON: {error}: {self}"));
        self.stdout.lines().map(parse).collect()
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { status, stdout, stderr, line } = self;
        writeln!(f, "{line} ended with {status}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}
