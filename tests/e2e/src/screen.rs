//! A session with a message bus, a screen and a notification daemon that people use (dunst), all of the test's own, and
//! the helper that shows there what the service says.

use crate::command::clean;
use crate::{Agent, Service};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use testkit::Ended;
use testkit::message_bus::MessageBus;

/// A test that waits for longer than this waits for what does not come.
const HANG: Duration = Duration::from_secs(60);
/// What must not come up has this long to do so.
const QUIET: Duration = Duration::from_millis(1_500);

/// Nothing goes by itself, and each pop-up is written down.
const CONFIGURATION: &str = "[global]
    sticky_history = yes
    history_length = 1000
    idle_threshold = 0
    stack_duplicates = no
[urgency_low]
    timeout = 0
[urgency_normal]
    timeout = 0
[urgency_critical]
    timeout = 0
[written_down]
    appname = Holdfast
    script = SCRIPT
";

/// A pop-up as the daemon was given it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PopUp {
    /// The headline.
    pub summary: String,
    /// What stands below it.
    pub body: String,
    /// `LOW`, `NORMAL` or `CRITICAL`.
    pub urgency: String,
    /// The daemon's number of it; one that takes another's place has the other's.
    pub id: u64,
}

/// The session.
pub struct Screen {
    folder: TempDir,
    bus: MessageBus,
    display: String,
    _server: Ended,
    daemon: Option<Ended>,
}

