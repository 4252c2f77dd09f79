//! What a backup read comes back equal.

use crate::bench::{Bench, absolute, assert_equal, assert_no_leftovers, contents, findings};
use engine::restore::Action;
use platform::{Dir, FileKind, Node, Time};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::Path;

/// Bytes that do not compress and are the same for each seed.
pub(crate) fn noise(length: usize, seed: u8) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
    bytes
}

/// Every kind of entry that needs no privilege.
fn make_tree(top: &Path) {
    for folder in ["", "empty", "many", "deep/er/still", "closed", "odd"] {
        fs::create_dir_all(top.join(folder)).unwrap();
    }
    fs::write(top.join("none"), b"").unwrap();
    fs::write(top.join("small"), b"small").unwrap();
    fs::write(top.join("text"), "a line of text\n".repeat(20_000)).unwrap();
    fs::write(top.join("deep/er/still/noise"), noise(3_000_000, 1)).unwrap();
    fs::write(top.join("deep/large"), noise(40 << 20, 2)).unwrap();
    for number in 0..700 {
        fs::write(top.join(format!("many/{number}")), format!("file {number}")).unwrap();
    }
    symlink("../nowhere", top.join("link")).unwrap();
    symlink(
        [b'x'; 3000].as_slice().iter().map(|byte| *byte as char).collect::<String>(),
        top.join("long link"),
    )
    .unwrap();
    fs::hard_link(top.join("small"), top.join("many/same as small")).unwrap();
    fs::hard_link(top.join("small"), top.join("zzz")).unwrap();
    fs::hard_link(top.join("deep/large"), top.join("same as large")).unwrap();
    let sparse = fs::File::create(top.join("sparse")).unwrap();
    sparse.set_len(30 << 20).unwrap();
    sparse.write_all_at(&noise(100_000, 3), 5 << 20).unwrap();
    sparse.write_all_at(&noise(5_000_000, 4), 12 << 20).unwrap();
    let huge = fs::File::create(top.join("huge hole")).unwrap();
    huge.set_len(1 << 40).unwrap();
    huge.write_all_at(b"near the end", (1 << 40) - 100_000).unwrap();

    let dir = Dir::open_root(top).unwrap();
    dir.create_special(b"pipe", FileKind::Fifo, (0, 0), 0o640).unwrap();
    dir.create_special(b"socket", FileKind::Socket, (0, 0), 0o600).unwrap();
    dir.create_symlink(b"a", b"linked link").unwrap();
    dir.create_hard_link(&dir, b"linked link", b"linked link 2").unwrap();
    let odd = dir.open_child(b"odd").unwrap();
    let all: Vec<u8> = (1..=255).filter(|byte| *byte != b'/').collect();
    for part in all.chunks(100) {
        odd.create_file(part).unwrap();
    }
    odd.create_file(&[b'n'; 255]).unwrap();
    for name in [&b"\xff\xfe"[..], b"\n", b"-rf", b" ", b"...", b"\xc3\xa4", b"a\xcc\x88"] {
        odd.create_file(name).unwrap();
    }
    if dir.child(b"small").set_xattr(b"user.comment", b"a \0 value").is_ok() {
        dir.child(b"deep").set_xattr(b"user.large", &[7; 2000]).unwrap();
        // user:1234 may read and write, the mask lets it.
        let list = access_list(&[
            (1, 6, u32::MAX),
            (2, 6, 1234),
            (4, 4, u32::MAX),
            (0x10, 6, u32::MAX),
            (0x20, 0, u32::MAX),
        ]);
        dir.child(b"text").set_xattr(b"system.posix_acl_access", &list).unwrap();
        dir.child(b"empty").set_xattr(b"system.posix_acl_default", &list).unwrap();
    }
    fs::set_permissions(top.join("none"), fs::Permissions::from_mode(0o4755)).unwrap();
    fs::set_permissions(top.join("many/1"), fs::Permissions::from_mode(0o400)).unwrap();
    fs::set_permissions(top.join("odd"), fs::Permissions::from_mode(0o1777)).unwrap();
    for (name, sec, nsec) in [
        (&b"link"[..], 1_500_000_000, 999_999_999),
        (b"small", -1_000_000, 5),
        (b"pipe", 7, 0),
        (b"text", 2_100_000_000, 1),
    ] {
        dir.child(name).set_times(Time { sec, nsec }, None).unwrap();
    }
    for folder in ["many", "deep/er/still", "deep/er", "deep", "empty", ""] {
        let folder = Dir::open_root(&top.join(folder)).unwrap();
        Node::Dir(&folder).set_times(Time { sec: 1_400_000_000, nsec: 123_456_789 }, None).unwrap();
    }
    fs::set_permissions(top.join("closed"), fs::Permissions::from_mode(0o500)).unwrap();
}

