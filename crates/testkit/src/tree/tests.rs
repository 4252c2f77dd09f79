//! The comparison notices each kind of difference, and nothing where there is none.

use super::*;
use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

fn sample() -> (TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let top = temp.path().join("top");
    fs::create_dir_all(top.join("folder/inner")).unwrap();
    fs::write(top.join("folder/a"), b"content").unwrap();
    fs::hard_link(top.join("folder/a"), top.join("folder/inner/b")).unwrap();
    symlink("nowhere", top.join("link")).unwrap();
    let file = fs::File::create(top.join("sparse")).unwrap();
    file.set_len(1 << 20).unwrap();
    file.write_all_at(b"x", 300_000).unwrap();
    for path in ["folder/inner", "folder", "sparse", "folder/a", "."] {
        fs::File::open(top.join(path)).unwrap().set_modified(time()).unwrap();
    }
    let dir = Dir::open_root(&top).unwrap();
    dir.child(b"link").set_times(platform::Time { sec: 5, nsec: 5 }, None).unwrap();
    (temp, top)
}

fn time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::new(1_600_000_000, 7)
}

/// The differences from an equal tree after a change to one of them, without the changes of folders' times.
fn after(change: impl FnOnce(&Path)) -> Vec<String> {
    let ((_a, left), (_b, right)) = (sample(), sample());
    assert_eq!(compare(&left, &right, Look::default()).unwrap(), Vec::<String>::new());
    change(&right);
    for path in ["folder/inner", "folder", "."] {
        if let Ok(folder) = fs::File::open(right.join(path)) {
            folder.set_modified(time()).unwrap();
        }
    }
    compare(&left, &right, Look::default()).unwrap()
}

type Change = Box<dyn Fn(&Path)>;

#[test]
fn each_difference_is_told() {
    let touch = |path: PathBuf| fs::File::open(path).unwrap().set_modified(time()).unwrap();
    let cases: Vec<(&str, Change)> = vec![
        (
            "folder/a: content",
            Box::new(move |top| {
                fs::write(top.join("folder/a"), b"contenT").unwrap();
                touch(top.join("folder/a"));
            }),
        ),
        (
            "folder/a: mode",
            Box::new(|top| {
                fs::set_permissions(top.join("folder/a"), fs::Permissions::from_mode(0o600)).unwrap();
            }),
        ),
        (
            "folder: time",
            Box::new(|top| {
                fs::File::open(top.join("folder"))
                    .unwrap()
                    .set_modified(time() + Duration::from_nanos(1))
                    .unwrap();
            }),
        ),
        (
            "link: target",
            Box::new(|top| {
                fs::remove_file(top.join("link")).unwrap();
                symlink("elsewhere", top.join("link")).unwrap();
            }),
        ),
        (
            "link: time",
            Box::new(|top| {
                fs::remove_file(top.join("link")).unwrap();
                symlink("nowhere", top.join("link")).unwrap();
            }),
        ),
        (
            "sparse: runs",
            Box::new(move |top| {
                let file = fs::OpenOptions::new().write(true).open(top.join("sparse")).unwrap();
                file.write_all_at(&[0; 9000], 0).unwrap();
                touch(top.join("sparse"));
            }),
        ),
        (
            "hard links only left: folder/a, folder/inner/b",
            Box::new(move |top| {
                fs::remove_file(top.join("folder/inner/b")).unwrap();
                fs::write(top.join("folder/inner/b"), b"content").unwrap();
                touch(top.join("folder/inner/b"));
            }),
        ),
        ("folder/new: only right", Box::new(|top| fs::write(top.join("folder/new"), b"").unwrap())),
        ("sparse: only left", Box::new(|top| fs::remove_file(top.join("sparse")).unwrap())),
        (
            "folder/a: kind",
            Box::new(|top| {
                fs::remove_file(top.join("folder/a")).unwrap();
                fs::create_dir(top.join("folder/a")).unwrap();
            }),
        ),
    ];
    for (expected, change) in cases {
        // A change of a folder's own time must not be undone.
        let found = if expected.starts_with("folder: time") {
            let ((_a, left), (_b, right)) = (sample(), sample());
            change(&right);
            compare(&left, &right, Look::default()).unwrap()
        } else {
            after(change)
        };
        assert!(found.iter().any(|line| line.starts_with(expected)), "{expected}: {found:?}");
    }
}

#[test]
fn entries_are_compared_with_a_tree() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("f"), b"abc").unwrap();
    let tree = read(temp.path()).unwrap();
    let stat = Dir::open_root(temp.path()).unwrap().stat(b"f").unwrap();
    let mut entry = crate::snapshot_writer::file(b"/top/f", 3);
    entry.modified = format::entry::FileTime { secs: stat.mtime.sec, nanos: stat.mtime.nsec };
    entry.mode = stat.mode;
    entry.owner =
        std::sync::Arc::new(format::entry::Owner { uid: stat.uid, gid: stat.gid, ..Default::default() });
    entry.rare.xattrs = Vec::new();
    let mut expected = of_entries([&entry], b"/top");
    expected.insert(Vec::new(), tree[&b""[..]].clone());
    let look = Look { holes: false, ..Look::default() };
    assert_eq!(differences(&expected, &tree, look), Vec::<String>::new());
    entry.size = 4;
    let found = differences(&of_entries([&entry], b"/top"), &tree, look);
    assert_eq!(found, ["f: size 4, 3", ".: only right"]);
}

#[test]
fn a_path_beyond_the_kernels_limit_is_read() {
    let temp = tempfile::tempdir().unwrap();
    let mut dir = Dir::open_root(temp.path()).unwrap();
    let name = vec![b'n'; 200];
    for _ in 0..40 {
        dir.create_dir(&name, 0o755).unwrap();
        dir = dir.open_child(&name).unwrap();
    }
    let tree = read(temp.path()).unwrap();
    assert_eq!(tree.len(), 41);
    assert_eq!(tree.keys().map(Vec::len).max(), Some(40 * 201 - 1));
    // The standard library cannot remove what it cannot name.
    for _ in 0..40 {
        dir = dir.open_parent().unwrap();
        dir.remove_dir(&name).unwrap();
    }
}