impl Screen {
    /// Starts it, with nothing on it.
    pub fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let bus = MessageBus::start(folder.path());
        let (server, display) = start_display();
        let mut screen = Self { folder, bus, display, _server: server, daemon: None };
        screen.start_daemon();
        screen
    }

    /// The address of its message bus.
    pub fn bus(&self) -> &str {
        self.bus.address()
    }

    /// Starts the notification daemon.
    pub fn start_daemon(&mut self) {
        let (script, configuration) = (self.path("script"), self.path("dunstrc"));
        let written = self.path("written");
        let words = format!(
            "#!/bin/sh\nprintf '%s\\t%s\\t%s\\t%s\\n' \"$2\" \"$3\" \"$5\" \"$DUNST_ID\" >> {}\n",
            written.display()
        );
        write_program(&script, &words);
        std::fs::write(&configuration, CONFIGURATION.replace("SCRIPT", &script.display().to_string()))
            .unwrap();
        let mut command = Command::new("dunst");
        command.arg("-conf").arg(&configuration);
        command.env("DISPLAY", &self.display).env("DBUS_SESSION_BUS_ADDRESS", self.bus());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.daemon = Some(Ended(command.spawn().expect("dunst, of the package dunst")));
        self.wait_until("dunst answers", || self.ask(&["count", "displayed"]) == "0");
    }

    /// Ends the notification daemon, and all that it showed.
    pub fn end_daemon(&mut self) {
        self.daemon = None;
    }

    /// Starts the helper of this device. Programs that it may call lie in [`Self::programs`].
    pub fn helper(&self, agent: &Agent) -> Helper {
        let programs = self.programs();
        std::fs::create_dir_all(&programs).unwrap();
        let log = std::fs::File::options().create(true).append(true).open(self.path("helper.log")).unwrap();
        let mut command = agent.command();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let all = std::env::split_paths(&path);
        let path = std::env::join_paths(std::iter::once(programs).chain(all)).unwrap();
        command.args(["agent", "desktop"]).env("HOLDFAST_LOG", "info").env("PATH", path);
        command.env("DBUS_SESSION_BUS_ADDRESS", self.bus()).stdin(Stdio::null()).stdout(Stdio::null());
        Helper(Ended(command.stderr(log).spawn().unwrap()))
    }

    /// A folder on the helper's path.
    pub fn programs(&self) -> PathBuf {
        self.path("programs")
    }

    /// Every pop-up so far, the first first.
    pub fn received(&self) -> Vec<PopUp> {
        let written = std::fs::read_to_string(self.path("written")).unwrap_or_default();
        let pop_up = |line: &str| {
            let mut fields = line.split('\t').map(str::to_owned);
            let mut next = || fields.next().unwrap_or_default();
            PopUp {
                summary: next(),
                body: next(),
                urgency: next(),
                id: next().parse().expect("the number of a pop-up"),
            }
        };
        written.lines().map(pop_up).collect()
    }

    /// How many pop-ups said this.
    pub fn count(&self, (summary, body): &(String, String)) -> usize {
        self.received().iter().filter(|pop_up| pop_up.summary == *summary && pop_up.body == *body).count()
    }

    /// How many are on the screen now.
    pub fn displayed(&self) -> usize {
        self.ask(&["count", "displayed"]).parse().unwrap()
    }

    /// How many that said this were taken away.
    pub fn count_withdrawn(&self, (summary, body): &(String, String)) -> usize {
        let is = |entry: &&Value| entry["summary"]["data"] == **summary && entry["body"]["data"] == **body;
        self.closed().iter().filter(is).count()
    }

    /// What is on the screen no longer and was not replaced, as the daemon tells of it.
    fn closed(&self) -> Vec<Value> {
        let history: Value = serde_json::from_str(&self.ask(&["history"])).unwrap();
        history["data"][0].as_array().unwrap().clone()
    }

    /// Closes the topmost pop-up until one is left: of those that are as urgent, the newest.
    pub fn close_all_but_the_last(&self) {
        while self.displayed() > 1 {
            self.ask(&["close"]);
        }
    }

    /// Clicks the topmost pop-up, which has to be the only one that a test means.
    pub fn click(&self) {
        self.ask(&["action", "0"]);
    }

    /// Waits until it is so.
    #[track_caller]
    pub fn wait_until(&self, what: &str, is_so: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_so() {
            let log = std::fs::read_to_string(self.path("helper.log")).unwrap_or_default();
            assert!(began.elapsed() < HANG, "never: {what}\nreceived {:#?}\n{log}", self.received());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asserts that a notice that holds comes up while its category is on, and does not while it is off. The helper is
    /// a new one afterwards.
    #[track_caller]
    pub fn assert_shows(&self, helper: &mut Helper, service: &Service<'_>, agent: &Agent, code: &str) {
        let shown = row(&service.status(), code);
        let words = words(&shown);
        self.wait_until(&format!("{code} comes up: {words:?}"), || self.count(&words) > 0);
        let category = shown["category"].as_str().unwrap().to_lowercase();
        let switch = |on: &str| agent.run(["settings", "notifications", &category, on]);
        if category == "critical" {
            // What no backup can begin without cannot be silenced.
            switch("off").fails_with(model::Code::NotAllowed);
            return;
        }
        switch("off").ok();
        self.wait_until(&format!("{code} is taken away"), || self.count_withdrawn(&words) > 0);
        // A helper that has shown nothing yet, so that only the category can be why it does not.
        helper.end();
        std::fs::remove_file(agent.state().join("settings/desktop.json")).unwrap();
        // Nobody knows any more of those that it left on the screen.
        self.ask(&["close-all"]);
        let before = self.count(&words);
        *helper = self.helper(agent);
        std::thread::sleep(QUIET);
        assert_eq!(self.count(&words), before, "{code} came up with its category off");
        switch("on").ok();
        self.wait_until(&format!("{code} comes up again"), || self.count(&words) > before);
    }

    /// Asserts that nothing of what said this is on the screen any more.
    #[track_caller]
    pub fn assert_withdrawn(&self, words: &(String, String)) {
        let what = format!("{words:?} is taken away");
        self.wait_until(&what, || {
            let (received, closed) = (self.received(), self.closed());
            let said = |pop_up: &PopUp| (&pop_up.summary, &pop_up.body) == (&words.0, &words.1);
            received.iter().enumerate().filter(|(_, pop_up)| said(pop_up)).all(|(at, pop_up)| {
                let is_replaced = received[at + 1..].iter().any(|later| later.id == pop_up.id);
                is_replaced || closed.iter().any(|entry| entry["id"]["data"] == pop_up.id)
            })
        });
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn ask(&self, arguments: &[&str]) -> String {
        let mut command = clean("dunstctl");
        command.args(arguments).env("DBUS_SESSION_BUS_ADDRESS", self.bus());
        let output = command.stderr(Stdio::null()).output().expect("dunstctl, of the package dunst");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

/// A running helper.
pub struct Helper(Ended);

impl Helper {
    /// Ends it at once, as a session that breaks down.
    pub fn end(&mut self) {
        let _ = self.0.0.kill();
        let _ = self.0.0.wait();
    }
}

/// The row of a status document with this code.
#[track_caller]
pub fn row(status: &Value, code: &str) -> Value {
    let lists = ["others", "overlays"].map(|name| status[name].as_array().unwrap().clone());
    let mut rows = std::iter::once(status["line"].clone()).chain(lists.into_iter().flatten());
    rows.find(|row| row["code"] == code).unwrap_or_else(|| panic!("{code} does not hold: {status:#}"))
}

/// Headline and text of a row as they come up.
pub fn words(row: &Value) -> (String, String) {
    let text = |name: &str| row[name].as_str().unwrap().to_owned();
    let sub_status = text("sub_status");
    (text("status"), if sub_status == "-" { String::new() } else { sub_status })
}

/// A program made of a script.
pub fn write_program(path: &Path, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, script).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A screen without a monitor, and its name.
fn start_display() -> (Ended, String) {
    use std::io::{BufRead, BufReader};
    let mut command = Command::new("Xvfb");
    command.args(["-displayfd", "1", "-screen", "0", "1024x768x24", "-nolisten", "tcp"]);
    let mut server =
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("Xvfb, of the package xvfb");
    let mut number = String::new();
    // It says its number when it takes clients.
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
    (Ended(server), format!(":{}", number.trim()))
}
