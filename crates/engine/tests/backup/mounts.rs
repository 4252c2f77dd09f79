//! File systems below roots, and under them, that were mounted in the last backup and are not any more.

use super::Bench;
use super::file_systems::{OTHER, renumber};
use engine::backup::{BackupRequest, BackupSummary};
use format::entry::{Entry, EntryKind};
use model::FindingReason;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Backs the set up as if another file system were mounted at each of `disks`.
fn back_up_with_disks(bench: &Bench, request: &BackupRequest, disks: &[&str]) {
    let first = bench.try_run(request).unwrap();
    let disks: Vec<Vec<u8>> =
        disks.iter().map(|disk| bench.root().join(disk).into_os_string().into_encoded_bytes()).collect();
    renumber(bench, first.snapshot, |entry: &Entry| {
        let on = disks.iter().rposition(|disk| format::path::is_within(&entry.path, disk));
        on.map_or(OTHER, |at| OTHER + 1 + at as u64)
    });
}

fn request(bench: &Bench, paths: &[&str]) -> BackupRequest {
    let paths = paths.iter().map(|path| bench.root().join(path)).collect();
    BackupRequest { paths, ..bench.request() }
}

fn agreed(request: &BackupRequest) -> BackupRequest {
    BackupRequest { accept_changed_roots: true, ..request.clone() }
}

/// Paths below the tree, each once.
#[track_caller]
fn assert_holds(bench: &Bench, summary: &BackupSummary, wanted: &[&str]) {
    let entries = bench.entries(summary.snapshot);
    let names: Vec<_> = entries.keys().map(|path| path.display().to_string()).collect();
    assert_eq!(names, wanted);
    assert_eq!(summary.entries, above(bench) + wanted.len() as u64, "each once");
}

/// How many folders there are above the tree.
fn above(bench: &Bench) -> u64 {
    bench.root().ancestors().count() as u64 - 1
}

#[track_caller]
fn assert_found(bench: &Bench, summary: &BackupSummary, wanted: &[(&str, FindingReason, bool)]) {
    let found: Vec<_> = summary
        .findings
        .iter()
        .map(|finding| {
            let path = PathBuf::from(String::from_utf8(finding.path.clone()).unwrap());
            let path = path.strip_prefix(bench.root()).unwrap().display().to_string();
            (path, finding.reason, finding.kept_previous)
        })
        .collect();
    let wanted: Vec<_> =
        wanted.iter().map(|(path, reason, kept)| ((*path).to_owned(), *reason, *kept)).collect();
    assert_eq!(found, wanted);
}

/// What became of the folder that the mount point lies in.
type Change = fn(&Path);

