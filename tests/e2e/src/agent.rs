//! A device: an agent's state folder and the command line on it.

use crate::command::{Outcome, clean, program};
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The state of one device. A clone is the same device.
#[derive(Debug, Clone)]
pub struct Agent {
    state: PathBuf,
    environment: Vec<(String, OsString)>,
    launcher: Vec<OsString>,
}

impl Agent {
    /// A device whose state will lie in this folder.
    pub fn at(state: &Path) -> Self {
        Self { state: state.to_owned(), environment: Vec::new(), launcher: Vec::new() }
    }

    /// Its state folder.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Sets a variable for commands from now on.
    pub fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.unset(name);
        self.environment.push((name.to_owned(), value.into()));
    }

    /// Takes a variable away again.
    pub fn unset(&mut self, name: &str) {
        self.environment.retain(|(known, _)| known != name);
    }

    /// Starts commands from now on with these words instead of with the program alone.
    pub fn launch_with(&mut self, words: Vec<OsString>) {
        self.launcher = words;
    }

    /// A command of `holdfast` on this state.
    pub fn command(&self) -> Command {
        let mut command = match self.launcher.split_first() {
            None => clean(program("holdfast")),
            Some((first, rest)) => {
                let mut command = clean(first);
                command.args(rest);
                command
            }
        };
        command.env("HOLDFAST_STATE", &self.state).envs(self.environment.iter().cloned());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Outcome {
        Outcome::of(self.command().args(arguments))
    }

    /// Starts a command and does not wait for it.
    pub fn spawn(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Child {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Activates the device; `arguments` follow the token.
    #[track_caller]
    pub fn activate(&self, token: &str, arguments: &[&str]) {
        self.run(["activate", token].iter().chain(arguments)).ok();
    }

    /// Backs folders up and gives the summary event; findings are allowed.
    #[track_caller]
    pub fn backup(&self, paths: &[&Path]) -> Value {
        let arguments = ["backup", "--json"].iter().map(OsString::from);
        let outcome = self.run(arguments.chain(paths.iter().map(OsString::from)));
        assert!(matches!(outcome.status, 0 | 3), "{outcome}");
        let events = outcome.events();
        let last = events.last().unwrap_or_else(|| panic!("no event: {outcome}")).clone();
        assert_eq!(last["event"], "summary", "{outcome}");
        last
    }

    /// Restores a snapshot (or `SNAPSHOT:PATH`) below a folder.
    #[track_caller]
    pub fn restore(&self, what: &str, to: &Path) -> Outcome {
        self.run([OsStr::new("restore"), OsStr::new(what), OsStr::new("--to"), to.as_os_str()]).ok()
    }

    /// The device's snapshots as the command line lists them.
    #[track_caller]
    pub fn snapshots(&self) -> Vec<Value> {
        let document = self.run(["snapshots", "--json"]).ok().json();
        document.as_array().expect("an array").clone()
    }
}
