//! The store is not what the database knows: a part of it is gone, all of it, or it is another one.

use crate::{History, clean_up, refused, stored};
use e2e::Site;
use model::Code;
use std::path::PathBuf;

/// The object of a snapshot's record.
fn record_of(site: &Site, id: &str) -> PathBuf {
    let files = e2e::tree::files(&site.server.data().join("store/blobs/vaults"));
    let found = files.into_iter().find(|path| path.ends_with(format!("snapshots/{id}")));
    found.expect("the snapshot's object")
}

#[test]
fn cleanup_removes_nothing_while_a_snapshot_is_missing() {
    let mut site = Site::new();
    let mut laptop = History::new(&site, "laptop");
    for _ in 0..3 {
        laptop.back_up();
    }
    site.server.run(["settings", "set", "--grace", "0s", "--undo", "0s"]).ok();
    let missing = laptop.snapshots[1].clone();
    let record = record_of(&site, &missing);
    let aside = site.path("aside");
    std::fs::rename(&record, &aside).unwrap();
    // There would be something to remove.
    let deleted = laptop.snapshots[0].clone();
    site.server.run(["snapshot", "delete", &deleted]).ok();
    let before = stored(&site);

    for running in [true, false] {
        if !running {
            site.server.stop();
        }
        let outcome = site.server.run(["cleanup", "--json"]).expect(7);
        let failed = outcome.json()["failed"].clone();
        assert_eq!((failed.as_array().unwrap().len(), &failed[0]["code"]), (1, &"store_disagrees".into()));
        let outcome = site.server.run(["cleanup"]).expect(7);
        assert!(outcome.stdout.contains("was left as it is") && outcome.stdout.contains("[store_disagrees]"));
        let outcome = site.server.run(["check", "--json"]).expect(7);
        let problems = outcome.json()["problems"].clone();
        let told = problems.as_array().unwrap().iter().any(|problem| {
            problem["code"] == "store_disagrees" && problem["message"].as_str().unwrap().contains(&missing)
        });
        assert!(told, "{problems}");
        assert_eq!(stored(&site), before, "something was removed");
    }
    site.server.start();
    // The others can be read, and new ones made.
    laptop.agent.run(["verify", &laptop.snapshots[2], "--read-data"]).ok();
    laptop.agent.run(["verify", &missing]).expect(7);
    laptop.back_up();

    std::fs::rename(&aside, &record).unwrap();
    clean_up(&site);
    site.server.verify();
    laptop.assert_all_restore(&site, &[&deleted]);
    assert_ne!(stored(&site), before);
}

#[test]
fn damage_in_the_store_is_found_and_harms_only_what_refers_to_it() {
    let site = Site::new();
    let (mut laptop, mut desktop) = (History::new(&site, "laptop"), History::new(&site, "desktop"));
    laptop.back_up();
    desktop.back_up();
    let packs = |site: &Site| -> Vec<(PathBuf, u64)> {
        stored(site).into_iter().filter(|(path, _)| path.to_str().unwrap().contains("/packs/")).collect()
    };
    let before = packs(&site);
    desktop.back_up();
    // A pack of the desktop's second run alone, the larger one: content.
    let new = packs(&site).into_iter().filter(|pack| !before.contains(pack));
    let (pack, length) = new.max_by_key(|(_, length)| *length).unwrap();
    let good = std::fs::read(&pack).unwrap();
    let mut bad = good.clone();
    bad[length as usize / 3] ^= 1;
    std::fs::write(&pack, &bad).unwrap();

    let outcome = site.server.run(["verify", "--read-data"]).expect(7);
    let id = pack.file_stem().unwrap().to_str().unwrap();
    assert!(outcome.stdout.contains(id) || outcome.stderr.contains(id), "{outcome}");
    let newest = desktop.snapshots[1].clone();
    desktop.agent.run(["verify", &newest, "--read-data"]).expect(7);
    desktop.agent.run(["verify", &desktop.snapshots[0], "--read-data"]).ok();
    laptop.assert_all_restore(&site, &[]);
    laptop.back_up();

    std::fs::write(&pack, &good).unwrap();
    site.server.verify();
    desktop.assert_all_restore(&site, &[]);
}

