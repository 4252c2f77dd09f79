//! Names that are taken: each rule, in dry runs and restores alike.

use crate::bench::{Bench, absolute, assert_equal, assert_no_leftovers, contents, findings, in_place, names};
use engine::restore::{Action, Conflict, RestoreRequest};
use model::{Code, FindingReason};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const LABEL: &str = "(restored 2026-11-24 10.30)";

fn time(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn write(path: &Path, text: &str, seconds: u64) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::File::open(path).unwrap().set_modified(time(seconds)).unwrap();
}

/// A tree that was backed up, and then changed: `same` is unchanged, `older` and `newer` differ in time, `size` in
/// size, `gone` is gone, `folder` is a file where a folder was, `file` a folder where a file was.
fn changed_tree(bench: &Bench) -> (PathBuf, model::SnapshotId) {
    let tree = bench.path("tree");
    for name in ["same", "older.txt", "newer.txt", "size", "gone", "file", "folder/inner"] {
        write(&tree.join(name), "as backed up", 1_000_000);
    }
    let snapshot = bench.back_up(&tree);
    write(&tree.join("older.txt"), "older on disk", 900_000);
    write(&tree.join("newer.txt"), "newer on disk", 1_100_000);
    write(&tree.join("size"), "another size on disk", 1_000_000);
    fs::remove_file(tree.join("gone")).unwrap();
    fs::remove_file(tree.join("file")).unwrap();
    write(&tree.join("file/kept"), "in a folder", 1_000_000);
    fs::remove_dir_all(tree.join("folder")).unwrap();
    write(&tree.join("folder"), "a file on disk", 1_000_000);
    (tree, snapshot)
}

