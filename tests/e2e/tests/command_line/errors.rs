//! Errors in both forms, and everything that no command should do whatever is thrown at it.

use crate::shape::assert_error;
use e2e::{Agent, Outcome, Server, Site};
use model::Code;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

#[test]
fn wrong_usage_is_told_in_both_forms() {
    let folder = tempfile::tempdir().unwrap();
    let (agent, server) =
        (Agent::at(&folder.path().join("state")), Server::at(&folder.path().join("data"), 0));
    for is_agent in [true, false] {
        let run = |arguments: &[&str]| if is_agent { agent.run(arguments) } else { server.run(arguments) };
        for arguments in [&["--never"][..], &["never"], &[], &["backup", "--never"]] {
            let text = run(arguments).expect(2);
            assert!(text.stdout.is_empty(), "{text}");
            let mut lines = text.stderr.lines();
            let (what, advice) = (lines.next().unwrap(), lines.next().unwrap());
            assert!(what.starts_with("error: ") && what.ends_with(" [usage]"), "{text}");
            assert!(advice.starts_with("  ") && text.stderr.contains("Usage: holdfast"), "{text}");
            assert_error(run(&[&["--json"], arguments].concat()), Code::Usage);
        }
        let help = run(&["--help"]).ok();
        assert!(help.stdout.contains("Usage:") && help.stderr.is_empty(), "{help}");
        let same = run(&["help", "verify"]).ok();
        assert_eq!(same.stdout, run(&["verify", "--help"]).ok().stdout);
        let version = run(&["--version"]).ok();
        let is_version = version.stdout.contains(env!("CARGO_PKG_VERSION"));
        assert!(version.stdout.starts_with("holdfast") && is_version, "{version}");
    }
    // A restore has two places to go to, and whoever names none is told of both.
    let text = agent.run(["restore", "latest"]).expect(2);
    assert!(text.stderr.contains("--to <DIR>") && text.stderr.contains("--in-place"), "{text}");
    agent.run(["restore", "latest", "--to", "x", "--in-place"]).expect(2);
    assert!(!folder.path().join("state").exists() && !folder.path().join("data").exists());
}

#[test]
fn an_error_names_its_code_and_what_to_do() {
    let site = Site::new();
    let mut agent = site.device("laptop");
    let text = agent.run(["ls", "latest"]).fails_with(Code::SnapshotUnknown);
    assert!(text.stdout.is_empty(), "{text}");
    assert!(text.stderr.contains("error: ") && text.stderr.contains("[snapshot_unknown]"), "{text}");
    assert!(text.stderr.contains("holdfast snapshots"), "no advice: {text}");
    let text = site.server.run(["token", "create", "--user", "nobody"]).fails_with(Code::UserUnknown);
    assert!(text.stderr.contains("[user_unknown]") && text.stderr.contains("user add"), "{text}");

    // Nobody listens there.
    let port = e2e::free_port();
    agent.set("HOLDFAST_SERVER", format!("https://127.0.0.1:{port}"));
    assert_error(agent.run(["--json", "snapshots"]), Code::ServerUnreachable);
    agent.set("HOLDFAST_SERVER", "not an address");
    assert_error(agent.run(["--json", "snapshots"]), Code::Usage);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let site = Site::new();
    let root = site.path("tree");
    std::fs::create_dir(&root).unwrap();
    // More than fits into a pipe.
    for number in 0..3000 {
        std::fs::write(root.join(format!("a rather long name of a file, number {number}")), "").unwrap();
    }
    let agent = site.device("laptop");
    agent.backup(&[&root]);
    let mut command = agent.command();
    command
        .args(["ls", "latest", "--long"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let outcome = Outcome::new(format!("{command:?}"), &child.wait_with_output().unwrap()).ok();
    assert!(!outcome.stderr.contains("error"), "{outcome}");
}

#[test]
fn two_runs_at_once_on_one_state_are_told_apart() {
    let site = Site::new();
    let root = site.path("tree");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("file"), e2e::random::Random::new().bytes(20 << 20)).unwrap();
    let mut agent = site.device("laptop");
    let proxy = e2e::Proxy::to(site.server.port());
    let plain = Agent::at(agent.state());
    agent.set("HOLDFAST_SERVER", proxy.url());
    proxy.hold_after(1 << 20);
    let mut running = agent.spawn(["backup".as_ref(), root.as_os_str()]);
    proxy.wait_until_held();
    let second = plain.run(["--json".as_ref(), "backup".as_ref(), root.as_os_str()]);
    assert!(second.stdout.contains(&running.id().to_string()), "the other process is not named: {second}");
    assert_error(second, Code::StateLocked);
    // Reading goes on.
    plain.run(["snapshots"]).ok();
    proxy.release();
    assert!(running.wait().unwrap().success());
    plain.run(["backup"]).ok();
}

#[test]
fn signals_end_a_run_cleanly() {
    let site = Site::new();
    let root = site.path("tree");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("file"), e2e::random::Random::new().bytes(40 << 20)).unwrap();
    let mut agent = site.device("laptop");
    let proxy = e2e::Proxy::to(site.server.port());
    agent.set("HOLDFAST_SERVER", proxy.url());
    for name in ["INT", "TERM", "HUP"] {
        proxy.hold_after(2 << 20);
        let mut command = agent.command();
        command.args(["--json", "backup"]).arg(&root).stdin(Stdio::null());
        let mut running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        proxy.wait_until_held();
        e2e::server::signal(&running, name);
        // The signal may reach the run much later than this line; it says when.
        let notes = BufReader::new(running.stderr.take().unwrap());
        assert!(notes.lines().any(|line| line.unwrap().contains("stopping")), "{command:?} said nothing");
        proxy.release();
        let outcome = Outcome::new(format!("{name} {command:?}"), &running.wait_with_output().unwrap());
        assert_error(outcome, Code::Interrupted);
    }
    assert_eq!(agent.snapshots().len(), 0);
    assert_eq!(agent.backup(&[&root])["findings"], 0);
    site.server.verify();
}