/// The newest snapshot is what the next run compares with. When it is lost the run must not be lost with it.
#[test]
fn a_newest_snapshot_that_cannot_be_read_does_not_stop_backups() {
    let site = Site::new();
    let mut laptop = History::new(&site, "laptop");
    laptop.back_up();
    let cache = laptop.agent.state().join("cache");
    for is_gone in [true, false] {
        laptop.back_up();
        let newest = laptop.snapshots.last().unwrap().clone();
        let path = record_of(&site, &newest);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        if is_gone { std::fs::remove_file(&path) } else { std::fs::write(&path, &bytes) }.unwrap();
        // With its cache the device needs it not; without, it falls back on an older one.
        std::fs::remove_dir_all(&cache).unwrap();
        laptop.agent.run(["verify", &newest, "--read-data"]).expect(7);
        laptop.snapshots.retain(|id| *id != newest);
        laptop.back_up();
        let id = laptop.snapshots.last().unwrap();
        laptop.agent.run(["verify", id, "--read-data"]).ok();
        let target = tempfile::tempdir_in(site.folder()).unwrap();
        laptop.agent.restore(&format!("{id}:{}", laptop.documents.display()), target.path());
        e2e::tree::assert_equal(&laptop.documents, target.path());
    }
    assert_eq!(laptop.agent.snapshots().len(), 5, "what is damaged is listed all the same");
}

#[test]
fn a_store_that_is_missing_or_another_one_is_refused() {
    let mut site = Site::new();
    let mut laptop = History::new(&site, "laptop");
    laptop.back_up();
    let other = Site::new();
    site.server.stop();
    let store = site.server.data().join("store");
    let aside = site.path("store-aside");
    std::fs::rename(&store, &aside).unwrap();
    let refused_by_all = |site: &Site| {
        for command in [["serve"].as_slice(), &["cleanup"], &["verify"], &["snapshot", "list"], &["check"]] {
            refused(site.server.run(command), Code::StoreMissing);
        }
    };
    refused_by_all(&site);
    assert!(!store.exists(), "no empty store takes the place of a disk that is not mounted");
    // The folder that the disk would be mounted on.
    std::fs::create_dir(&store).unwrap();
    refused_by_all(&site);
    assert_eq!(std::fs::read_dir(&store).unwrap().count(), 0);
    std::fs::remove_dir(&store).unwrap();
    // Somebody else's disk.
    crate::files::copy(&other.server.data().join("store"), &store);
    refused_by_all(&site);
    std::fs::remove_dir_all(&store).unwrap();

    std::fs::rename(&aside, &store).unwrap();
    site.server.start();
    laptop.assert_all_restore(&site, &[]);
    laptop.back_up();
    site.server.verify();
}

#[test]
fn a_store_that_goes_away_while_the_server_runs() {
    let site = Site::new();
    let mut laptop = History::new(&site, "laptop");
    laptop.back_up();
    let store = site.server.data().join("store");
    let aside = site.path("store-aside");
    std::fs::write(laptop.documents.join("more"), laptop.random.bytes(100_000)).unwrap();
    std::fs::rename(&store, &aside).unwrap();
    let outcome = laptop.agent.run([std::path::Path::new("backup"), &laptop.documents]);
    let outcome_of_check = site.server.run(["check", "--json"]).expect(7);
    let problems = outcome_of_check.json()["problems"].clone();
    assert!(
        problems.as_array().unwrap().iter().any(|problem| problem["code"] == "store_missing"),
        "{problems}"
    );
    assert!(!store.exists(), "the server makes no store of its own accord");
    std::fs::rename(&aside, &store).unwrap();
    // Whatever was acknowledged is there.
    assert_eq!(laptop.agent.snapshots().len(), if outcome.status == 0 { 2 } else { 1 }, "{outcome}");
    laptop.agent.run(["verify", "latest", "--read-data"]).ok();
    let summary = laptop.agent.backup(&[&laptop.documents]);
    assert_eq!(summary["findings"], 0);
    site.server.verify();
}
