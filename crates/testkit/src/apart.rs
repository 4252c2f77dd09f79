//! A test that runs in a process of its own: with message buses of its own, and on demand in a network of its own.
//! What it tests finds them where programs find those of a real machine.

use crate::message_bus::MessageBus;
use crate::network::Network;
use crate::not_run;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Names the folder of the test that a process was started for.
const VARIABLE: &str = "HOLDFAST_TEST_APART";

/// The file by which a test shows that it was found by its name.
const BEGAN: &str = "began";

/// A test that hangs fails. Far longer than any takes.
const LONGEST: Duration = Duration::from_mins(5);

/// A test in a process of its own.
pub struct Apart {
    test: &'static str,
    has_network: bool,
}

/// What is around such a test.
pub struct Around {
    folder: PathBuf,
    bus: Option<MessageBus>,
}

impl Apart {
    /// The test with this name, as its test binary knows it.
    pub fn new(test: &'static str) -> Self {
        Self { test, has_network: false }
    }

    /// In a namespace with nothing but [`Network`]. Needs root.
    pub fn with_network(mut self) -> Self {
        self.has_network = true;
        self
    }

    /// Runs `body` in the process of its own. The test that calls this does nothing else.
    ///
    /// # Panics
    /// When `body` does, or does not come to its end.
    pub fn run(self, body: impl FnOnce(&mut Around)) {
        if let Some(folder) = std::env::var_os(VARIABLE).map(PathBuf::from) {
            std::fs::write(folder.join(BEGAN), "").expect("a file in the test's folder");
            body(&mut Around { folder, bus: None });
            return;
        }
        let folder = TempDir::new().expect("a folder for the test");
        let network = if self.has_network {
            let Some(network) = Network::begin() else { return not_run("no network namespaces here") };
            Some(network)
        } else {
            None
        };
        let program = std::env::current_exe().expect("the path of the test's program");
        let mut command = network.as_ref().map_or_else(
            || Command::new(&program),
            |network| {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", network.device()]).arg(&program);
                command
            },
        );
        let address = MessageBus::address_in(folder.path());
        command
            .args([self.test, "--exact", "--nocapture", "--test-threads=1"])
            .env(VARIABLE, folder.path())
            .env("DBUS_SESSION_BUS_ADDRESS", &address)
            .env("DBUS_SYSTEM_BUS_ADDRESS", &address);
        let mut child = Ended(command.spawn().expect("the test's own process"));
        let deadline = Instant::now() + LONGEST;
        loop {
            match child.0.try_wait().expect("the test's own process") {
                Some(status) => {
                    assert!(status.success(), "{}: {status}", self.test);
                    assert!(folder.path().join(BEGAN).exists(), "there is no test {}", self.test);
                    return;
                }
                None => assert!(Instant::now() < deadline, "{} does not end", self.test),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Around {
    /// A folder for files of the test.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts the bus, which is that of the session and that of the system.
    pub fn start_bus(&mut self) {
        self.bus = Some(MessageBus::start(&self.folder));
    }

    /// Kills the bus.
    pub fn stop_bus(&mut self) {
        self.bus.take().expect("a bus that runs").end();
    }
}

/// Waits until something is so that comes by itself.
///
/// # Panics
/// When it does not become so, which takes a minute: a slow machine fails no test.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A process that ends with the test that started it.
pub struct Ended(pub Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