/// What a dry run says of each name below the tree; and that it changes nothing.
fn planned(
    bench: &Bench,
    snapshot: model::SnapshotId,
    request: &RestoreRequest,
    tree: &Path,
) -> Vec<(String, Action)> {
    let before = testkit::tree::read(tree).unwrap();
    let (_, lines) = bench.plan(snapshot, request);
    assert!(testkit::tree::read(tree).unwrap() == before, "a dry run changed something");
    let below = |path: &[u8]| {
        let path = String::from_utf8(path.to_vec()).unwrap();
        path.strip_prefix(tree.to_str().unwrap()).map(|path| path.trim_start_matches('/').to_owned())
    };
    lines
        .iter()
        .filter_map(|line| Some((below(&line.path)?, line.action)))
        .filter(|(path, _)| !path.is_empty())
        .collect()
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn refusing_is_the_default_and_writes_nothing() {
    let bench = Bench::new();
    let (tree, snapshot) = changed_tree(&bench);
    let before = testkit::tree::read(&tree).unwrap();
    let error = bench.try_restore(snapshot, &contents(&tree, &tree)).unwrap_err();
    assert_eq!(error.code(), Code::TargetExists);
    let text = error.to_string();
    assert!(text.contains("/tree/file") && text.contains("6 names"), "{text}");
    assert!(testkit::tree::read(&tree).unwrap() == before);

    // Folders that exist are no conflict, and keep their attributes.
    let to = bench.path("to");
    fs::create_dir_all(to.join("folder")).unwrap();
    fs::set_permissions(to.join("folder"), fs::Permissions::from_mode(0o711)).unwrap();
    fs::write(to.join("other"), "stays").unwrap();
    let summary = bench.restore(snapshot, &contents(&tree, &to));
    assert_eq!(findings(&summary), []);
    assert_eq!(fs::metadata(to.join("folder")).unwrap().permissions().mode() & 0o7777, 0o711);
    assert_eq!(
        names(&to),
        ["file", "folder", "folder/inner", "gone", "newer.txt", "older.txt", "other", "same", "size"]
    );
}

#[test]
fn both_are_kept_in_place() {
    let bench = Bench::new();
    let (tree, snapshot) = changed_tree(&bench);
    let request = in_place(&tree, Conflict::KeepBoth);
    let plan = planned(&bench, snapshot, &request, &tree);
    let expected = [
        ("file", Action::KeepBoth),
        ("folder", Action::KeepBoth),
        ("folder/inner", Action::Create),
        ("gone", Action::Create),
        ("newer.txt", Action::KeepBoth),
        ("older.txt", Action::KeepBoth),
        ("same", Action::Unchanged),
        ("size", Action::KeepBoth),
    ];
    assert_eq!(plan, expected.map(|(name, action)| (name.to_owned(), action)));
    let summary = bench.restore(snapshot, &request);
    assert_eq!(findings(&summary), []);
    assert_eq!((summary.kept_both, summary.unchanged, summary.files), (5, 1, 6));
    assert_eq!(read(tree.join(format!("older {LABEL}.txt"))), "as backed up");
    assert_eq!(read(tree.join(format!("folder {LABEL}/inner"))), "as backed up");
    assert_eq!(read(tree.join("older.txt")), "older on disk");
    assert_eq!(read(tree.join("folder")), "a file on disk");
    assert_eq!(read(tree.join("gone")), "as backed up");
    assert_no_leftovers(&tree);

    // Once more: all is there, but for the folder that another restore must not mix with.
    let summary = bench.restore(snapshot, &request);
    assert_eq!((summary.kept_both, summary.unchanged, summary.files), (1, 6, 1));
    let summary = bench.restore(snapshot, &RestoreRequest { resume: true, ..request });
    assert_eq!((summary.files, summary.unchanged), (0, 7));
}

#[test]
fn replacing_replaces_all_but_folders() {
    let bench = Bench::new();
    let (tree, snapshot) = changed_tree(&bench);
    let request = in_place(&tree, Conflict::Replace);
    let plan = planned(&bench, snapshot, &request, &tree);
    assert!(plan.contains(&("folder".to_owned(), Action::Replace)), "{plan:?}");
    assert!(plan.contains(&("file".to_owned(), Action::Blocked)), "{plan:?}");
    assert!(plan.contains(&("same".to_owned(), Action::Unchanged)), "{plan:?}");
    let summary = bench.restore(snapshot, &request);
    let file = tree.join("file").to_str().unwrap().to_owned();
    // EISDIR: a folder with somebody's files in it is not removed.
    assert_eq!(findings(&summary), [(file, FindingReason::WriteFailed, 21)]);
    for name in ["same", "older.txt", "newer.txt", "size", "gone", "folder/inner"] {
        assert_eq!(read(tree.join(name)), "as backed up", "{name}");
    }
    assert_eq!(read(tree.join("file/kept")), "in a folder");
    assert_eq!(summary.unchanged, 1);
    assert_no_leftovers(&tree);
}

#[test]
fn replacing_does_not_trust_equal_times() {
    let bench = Bench::new();
    let tree = bench.path("tree");
    write(&tree.join("a"), "good", 1_000_000);
    write(&tree.join("b"), "good", 1_000_000);
    let snapshot = bench.back_up(&tree);
    // Somebody changes a file and sets its times back.
    write(&tree.join("a"), "evil", 1_000_000);
    let summary = bench.restore(snapshot, &in_place(&tree, Conflict::KeepBoth));
    assert_eq!((summary.files, summary.unchanged), (0, 2));
    let summary = bench.restore(snapshot, &in_place(&tree, Conflict::Replace));
    assert_eq!((summary.files, summary.unchanged), (1, 1));
    assert_eq!(read(tree.join("a")), "good");
}

#[test]
fn newer_ones_replace_and_the_rest_is_skipped() {
    let bench = Bench::new();
    let (tree, snapshot) = changed_tree(&bench);
    let summary = bench.restore(snapshot, &in_place(&tree, Conflict::ReplaceIfNewer));
    assert_eq!(findings(&summary), []);
    assert_eq!(read(tree.join("older.txt")), "as backed up");
    assert_eq!(read(tree.join("newer.txt")), "newer on disk");
    assert_eq!(read(tree.join("size")), "another size on disk");
    assert_eq!(read(tree.join("folder")), "a file on disk");
    assert_eq!(read(tree.join("gone")), "as backed up");
    // newer.txt, size, file, folder and what it held.
    assert_eq!((summary.skipped, summary.unchanged, summary.files), (5, 1, 2));
}

#[test]
fn skipping_leaves_all_that_exists() {
    let bench = Bench::new();
    let (tree, snapshot) = changed_tree(&bench);
    let before = testkit::tree::read(&tree).unwrap();
    let summary = bench.restore(snapshot, &in_place(&tree, Conflict::Skip));
    assert_eq!(findings(&summary), []);
    assert_eq!((summary.skipped, summary.unchanged, summary.files), (6, 1, 1));
    let mut after = testkit::tree::read(&tree).unwrap();
    assert!(after.remove(&b"gone"[..]).is_some());
    // The folder's own time changed, since something was put into it.
    let look = testkit::tree::Look { top: false, ..Default::default() };
    assert_eq!(testkit::tree::differences(&before, &after, look), Vec::<String>::new());
}

#[test]
fn a_dry_run_tells_everything_and_makes_nothing() {
    let bench = Bench::new();
    let (tree, snapshot) = changed_tree(&bench);
    let to = bench.path("a/b/c");
    let (plan, lines) = bench.plan(snapshot, &absolute(&[&tree], &to));
    assert!(!bench.path("a").exists());
    assert_eq!((plan.files, plan.bytes, plan.conflicts), (7, 7 * 12, 0));
    assert!(plan.available_bytes.unwrap() > 0);
    assert!(lines.iter().all(|line| line.action == Action::Create && line.to.starts_with(&to)));
    let inner = lines.iter().find(|line| line.path.ends_with(b"/folder/inner")).unwrap();
    assert_eq!(inner.to, to.join(tree.strip_prefix("/").unwrap()).join("folder/inner"));
    // Into a folder that is there, and under every rule.
    fs::create_dir_all(&to).unwrap();
    fs::write(to.join("same"), "x").unwrap();
    for conflict in
        [Conflict::Refuse, Conflict::KeepBoth, Conflict::Replace, Conflict::ReplaceIfNewer, Conflict::Skip]
    {
        for resume in [false, true] {
            let request = RestoreRequest { conflict, resume, ..contents(&tree, &to) };
            planned(&bench, snapshot, &request, &to);
        }
    }
    let (plan, _) = bench.plan(snapshot, &contents(&tree, &to));
    assert_eq!((plan.conflicts, plan.first_conflict), (1, Some(to.join("same"))));
}

#[test]
fn hard_links_stay_together_under_every_rule() {
    let bench = Bench::new();
    let tree = bench.path("tree");
    write(&tree.join("a"), "linked", 1_000_000);
    fs::hard_link(tree.join("a"), tree.join("b")).unwrap();
    fs::hard_link(tree.join("a"), tree.join("c")).unwrap();
    symlink("x", tree.join("l1")).unwrap();
    fs::hard_link(tree.join("l1"), tree.join("l2")).unwrap();
    let snapshot = bench.back_up(&tree);
    let inode = |name: &str| fs::symlink_metadata(tree.join(name)).unwrap().ino();

    // The missing one is linked to the one that is there.
    fs::remove_file(tree.join("c")).unwrap();
    fs::remove_file(tree.join("l2")).unwrap();
    let summary = bench.restore(snapshot, &in_place(&tree, Conflict::Skip));
    assert_eq!((summary.entries, summary.unchanged), (2, 3));
    assert_eq!((inode("a"), inode("l1")), (inode("c"), inode("l2")));

    // All three are replaced by one file, also where two still are one.
    write(&tree.join("b"), "something else", 1_000_001);
    let summary = bench.restore(snapshot, &in_place(&tree, Conflict::Replace));
    assert_eq!(findings(&summary), []);
    assert_eq!([inode("b"), inode("c")], [inode("a"); 2]);
    assert_eq!(read(tree.join("b")), "linked");
    assert_no_leftovers(&tree);

    // Beside existing ones.
    for name in ["a", "b"] {
        fs::remove_file(tree.join(name)).unwrap();
        write(&tree.join(name), "mine", 5);
    }
    let summary = bench.restore(snapshot, &in_place(&tree, Conflict::KeepBoth));
    assert_eq!(summary.kept_both, 2);
    assert_eq!(inode(&format!("a {LABEL}")), inode(&format!("b {LABEL}")));
    assert_eq!(read(tree.join(format!("a {LABEL}"))), "linked");
}

#[test]
fn an_empty_folder_becomes_what_is_restored() {
    let bench = Bench::new();
    let tree = bench.path("tree");
    write(&tree.join("f"), "x", 1_000_000);
    fs::set_permissions(&tree, fs::Permissions::from_mode(0o750)).unwrap();
    fs::File::open(&tree).unwrap().set_modified(time(5)).unwrap();
    let snapshot = bench.back_up(&tree);
    let to = bench.path("to");
    fs::create_dir(&to).unwrap();
    bench.restore(snapshot, &contents(&tree, &to));
    assert_equal(&tree, &to);

    // One that was used for something else stays as it is, and so does one that is only above what is restored.
    let used = bench.path("used");
    fs::create_dir(&used).unwrap();
    fs::set_permissions(&used, fs::Permissions::from_mode(0o705)).unwrap();
    fs::write(used.join("mine"), "x").unwrap();
    bench.restore(snapshot, &contents(&tree, &used));
    assert_eq!(fs::metadata(&used).unwrap().permissions().mode() & 0o7777, 0o705);
    let above = bench.path("above");
    fs::create_dir(&above).unwrap();
    fs::set_permissions(&above, fs::Permissions::from_mode(0o705)).unwrap();
    bench.restore(snapshot, &absolute(&[], &above));
    assert_eq!(fs::metadata(&above).unwrap().permissions().mode() & 0o7777, 0o705);
}
