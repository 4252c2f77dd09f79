//! File systems whose device number is another one than in the last backup.

use super::Bench;
use engine::backup::BackupRequest;
use engine::reader::SnapshotReader;
use format::entry::{Entry, Owner, flags};
use model::{Finding, FindingReason, SnapshotId, Timestamp};
use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use testkit::SnapshotWriter;

pub(crate) const OTHER: u64 = 77_777;

fn all(bench: &Bench, snapshot: SnapshotId) -> Vec<Entry> {
    let reader = SnapshotReader::open(&bench.remote, &bench.keyring, snapshot).unwrap();
    reader.entries(b"/").collect::<Result<_, _>>().unwrap()
}

/// A base as `snapshot` would have been when the system gave its file systems these numbers. Every file has one chunk.
pub(crate) fn renumber(bench: &Bench, snapshot: SnapshotId, number: impl Fn(&Entry) -> u64) {
    rewrite(bench, snapshot, None, |entry| entry.dev = number(entry));
}

/// A base like `snapshot` but for what `change` makes of its entries, with this finding.
fn rewrite(bench: &Bench, snapshot: SnapshotId, finding: Option<Finding>, change: impl Fn(&mut Entry)) {
    let reader = SnapshotReader::open(&bench.remote, &bench.keyring, snapshot).unwrap();
    let writer = SnapshotWriter::new(&bench.remote, &bench.keyring).of_device(bench.device);
    let (ids, mut writer) = (bench.keyring.id_keys(), writer.with_roots(reader.sealed().roots.clone()));
    for mut entry in all(bench, snapshot) {
        change(&mut entry);
        let content = bench.content(snapshot, &entry);
        let ids = entry.content.addresses().map(|_| ids.chunk_id(&content)).collect();
        writer.add_with_ids(entry, ids);
    }
    if let Some(finding) = finding {
        writer.add_finding(finding);
    }
    writer.commit();
}

#[test]
fn attributes_that_were_not_stored_are_read_again_and_content_is_not() {
    let bench = Bench::new();
    bench.write("a", b"one");
    bench.write("b", b"two");
    let dir = platform::Dir::open_root(&bench.root()).unwrap();
    dir.child(b"a").set_xattr(b"user.mark", b"x").unwrap();
    Bench::settle();
    let first = bench.run();
    let a = bench.root().join("a").into_os_string().into_encoded_bytes();
    let (reason, first_seen) = (FindingReason::AttributesUnreadable, Timestamp::from_secs(1));
    let finding = Finding { path: a.clone(), reason, errno: 5, first_seen, kept_previous: false };
    rewrite(&bench, first.snapshot, Some(finding), |entry| {
        if entry.path == a {
            entry.rare.xattrs.clear();
        }
        // As where the service that knows the names of users was out of reach.
        let (uid, gid) = (entry.owner.uid, entry.owner.gid);
        entry.owner = Arc::new(Owner { uid, gid, ..Owner::default() });
    });
    let second = bench.run();
    assert_eq!((second.read_bytes, second.finding_count), (0, 0));
    let entries = bench.entries(second.snapshot);
    assert_eq!(entries[Path::new("a")].rare.xattrs.len(), 1);
    assert!(entries[Path::new("b")].rare.xattrs.is_empty());
    let is_known = platform::Names::default().user_name(entries[Path::new("b")].owner.uid).is_some();
    assert_eq!(!entries[Path::new("b")].owner.user.is_empty(), is_known);
    bench.assert_stored(second.snapshot);
}

