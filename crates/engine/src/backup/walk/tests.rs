//! The order of the walk and what it leaves out.

use super::*;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

fn walk(roots: &[PathBuf], rules: &[&str]) -> Vec<String> {
    let rules: Vec<String> = rules.iter().map(|rule| (*rule).to_owned()).collect();
    let rules = Rules::new(&rules, true, &[]).unwrap();
    let mut walk = Walk::new(normalised(roots).unwrap(), &rules, false);
    let mut seen = Vec::new();
    while let Some(found) = walk.next() {
        let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
        match found {
            Found::Entry(place) => seen.push(text(&place.path)),
            Found::RootGone { path, .. } => seen.push(format!("gone {}", text(&path))),
            Found::RootEmpty { path } => seen.push(format!("empty {}", text(&path))),
            _ => {}
        }
    }
    seen
}

#[test]
fn entries_come_in_the_order_of_a_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for path in ["a/x", "a!/y", "b", "a-b/z", "skip.tmp"] {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"").unwrap();
    }
    let seen = walk(std::slice::from_ref(&root), &["*.tmp"]);
    let mut sorted = seen.clone();
    sorted.sort_by(|a, b| path::compare(a.as_bytes(), b.as_bytes()));
    assert_eq!(seen, sorted);
    assert_eq!(seen.len(), 8, "{seen:?}");
    assert!(!seen.iter().any(|path| path.ends_with(".tmp")));
}

#[test]
fn a_walk_that_asks_few_files_finds_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for path in ["a/x", "a/y", "b", "c", "skip.tmp", "sub/file/z"] {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"").unwrap();
    }
    std::os::unix::fs::symlink("x", root.join("a/link")).unwrap();
    let rules = Rules::new(&["*.tmp".to_owned()], true, &[]).unwrap();
    let found = |mut walk: Walk<'_>| {
        let next = std::iter::from_fn(|| walk.next());
        let (files, others): (Vec<_>, Vec<_>) = next
            .filter_map(|found| match found {
                Found::File { path, dir } => Some((path, dir.stat_self().is_ok())),
                Found::Entry(place) => Some((place.path, place.stat.kind == FileKind::File)),
                _ => None,
            })
            .partition(|(_, is_file)| *is_file);
        (files, others)
    };
    let walk = || Walk::new(normalised(std::slice::from_ref(&root)).unwrap(), &rules, false);
    let asked = found(walk());
    assert_eq!((asked.0.len(), asked.1.len()), (5, 5));
    assert_eq!(found(walk().asking_few_files()), asked);
    let mut names = walk().asking_few_files();
    let files = std::iter::from_fn(|| names.next()).filter(|found| matches!(found, Found::File { .. }));
    assert_eq!(files.count(), 2, "the first of each folder is looked at");
}

#[test]
fn roots_are_cleaned_and_those_that_no_snapshot_can_hold_are_refused() {
    let paths = ["/b//c/", "/a", "/a/b", "/./d", "/a!"].map(PathBuf::from);
    let clean = normalised(&paths).unwrap();
    assert_eq!(clean, [&b"/a"[..], b"/a/b", b"/a!", b"/b/c", b"/d"].map(<[u8]>::to_vec));
    let twice = ["/x", "/", "/x/"].map(PathBuf::from);
    assert_eq!(normalised(&twice).unwrap(), [b"/".to_vec(), b"/x".to_vec()]);
    let long = format!("/{}", "x".repeat(limits::PATH_MAX));
    for bad in ["", "relative", "/a/../b", "/..", "/nul\0", &long] {
        let error = normalised(&[PathBuf::from("/good"), PathBuf::from(bad)]).unwrap_err();
        assert_eq!(error.code(), model::Code::Usage, "{bad}");
    }
}

#[test]
fn missing_and_empty_roots_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let gone = root.join("gone");
    assert_eq!(walk(std::slice::from_ref(&gone), &[]), [format!("gone {}", gone.display())]);
    let seen = walk(std::slice::from_ref(&root), &[]);
    assert_eq!(seen, [root.display().to_string(), format!("empty {}", root.display())]);
}

/// A folder in a folder and so on, each with a file that comes after it.
fn deep(top: &std::path::Path, levels: usize, name: &[u8]) {
    let mut dir = Dir::open_root(top).unwrap();
    for _ in 0..levels {
        dir.create_dir(name, 0o755).unwrap();
        dir.create_file(b"z").unwrap();
        dir = dir.open_child(name).unwrap();
    }
}

/// The standard library opens all levels of what it removes, and gives up.
fn remove_deep(top: &std::path::Path) {
    assert!(std::process::Command::new("rm").arg("-rf").arg(top).status().unwrap().success());
}

#[test]
fn few_folders_of_a_deep_tree_are_open_and_one_that_is_moved_is_told() {
    const LEVELS: usize = 350;
    for moved_level in [None, Some(40)] {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        deep(&root, LEVELS, b"d");
        let rules = Rules::new(&[], true, &[]).unwrap();
        let mut walk = Walk::new(normalised(std::slice::from_ref(&root)).unwrap(), &rules, false);
        let (mut folders, mut files, mut lost) = (0, 0, Vec::new());
        let moved = moved_level.map(|level| root.join("d/".repeat(level)));
        while let Some(found) = walk.next() {
            match found {
                Found::Entry(place) if place.stat.kind == FileKind::File => files += 1,
                Found::Entry(_) => folders += 1,
                Found::Unlisted { path, error } => lost.push((path, error.is_not_found())),
                _ => {}
            }
            let open = walk.at.levels.open_count();
            assert!(open <= 102, "{open} folders are open");
            if folders == LEVELS + 1
                && let Some(moved) = moved.as_ref().filter(|moved| moved.exists())
            {
                fs::rename(moved, moved.with_file_name("moved")).unwrap();
            }
        }
        assert_eq!(folders, LEVELS + 1);
        match moved {
            None => assert_eq!((files, lost), (LEVELS, Vec::new())),
            Some(moved) => {
                // Files of the folders above it, and of those that were still open.
                assert_eq!(files, 40 + 99);
                let path = moved.as_os_str().as_bytes().strip_suffix(b"/").unwrap().to_vec();
                assert_eq!(lost, [(path, false)], "it does not count as deleted");
            }
        }
        remove_deep(&root);
    }
}

#[test]
fn a_path_longer_than_readers_take_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    deep(&root, limits::PATH_MAX / 251 + 2, &[b'd'; 250]);
    let rules = Rules::new(&[], true, &[]).unwrap();
    let mut walk = Walk::new(normalised(std::slice::from_ref(&root)).unwrap(), &rules, false);
    let mut too_long = 0;
    while let Some(found) = walk.next() {
        match found {
            Found::Entry(place) => assert!(place.path.len() <= limits::PATH_MAX),
            Found::Unreadable { path, error } => {
                assert!(path.len() > limits::PATH_MAX);
                assert_eq!(error.errno(), Some(errno::ENAMETOOLONG));
                too_long += 1;
            }
            _ => {}
        }
    }
    assert!(too_long > 0);
    remove_deep(&root);
}
