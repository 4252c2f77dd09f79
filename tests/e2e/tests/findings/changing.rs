//! Files that change or vanish while they are read.

use crate::report::Run;
use e2e::random::Random;
use e2e::{Outcome, Proxy, Site, tree};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

/// More than an agent reads ahead of what it could send: its memory is bounded.
const LARGE: usize = 300 << 20;

#[test]
fn a_file_that_changes_while_it_is_read_is_stored_as_read_and_marked() {
    let site = Site::new();
    let root = site.path("tree");
    fs::create_dir(&root).unwrap();
    let log = root.join("log");
    // Each megabyte differs from the others, and none can be compressed.
    let mut random = Random::new();
    let part = random.bytes(1 << 20);
    let mut file = File::create(&log).unwrap();
    for number in 0..LARGE >> 20 {
        let mut part = part.clone();
        part.iter_mut().enumerate().for_each(|(at, byte)| *byte ^= ((at * (2 * number + 1)) >> 3) as u8);
        file.write_all(&part).unwrap();
    }
    fs::write(root.join("quiet"), "quiet").unwrap();
    let mut agent = site.device("laptop");
    let proxy = Proxy::to(site.server.port());
    agent.set("HOLDFAST_SERVER", proxy.url());

    // While its pages are held back the agent has read some of the file and cannot have read all of it.
    proxy.hold_after(8 << 20);
    let mut command = agent.command();
    command.args(["--json", "backup"]).arg(&root).stdin(Stdio::null()).stdout(Stdio::piped());
    let running = command.stderr(Stdio::piped()).spawn().unwrap();
    proxy.wait_until_held();
    file.write_all(b"one line more").unwrap();
    proxy.release();
    let outcome = Outcome::new(format!("{command:?}"), &running.wait_with_output().unwrap());
    let run = Run::ended(&agent, &outcome);
    run.assert_found(&[(&log, "changing", 0, false)]);
    let row = agent.run(["ls", "--json", &format!("latest:{}", log.display())]).ok().json();
    assert_eq!(row["marks"][0], "changed while it was read", "{row}");

    // What was there when it was opened can be restored.
    let target = site.path("target");
    run.restore(&agent, &log, &target);
    let (stored, now) = (fs::read(target.join("log")).unwrap(), fs::read(&log).unwrap());
    assert!(stored.len() >= LARGE && now.starts_with(&stored), "{} of {} bytes", stored.len(), now.len());

    // It is read again by the next run although nothing about it changed since, and is then no finding.
    let again = Run::of(&agent, &[&root], &[]);
    again.assert_found(&[]);
    assert!(again.summary["read_bytes"].as_u64().unwrap() > LARGE as u64, "{}", again.summary);
    let target = site.path("again");
    again.restore(&agent, &root, &target);
    tree::assert_equal(&root, &target);
}

#[test]
fn a_file_that_shrinks_while_it_is_read_is_stored_as_read() {
    let site = Site::new();
    let root = site.path("tree");
    fs::create_dir(&root).unwrap();
    let shrinking = root.join("shrinking");
    fs::write(&shrinking, Random::new().bytes(LARGE)).unwrap();
    let mut agent = site.device("laptop");
    let proxy = Proxy::to(site.server.port());
    agent.set("HOLDFAST_SERVER", proxy.url());
    proxy.hold_after(8 << 20);
    let mut command = agent.command();
    command.args(["--json", "backup"]).arg(&root).stdin(Stdio::null()).stdout(Stdio::piped());
    let running = command.stderr(Stdio::piped()).spawn().unwrap();
    proxy.wait_until_held();
    let whole = fs::read(&shrinking).unwrap();
    File::options().write(true).open(&shrinking).unwrap().set_len(1000).unwrap();
    proxy.release();
    let outcome = Outcome::new(format!("{command:?}"), &running.wait_with_output().unwrap());
    let run = Run::ended(&agent, &outcome);
    run.assert_found(&[(&shrinking, "changing", 0, false)]);
    let target = site.path("target");
    run.restore(&agent, &shrinking, &target);
    let stored = fs::read(target.join("shrinking")).unwrap();
    assert!(stored.len() >= 1000 && whole.starts_with(&stored), "{} bytes", stored.len());
    site.server.verify();
}

/// Makes, changes, renames and removes files until it is told to stop.
fn churn(folder: &Path, stop: &AtomicBool) -> u64 {
    let mut random = Random::with_seed(7);
    let mut steps = 0;
    while !stop.load(Ordering::Relaxed) {
        let place = folder.join(format!("d{}", random.below(4)));
        let name = place.join(format!("f{}", random.below(200)));
        // Each step may find what it works on gone, or there already.
        let _ = match random.below(6) {
            0 => fs::remove_file(&name),
            1 => fs::rename(&name, place.join(format!("f{}", random.below(200)))),
            2 if random.below(50) == 0 => fs::remove_dir_all(&place),
            3 => fs::create_dir(&place),
            _ => {
                let length = random.below(3000) as usize;
                fs::write(&name, random.text(length))
            }
        };
        steps += 1;
    }
    steps
}

#[test]
fn files_that_come_and_go_never_fail_a_run() {
    let site = Site::new();
    let root = site.path("tree");
    let mut random = Random::new();
    // Others all around, so that the run takes a while, and which must be there in the end.
    tree::make(&root.join("a before"), 200, &mut random);
    tree::make(&root.join("z after"), 200, &mut random);
    let busy = root.join("busy");
    fs::create_dir(&busy).unwrap();
    let agent = site.device("laptop");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let steps = scope.spawn(|| churn(&busy, &stop));
        let result = std::panic::catch_unwind(|| {
            for _ in 0..5 {
                let run = Run::of(&agent, &[&root], &[]);
                // A file that was written meanwhile may be reported; one that is gone is no loss.
                for (path, found) in run.findings() {
                    assert!(found.0 == "changing" && path.starts_with(&busy), "{path:?}: {found:?}");
                }
                for part in ["a before", "z after"] {
                    let target = tempfile::tempdir_in(site.folder()).unwrap();
                    run.restore(&agent, &root.join(part), &target.path().join("to"));
                    tree::assert_equal(&root.join(part), &target.path().join("to"));
                }
            }
        });
        stop.store(true, Ordering::Relaxed);
        assert!(steps.join().unwrap() > 0);
        result.unwrap();
    });
    // Once it is quiet the next run has everything as it is.
    let run = Run::of(&agent, &[&root], &[]);
    run.assert_found(&[]);
    let target = site.path("target");
    run.restore(&agent, &root, &target);
    tree::assert_equal(&root, &target);
    site.server.verify();
}