#[test]
fn what_a_file_system_held_is_kept_when_its_mount_point_is_gone_or_something_else() {
    let kinds: [(&str, Change); 6] = [
        ("no mount point", |media| fs::remove_dir(media.join("STICK")).unwrap()),
        ("no folder above it", |media| fs::remove_dir_all(media).unwrap()),
        ("a link at the mount point", |media| {
            fs::remove_dir(media.join("STICK")).unwrap();
            symlink("elsewhere", media.join("STICK")).unwrap();
        }),
        ("a file at the mount point", |media| {
            fs::remove_dir(media.join("STICK")).unwrap();
            fs::write(media.join("STICK"), b"now a file").unwrap();
        }),
        ("a file above it", |media| {
            fs::remove_dir_all(media).unwrap();
            fs::write(media, b"now a file").unwrap();
        }),
        ("a link above it", |media| {
            fs::remove_dir_all(media).unwrap();
            symlink("a", media).unwrap();
        }),
    ];
    for (what, remove) in kinds {
        for unmounted_before in [false, true] {
            let bench = Bench::new();
            for path in ["a", "media/STICK/doc", "media/STICK/sub/x", "media-like", "z"] {
                bench.write(path, path.as_bytes());
            }
            let request = bench.request();
            back_up_with_disks(&bench, &request, &["media/STICK"]);
            fs::remove_dir_all(bench.root().join("media/STICK")).unwrap();
            fs::create_dir(bench.root().join("media/STICK")).unwrap();
            if unmounted_before {
                assert_found(&bench, &bench.run(), &[("media/STICK", FindingReason::MountMissing, true)]);
            }
            remove(&bench.root().join("media"));
            let mut first_seen = Vec::new();
            for _ in 0..3 {
                let summary = bench.run();
                println!("{what}, {unmounted_before}");
                assert_found(&bench, &summary, &[("media/STICK", FindingReason::MountMissing, true)]);
                assert_holds(
                    &bench,
                    &summary,
                    &[
                        "",
                        "a",
                        "media",
                        "media/STICK",
                        "media/STICK/doc",
                        "media/STICK/sub",
                        "media/STICK/sub/x",
                        "media-like",
                        "z",
                    ],
                );
                let entries = bench.entries(summary.snapshot);
                assert_eq!(entries[Path::new("media")].kind, EntryKind::Dir);
                assert_eq!(entries[Path::new("media/STICK")].kind, EntryKind::Dir);
                let doc = &entries[Path::new("media/STICK/doc")];
                assert_eq!(bench.content(summary.snapshot, doc), b"media/STICK/doc");
                first_seen.push(summary.findings[0].first_seen);
            }
            assert!(first_seen.iter().all(|time| *time == first_seen[0]), "{first_seen:?}");
            for request in [agreed(&request), request] {
                let summary = bench.try_run(&request).unwrap();
                assert_found(&bench, &summary, &[]);
                bench.assert_stored(summary.snapshot);
            }
        }
    }
}

#[test]
fn several_file_systems_below_what_was_removed_are_each_told() {
    let bench = Bench::new();
    for path in ["m/a/x", "m/b/deep/in/y", "m/b/plain", "m/c", "z"] {
        bench.write(path, path.as_bytes());
    }
    let request = bench.request();
    back_up_with_disks(&bench, &request, &["m/a", "m/b/deep", "m/b/deep/in"]);
    fs::remove_dir_all(bench.root().join("m")).unwrap();
    for _ in 0..2 {
        let summary = bench.run();
        assert_found(
            &bench,
            &summary,
            &[("m/a", FindingReason::MountMissing, true), ("m/b/deep", FindingReason::MountMissing, true)],
        );
        assert_holds(
            &bench,
            &summary,
            &["", "m", "m/a", "m/a/x", "m/b", "m/b/deep", "m/b/deep/in", "m/b/deep/in/y", "z"],
        );
    }
}

#[test]
fn what_the_set_leaves_out_now_is_no_missing_file_system() {
    for change in [0, 1, 2] {
        let bench = Bench::new();
        for path in ["docs/a", "docs/media/STICK/doc", "other/disk/x", "other/y"] {
            bench.write(path, path.as_bytes());
        }
        let both = request(&bench, &["docs", "other"]);
        back_up_with_disks(&bench, &both, &["docs/media/STICK", "other/disk"]);
        fs::remove_dir_all(bench.root().join("docs/media")).unwrap();
        let other = bench.root().join("other/disk");
        fs::remove_dir_all(other).unwrap();
        let mut changed = both.clone();
        match change {
            0 => changed.exclusions.extend(["media/".to_owned(), "disk/".to_owned()]),
            1 => changed.one_file_system = true,
            _ => changed.paths.pop().map(drop).unwrap(),
        }
        let summary = bench.try_run(&changed).unwrap();
        let wanted = [("docs/media/STICK", FindingReason::MountMissing, true)];
        assert_found(&bench, &summary, if change == 2 { &wanted } else { &[] });
        let entries = bench.entries(summary.snapshot);
        assert!(!entries.contains_key(Path::new("other/disk")));
    }
}

