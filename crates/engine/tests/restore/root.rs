//! What only root can restore, and targets that only root can make: full, read-only, of several file systems.

use crate::bench::{Bench, assert_equal, assert_no_leftovers, contents, findings, names};
use crate::round_trip::noise;
use engine::restore::RestoreRequest;
use format::entry::{Entry, EntryKind, Owner, flags};
use model::{Code, FindingReason};
use platform::{Dir, FileKind};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use testkit::snapshot_writer::{entry, file, folder};

/// A tmpfs, unmounted when dropped.
struct Mount(PathBuf);

impl Mount {
    fn new(path: &Path, options: &str) -> Self {
        fs::create_dir_all(path).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "holdfast-test"]).arg(path).output();
        let mounted = mounted.unwrap();
        assert!(mounted.status.success(), "{}", String::from_utf8_lossy(&mounted.stderr));
        Self(path.to_owned())
    }

    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "{} stays mounted", self.0.display());
    }
}

#[test]
fn root_all_that_root_may_restore_comes_back_equal() {
    let bench = Bench::new();
    let (tree, to) = (bench.path("tree"), bench.path("to"));
    fs::create_dir_all(tree.join("of nobody")).unwrap();
    for (name, uid, gid, mode) in
        [("set-id", 1234, 5678, 0o6755), ("closed", 1, 2, 0), ("of nobody/f", 65534, 65534, 0o640)]
    {
        fs::write(tree.join(name), name).unwrap();
        chown(tree.join(name), Some(uid), Some(gid)).unwrap();
        fs::set_permissions(tree.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let dir = Dir::open_root(&tree).unwrap();
    dir.create_special(b"null", FileKind::CharDevice, (1, 3), 0o666).unwrap();
    dir.create_special(b"disk", FileKind::BlockDevice, (0xfff, 0xf_ffff), 0o600).unwrap();
    dir.create_special(b"pipe", FileKind::Fifo, (0, 0), 0o600).unwrap();
    dir.create_hard_link(&dir, b"null", b"null too").unwrap();
    symlink("set-id", tree.join("link")).unwrap();
    dir.child(b"link").set_owner(77, 88).unwrap();
    dir.child(b"disk").set_owner(7, 8).unwrap();
    dir.child(b"of nobody").set_owner(65534, 65534).unwrap();
    dir.child(b"set-id").set_xattr(b"trusted.overlay", b"\0\xff").unwrap();
    dir.child(b"link").set_xattr(b"trusted.on a link", b"x").unwrap();
    // cap_net_bind_service, effective and permitted.
    let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    dir.child(b"of nobody").stat().unwrap();
    let inner = dir.open_child(b"of nobody").unwrap();
    inner.child(b"f").set_xattr(b"security.capability", &capability).unwrap();
    let snapshot = bench.back_up(&tree);
    let summary = bench.restore(snapshot, &contents(&tree, &to));
    assert_eq!(findings(&summary), []);
    assert_equal(&tree, &to);
    assert_eq!(fs::metadata(to.join("set-id")).unwrap().mode() & 0o7777, 0o6755);

    // What rsync sees of it, both ways round.
    for (left, right) in [(&tree, &to), (&to, &tree)] {
        let output = Command::new("rsync")
            .args(["-aHAXn", "--checksum", "--delete", "--itemize-changes"])
            .args([left.join(""), right.join("")])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.trim().is_empty(), "{text}");
    }
}

#[test]
fn root_owners_are_found_by_name_where_the_name_is_known() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    let owned = |path: &[u8], user: &str, group: &str| {
        let owner = Owner { uid: 43210, gid: 43211, user: user.into(), group: group.into() };
        Entry { owner: Arc::new(owner), ..file(path, 0) }
    };
    writer.add(folder(b"/")).add(owned(b"/known", "nobody", "daemon"));
    writer.add(owned(b"/unknown", "no such user here", "nor such a group")).add(owned(b"/nameless", "", ""));
    let snapshot = writer.commit();
    let to = bench.path("to");
    assert_eq!(findings(&bench.restore(snapshot, &contents("/", &to))), []);
    let owner = |name: &str| {
        let stat = fs::metadata(to.join(name)).unwrap();
        (stat.uid(), stat.gid())
    };
    let names = platform::Names::new();
    assert_eq!(owner("known"), (names.uid_of(b"nobody").unwrap(), names.gid_of(b"daemon").unwrap()));
    assert_eq!([owner("unknown"), owner("nameless")], [(43210, 43211); 2]);
}

/// Many small files and a large one.
fn filling(bench: &Bench, files: usize, large: usize) -> model::SnapshotId {
    let mut writer = bench.writer();
    writer.add(folder(b"/")).add(folder(b"/dir"));
    for number in 0..files {
        writer.add_file(file(format!("/dir/{number:05}").as_bytes(), 1), b"x");
    }
    let large = noise(large, 1);
    writer.add_file(file(b"/large", large.len()), &large);
    writer.commit()
}

