//! A real server process with a data folder of its own.

use crate::command::{Outcome, clean, program};
use crate::port::free_port;
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to answer after its start, on a machine that is busy with other tests.
const START: Duration = Duration::from_secs(60);

/// A server's data folder and, while it runs, its process.
#[derive(Debug)]
pub struct Server {
    data: PathBuf,
    port: u16,
    environment: Vec<(String, String)>,
    launcher: Vec<OsString>,
    child: Option<Child>,
}

impl Server {
    /// Initialises a server in the folder `data` on a free port of the loopback interface. It is not started.
    pub fn init(data: &Path, arguments: &[&str]) -> Self {
        Self::init_at(data, "127.0.0.1", Vec::new(), arguments)
    }

    /// The same at this address, with these words in front of its commands.
    pub fn init_at(data: &Path, address: &str, launcher: Vec<OsString>, arguments: &[&str]) -> Self {
        let port = free_port();
        let server = Self { data: data.to_owned(), port, environment: Vec::new(), launcher, child: None };
        let (listen, url) = (format!("{address}:{port}"), format!("https://{address}:{port}"));
        let init = ["init", "--listen", &listen, "--url", &url];
        server.run(init.iter().chain(arguments)).ok();
        server
    }

    /// The server whose data folder is there already.
    pub fn at(data: &Path, port: u16) -> Self {
        Self { data: data.to_owned(), port, environment: Vec::new(), launcher: Vec::new(), child: None }
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Its port on the loopback interface.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Sets a variable for processes that are started from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Takes a variable away again.
    pub fn unset(&mut self, name: &str) {
        self.environment.retain(|(known, _)| known != name);
    }

    /// A command of `holdfast-server` on this data folder.
    pub fn command(&self) -> Command {
        let program = program("holdfast-server");
        let mut command = match self.launcher.split_first() {
            None => clean(program),
            Some((first, rest)) => {
                let mut command = clean(first);
                command.args(rest).arg(program);
                command
            }
        };
        command.arg("--data").arg(&self.data).envs(self.environment.iter().cloned());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Outcome {
        Outcome::of(self.command().args(arguments))
    }

    /// Runs a command with `--json` that must succeed, and gives its document.
    #[track_caller]
    pub fn json<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Value {
        self.run(arguments.into_iter().chain(["--json"])).ok().json()
    }

    /// Starts the process without waiting until it answers.
    pub fn spawn(&mut self) {
        assert!(self.child.is_none(), "the server runs already");
        let log = std::fs::File::options().create(true).append(true).open(self.log_path()).unwrap();
        let said = std::fs::File::create(self.said_path()).unwrap();
        let mut command = self.command();
        command.arg("serve").stdin(Stdio::null()).stdout(said).stderr(log);
        self.child = Some(command.spawn().unwrap());
    }

    /// Starts the process and waits until it says that it has started. It takes connections before that, while it
    /// still works through what the last run left.
    #[track_caller]
    pub fn start(&mut self) {
        self.spawn();
        let begin = Instant::now();
        while std::fs::metadata(self.said_path()).unwrap().len() == 0 {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().unwrap());
            assert!(ended.is_none(), "the server ended: {ended:?}\n{}", self.log());
            assert!(begin.elapsed() < START, "the server does not answer\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends the process as an administrator would, and waits for it.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal(&child, "TERM");
            child.wait().unwrap();
        }
    }

    /// Ends the process at once, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Whether the process is still there.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// Waits until the process has ended by itself, as at a fail point.
    pub fn wait(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.wait().unwrap();
        }
    }

    /// The running process's id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the server runs").id()
    }

    fn log_path(&self) -> PathBuf {
        self.data.with_extension("log")
    }

    /// What it writes to its standard output: a word when it has started.
    fn said_path(&self) -> PathBuf {
        self.data.with_extension("out")
    }

    /// Everything that the server logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Keeps hardly anything free, and so makes answers independent of how full the machine's disk is.
    #[track_caller]
    pub fn need_no_free_disk(&self) {
        self.run(["settings", "set", "--reserve", "1MiB"]).ok();
    }

    /// Adds a user.
    #[track_caller]
    pub fn add_user(&self, name: &str, arguments: &[&str]) {
        self.run(["user", "add", name].iter().chain(arguments)).ok();
    }

    /// A new activation token of this user.
    #[track_caller]
    pub fn token(&self, user: &str) -> String {
        let document = self.json(["token", "create", "--user", user]);
        document["token"].as_str().expect("a token").to_owned()
    }

    /// What this device told of itself, the first first.
    #[track_caller]
    pub fn told_by(&self, device: &str) -> Vec<Value> {
        let page = self.json(["device", "events", device, "--limit", "1000"]);
        let events = page["events"].as_array().expect("a list of events");
        let told = events.iter().filter(|event| event["source"] == "device");
        let mut told: Vec<_> = told.cloned().collect();
        told.reverse();
        told
    }

    /// Checks every stored byte; fails the test when anything is damaged.
    #[track_caller]
    pub fn verify(&self) {
        self.run(["verify", "--read-data"]).ok();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a signal by name.
pub fn signal(child: &Child, name: &str) {
    Outcome::of(Command::new("kill").arg(format!("-{name}")).arg(child.id().to_string())).ok();
}
