//! `holdfast find`: versions over several snapshots and devices, filters, both forms of output, and damage.

use crate::shape::{assert_error, shape};
use e2e::{Agent, Site};
use model::Code;
use serde_json::Value;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A folder with a letter, a note, a link and a name that is no text.
fn letters(site: &Site) -> PathBuf {
    let root = site.path("letters");
    fs::create_dir_all(root.join("old")).unwrap();
    fs::write(root.join("letter.txt"), "Dear Ada").unwrap();
    fs::write(root.join("old/Übersicht.TXT"), vec![b'x'; 5000]).unwrap();
    std::os::unix::fs::symlink("letter.txt", root.join("link")).unwrap();
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"odd \xff\x1b.txt")), "").unwrap();
    root
}

fn packs(site: &Site) -> Vec<PathBuf> {
    let mut files = e2e::tree::files(&site.server.data().join("store/blobs"));
    files.retain(|path| path.to_str().unwrap().contains("/packs/"));
    files
}

fn find(agent: &Agent, arguments: &[&str]) -> Vec<Value> {
    agent.run([&["--json", "find"], arguments].concat()).ok().events()
}

fn names(rows: &[Value]) -> Vec<String> {
    let name = |row: &Value| {
        Path::new(row["path"].as_str().unwrap()).file_name().unwrap().to_string_lossy().into_owned()
    };
    rows.iter().map(name).collect()
}

#[test]
fn versions_are_found_over_all_snapshots_of_a_device() {
    let site = Site::new();
    let root = letters(&site);
    let agent = site.device("laptop");
    let first = agent.backup(&[&root])["snapshot"].clone();
    fs::write(root.join("letter.txt"), "Dear Ada, dear Charles").unwrap();
    let second = agent.backup(&[&root])["snapshot"].clone();
    fs::remove_file(root.join("old/Übersicht.TXT")).unwrap();
    let third = agent.backup(&[&root])["snapshot"].clone();

    let rows = find(&agent, &["letter.txt"]);
    assert_eq!(rows.len(), 1);
    assert_eq!(shape(&rows[0]), "device:text device_name:text path:text versions:list");
    assert_eq!(rows[0]["path"], root.join("letter.txt").to_str().unwrap());
    let versions = rows[0]["versions"].as_array().unwrap();
    assert_eq!(
        shape(&versions[0]),
        "first_snapshot:text first_time:text kind:text last_snapshot:text last_time:text modified:text size:whole \
         snapshots:whole"
    );
    let told = |version: &Value| {
        ["size", "first_snapshot", "last_snapshot", "snapshots"].map(|field| version[field].clone())
    };
    assert_eq!(told(&versions[0]), [22.into(), second.clone(), third.clone(), 2.into()]);
    assert_eq!(told(&versions[1]), [8.into(), first.clone(), first.clone(), 1.into()]);

    // What is gone is found, with the last snapshot that has it.
    let rows = find(&agent, &["--ignore-case", "übersicht.txt"]);
    assert_eq!(rows[0]["versions"][0]["last_snapshot"], second);
    assert!(find(&agent, &["übersicht.txt"]).is_empty());
    assert!(find(&agent, &["Übersicht.TXT", "--snapshot", "latest"]).is_empty());
    let id = first.as_str().unwrap();
    assert_eq!(find(&agent, &["letter.txt", "--snapshot", id])[0]["versions"][0]["size"], 8);

    let text = agent.run(["find", "letter.txt"]).ok();
    let lines: Vec<&str> = text.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[1].contains("22 B  in 2 snapshots from ") && lines[2].contains(&id[..8]), "{text}");
    let text = agent.run(["find", "nothing"]).ok();
    assert!(text.stdout.is_empty() && text.stderr.contains("3 snapshots"), "{text}");
}