#[test]
fn an_empty_file_system_that_is_gone_is_nothing() {
    let bench = Bench::new();
    bench.write("a", b"one");
    fs::create_dir_all(bench.root().join("media/STICK")).unwrap();
    back_up_with_disks(&bench, &bench.request(), &["media/STICK"]);
    fs::remove_dir_all(bench.root().join("media")).unwrap();
    let summary = bench.run();
    assert_found(&bench, &summary, &[]);
    assert_holds(&bench, &summary, &["", "a"]);
}

#[test]
fn what_a_file_system_held_beside_a_root_is_kept_and_told_so() {
    let bench = Bench::new();
    for path in ["k/a/b/x", "k/a/k", "k/z"] {
        bench.write(path, path.as_bytes());
    }
    let request = request(&bench, &["k", "k/a/b"]);
    back_up_with_disks(&bench, &request, &["k/a"]);
    let disk = bench.root().join("k/a");
    fs::remove_dir_all(&disk).unwrap();
    let wanted = ["", "k", "k/a", "k/a/b", "k/a/b/x", "k/a/k", "k/z"];
    let told = [("k/a", FindingReason::MountMissing, true), ("k/a/b", FindingReason::RootMissing, true)];
    // First with its mount point, then without it, then with something in it.
    for change in [Some(0), None, Some(1), None, Some(2), None] {
        match change {
            Some(0) => fs::create_dir(&disk).unwrap(),
            Some(1) => fs::remove_dir(&disk).unwrap(),
            Some(_) => bench.write("k/a/stray", b"stray"),
            None => {}
        }
        let summary = bench.try_run(&request).unwrap();
        assert_found(&bench, &summary, &told);
        assert_holds(&bench, &summary, &wanted);
    }
    // Something stands where the inner root was: it is another folder.
    bench.write("k/a/b/x", b"another");
    for _ in 0..2 {
        let summary = bench.try_run(&request).unwrap();
        assert_found(
            &bench,
            &summary,
            &[("k/a", FindingReason::MountMissing, true), ("k/a/b", FindingReason::RootMoved, true)],
        );
        assert_holds(&bench, &summary, &wanted);
        let entries = bench.entries(summary.snapshot);
        assert_eq!(bench.content(summary.snapshot, &entries[Path::new("k/a/b/x")]), b"k/a/b/x");
    }
    for request in [agreed(&request), request] {
        let summary = bench.try_run(&request).unwrap();
        assert_found(&bench, &summary, &[]);
        assert_holds(&bench, &summary, &["", "k", "k/a", "k/a/b", "k/a/b/x", "k/a/stray", "k/z"]);
    }
}

#[test]
fn a_root_on_a_file_system_that_is_not_mounted_is_not_where_it_was() {
    let bench = Bench::new();
    for path in ["g/data/deep/x/old", "g/data/deep/x/sub/f", "g/data/other"] {
        bench.write(path, path.as_bytes());
    }
    let request = request(&bench, &["g/data/deep/x"]);
    for one_file_system in [false, true] {
        back_up_with_disks(&bench, &request, &["g/data"]);
        fs::remove_dir_all(bench.root().join("g/data")).unwrap();
        bench.write("g/data/deep/x/new", b"another");
        let request = BackupRequest { one_file_system, ..request.clone() };
        let kept = [
            "",
            "g",
            "g/data",
            "g/data/deep",
            "g/data/deep/x",
            "g/data/deep/x/old",
            "g/data/deep/x/sub",
            "g/data/deep/x/sub/f",
        ];
        for _ in 0..3 {
            let summary = bench.try_run(&request).unwrap();
            assert_found(&bench, &summary, &[("g/data/deep/x", FindingReason::RootMoved, true)]);
            assert_holds(&bench, &summary, &kept);
        }
        for request in [agreed(&request), request] {
            let summary = bench.try_run(&request).unwrap();
            assert_found(&bench, &summary, &[]);
            assert_holds(
                &bench,
                &summary,
                &["", "g", "g/data", "g/data/deep", "g/data/deep/x", "g/data/deep/x/new"],
            );
        }
        bench.write("g/data/deep/x/old", b"g/data/deep/x/old");
        bench.write("g/data/deep/x/sub/f", b"g/data/deep/x/sub/f");
        fs::remove_file(bench.root().join("g/data/deep/x/new")).unwrap();
    }
}

