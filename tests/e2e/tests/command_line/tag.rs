//! `holdfast tag`: labels of snapshots, from two devices at once, through deletion and damage, until cleanup.

use crate::shape::{assert_document, assert_error};
use e2e::{Agent, Site};
use model::Code;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// Backs up a folder that changes; gives the snapshot.
fn back_up(site: &Site, agent: &Agent, content: &str) -> String {
    let root = site.path("documents");
    fs::create_dir_all(&root).unwrap();
    fs::write(root.join("letter.txt"), content).unwrap();
    agent.backup(&[&root])["snapshot"].as_str().unwrap().to_owned()
}

/// The labels as `tag` tells them after it did what it was asked.
#[track_caller]
fn tag(agent: &Agent, arguments: &[&str]) -> Value {
    let outcome = agent.run([&["--json", "tag"], arguments].concat()).ok();
    assert_document(&outcome, "labels:list snapshot:text")["labels"].clone()
}

/// The snapshots that `snapshots` lists with these arguments.
fn listed(agent: &Agent, arguments: &[&str]) -> Vec<Value> {
    let document = agent.run([&["--json", "snapshots"], arguments].concat()).ok().json();
    document.as_array().unwrap().iter().map(|row| row["id"].clone()).collect()
}

/// The objects with labels.
fn objects(site: &Site) -> Vec<PathBuf> {
    let mut files = e2e::tree::files(&site.server.data().join("store/blobs"));
    files.retain(|path| path.to_str().unwrap().contains("/labels/"));
    files
}