#[test]
fn root_a_target_without_space_is_refused_before_anything_is_written() {
    let bench = Bench::new();
    let snapshot = filling(&bench, 10, 5 << 20);
    let mount = Mount::new(&bench.path("small"), "size=4m");
    let to = mount.0.join("to");
    let error = bench.try_restore(snapshot, &contents("/", &to)).unwrap_err();
    assert_eq!(error.code(), Code::TargetFull);
    assert!(!to.exists());
    let (plan, _) = bench.plan(snapshot, &contents("/", &to));
    assert!(plan.bytes > plan.available_bytes.unwrap());
}

#[test]
fn root_a_target_that_fills_up_is_told_once_and_can_be_resumed() {
    // Each file takes a page however small it is: the bytes fit, the files do not. The same with inodes.
    for (options, more) in [("size=4m", "size=100m"), ("size=100m,nr_inodes=500", "nr_inodes=100000")] {
        let bench = Bench::new();
        let snapshot = filling(&bench, 3000, 1 << 20);
        let whole = bench.path("whole");
        bench.restore(snapshot, &contents("/", &whole));
        let mount = Mount::new(&bench.path("small"), options);
        let to = mount.0.join("to");
        let summary = bench.restore(snapshot, &contents("/", &to));
        assert_eq!(summary.ended_early, Some(Code::TargetFull));
        assert!(
            summary.finding_count >= 1 && summary.finding_count < 10,
            "{} such as {:?}",
            summary.finding_count,
            &summary.findings[..2]
        );
        for finding in &summary.findings {
            // ENOSPC.
            assert_eq!((finding.reason, finding.errno), (FindingReason::TargetFull, 28));
        }
        assert!(summary.files > 100 && summary.files < 3000, "{}", summary.files);
        assert_no_leftovers(&to);
        for name in names(&to).iter().filter(|name| name.starts_with("dir/")) {
            assert_eq!(fs::read(to.join(name)).unwrap(), b"x");
        }
        mount.remount(more);
        let resumed = bench.restore(snapshot, &RestoreRequest { resume: true, ..contents("/", &to) });
        assert_eq!((findings(&resumed), resumed.ended_early), (vec![], None));
        assert_eq!(resumed.files + summary.files, 3001);
        // A tmpfs has no holes to compare.
        let look = testkit::tree::Look { holes: false, ..Default::default() };
        assert_eq!(testkit::tree::compare(&whole, &to, look).unwrap(), Vec::<String>::new());
    }
}

#[test]
fn root_a_read_only_target_ends_the_restore() {
    let bench = Bench::new();
    let snapshot = filling(&bench, 3000, 1000);
    let mount = Mount::new(&bench.path("medium"), "size=100m");
    fs::create_dir(mount.0.join("dir")).unwrap();
    mount.remount("ro");
    let error = bench.try_restore(snapshot, &contents("/", &mount.0.join("new"))).unwrap_err();
    assert_eq!(error.code(), Code::LocalFailed);
    let summary = bench.restore(snapshot, &contents("/", &mount.0));
    assert_eq!(summary.ended_early, Some(Code::LocalFailed));
    assert!(summary.finding_count < 100, "{} such as {:?}", summary.finding_count, &summary.findings[..2]);
    // EROFS.
    assert!(
        summary.findings.iter().all(|found| (found.reason, found.errno) == (FindingReason::WriteFailed, 30))
    );
}

#[test]
fn root_links_that_cannot_cross_file_systems_become_files() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    let linked = |path: &[u8]| Entry { flags: flags::HARD_LINK, ino: 9, ..file(path, 10_000) };
    let content = noise(10_000, 3);
    writer.add(folder(b"/")).add_file(linked(b"/a"), &content).add(folder(b"/mounted"));
    writer.add_file(linked(b"/mounted/b"), &content).add_file(linked(b"/mounted/c"), &content);
    let pipe = |path: &[u8]| Entry { flags: flags::HARD_LINK, ino: 10, ..entry(path, EntryKind::Fifo) };
    writer.add(pipe(b"/pipe")).add(pipe(b"/mounted/pipe")).add_file(linked(b"/z"), &content);
    let snapshot = writer.commit();
    let to = bench.path("to");
    let _mount = Mount::new(&to.join("mounted"), "size=4m");
    let summary = bench.restore(snapshot, &contents("/", &to));
    // EXDEV.
    let apart = |path: &str| (path.to_owned(), FindingReason::AttributesNotRestored, 18);
    let expected = ["/mounted/b", "/mounted/c", "/pipe"].map(apart);
    assert_eq!((findings(&summary), summary.files), (expected.to_vec(), 4));
    for name in ["a", "mounted/b", "mounted/c", "z"] {
        assert!(fs::read(to.join(name)).unwrap() == content, "{name}");
    }
    let inode = |name: &str| fs::symlink_metadata(to.join(name)).unwrap().ino();
    assert_eq!(inode("a"), inode("z"));
    assert_eq!(names(&to), ["a", "mounted", "mounted/b", "mounted/c", "mounted/pipe", "pipe", "z"]);
}
