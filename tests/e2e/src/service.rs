//! The agent's service as a real process.

use crate::Agent;
use serde_json::Value;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A test that waits for longer than this waits for what does not come.
const HANG: Duration = Duration::from_secs(90);

/// A running service. Dropping it kills it.
#[derive(Debug)]
pub struct Service<'a> {
    agent: &'a Agent,
    child: Child,
}

impl<'a> Service<'a> {
    /// Starts the service of this device and waits until it answers.
    #[track_caller]
    pub fn start(agent: &'a Agent) -> Self {
        let log = std::fs::File::options().create(true).append(true).open(log_path(agent)).unwrap();
        let mut command = agent.command();
        command.args(["agent", "run"]).env("HOLDFAST_LOG", "info");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut service = Self { agent, child };
        let began = Instant::now();
        while service.code() == "agent_not_running" {
            let ended = service.child.try_wait().unwrap();
            assert!(ended.is_none(), "the service ended: {ended:?}\n{}", service.log());
            assert!(began.elapsed() < HANG, "the service does not answer\n{}", service.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        service
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it logged, and that services of this device before it did.
    pub fn log(&self) -> String {
        std::fs::read_to_string(log_path(self.agent)).unwrap_or_default()
    }

    /// The status document.
    #[track_caller]
    pub fn status(&self) -> Value {
        status(self.agent)
    }

    /// The code in the status line.
    #[track_caller]
    pub fn code(&self) -> String {
        code(&self.status()).to_owned()
    }

    /// Waits until the status line has this code, and gives the document.
    #[track_caller]
    pub fn await_code(&self, expected: &str) -> Value {
        self.await_status(expected, |status| code(status) == expected)
    }

    /// Waits until the status is such, and gives the document.
    #[track_caller]
    pub fn await_status(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let status = self.status();
            if fits(&status) {
                return status;
            }
            assert!(began.elapsed() < HANG, "never {what}: {status:#}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Every code that was raised so far, the first first.
    #[track_caller]
    pub fn raised(&self) -> Vec<String> {
        let rows = self.agent.run(["history", "--limit", "1000", "--json"]).ok().json();
        let raised = rows.as_array().unwrap().iter().filter(|row| row["change"] == "raised");
        let mut codes: Vec<_> = raised.map(|row| row["code"].as_str().unwrap().to_owned()).collect();
        codes.reverse();
        codes
    }

    /// Ends it as a service manager would.
    #[track_caller]
    pub fn stop(mut self) {
        crate::server::signal(&self.child, "TERM");
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}\n{}", self.log());
    }

    /// Ends it at once.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Service<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The status document of a device, with or without a service.
#[track_caller]
pub fn status(agent: &Agent) -> Value {
    agent.run(["status", "--json"]).ok().json()
}

/// The code in the status line of a document.
pub fn code(status: &Value) -> &str {
    status["line"]["code"].as_str().expect("a status line")
}

fn log_path(agent: &Agent) -> std::path::PathBuf {
    agent.state().with_extension("service.log")
}