#[test]
fn a_root_inside_one_that_is_not_where_it_was_is_told_beside_it() {
    let bench = Bench::new();
    for path in ["g/data/deep/x/old", "g/data/deep/x/sub/f"] {
        bench.write(path, path.as_bytes());
    }
    let request = request(&bench, &["g/data/deep/x", "g/data/deep/x/sub"]);
    back_up_with_disks(&bench, &request, &["g/data"]);
    fs::remove_dir_all(bench.root().join("g/data")).unwrap();
    bench.write("g/data/deep/x/new", b"another");
    let (moved, missing) = (FindingReason::RootMoved, FindingReason::RootMissing);
    for _ in 0..3 {
        let summary = bench.try_run(&request).unwrap();
        let wanted = [("g/data/deep/x", moved, true), ("g/data/deep/x/sub", missing, true)];
        assert_found(&bench, &summary, &wanted);
        let kept = ["", "g", "g/data", "g/data/deep", "g/data/deep/x", "g/data/deep/x/old"];
        let kept = [&kept[..], &["g/data/deep/x/sub", "g/data/deep/x/sub/f"]].concat();
        assert_holds(&bench, &summary, &kept);
    }
}

/// A tmpfs, unmounted when dropped.
struct Mount(PathBuf);

impl Mount {
    fn new(path: PathBuf) -> Self {
        Self::of(&["-t", "tmpfs", "holdfast-test"], path)
    }

    /// A folder once more.
    fn again(folder: &Path, path: PathBuf) -> Self {
        Self::of(&["--bind", folder.to_str().unwrap()], path)
    }

    fn of(what: &[&str], path: PathBuf) -> Self {
        fs::create_dir_all(&path).unwrap();
        let mounted = Command::new("mount").args(what).arg(&path).output().unwrap();
        assert!(mounted.status.success(), "{}", String::from_utf8_lossy(&mounted.stderr));
        Self(path)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "{} stays mounted", self.0.display());
    }
}

#[test]
fn root_a_stick_that_is_unplugged_stays_and_is_welcome_back() {
    let bench = Bench::new();
    let stick = || Mount::new(bench.root().join("media/STICK"));
    bench.write("a", b"one");
    let mounted = stick();
    bench.write("media/STICK/doc", b"two");
    assert_found(&bench, &bench.run(), &[]);
    drop(mounted);
    fs::remove_dir_all(bench.root().join("media")).unwrap();
    let wanted = ["", "a", "media", "media/STICK", "media/STICK/doc"];
    for _ in 0..2 {
        let summary = bench.run();
        assert_found(&bench, &summary, &[("media/STICK", FindingReason::MountMissing, true)]);
        assert_holds(&bench, &summary, &wanted);
    }
    let mounted = stick();
    bench.write("media/STICK/doc", b"new");
    let summary = bench.run();
    assert_found(&bench, &summary, &[]);
    bench.assert_stored(summary.snapshot);
    drop(mounted);
}

#[test]
fn root_an_empty_file_system_hides_what_lies_behind_a_root_too() {
    let bench = Bench::new();
    let disk = || Mount::new(bench.root().join("l/m"));
    let request = request(&bench, &["l", "l/m/aaa"]);
    let mounted = disk();
    for path in ["l/m/aaa/f", "l/m/z", "l/k"] {
        bench.write(path, path.as_bytes());
    }
    assert_found(&bench, &bench.try_run(&request).unwrap(), &[]);
    drop(mounted);
    let mounted = disk();
    for _ in 0..2 {
        let summary = bench.try_run(&request).unwrap();
        assert_found(
            &bench,
            &summary,
            &[("l/m", FindingReason::MountMissing, true), ("l/m/aaa", FindingReason::RootMissing, true)],
        );
        assert_holds(&bench, &summary, &["", "l", "l/k", "l/m", "l/m/aaa", "l/m/aaa/f", "l/m/z"]);
    }
    drop(mounted);
}

