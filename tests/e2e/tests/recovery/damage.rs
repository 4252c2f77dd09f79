//! Packs of the newest snapshot are damaged or lost while the device still has everything: its next backup brings it
//! anew, and what is left of the damage goes with the old snapshot.

use crate::{History, clean_up, stored};
use e2e::Site;
use std::path::PathBuf;

/// What happens to the packs that the newest snapshot added, and who finds it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Case {
    /// A bit of the content is flipped; the device alone meets it.
    Content,
    /// A bit of every pack is flipped, of content and lists of files; the server's verification finds it.
    Everything,
    /// All of them are gone; the device meets the first, and the server looks for the others.
    Gone,
}

fn packs(site: &Site) -> Vec<(PathBuf, u64)> {
    stored(site).into_iter().filter(|(path, _)| path.to_str().unwrap().contains("/packs/")).collect()
}

fn received_bytes(site: &Site) -> u64 {
    site.server.json(["stats"])["uploads"]["received_bytes"].as_u64().expect("a number")
}

/// Whether `check` tells of damage.
fn is_told(site: &Site) -> bool {
    let document = site.server.run(["check", "--json"]).json();
    document["problems"].as_array().unwrap().iter().any(|problem| problem["code"] == "data_damaged")
}

/// The snapshots that verification of every byte says cannot be restored.
#[track_caller]
fn affected(site: &Site) -> Vec<String> {
    let document = site.server.run(["verify", "--read-data", "--json"]).expect(7).json();
    let ids = document["vaults"][0]["affected_snapshots"].as_array().unwrap().clone();
    ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

fn flip(path: &PathBuf) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = bytes.len() / 3;
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[track_caller]
fn run(case: Case) {
    let mut site = Site::new();
    let mut laptop = History::new(&site, "laptop");
    laptop.back_up();
    let before = packs(&site);
    laptop.back_up();
    let mut new: Vec<_> = packs(&site).into_iter().filter(|pack| !before.contains(pack)).collect();
    new.sort_by_key(|(_, length)| std::cmp::Reverse(*length));
    assert!(new.len() >= 2, "content and its list");
    // A server that has them open would go on reading what is gone.
    site.server.stop();
    match case {
        Case::Content => flip(&new[0].0),
        Case::Everything => new.iter().for_each(|(path, _)| flip(path)),
        Case::Gone => new.iter().for_each(|(path, _)| std::fs::remove_file(path).unwrap()),
    }
    site.server.start();
    let damaged = laptop.snapshots[1].clone();
    assert!(!is_told(&site), "nobody has looked");
    laptop.agent.run(["verify", &damaged, "--read-data"]).expect(7);
    assert!(is_told(&site));
    if case == Case::Everything {
        // Whoever cannot read the list of files does not ask for their content.
        assert_eq!(affected(&site), [damaged.as_str()]);
    }

    let summary = laptop.back_up_unchanged();
    assert!(summary["new_bytes"].as_u64().unwrap() >= 100_000, "{summary}");
    laptop.agent.run(["verify", &laptop.snapshots[2], "--read-data"]).ok();
    laptop.assert_restores(&site, &laptop.snapshots[2]);
    let sent = received_bytes(&site);
    let summary = laptop.back_up_unchanged();
    assert_eq!(summary["new_bytes"], 0, "{summary}");
    // The list may be another one, since folders above the tree change.
    assert!(received_bytes(&site) - sent < 50_000, "content was sent once more");
    laptop.agent.run(["verify", &laptop.snapshots[3], "--read-data"]).ok();

    assert_eq!(affected(&site), [damaged.as_str()], "only what is older than the damage");
    assert!(is_told(&site));
    site.server.run(["snapshot", "delete", &damaged]).ok();
    clean_up(&site);
    site.server.verify();
    assert!(!is_told(&site));
    laptop.snapshots.retain(|id| *id != damaged);
    laptop.assert_all_restore(&site, &[]);
    laptop.back_up();
    site.server.verify();
}

#[test]
fn damaged_content_that_a_device_meets_is_brought_anew() {
    run(Case::Content);
}

#[test]
fn damaged_packs_that_verification_finds_are_brought_anew() {
    run(Case::Everything);
}

#[test]
fn lost_packs_are_brought_anew() {
    run(Case::Gone);
}

#[test]
fn a_store_that_comes_back_heals_what_was_known() {
    let mut site = Site::new();
    let mut laptop = History::new(&site, "laptop");
    let before = packs(&site);
    laptop.back_up();
    site.server.stop();
    let new: Vec<_> = packs(&site).into_iter().filter(|pack| !before.contains(pack)).collect();
    let aside = |path: &PathBuf| site.path(path.file_name().unwrap().to_str().unwrap());
    new.iter().for_each(|(path, _)| std::fs::rename(path, aside(path)).unwrap());
    // Also without a server that runs.
    assert_eq!(affected(&site), laptop.snapshots);
    assert!(is_told(&site));
    new.iter().for_each(|(path, _)| std::fs::rename(aside(path), path).unwrap());
    assert!(is_told(&site), "nobody has looked again");
    site.server.run(["verify"]).ok();
    assert!(!is_told(&site));
    site.server.start();
    let summary = laptop.back_up_unchanged();
    assert_eq!(summary["new_bytes"], 0, "{summary}");
    laptop.assert_all_restore(&site, &[]);
}