#[test]
fn signals_end_commands_that_read_at_once() {
    let site = Site::new();
    let root = site.path("tree");
    std::fs::create_dir(&root).unwrap();
    let mut random = e2e::random::Random::new();
    // Lists that are larger than what may pass, since no part of such a name says anything of another.
    for number in 0..2_000 {
        let noise = random.bytes(60).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        std::fs::write(root.join(format!("{number:04} {noise}")), b"").unwrap();
    }
    let mut agent = site.device("laptop");
    let first = agent.backup(&[&root])["snapshot"].as_str().unwrap().to_owned();
    std::fs::write(root.join("more"), b"").unwrap();
    let second = agent.backup(&[&root])["snapshot"].as_str().unwrap().to_owned();
    for arguments in [&["find", "*"][..], &["diff", &first, &second], &["top"], &["ls", "latest"]] {
        for (name, bytes) in [("INT", 0), ("TERM", 40_000), ("HUP", 40_000)] {
            // One of its own, so that nothing of a command that has ended is on its way.
            let proxy = e2e::Proxy::to(site.server.port());
            agent.set("HOLDFAST_SERVER", proxy.url());
            proxy.hold_after(bytes);
            let mut command = agent.command();
            command.arg("--json").args(arguments).stdin(Stdio::null());
            let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            proxy.wait_until_held();
            e2e::server::signal(&running, name);
            // The way stays closed: what waited for the server would wait for ever.
            let outcome = Outcome::new(format!("{name} {command:?}"), &running.wait_with_output().unwrap());
            assert_error(outcome, Code::Interrupted);
        }
    }
}

/// Waits until the process catches the signal of this number.
fn wait_until_caught(process: &Child, number: u32) {
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        let mask = u64::from_str_radix(mask.trim(), 16).unwrap();
        if mask >> (number - 1) & 1 == 1 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn signals_end_commands_of_the_server_with_an_error_document() {
    let mut site = Site::new();
    site.server.stop();
    // Held by somebody else, so that the command waits.
    let held = platform::Lock::try_exclusive(&site.server.data().join("lock")).unwrap();
    for (name, number) in [("INT", 2), ("TERM", 15), ("HUP", 1)] {
        let mut command = site.server.command();
        command.args(["stats", "--json"]).stdin(Stdio::null());
        let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until_caught(&running, number);
        e2e::server::signal(&running, name);
        let outcome = Outcome::new(format!("{name} {command:?}"), &running.wait_with_output().unwrap());
        assert_error(outcome, Code::Interrupted);
    }
    drop(held);
    // Where it was to outlive its terminal, that does not end it.
    let mut command = e2e::command::clean("nohup");
    let held = platform::Lock::try_exclusive(&site.server.data().join("lock")).unwrap();
    let program = site.server.command();
    command
        .arg(program.get_program())
        .args(program.get_args())
        .args(["stats", "--json"])
        .stdin(Stdio::null());
    let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until_caught(&running, 15);
    e2e::server::signal(&running, "HUP");
    drop(held);
    Outcome::new(format!("{command:?}"), &running.wait_with_output().unwrap()).ok();
}

#[test]
fn a_hangup_ends_the_server_cleanly() {
    let mut site = Site::new();
    let mut command = site.server.command();
    site.server.stop();
    command.args(["serve", "--json"]).stdin(Stdio::null());
    let mut running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut started = String::new();
    BufReader::new(running.stdout.as_mut().unwrap()).read_line(&mut started).unwrap();
    assert!(started.contains("server_id"), "{started}");
    e2e::server::signal(&running, "HUP");
    let outcome = Outcome::new(format!("{command:?}"), &running.wait_with_output().unwrap()).ok();
    assert!(outcome.stderr.contains("stopping"), "{outcome}");
}

#[test]
fn nothing_is_printed_that_controls_a_terminal() {
    let site = Site::new();
    let root = site.path("tree");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("red\x1b[31m"), "x").unwrap();
    let agent = site.device("laptop");
    agent.backup(&[&root]);
    let path = format!("latest:{}/never\x1b[31m", root.display());
    let outcome = agent.run(["ls", &path]).fails_with(Code::PathMissing);
    assert!(!outcome.stderr.contains('\x1b'), "{outcome:?}");
    let server = Server::at(&site.path("data\x1b[31m"), 0);
    let outcome = server.run(["stats"]).fails_with(Code::DataMissing);
    assert!(outcome.stderr.contains("data\\x1b[31m"), "{outcome:?}");
    // On a terminal names are shown harmless, in a pipe they stay exact.
    let mut terminal = e2e::command::clean("script");
    let line = format!("'{}' ls latest", e2e::command::program("holdfast").display());
    terminal.args(["-q", "-e", "-c", &line, "/dev/null"]).env("HOLDFAST_STATE", agent.state());
    let shown = Outcome::of(&mut terminal).ok();
    assert!(shown.stdout.contains("red\\x1b[31m") && !shown.stdout.contains("red\x1b"), "{shown:?}");
    assert!(agent.run(["ls", "latest"]).ok().stdout.contains("red\x1b[31m"));
}
