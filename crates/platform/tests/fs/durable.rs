//! Durable writes: whole or not at all, also when the process is killed at any step.

use crate::process::again;
use crate::{folder, read, write};
use platform::durable::{self, TEMP_PREFIX};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[test]
fn a_durable_write_replaces_all_or_nothing() {
    let (temp, dir) = folder();
    let path = temp.path().join("key");
    durable::write_file(&path, b"one", 0o644).unwrap();
    durable::write_file(&path, b"two", 0o600).unwrap();
    assert_eq!((read(&dir, b"key"), dir.stat(b"key").unwrap().mode), (b"two".to_vec(), 0o600));
    let error = durable::write_new_file(&path, b"three", 0o600).unwrap_err();
    assert!(error.is_already_exists());
    assert_eq!(read(&dir, b"key"), b"two");
    durable::write_new_file(&temp.path().join("other"), b"", 0o400).unwrap();
    // A folder cannot be replaced by a file: the error is told and nothing is left behind.
    dir.create_dir(b"folder", 0o700).unwrap();
    assert!(dir.write_file(b"folder", b"x", 0o600).is_err());
    let mut names = dir.names().unwrap();
    names.sort_by_name();
    assert!(names.iter().map(|entry| entry.name).eq([&b"folder"[..], b"key", b"other"]));
    for bad in [&b"../x"[..], b"", b".."] {
        assert!(dir.write_file(bad, b"x", 0o600).is_err());
    }
    assert_eq!(dir.names().unwrap().len(), 3);
}

#[test]
fn what_a_kill_left_behind_is_removed() {
    let (_temp, dir) = folder();
    dir.create_temp(TEMP_PREFIX).unwrap();
    dir.create_temp(TEMP_PREFIX).unwrap();
    write(&dir, b"kept", b"");
    assert_eq!(dir.remove_leftovers().unwrap(), 2);
    assert_eq!(dir.remove_leftovers().unwrap(), 0);
    assert!(dir.stat(b"kept").is_ok());
}

#[test]
fn missing_folders_are_made_with_their_mode() {
    let (temp, dir) = folder();
    dir.create_dir(b"a", 0o755).unwrap();
    let made = durable::create_dir_all(&temp.path().join("a/b/c//"), 0o750).unwrap();
    assert_eq!(made.stat_self().unwrap().mode, 0o750);
    assert_eq!(made.open_parent().unwrap().stat_self().unwrap().mode, 0o750);
    assert_eq!(dir.stat(b"a").unwrap().mode & 0o700, 0o700);
    durable::create_dir_all(&temp.path().join("a/b"), 0o700).unwrap();
    assert_eq!(made.open_parent().unwrap().stat_self().unwrap().mode, 0o750);
    durable::sync_dir(temp.path()).unwrap();
    write(&made, b"file", b"");
    assert!(durable::create_dir_all(&temp.path().join("a/b/c/file/d"), 0o700).is_err());
}

/// The process that the next tests kill: replaces `key` in the folder that its role names, or makes `file` there.
#[test]
fn process_that_is_killed() {
    let Some(folder) = crate::process::role().map(PathBuf::from) else { return };
    match folder.join("key").exists() {
        true => durable::write_file(&folder.join("key"), b"new", 0o600).unwrap(),
        false => durable::write_new_file(&folder.join("file"), b"new", 0o600).unwrap(),
    }
}

#[test]
fn a_kill_at_any_step_leaves_the_new_file_or_nothing() {
    let (logs, _) = folder();
    let log = logs.path().join("points");
    let (temp, dir) = folder();
    assert!(run_killed_at(temp.path(), "none", &log));
    assert_eq!(read(&dir, b"file"), b"new");
    let points = std::fs::read_to_string(&log).unwrap();
    let may_leave_a_name = dir.create_unnamed().unwrap().is_none();
    for point in points.lines() {
        dir.remove_file(b"file").unwrap();
        assert!(!run_killed_at(temp.path(), point, &log), "{point} was not reached");
        if may_leave_a_name {
            dir.remove_leftovers().unwrap();
        }
        let whole = dir.stat(b"file").is_ok();
        assert_eq!(dir.names().unwrap().len(), usize::from(whole), "{point}");
        if !whole {
            assert!(run_killed_at(temp.path(), "none", &log));
        }
        assert_eq!(read(&dir, b"file"), b"new");
    }
}

fn run_killed_at(folder: &Path, point: &str, log: &Path) -> bool {
    let mut command = again("durable::process_that_is_killed", folder.to_str().unwrap());
    command.env("HOLDFAST_FAIL", point).env("HOLDFAST_FAIL_LOG", log);
    command.output().unwrap().status.success()
}

#[test]
fn a_kill_at_any_step_leaves_the_old_file_or_the_new_one() {
    let (logs, _) = folder();
    let log = logs.path().join("points");
    let (temp, dir) = folder();
    write(&dir, b"key", b"old");
    assert!(run_killed_at(temp.path(), "none", &log));
    assert_eq!(read(&dir, b"key"), b"new");
    let points = std::fs::read_to_string(&log).unwrap();
    let points: Vec<&str> = points.lines().collect();
    assert!(points.len() >= 6, "{points:?}");

    let mut left = BTreeSet::new();
    for point in points {
        dir.write_file(b"key", b"old", 0o600).unwrap();
        assert!(!run_killed_at(temp.path(), point, &log), "{point} was not reached");
        let found = read(&dir, b"key");
        assert!(found == b"old" || found == b"new", "{point}: {found:?}");
        left.insert(found);
        // What is left over has the name that is cleaned up, and the next write succeeds.
        dir.remove_leftovers().unwrap();
        assert_eq!(dir.names().unwrap().len(), 1, "{point}");
        assert!(run_killed_at(temp.path(), "none", &log));
        assert_eq!(read(&dir, b"key"), b"new");
    }
    assert_eq!(left.len(), 2, "kills before and after the rename");
}