#[test]
fn root_a_file_system_that_was_made_just_now_is_empty() {
    for exclusions in [vec!["lost+found/".to_owned()], Vec::new()] {
        let bench = Bench::new();
        let disk = || {
            let mounted = Mount::new(bench.root().join("e/s"));
            fs::create_dir(bench.root().join("e/s/lost+found")).unwrap();
            mounted
        };
        let is_left_out = !exclusions.is_empty();
        let request = BackupRequest { exclusions, ..bench.request() };
        // One that never held anything is no finding.
        let mounted = disk();
        for _ in 0..2 {
            assert_found(&bench, &bench.try_run(&request).unwrap(), &[]);
        }
        for path in ["e/s/doc", "e/s/z"] {
            bench.write(path, path.as_bytes());
        }
        assert_found(&bench, &bench.try_run(&request).unwrap(), &[]);
        drop(mounted);
        let mounted = disk();
        for _ in 0..2 {
            let summary = bench.try_run(&request).unwrap();
            assert_found(&bench, &summary, &[("e/s", FindingReason::MountMissing, true)]);
            let all = ["", "e", "e/s", "e/s/doc", "e/s/lost+found", "e/s/z"];
            let wanted: Vec<_> =
                all.into_iter().filter(|path| !(is_left_out && path.ends_with("found"))).collect();
            assert_holds(&bench, &summary, &wanted);
        }
        assert_found(&bench, &bench.try_run(&agreed(&request)).unwrap(), &[]);
        assert_found(&bench, &bench.try_run(&request).unwrap(), &[]);
        drop(mounted);
    }
}

#[test]
fn root_a_root_inside_a_file_system_of_the_same_type_is_told_from_what_lies_below_it() {
    let bench = Bench::new();
    let outer = Mount::new(bench.root().join("g"));
    let data = || Mount::new(bench.root().join("g/data"));
    let mounted = data();
    bench.write("g/data/x/old", b"one");
    let request = request(&bench, &["g/data/x"]);
    assert_found(&bench, &bench.try_run(&request).unwrap(), &[]);
    drop(mounted);
    bench.write("g/data/x/new", b"two");
    for _ in 0..2 {
        let summary = bench.try_run(&request).unwrap();
        assert_found(&bench, &summary, &[("g/data/x", FindingReason::RootMoved, true)]);
        assert_holds(&bench, &summary, &["", "g", "g/data", "g/data/x", "g/data/x/old"]);
    }
    let mounted = data();
    bench.write("g/data/x/old", b"one more");
    let summary = bench.try_run(&request).unwrap();
    assert_found(&bench, &summary, &[]);
    assert_holds(&bench, &summary, &["", "g", "g/data", "g/data/x", "g/data/x/old"]);
    drop(mounted);
    assert_found(&bench, &bench.try_run(&request).unwrap(), &[("g/data/x", FindingReason::RootMoved, true)]);
    let summary = bench.try_run(&agreed(&request)).unwrap();
    assert_found(&bench, &summary, &[]);
    assert_holds(&bench, &summary, &["", "g", "g/data", "g/data/x", "g/data/x/new"]);
    assert_found(&bench, &bench.try_run(&request).unwrap(), &[]);
    drop(outer);
}

#[test]
fn a_root_that_is_added_on_a_file_system_that_is_not_mounted_is_backed_up() {
    let bench = Bench::new();
    for path in ["k/a/f", "k/z"] {
        bench.write(path, path.as_bytes());
    }
    let before = request(&bench, &["k"]);
    back_up_with_disks(&bench, &before, &["k/a"]);
    fs::remove_dir_all(bench.root().join("k/a")).unwrap();
    bench.write("k/a/x/r/new", b"new");
    let after = request(&bench, &["k", "k/a/x/r"]);
    for _ in 0..2 {
        let summary = bench.try_run(&after).unwrap();
        assert_found(&bench, &summary, &[("k/a", FindingReason::MountMissing, true)]);
        assert_holds(&bench, &summary, &["", "k", "k/a", "k/a/f", "k/a/x", "k/a/x/r", "k/a/x/r/new", "k/z"]);
    }
}