#[test]
fn files_are_not_read_again_when_only_the_number_of_their_file_system_changed() {
    let bench = Bench::new();
    bench.write("a", b"one");
    bench.write("folder/b", b"two");
    bench.write("folder/c", b"three");
    fs::hard_link(bench.root().join("a"), bench.root().join("z")).unwrap();
    Bench::settle();
    let first = bench.run();
    renumber(&bench, first.snapshot, |_| OTHER);
    // One is new, and one has got a further name since.
    bench.write("new", b"four");
    fs::hard_link(bench.root().join("folder/c"), bench.root().join("folder/d")).unwrap();
    let second = bench.run();
    assert_eq!(second.read_bytes, 4 + 5, "of the new one, and of the one whose attributes changed");
    bench.assert_stored(second.snapshot);
    let entries = bench.entries(second.snapshot);
    let device = bench.root().metadata().unwrap().dev();
    for (path, entry) in &entries {
        let on_disk = bench.root().join(path).symlink_metadata().unwrap();
        assert_eq!(
            (entry.dev, on_disk.dev(), entry.ino),
            (OTHER, device, on_disk.ino()),
            "{}",
            path.display()
        );
    }
    for name in ["a", "z", "folder/c", "folder/d"] {
        assert!(entries[Path::new(name)].has(flags::HARD_LINK), "{name}");
    }
}

#[test]
fn what_lay_on_another_file_system_than_the_rest_is_read_when_it_does_no_more() {
    let bench = Bench::new();
    bench.write("disk/b", b"two");
    bench.write("other/b", b"three");
    Bench::settle();
    let first = bench.run();
    // A disk was mounted there whose entries looked the same; now the folder lies on the file system around it.
    let is_disk = |entry: &Entry| entry.path.windows(5).any(|part| part == b"/disk");
    renumber(&bench, first.snapshot, |entry| if is_disk(entry) { OTHER } else { OTHER + 1 });
    let second = bench.try_run(&BackupRequest { accept_changed_roots: true, ..bench.request() }).unwrap();
    assert_eq!(second.read_bytes, 3);
    let numbers: HashSet<u64> = bench.entries(second.snapshot).values().map(|entry| entry.dev).collect();
    assert_eq!(numbers, HashSet::from([OTHER + 1]));
}

#[test]
fn what_a_file_system_held_that_is_not_mounted_is_kept_until_the_user_agrees() {
    let bench = Bench::new();
    bench.write("before", b"one");
    bench.write("disk/a", b"two");
    bench.write("disk/sub/b", b"three");
    bench.write("disk-like", b"four");
    Bench::settle();
    let first = bench.run();
    let is_disk = |entry: &Entry| {
        let path = entry.path.strip_prefix(bench.root().as_os_str().as_encoded_bytes());
        path.is_some_and(|path| path == b"/disk" || path.starts_with(b"/disk/"))
    };
    renumber(&bench, first.snapshot, |entry| if is_disk(entry) { OTHER } else { OTHER + 1 });
    // The folder that it was mounted at, with something that was written into it since.
    fs::remove_dir_all(bench.root().join("disk")).unwrap();
    bench.write("disk/stray", b"five");
    let mut first_seen = Vec::new();
    for _ in 0..2 {
        let summary = bench.run();
        let [finding] = &summary.findings[..] else { panic!("{:?}", summary.findings) };
        assert_eq!(finding.path, bench.root().join("disk").as_os_str().as_encoded_bytes());
        assert_eq!((finding.reason, finding.kept_previous), (FindingReason::MountMissing, true));
        first_seen.push(finding.first_seen);
        let entries = bench.entries(summary.snapshot);
        let names: Vec<_> = entries.keys().map(|path| path.display().to_string()).collect();
        assert_eq!(names, ["", "before", "disk", "disk/a", "disk/sub", "disk/sub/b", "disk-like"]);
        assert_eq!(bench.content(summary.snapshot, &entries[Path::new("disk/sub/b")]), b"three");
    }
    assert_eq!(first_seen[0], first_seen[1]);
    let agreed = BackupRequest { accept_changed_roots: true, ..bench.request() };
    for request in [agreed, bench.request()] {
        let summary = bench.try_run(&request).unwrap();
        assert_eq!(summary.findings, []);
        bench.assert_stored(summary.snapshot);
    }
}
