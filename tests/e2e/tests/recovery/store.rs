//! The store is not what the database knows: a part of it is gone, all of it, or it is another one.

use crate::{History, refused, stored};
use e2e::Site;
use model::Code;
use std::path::PathBuf;

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
