//! Very long paths, very deep ones, very many names in one folder, and what new folders must not take over from those
//! around them.

use crate::bench::{Bench, assert_equal, contents, findings};
use engine::restore::RestoreRequest;
use format::entry::{Entry, FileTime, flags};
use platform::{Dir, Node};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use testkit::memory_remote::Call;
use testkit::snapshot_writer::{file, folder};
use testkit::tree::{self, Look};

/// Removes a tree whose paths the standard library cannot name.
fn remove_deep(top: &Path) {
    assert!(std::process::Command::new("rm").arg("-rf").arg(top).status().unwrap().success());
}

#[test]
fn paths_of_any_length_and_depth_come_back_with_their_attributes() {
    for (levels, name) in [(60usize, "n".repeat(200)), (1500, "d".to_owned())] {
        let bench = Bench::new();
        let mut writer = bench.writer();
        let mut path = b"/top".to_vec();
        writer.add(folder(b"/")).add(folder(&path));
        let linked = |path: &[u8]| Entry { flags: flags::HARD_LINK, ino: 5, ..file(path, 4) };
        for level in 0..levels {
            // Files before and after the folder that leads on, so that every level is come back to.
            for other in ["a", "zz"] {
                let path = format::path::join(&path, other.as_bytes());
                writer.add_file(file(&path, 2), b"xx");
            }
            if level % 97 == 0 {
                writer.add_file(linked(&format::path::join(&path, b"link")), b"same");
            }
            path = format::path::join(&path, name.as_bytes());
            let mut entry = folder(&path);
            entry.modified = FileTime { secs: 1_000_000 + level as i64, nanos: level as u32 };
            entry.mode = 0o700 | (level as u32 % 8);
            writer.add(entry);
        }
        let snapshot = writer.commit();
        let to = bench.path("to");
        let entries: Vec<Entry> =
            bench.with_reader(snapshot, |reader| reader.entries(b"/").collect::<Result<_, _>>().unwrap());
        let expected = tree::of_entries(&entries, b"/top");
        for resume in [false, true] {
            let summary = bench.restore(snapshot, &RestoreRequest { resume, ..contents("/top", &to) });
            assert_eq!(findings(&summary), [], "{levels} levels");
            assert_eq!(summary.unchanged > 0, resume);
            let found = tree::read(&to).unwrap();
            assert_eq!(tree::differences(&expected, &found, Look::default()), Vec::<String>::new());
        }
        // A part from far below, with and without the way to it.
        let deep = bench.path("deep");
        let request = RestoreRequest { selections: vec![path.clone()], ..contents("/", &deep) };
        bench.restore(snapshot, &request);
        assert_eq!(fs::metadata(&deep).unwrap().mtime(), 1_000_000 + levels as i64 - 1);
        remove_deep(&to);
    }
}

#[test]
fn a_folder_with_very_many_names_comes_back() {
    let count = if std::env::var_os("HOLDFAST_TEST_FULL").is_some() { 1_000_000 } else { 20_000 };
    let bench = Bench::new();
    let mut writer = bench.writer().with_sizes(4096, 1 << 20);
    writer.add(folder(b"/"));
    for number in 0..count {
        let text = number.to_string();
        let path = format!("/{number:07}");
        writer.add_file(file(path.as_bytes(), text.len()), text.as_bytes());
    }
    let snapshot = writer.commit();
    let to = bench.path("to");
    let before = bench.remote.frames_sent();
    let summary = bench.restore(snapshot, &contents("/", &to));
    assert_eq!((findings(&summary), summary.files), (vec![], count));
    let stored = bench.remote.stored_frames().len() as u64;
    // Each frame of content comes once; those of the list come for the survey and for the restore.
    assert!(bench.remote.frames_sent() - before <= 2 * stored + 10, "{stored} frames are stored");
    let mut names: Vec<_> = fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort_unstable();
    assert_eq!(names.len() as u64, count);
    for number in (0..count).step_by(997) {
        assert_eq!(names[number as usize], *format!("{number:07}"));
        assert_eq!(fs::read(to.join(format!("{number:07}"))).unwrap(), number.to_string().as_bytes());
    }
    assert_eq!(fs::metadata(&to).unwrap().mtime(), 1_580_000_000);
}

