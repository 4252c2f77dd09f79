//! Restores by an ordinary user: what they may set is set, and the rest is told. Run by root, each test starts itself
//! again as a user that has no account and no capabilities.

use crate::bench::{Bench, absolute, assert_no_leftovers, contents, findings};
use engine::restore::RestoreRequest;
use format::entry::{Entry, EntryKind, Owner, Xattr, flags};
use model::{Code, FindingReason};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;
use std::sync::Arc;
use testkit::snapshot_writer::{entry, file, folder};

const UID: &str = "54321";
const OTHER_GROUP: u32 = 54322;
const EPERM: i32 = 1;
const EACCES: i32 = 13;

/// Runs `body` in this process if it has an ordinary user, else the test `name` in a process of one.
fn as_ordinary_user(name: &str, body: impl FnOnce()) {
    if platform::process::effective_uid().unwrap() != 0 {
        return body();
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    // The folder of the test programs may be closed to others.
    let program = folder.path().join("tests");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let own = folder.path().join("own");
    fs::create_dir(&own).unwrap();
    std::os::unix::fs::chown(&own, Some(UID.parse().unwrap()), Some(UID.parse().unwrap())).unwrap();
    let output = Command::new("setpriv")
        .args([format!("--reuid={UID}"), format!("--regid={UID}"), format!("--groups={UID},{OTHER_GROUP}")])
        .args(["--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all", "--no-new-privs"])
        .arg(&program)
        .args(["--exact", name, "--nocapture"])
        .current_dir(&own)
        .env("TMPDIR", &own)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "as an ordinary user");
}

fn user() -> u32 {
    platform::process::effective_uid().unwrap()
}

fn owned(entry: Entry, uid: u32, gid: u32) -> Entry {
    Entry { owner: Arc::new(Owner { uid, gid, user: Vec::new(), group: Vec::new() }), ..entry }
}

fn with_mode(entry: Entry, mode: u32) -> Entry {
    Entry { mode, ..entry }
}

#[test]
fn files_of_others_become_ours_and_that_is_told() {
    as_ordinary_user("ordinary::files_of_others_become_ours_and_that_is_told", || {
        let bench = Bench::new();
        let mut writer = bench.writer();
        writer.add(Entry { flags: flags::PARENT, ..owned(folder(b"/"), 0, 0) });
        writer.add(Entry { flags: flags::PARENT, ..owned(folder(b"/home"), 0, 0) });
        writer.add(folder(b"/home/me"));
        writer.add_file(file(b"/home/me/mine", 4), b"mine");
        writer.add_file(owned(with_mode(file(b"/home/me/of root", 1), 0o6755), 0, 0), b"x");
        writer.add_file(owned(with_mode(file(b"/home/me/set-id of mine", 1), 0o4755), user(), user()), b"x");
        writer.add(owned(with_mode(folder(b"/home/me/folder of root"), 0o2750), 0, 0));
        let snapshot = writer.commit();
        let to = bench.path("to");
        let summary = bench.restore(snapshot, &absolute(&[], &to));
        let missed = |path: &str| (path.to_owned(), FindingReason::AttributesNotRestored, EPERM);
        // Not those above the root: they are only the way to it.
        assert_eq!(findings(&summary), ["/home/me/folder of root", "/home/me/of root"].map(missed));
        let stat = |name: &str| fs::symlink_metadata(to.join("home/me").join(name)).unwrap();
        assert_eq!(stat("of root").mode() & 0o7777, 0o755, "no identity is lent that is not the file's");
        assert_eq!(stat("of root").uid(), user());
        assert_eq!(stat("set-id of mine").mode() & 0o7777, 0o4755);
        assert_eq!(stat("of root").mtime_nsec(), 123_456_789);
        assert_eq!(stat("folder of root").mode() & 0o777, 0o750);
        assert_eq!(fs::metadata(to.join("home")).unwrap().mode() & 0o7777, 0o755);
        assert_no_leftovers(&to);
    });
}