#[test]
fn a_link_in_the_place_of_a_mount_point_keeps_what_is_not_on_the_way_to_a_root() {
    let bench = Bench::new();
    for path in ["k/a/0", "k/a/b/x", "k/a/k", "k/z", "elsewhere/y"] {
        bench.write(path, path.as_bytes());
    }
    let request = request(&bench, &["k", "k/a/b"]);
    back_up_with_disks(&bench, &request, &["k/a"]);
    fs::remove_dir_all(bench.root().join("k/a")).unwrap();
    symlink(bench.root().join("elsewhere"), bench.root().join("k/a")).unwrap();
    for inner in [FindingReason::RootMissing, FindingReason::RootMoved] {
        for _ in 0..2 {
            let summary = bench.try_run(&request).unwrap();
            let told = [("k/a", FindingReason::MountMissing, true), ("k/a/b", inner, true)];
            assert_found(&bench, &summary, &told);
            let wanted = ["", "k", "k/a", "k/a/0", "k/a/b", "k/a/b/x", "k/a/k", "k/z"];
            assert_holds(&bench, &summary, &wanted);
        }
        bench.write("elsewhere/b/another", b"another");
    }
}

#[test]
fn root_roots_inside_one_that_was_kept_are_well_when_its_file_system_is_back() {
    let bench = Bench::new();
    let disk = || {
        let mounted = Mount::new(bench.root().join("r/a"));
        for path in ["r/a/z/a/b/0", "r/a/z/k", "r/k"] {
            bench.write(path, path.as_bytes());
        }
        mounted
    };
    let request = request(&bench, &["r", "r/a", "r/a/z/a/b"]);
    let mounted = disk();
    assert_found(&bench, &bench.try_run(&request).unwrap(), &[]);
    drop(mounted);
    bench.write("r/a/z/a/b/another", b"another");
    let told = [("r/a", FindingReason::RootMoved, true), ("r/a/z/a/b", FindingReason::RootMoved, true)];
    for _ in 0..2 {
        assert_found(&bench, &bench.try_run(&request).unwrap(), &told);
    }
    let mounted = disk();
    let summary = bench.try_run(&request).unwrap();
    assert_found(&bench, &summary, &[]);
    bench.assert_stored(summary.snapshot);
    drop(mounted);
}

#[test]
fn root_a_file_system_is_welcome_back_whatever_hid_it() {
    let bench = Bench::new();
    let disk = || {
        let mounted = Mount::new(bench.root().join("r/m"));
        bench.write("r/m/x/f", b"one");
        mounted
    };
    let request = request(&bench, &["r"]);
    let mounted = disk();
    assert_found(&bench, &bench.try_run(&request).unwrap(), &[]);
    drop(mounted);
    // Its root has another inode number.
    let other = Mount::new(bench.root().join("other"));
    fs::create_dir(bench.root().join("other/empty")).unwrap();
    let hiding = Mount::again(&bench.root().join("other/empty"), bench.root().join("r/m"));
    for _ in 0..2 {
        let summary = bench.try_run(&request).unwrap();
        assert_found(&bench, &summary, &[("r/m", FindingReason::MountMissing, true)]);
        assert_holds(&bench, &summary, &["", "r", "r/m", "r/m/x", "r/m/x/f"]);
    }
    drop(hiding);
    let mounted = disk();
    bench.write("r/m/x/new", b"two");
    let summary = bench.try_run(&request).unwrap();
    assert_found(&bench, &summary, &[]);
    assert_holds(&bench, &summary, &["", "r", "r/m", "r/m/x", "r/m/x/f", "r/m/x/new"]);
    drop((mounted, other));
}
