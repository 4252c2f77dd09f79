//! The agent's service with a real server: what its status says, from real causes. Each test is named after the code
//! that it shows, and has a control in which the cause is left out and the code does not come.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod account;
mod channel;
mod commands;
mod crash;
mod desktop;
mod networks;
mod pause;
mod policy;
mod run;
mod server;
mod telling;
mod watches;

use e2e::random::Random;
use e2e::screen::{row, words};
use e2e::{Agent, Helper, Outcome, Proxy, Screen, Service, Site};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Content that is sent in several packs, and so takes longer than the proxy lets pass.
const LARGE: usize = 80 << 20;
/// Bytes after which the proxy holds a backup: more than it takes to begin one, less than the first pack.
const MIDDLE: u64 = 3 << 20;

/// A test that waits for longer than this waits for what does not come.
const HANG: Duration = Duration::from_secs(90);

/// A device that reaches its server through a proxy, and a folder to back up.
struct Scene {
    site: Site,
    agent: Agent,
    proxy: Proxy,
    documents: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let site = Site::new();
        let proxy = Proxy::to(site.server.port());
        let mut agent = site.device("laptop");
        agent.set("HOLDFAST_SERVER", proxy.url());
        Self::with(site, agent, proxy)
    }

    /// A device that reaches its server in another way.
    fn of(site: Site, agent: Agent) -> Self {
        let proxy = Proxy::to(site.server.port());
        Self::with(site, agent, proxy)
    }

    fn with(site: Site, mut agent: Agent, proxy: Proxy) -> Self {
        // What people wait minutes for.
        agent.set("HOLDFAST_TEST_CONTACT_SECONDS", "0.3");
        agent.set("HOLDFAST_TEST_ATTEMPTS", "2");
        let documents = site.path("documents");
        std::fs::create_dir(&documents).unwrap();
        std::fs::write(documents.join("letter"), "Dear Ada").unwrap();
        Self { site, agent, proxy, documents }
    }

    /// A file that no chunk of an earlier one helps with.
    fn add_large_file(&self) {
        let bytes = Random::new().bytes(LARGE);
        std::fs::write(self.documents.join("large"), bytes).unwrap();
    }

    /// Asks for a backup, which the proxy holds in its middle. The service has none to make by itself.
    #[track_caller]
    fn begin_held(&self, service: &Service<'_>) -> Child {
        self.add_large_file();
        self.proxy.hold_after(MIDDLE);
        let child = self.ask_backup();
        self.proxy.wait_until_held();
        service.await_code("backup_in_progress");
        child
    }

    fn ask_backup(&self) -> Child {
        let mut command = self.agent.command();
        command.args(["backup", "--json"]).arg(&self.documents);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// A backup that is made as soon as none is under way: the service may be making one by itself.
    #[track_caller]
    fn back_up(&self) {
        let began = Instant::now();
        loop {
            let outcome = outcome(self.ask_backup());
            let is_busy = outcome.stdout.contains("\"backup_runs\"");
            if !is_busy || began.elapsed() > HANG {
                outcome.ok();
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the server's log of the device says that this notice was raised, and cleared after that.
    #[track_caller]
    fn assert_told(&self, code: &str) {
        let began = Instant::now();
        loop {
            let told = self.site.server.told_by("laptop");
            let is = |change: &'static str| {
                move |event: &Value| event["code"] == code && event["params"]["change"] == change
            };
            let raised = told.iter().position(is("raised"));
            if raised.is_some_and(|raised| told[raised..].iter().any(is("cleared"))) {
                return;
            }
            let shown: Vec<_> = told.iter().map(|event| (&event["code"], &event["params"])).collect();
            assert!(began.elapsed() < HANG, "the server was not told of {code}: {shown:#?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn snapshots(&self) -> usize {
        self.agent.snapshots().len()
    }
}

/// A desktop on which the notices of a device come up, with every category on.
struct Desk<'a> {
    screen: Screen,
    helper: Helper,
    agent: &'a Agent,
}

impl<'a> Desk<'a> {
    /// Begins to show what the service says.
    #[track_caller]
    fn of(agent: &'a Agent) -> Self {
        Self::on(agent, Screen::start())
    }

    #[track_caller]
    fn on(agent: &'a Agent, screen: Screen) -> Self {
        for category in ["high", "warning", "informative"] {
            agent.run(["settings", "notifications", category, "on"]).ok();
        }
        let helper = screen.helper(agent);
        Self { screen, helper, agent }
    }

    /// The notice holds: it comes up while its category is on, and not while it is off. Gives its words.
    #[track_caller]
    fn assert_shows(&mut self, service: &Service<'_>, code: &str) -> (String, String) {
        let words = words(&row(&service.status(), code));
        self.screen.assert_shows(&mut self.helper, service, self.agent, code);
        words
    }

    /// It holds no longer.
    #[track_caller]
    fn assert_withdrawn(&self, words: &(String, String)) {
        self.screen.assert_withdrawn(words);
    }
}

/// How a command ended that was started.
fn outcome(child: Child) -> Outcome {
    Outcome::new("holdfast backup".into(), &child.wait_with_output().unwrap())
}

/// Seconds from now to the next attempt.
fn wait_of(status: &Value) -> i64 {
    let next: model::Timestamp = status["next_attempt"].as_str().expect("a next attempt").parse().unwrap();
    next.as_secs() - model::Clock::system().now().as_secs()
}

#[track_caller]
fn assert_never(service: &Service<'_>, code: &str) {
    let raised = service.raised();
    assert!(!raised.iter().any(|other| other == code), "{raised:?}");
}