#[test]
fn modes_are_those_of_the_snapshot_whatever_the_umask() {
    as_ordinary_user("ordinary::modes_are_those_of_the_snapshot_whatever_the_umask", || {
        let bench = Bench::new();
        let mut writer = bench.writer();
        writer.add(folder(b"/"));
        let modes = [0o000, 0o200, 0o444, 0o644, 0o666, 0o777, 0o1644, 0o2750];
        let name = |prefix: &str, mode: u32| format!("/{prefix} {mode:o}");
        for mode in modes {
            writer.add_file(with_mode(file(name("plain", mode).as_bytes(), 1), mode), b"x");
        }
        for mode in modes {
            let mut entry = with_mode(file(name("with", mode).as_bytes(), 1), mode);
            entry.rare.xattrs = vec![Xattr { name: b"user.note".to_vec(), value: b"v".to_vec() }];
            writer.add_file(entry, b"x");
        }
        let snapshot = writer.commit();
        let restored = |to: &std::path::Path| {
            let summary = bench.restore(snapshot, &contents("/", to));
            assert_eq!(findings(&summary), []);
            for path in modes.iter().flat_map(|mode| [name("plain", *mode), name("with", *mode)]) {
                let found = fs::metadata(to.join(&path[1..])).unwrap().mode() & 0o7777;
                assert!(path.ends_with(&format!(" {found:o}")), "{path} has {found:o}");
            }
            assert_eq!(fs::read_dir(to).unwrap().count(), 2 * modes.len());
        };
        restored(&bench.path("with the usual umask"));
        platform::process::restrict_umask().unwrap();
        assert_eq!(platform::process::umask().unwrap(), 0o077);
        restored(&bench.path("with a narrow one"));
        // Others can enter this one.
        let existing = bench.path("existing");
        fs::create_dir(&existing).unwrap();
        restored(&existing);
    });
}

#[test]
fn devices_and_privileged_attributes_are_told() {
    as_ordinary_user("ordinary::devices_and_privileged_attributes_are_told", || {
        let bench = Bench::new();
        let mut writer = bench.writer();
        let device = |path: &[u8], kind| {
            let mut entry = entry(path, kind);
            entry.rare.device = Some((1, 3));
            entry
        };
        let with_xattr = |path: &[u8], name: &[u8], value: &[u8]| {
            let mut entry = file(path, 1);
            entry.rare.xattrs = vec![Xattr { name: name.to_vec(), value: value.to_vec() }];
            entry
        };
        writer.add(folder(b"/")).add(device(b"/null", EntryKind::CharDevice));
        writer.add(device(b"/disk", EntryKind::BlockDevice)).add(entry(b"/pipe", EntryKind::Fifo));
        writer.add(entry(b"/socket", EntryKind::Socket));
        writer.add_file(with_xattr(b"/trusted", b"trusted.x", b"v"), b"x");
        let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        writer.add_file(with_xattr(b"/capability", b"security.capability", &capability), b"x");
        let snapshot = writer.commit();
        let to = bench.path("to");
        let summary = bench.restore(snapshot, &contents("/", &to));
        assert_eq!(
            findings(&summary),
            [
                ("/capability".into(), FindingReason::AttributesNotRestored, EPERM),
                ("/disk".into(), FindingReason::WriteFailed, EPERM),
                ("/null".into(), FindingReason::WriteFailed, EPERM),
                ("/trusted".into(), FindingReason::AttributesNotRestored, EPERM),
            ]
        );
        assert_eq!(crate::bench::names(&to), ["capability", "pipe", "socket", "trusted"]);
        assert_eq!((summary.files, summary.entries), (2, 4));
    });
}