#[test]
fn labels_are_added_shown_removed_and_searched() {
    let site = Site::new();
    let agent = site.device("laptop");
    let [first, second, third] = ["1", "2", "3"].map(|content| back_up(&site, &agent, content));
    assert_eq!(tag(&agent, &[&first]), json!([]));
    assert_eq!(
        tag(&agent, &[&first, "milestone", "vor dem Umzug", "milestone"]),
        json!(["milestone", "vor dem Umzug"])
    );
    assert_eq!(tag(&agent, &[&first[..8], "a"]), json!(["a", "milestone", "vor dem Umzug"]));
    assert_eq!(tag(&agent, &[&first, "--remove", "a", "never"]), json!(["milestone", "vor dem Umzug"]));
    assert_eq!(tag(&agent, &["latest", "newest", "--set", "documents"]), json!(["newest"]));
    assert_eq!(tag(&agent, &[&second, "--replace", "x", "y"]), json!(["x", "y"]));
    assert_eq!(tag(&agent, &[&second, "--replace"]), json!([]));
    let text = agent.run(["tag", "latest"]).ok();
    assert_eq!(text.stdout, "newest\n");
    assert!(text.stderr.contains(&format!("latest is snapshot {}", &third[..8])), "{text}");
    assert!(agent.run(["tag", &second]).ok().stderr.contains("has no labels"));

    assert_eq!(listed(&agent, &[]), [&*third, &second, &first]);
    assert_eq!(listed(&agent, &["--tag", "milestone"]), [&*first]);
    assert_eq!(listed(&agent, &["--tag", "milestone", "--tag", "newest"]), [&*third, &first]);
    assert_eq!(listed(&agent, &["--tag", "never"]), [""; 0]);
    let table = agent.run(["snapshots"]).ok();
    let lines: Vec<&str> = table.stdout.lines().collect();
    assert!(lines[0].contains("LABELS") && lines[3].contains("milestone, vor dem Umzug"), "{table}");
    let none = agent.run(["snapshots", "--tag", "never"]).ok();
    assert!(none.stdout.is_empty() && none.stderr.contains("No snapshot has such a label."), "{none}");

    let many: Vec<String> = (0..32).map(|number| format!("label {number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for wrong in [
        [&[&first[..]], &many[..]].concat(),
        vec![&first, "a\nb"],
        vec![&first, ""],
        vec![&first, &"x".repeat(65)],
        vec![&first, "--remove"],
        vec![&first, "--remove", "--replace", "a"],
        vec!["latest:/home", "a"],
        vec![&first, "a", "--set", "documents"],
    ] {
        assert_error(agent.run([&["--json", "tag"], &wrong[..]].concat()), Code::Usage);
    }
    assert_error(agent.run(["--json", "tag", "ffff", "a"]), Code::SnapshotUnknown);
    assert_eq!(tag(&agent, &[&first]), json!(["milestone", "vor dem Umzug"]), "nothing came of it");
    assert_eq!(tag(&agent, &[&[&second[..]], &many[..]].concat()).as_array().unwrap().len(), 32);
}

#[test]
fn two_devices_at_once_lose_no_label() {
    let site = Site::new();
    let (laptop, desktop) = (site.device("laptop"), site.device("desktop"));
    let id = back_up(&site, &laptop, "content");
    let mut expected = Vec::new();
    std::thread::scope(|scope| {
        for (name, agent) in [("laptop", &laptop), ("desktop", &desktop)] {
            for number in 0..6 {
                let label = format!("{name} {number}");
                expected.push(label.clone());
                let id = &id;
                scope.spawn(move || agent.run(["tag", id, &label]).ok());
            }
        }
    });
    expected.sort();
    assert_eq!(tag(&desktop, &[&id]), json!(expected));
    assert_eq!(listed(&desktop, &["--all", "--tag", "laptop 0"]), [&*id]);
    assert_eq!(listed(&desktop, &["--tag", "laptop 0"]), [""; 0], "it is another device's");
}

#[test]
fn labels_live_as_long_as_their_snapshot() {
    let mut site = Site::new();
    let agent = site.device("laptop");
    let [first, second] = ["1", "2"].map(|content| back_up(&site, &agent, content));
    for id in [&first, &second] {
        tag(&agent, &[id, "milestone"]);
    }
    site.server.run(["settings", "set", "--grace", "0s"]).ok();
    site.server.run(["snapshot", "delete", &first]).ok();
    assert_error(agent.run(["--json", "tag", &first, "late"]), Code::SnapshotUnknown);
    assert_eq!(listed(&agent, &["--tag", "milestone"]), [&*second]);
    site.server.run(["cleanup"]).ok();
    site.server.run(["snapshot", "undelete", &first]).ok();
    site.server.kill();
    site.server.start();
    assert_eq!(listed(&agent, &["--tag", "milestone"]), [&*second, &first]);

    site.server.run(["settings", "set", "--undo", "0s"]).ok();
    site.server.run(["snapshot", "delete", &first]).ok();
    assert_eq!(objects(&site).len(), 2);
    site.server.run(["cleanup"]).ok();
    assert!(objects(&site).iter().all(|path| path.ends_with(&second)), "{:?}", objects(&site));
    assert_eq!(tag(&agent, &["latest"]), json!(["milestone"]));
    site.server.verify();
}

#[test]
fn damaged_labels_are_told_and_written_anew() {
    let site = Site::new();
    let agent = site.device("laptop");
    let [first, second] = ["1", "2"].map(|content| back_up(&site, &agent, content));
    for id in [&first, &second] {
        tag(&agent, &[id, "milestone"]);
    }
    let object = |id: &str| objects(&site).into_iter().find(|path| path.ends_with(id)).unwrap();
    let good = fs::read(object(&first)).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    // A flipped bit, nothing, far too much, and the labels of another snapshot.
    for damaged in [flipped, Vec::new(), vec![7; 1 << 20], fs::read(object(&second)).unwrap()] {
        fs::write(object(&first), &damaged).unwrap();
        let outcome = agent.run(["--json", "snapshots"]).ok();
        let rows = outcome.json();
        assert_eq!(
            (&rows[1]["labels"], &rows[0]["labels"]),
            (&Value::Null, &json!(["milestone"])),
            "{outcome}"
        );
        assert!(outcome.stderr.contains("[data_damaged]") && outcome.stderr.contains(&first), "{outcome}");
        assert!(agent.run(["snapshots"]).ok().stdout.contains("  damaged  "));
        for arguments in [&[&first[..]][..], &[&first, "new"], &[&first, "--remove", "milestone"]] {
            let outcome = agent.run([&["--json", "tag"], arguments].concat());
            assert!(outcome.stderr.contains("--replace"), "{outcome}");
            assert_error(outcome, Code::DataDamaged);
        }
        assert_eq!(tag(&agent, &[&first, "--replace", "again"]), json!(["again"]));
        assert_eq!(tag(&agent, &[&first]), json!(["again"]));
    }
    // The server tells it too; backups and all else that it does are none the worse for it.
    fs::write(object(&first), b"broken").unwrap();
    back_up(&site, &agent, "3");
    site.server.run(["cleanup"]).ok();
    let outcome = site.server.run(["verify"]);
    assert!(outcome.status == 7 && outcome.stdout.contains(&first), "{outcome}");
    agent.run(["verify", &first, "--read-data"]).ok();
    tag(&agent, &[&first, "--replace", "again"]);
    site.server.verify();
}