#[test]
fn nothing_is_taken_over_from_the_folder_of_the_target() {
    let bench = Bench::new();
    let tree = bench.path("tree");
    fs::create_dir_all(tree.join("sub/inner")).unwrap();
    fs::write(tree.join("sub/inner/file"), "x").unwrap();
    fs::write(tree.join("file"), "x").unwrap();
    let snapshot = bench.back_up(&tree);
    let target = bench.path("target");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("other"), "").unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o2775)).unwrap();
    let dir = Dir::open_root(&target).unwrap();
    // user:4321 may do anything in all that is made here.
    let mut list = 2u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in
        [(1u16, 7u16, u32::MAX), (2, 7, 4321), (4, 7, u32::MAX), (0x10, 7, u32::MAX), (0x20, 5, u32::MAX)]
    {
        list.extend(tag.to_le_bytes().into_iter().chain(permissions.to_le_bytes()).chain(id.to_le_bytes()));
    }
    if let Err(error) = Node::Dir(&dir).set_xattr(b"system.posix_acl_default", &list) {
        assert_eq!(error.errno(), Some(95), "{error}");
        return testkit::not_run("no access lists in the folder for temporary files");
    }
    // What is made there by others does take it over.
    fs::create_dir(target.join("control")).unwrap();
    assert_eq!(dir.child(b"control").xattrs().unwrap().entries.len(), 2);
    fs::remove_dir(target.join("control")).unwrap();

    // Beside what is there, and into a folder that is made for it.
    bench.restore(snapshot, &contents(&tree, &target));
    fs::remove_file(target.join("other")).unwrap();
    let look = Look { top: false, ..Look::default() };
    assert_eq!(tree::compare(&tree, &target, look).unwrap(), Vec::<String>::new());
    let new = target.join("new");
    bench.restore(snapshot, &contents(&tree, &new));
    assert_equal(&tree, &new);
}

/// Handles of this process on folders and files below `top`.
fn open_below(top: &Path) -> usize {
    let handles = fs::read_dir("/proc/self/fd").unwrap().map(|handle| handle.unwrap().path());
    handles.filter(|handle| fs::read_link(handle).is_ok_and(|found| found.starts_with(top))).count()
}

#[test]
fn folders_above_those_that_are_being_filled_do_not_stay_open() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    writer.add(folder(b"/"));
    for number in 0..600 {
        let mut path = format!("/{number:03}");
        for name in ["", "/a", "/b"] {
            path += name;
            writer.add(folder(path.as_bytes()));
        }
        writer.add_file(file(format!("{path}/file").as_bytes(), 1), b"x");
    }
    let snapshot = writer.commit();
    let (to, most) = (bench.path("to"), Arc::new(AtomicUsize::new(0)));
    let (leader, top, seen) = (std::thread::current().id(), to.clone(), Arc::clone(&most));
    // The workers wait for content until the leader has made all folders that it may.
    bench.remote.fail_when(move |call, _| {
        let mut before = 0;
        while call == Call::Frames && std::thread::current().id() != leader {
            std::thread::sleep(Duration::from_millis(100));
            let now = open_below(&top);
            seen.fetch_max(now, Ordering::Relaxed);
            if now == before && now > 0 {
                break;
            }
            before = now;
        }
        None
    });
    let summary = bench.restore(snapshot, &RestoreRequest { workers: 3, ..contents("/", &to) });
    assert_eq!((findings(&summary), summary.files), (vec![], 600));
    let most = most.load(Ordering::Relaxed);
    assert!(most < 450, "{most} were open");
}