#[test]
fn groups_of_the_user_are_given() {
    as_ordinary_user("ordinary::groups_of_the_user_are_given", || {
        let mut groups = fs::read_to_string("/proc/self/status").unwrap();
        groups.retain(|c| c != '\t');
        if !groups.contains(&format!(" {OTHER_GROUP}")) {
            let reason = format!("this user has no group {OTHER_GROUP}; root would start one that has");
            return testkit::not_run(&reason);
        }
        let bench = Bench::new();
        let mut writer = bench.writer();
        writer.add(folder(b"/"));
        writer.add_file(owned(with_mode(file(b"/shared", 1), 0o2770), user(), OTHER_GROUP), b"x");
        writer.add_file(owned(with_mode(file(b"/of root, shared", 1), 0o6770), 0, OTHER_GROUP), b"x");
        let snapshot = writer.commit();
        let to = bench.path("to");
        let summary = bench.restore(snapshot, &contents("/", &to));
        let missed = ("/of root, shared".into(), FindingReason::AttributesNotRestored, EPERM);
        assert_eq!(findings(&summary), [missed]);
        let shared = fs::metadata(to.join("shared")).unwrap();
        assert_eq!((shared.gid(), shared.mode() & 0o7777), (OTHER_GROUP, 0o2770));
        let other = fs::metadata(to.join("of root, shared")).unwrap();
        assert_eq!((other.uid(), other.gid(), other.mode() & 0o7777), (user(), OTHER_GROUP, 0o2770));
    });
}

#[test]
fn folders_that_close_themselves_are_filled_first_and_can_be_resumed() {
    as_ordinary_user("ordinary::folders_that_close_themselves_are_filled_first_and_can_be_resumed", || {
        let bench = Bench::new();
        let mut writer = bench.writer();
        writer.add(folder(b"/"));
        for (name, mode) in [("read", 0o500), ("none", 0o000), ("search", 0o100), ("list", 0o400)] {
            writer.add(with_mode(folder(format!("/{name}").as_bytes()), mode));
            let path = format!("/{name}/file");
            writer.add_file(with_mode(file(path.as_bytes(), 1), 0o400), b"x");
        }
        let snapshot = writer.commit();
        let to = bench.path("to");
        let summary = bench.restore(snapshot, &contents("/", &to));
        assert_eq!((findings(&summary), summary.files), (vec![], 4));
        let modes = |name: &str| fs::metadata(to.join(name)).unwrap().mode() & 0o7777;
        assert_eq!(["read", "none", "search", "list"].map(modes), [0o500, 0, 0o100, 0o400]);

        // A resumed restore cannot look into some, and takes those as complete.
        let summary = bench.restore(snapshot, &RestoreRequest { resume: true, ..contents("/", &to) });
        let told = findings(&summary);
        assert!(told.iter().all(|(path, _, errno)| path == "/list/file" && *errno == EACCES), "{told:?}");
        assert_eq!(["read", "none", "search", "list"].map(modes), [0o500, 0, 0o100, 0o400]);
        for name in ["read", "none", "search", "list"] {
            fs::set_permissions(to.join(name), fs::Permissions::from_mode(0o700)).unwrap();
            assert_eq!(fs::read(to.join(name).join("file")).unwrap(), b"x");
        }
    });
}

#[test]
fn a_target_that_cannot_be_written_is_told() {
    as_ordinary_user("ordinary::a_target_that_cannot_be_written_is_told", || {
        let bench = Bench::new();
        let mut writer = bench.writer();
        writer.add(folder(b"/")).add(folder(b"/closed")).add_file(file(b"/closed/a", 1), b"a");
        writer.add(folder(b"/closed/sub")).add_file(file(b"/closed/sub/b", 1), b"b");
        writer.add_file(file(b"/open", 1), b"o");
        let snapshot = writer.commit();
        let closed = bench.path("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
        let error = bench.try_restore(snapshot, &contents("/", &closed.join("new"))).unwrap_err();
        assert_eq!(error.code(), Code::LocalDenied);

        let to = bench.path("to");
        fs::create_dir_all(to.join("closed")).unwrap();
        fs::set_permissions(to.join("closed"), fs::Permissions::from_mode(0o555)).unwrap();
        let summary = bench.restore(snapshot, &contents("/", &to));
        let failed = |path: &str| (path.to_owned(), FindingReason::WriteFailed, EACCES);
        assert_eq!(findings(&summary), ["/closed/a", "/closed/sub", "/closed/sub/b"].map(failed));
        assert_eq!(fs::read(to.join("open")).unwrap(), b"o");
        fs::set_permissions(to.join("closed"), fs::Permissions::from_mode(0o755)).unwrap();
    });
}