/// An access list in the kernel's own form: tag, permissions and id of each entry.
fn access_list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut list = 2u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        list.extend_from_slice(&tag.to_le_bytes());
        list.extend_from_slice(&permissions.to_le_bytes());
        list.extend_from_slice(&id.to_le_bytes());
    }
    list
}

#[test]
fn every_kind_of_entry_comes_back_equal() {
    let bench = Bench::new();
    let (tree, to) = (bench.path("tree"), bench.path("to"));
    make_tree(&tree);
    let snapshot = bench.back_up(&tree);
    let summary = bench.restore(snapshot, &contents(&tree, &to));
    assert_eq!(findings(&summary), []);
    assert_equal(&tree, &to);
    assert_eq!(summary.ended_early, None);
    assert!(summary.files > 700 && summary.bytes > 43 << 20, "{summary:?}");

    // Under its absolute path, below folders that have the attributes of those above it.
    let below = bench.path("below");
    let summary = bench.restore(snapshot, &absolute(&[], &below));
    let root = below.join(tree.strip_prefix("/").unwrap());
    assert_equal(&tree, &root);
    let mut above = tree.parent().unwrap();
    let mut copy = root.parent().unwrap();
    while copy != below {
        let (wanted, found) = (fs::metadata(above).unwrap(), fs::metadata(copy).unwrap());
        assert_eq!(wanted.permissions().mode(), found.permissions().mode(), "{}", copy.display());
        (above, copy) = (above.parent().unwrap(), copy.parent().unwrap());
    }
    let told = findings(&summary);
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn a_part_comes_back_alone() {
    let bench = Bench::new();
    let (tree, to) = (bench.path("tree"), bench.path("to"));
    make_tree(&tree);
    let snapshot = bench.back_up(&tree);
    bench.restore(snapshot, &contents(tree.join("deep/er"), &to));
    assert_equal(&tree.join("deep/er"), &to);

    // A file itself, into a folder that was made for it.
    let file = bench.path("file/here");
    let summary = bench.restore(snapshot, &contents(tree.join("text"), &file));
    assert_eq!((summary.files, summary.entries), (1, 1));
    assert_eq!(fs::read(file.join("text")).unwrap(), fs::read(tree.join("text")).unwrap());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o755);

    // Two parts with their paths, one of them inside the other.
    let two = bench.path("two");
    let (deep, inner, link) = (tree.join("deep"), tree.join("deep/er"), tree.join("link"));
    bench.restore(snapshot, &absolute(&[&inner, &link, &deep], &two));
    let top = two.join(tree.strip_prefix("/").unwrap());
    assert_equal(&deep, &top.join("deep"));
    let mut names: Vec<_> = fs::read_dir(&top).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["deep", "link"]);

    let missing = contents(tree.join("not there"), &bench.path("no"));
    let error = bench.try_restore(snapshot, &missing).unwrap_err();
    assert_eq!(error.code(), model::Code::PathMissing);
    assert!(!bench.path("no").exists());
}

#[test]
fn contents_of_several_parts_share_a_folder() {
    let bench = Bench::new();
    let (tree, to) = (bench.path("tree"), bench.path("to"));
    for (path, text) in [("a/one", "1"), ("a/both", "from a"), ("b/two", "2"), ("b/both", "from b")] {
        fs::create_dir_all(tree.join(path).parent().unwrap()).unwrap();
        fs::write(tree.join(path), text).unwrap();
    }
    let snapshot = bench.back_up(&tree);
    let mut request = contents(tree.join("a"), &to);
    request.selections.push(tree.join("b").as_os_str().as_bytes().to_vec());
    let error = bench.try_restore(snapshot, &request).unwrap_err();
    assert_eq!(error.code(), model::Code::TargetExists);
    assert!(!to.exists());
    request.conflict = engine::restore::Conflict::KeepBoth;
    let (plan, lines) = bench.plan(snapshot, &request);
    assert_eq!((plan.kept_both, plan.files), (1, 4));
    assert_eq!(lines.iter().filter(|line| line.action == Action::KeepBoth).count(), 1);
    let summary = bench.restore(snapshot, &request);
    assert_eq!((summary.files, summary.kept_both), (4, 1));
    assert_eq!(fs::read(to.join("both")).unwrap(), b"from a");
    assert_eq!(fs::read(to.join("both (restored 2026-11-24 10.30)")).unwrap(), b"from b");
    assert_no_leftovers(&to);
}