#[test]
fn patterns_and_filters_say_what_is_found() {
    let site = Site::new();
    let root = letters(&site);
    let agent = site.device("laptop");
    agent.backup(&[&root]);
    let found = |arguments: &[&str]| names(&find(&agent, arguments));
    assert_eq!(found(&["*.txt"]), ["letter.txt", "odd \u{fffd}\u{1b}.txt"]);
    assert_eq!(found(&["letters/**", "--type", "symlink"]), ["link"]);
    assert_eq!(found(&["letters/**", "--type", "folder", "--type", "symlink"]), ["link", "old"]);
    assert_eq!(found(&[&format!("{}/*", root.display()), "--larger", "1KiB"]), [""; 0]);
    assert_eq!(found(&[&format!("{}/**", root.display()), "--larger", "1KiB"]), ["Übersicht.TXT"]);
    assert_eq!(found(&["*", "--smaller", "9", "--larger", "0"]), ["letter.txt"]);
    assert_eq!(found(&["letter.txt", "--newer", "1d"]), ["letter.txt"]);
    assert_eq!(found(&["letter.txt", "--older", "1d"]), [""; 0]);
    assert_eq!(found(&["letter.txt", "--newer", "2020-01-01", "--older", "2020-01-02"]), [""; 0]);
    assert_eq!(found(&["letter.txt", "--set", "letters"]).len(), 1);
    assert_eq!(found(&["letter.txt", "--set", "never"]), [""; 0]);
    let rows = find(&agent, &["odd*"]);
    assert!(rows[0]["path_base64"].is_string(), "{}", rows[0]);
    assert_eq!(find(&agent, &["link"])[0]["versions"][0]["target"], "letter.txt");

    for wrong in [&["[a"][..], &["a", "--larger", "much"], &["a", "--newer", "once"], &["a", "--type", "x"]] {
        assert_error(agent.run([&["--json", "find"], wrong].concat()), Code::Usage);
    }
    for wrong in [&["a", "--snapshot", "latest", "--all"][..], &["a", "--snapshot", "latest:/a"]] {
        assert_error(agent.run([&["--json", "find"], wrong].concat()), Code::Usage);
    }
    assert_error(agent.run(["--json", "find", "a", "--snapshot", "ffff"]), Code::SnapshotUnknown);
}

#[test]
fn other_devices_are_searched_when_asked_and_told_apart() {
    let site = Site::new();
    let root = letters(&site);
    let (laptop, desktop) = (site.device("laptop"), site.device("desktop"));
    laptop.backup(&[&root]);
    desktop.backup(&[&root]);
    let rows = find(&laptop, &["letter.txt", "--all", "--set", "letters"]);
    let devices: Vec<_> = rows.iter().map(|row| row["device_name"].as_str().unwrap()).collect();
    assert_eq!(devices, ["laptop", "desktop"]);
    assert_eq!(find(&laptop, &["letter.txt"]).len(), 1);
    let text = laptop.run(["find", "letter.txt", "--all"]).ok();
    assert!(text.stdout.contains("letter.txt  (on laptop)\n"), "{text}");
}

#[test]
fn a_damaged_list_is_told_after_what_can_be_read() {
    let mut site = Site::new();
    let root = letters(&site);
    let agent = site.device("laptop");
    agent.backup(&[&root]);
    // A second set, whose list lies in another pack.
    let other = site.path("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("letter.txt"), "Dear Charles").unwrap();
    let before = packs(&site);
    agent.backup(&[&other]);
    site.server.stop();
    for pack in packs(&site).iter().filter(|pack| !before.contains(pack)) {
        let mut bytes = fs::read(pack).unwrap();
        let at = bytes.len() / 3;
        bytes[at] ^= 1;
        fs::write(pack, bytes).unwrap();
    }
    site.server.start();
    let outcome = agent.run(["--json", "find", "letter.txt"]);
    let rows = outcome.events();
    assert_eq!(rows[0]["path"], root.join("letter.txt").to_str().unwrap(), "{outcome}");
    assert_eq!(rows.len(), 2, "{outcome}");
    assert_error(outcome, Code::DataDamaged);
    let text = agent.run(["find", "letter.txt"]).fails_with(Code::DataDamaged);
    assert!(text.stdout.contains(root.join("letter.txt").to_str().unwrap()), "{text}");
}
