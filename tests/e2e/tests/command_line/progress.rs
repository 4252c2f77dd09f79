//! Progress while a run works: lines without a terminal, a bar on one, events for programs. The run is held back until
//! it has shown what it should, so no test waits for a time.

use e2e::random::Random;
use e2e::{Agent, Proxy, Site};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

/// So much of 80 MiB that more than a tenth is done when a backup is held back, and so little that with the 40 MiB
/// that it reads ahead of what is sent it has not read everything.
const BACKUP_HELD_AFTER: u64 = 12 << 20;

/// A site with a device whose backup of the tree can be held back.
fn prepare() -> (Site, Agent, Proxy, PathBuf) {
    let site = Site::new();
    let root = site.path("tree");
    fs::create_dir(&root).unwrap();
    let mut random = Random::new();
    for number in 0..40 {
        fs::write(root.join(format!("file{number}")), random.bytes(2 << 20)).unwrap();
    }
    let mut agent = site.device("laptop");
    let proxy = Proxy::to(site.server.port());
    agent.set("HOLDFAST_SERVER", proxy.url());
    (site, agent, proxy, root)
}

/// Reads from `from` until `wanted` likes what came so far; then lets the run go on and reads the rest.
fn read_until(mut from: impl Read, proxy: &Proxy, wanted: impl Fn(&str) -> bool) -> String {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    let mut released = false;
    loop {
        let read = from.read(&mut buffer).unwrap_or(0);
        if read == 0 {
            assert!(released, "the run ended too early: {}", String::from_utf8_lossy(&seen));
            return String::from_utf8_lossy(&seen).into_owned();
        }
        seen.extend_from_slice(&buffer[..read]);
        if !released && wanted(&String::from_utf8_lossy(&seen)) {
            released = true;
            proxy.release();
        }
    }
}

fn backup(agent: &Agent, arguments: &[&str], root: &Path) -> Child {
    let mut command = agent.command();
    command.args(arguments).arg(root).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn without_a_terminal_progress_is_plain_lines() {
    let (_site, agent, proxy, root) = prepare();
    proxy.hold_after(BACKUP_HELD_AFTER);
    let mut child = backup(&agent, &["backup"], &root);
    let shown = read_until(child.stderr.take().unwrap(), &proxy, |text| text.contains("Backing up: "));
    assert!(child.wait().unwrap().success(), "{shown}");
    let line = shown.lines().find(|line| line.starts_with("Backing up: ")).unwrap();
    assert!(line.contains(" files, ") && line.contains("MiB"), "{line}");
    assert!(!line.contains(" of 40 files"), "nothing is counted ahead where nobody watches: {line}");
    assert!(!shown.contains(['\r', '\x1b']), "{shown:?}");
}

#[test]
fn on_a_terminal_progress_is_a_bar() {
    let (_site, agent, proxy, root) = prepare();
    proxy.hold_after(BACKUP_HELD_AFTER);
    let program = e2e::command::program("holdfast");
    let line = format!("'{}' backup '{}'", program.display(), root.display());
    let mut terminal = e2e::command::clean("script");
    terminal.args(["-q", "-e", "-c", &line, "/dev/null"]);
    // `script` gives its child a terminal of no size where it has none itself.
    terminal.env("COLUMNS", "100").env("TERM", "xterm");
    terminal.env("HOLDFAST_STATE", agent.state()).env("HOLDFAST_SERVER", proxy.url());
    let mut child = terminal.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let shown = read_until(child.stdout.take().unwrap(), &proxy, |text| {
        text.contains(" %") && text.contains("of 40 files") && text.contains("/s")
    });
    assert!(child.wait().unwrap().success(), "{shown}");
    assert!(shown.contains('\r') || shown.contains('\x1b'), "nothing was drawn over: {shown:?}");
    // Drawn and gone: the result stands alone at the end.
    let end = &shown[shown.rfind("Snapshot ").expect("a result")..];
    assert!(end.contains("40 files, 80.0 MiB") && !end.contains('%'), "{end:?}");
}

#[test]
fn for_programs_progress_is_events() {
    let (_site, agent, proxy, root) = prepare();
    proxy.hold_after(BACKUP_HELD_AFTER);
    let mut child = backup(&agent, &["--json", "backup"], &root);
    let known = |text: &str| {
        let events = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        events.into_iter().any(|event| {
            event["phase"] == "working"
                && event["total_is_known"] == true
                && event["done_bytes"].as_u64() > Some(0)
        })
    };
    let shown = read_until(child.stdout.take().unwrap(), &proxy, known);
    assert!(child.wait().unwrap().success(), "{shown}");
    let events: Vec<serde_json::Value> =
        shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let number = |event: &serde_json::Value, name: &str| event[name].as_u64().unwrap();
    let progress: Vec<_> = events.iter().filter(|event| event["event"] == "progress").collect();
    for pair in progress.windows(2) {
        for name in ["done_bytes", "done_files", "read_bytes", "stored_bytes"] {
            assert!(number(pair[0], name) <= number(pair[1], name), "{name} went back: {pair:?}");
        }
    }
    let last = progress.last().unwrap();
    assert_eq!((number(last, "total_bytes"), number(last, "total_files")), (80 << 20, 40));
    assert_eq!(events.last().unwrap()["event"], "summary");
}

#[test]
fn a_restore_shows_progress_too() {
    let (site, agent, proxy, root) = prepare();
    agent.backup(&[&root]);
    proxy.hold_after(30 << 20);
    let target = site.path("target");
    let mut command = agent.command();
    command.args(["restore", "latest", "--to"]).arg(&target).stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let shown = read_until(child.stderr.take().unwrap(), &proxy, |text| text.contains("Restoring: "));
    assert!(child.wait().unwrap().success(), "{shown}");
    assert!(shown.contains(" of 40 files, "), "{shown}");
}
