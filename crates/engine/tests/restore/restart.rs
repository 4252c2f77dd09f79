//! A restore that goes on after the machine was started again: a loss of power may have taken content from files that
//! have their name, length and time already.

use crate::bench::{Bench, absolute, assert_equal, assert_no_leftovers, contents, findings, in_place};
use engine::restore::{Conflict, FILLING_MODE, RestoreRequest};
use model::Code;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::SystemTime;

const NAMES: [&str; 4] = ["whole", "torn", "short", "folder/linked"];

/// Changes a file and gives it its time back, as a loss of power does.
fn tear(path: &Path, content: &[u8]) {
    let time = fs::metadata(path).unwrap().modified().unwrap();
    fs::write(path, content).unwrap();
    fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

fn tree(bench: &Bench) -> (std::path::PathBuf, model::SnapshotId) {
    let tree = bench.path("tree");
    fs::create_dir_all(tree.join("folder")).unwrap();
    for name in NAMES {
        fs::write(tree.join(name), format!("content of {name}")).unwrap();
    }
    fs::hard_link(tree.join("folder/linked"), tree.join("second name")).unwrap();
    let snapshot = bench.back_up(&tree);
    (tree, snapshot)
}

#[test]
fn what_may_be_torn_is_written_anew() {
    let bench = Bench::new();
    let (tree, snapshot) = tree(&bench);
    let to = bench.path("to");
    let resumed = RestoreRequest { resume: true, ..contents(&tree, &to) };
    let after_restart = RestoreRequest { after_restart: true, ..resumed.clone() };
    bench.restore(snapshot, &contents(&tree, &to));
    tear(&to.join("torn"), &[0; 15]);
    tear(&to.join("folder/linked"), &[0; 24]);

    // While the machine runs on, length and time say enough.
    assert_eq!(bench.restore(snapshot, &resumed).files, 0);
    tear(&to.join("short"), b"");
    // As one that was cut short leaves its target.
    fs::set_permissions(&to, fs::Permissions::from_mode(FILLING_MODE)).unwrap();
    let summary = bench.restore(snapshot, &after_restart);
    assert_eq!((findings(&summary), summary.files), (vec![], 5));
    assert_equal(&tree, &to);
    assert_no_leftovers(&to);

    // What has another time is the user's.
    fs::write(to.join("whole"), "edited").unwrap();
    fs::File::options()
        .write(true)
        .open(to.join("whole"))
        .unwrap()
        .set_modified(SystemTime::UNIX_EPOCH)
        .unwrap();
    let refused = bench.try_restore(snapshot, &after_restart).unwrap_err();
    assert_eq!(refused.code(), Code::TargetExists);
    assert_eq!(fs::read(to.join("whole")).unwrap(), b"edited");
}

#[test]
fn only_who_replaces_writes_anew_in_place() {
    let bench = Bench::new();
    let (tree, snapshot) = tree(&bench);
    tear(&tree.join("torn"), &[0; 15]);
    let request =
        |conflict| RestoreRequest { resume: true, after_restart: true, ..in_place(&tree, conflict) };
    for conflict in [Conflict::KeepBoth, Conflict::ReplaceIfNewer, Conflict::Skip] {
        assert_eq!(
            bench.restore(snapshot, &request(conflict)).files,
            0,
            "it may be the user's: {conflict:?}"
        );
    }
    assert_eq!(fs::read(tree.join("torn")).unwrap(), [0; 15]);
    // The others are the very files that were backed up.
    assert_eq!(bench.restore(snapshot, &request(Conflict::Replace)).files, 1);
    assert_eq!(fs::read(tree.join("torn")).unwrap(), b"content of torn");
}

/// The folder above both parts is entered twice: what the first part has under a temporary name then is not a leftover.
#[test]
fn parts_that_share_a_folder_go_on_together() {
    let bench = Bench::new();
    let tree = bench.path("tree");
    fs::create_dir_all(tree.join("first")).unwrap();
    fs::create_dir_all(tree.join("second")).unwrap();
    for name in ["first/a", "second/b"] {
        fs::write(tree.join(name), name).unwrap();
    }
    let snapshot = bench.back_up(&tree);
    let to = bench.path("to");
    let parts = [tree.join("first"), tree.join("second")];
    let parts = absolute(&[&parts[0], &parts[1]], &to);
    let below = to.join(tree.strip_prefix("/").unwrap());
    // What a kill has left of the first part.
    let left = below.join(".holdfast-restore-0123456789abcdef");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("a"), "half").unwrap();
    let summary = bench.restore(snapshot, &RestoreRequest { resume: true, ..parts });
    assert_eq!((findings(&summary), summary.files), (vec![], 2));
    assert_eq!(fs::read(below.join("first/a")).unwrap(), b"first/a");
    assert_eq!(fs::read(below.join("second/b")).unwrap(), b"second/b");
    assert_no_leftovers(&to);
}
