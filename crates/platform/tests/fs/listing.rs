//! Listing directories: names of any bytes, many names, paths of any length.

use crate::{folder, read, write};
use platform::{Dir, FileKind};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

#[test]
fn names_of_any_bytes_are_listed_and_reached() {
    let (_temp, dir) = folder();
    let mut names: Vec<Vec<u8>> =
        (1..=255).filter(|byte| *byte != b'/').map(|byte| vec![b'n', byte]).collect();
    names.push(vec![0xff; 255]);
    names.push(b" leading and trailing ".to_vec());
    names.push(b"...".to_vec());
    for name in &names {
        write(&dir, name, name);
    }
    names.sort();
    let mut listing = dir.names().unwrap();
    listing.sort_by_name();
    assert!(listing.iter().map(|entry| entry.name).eq(names.iter().map(Vec::as_slice)));
    for entry in &listing {
        let stat = dir.stat(entry.name).unwrap();
        assert_eq!((stat.kind, stat.size_bytes), (FileKind::File, entry.name.len() as u64));
        assert_eq!(stat.ino, entry.ino);
        assert!(matches!(entry.kind_hint, None | Some(FileKind::File)));
        assert_eq!(read(&dir, entry.name), entry.name);
    }
}

#[test]
fn many_names_need_more_than_one_call_and_come_once() {
    const COUNT: usize = 20_000;
    let (_temp, dir) = folder();
    for number in 0..COUNT {
        dir.create_file(format!("{number:08}").as_bytes()).unwrap();
    }
    // Twice: the second listing begins at the start again.
    for _ in 0..2 {
        let mut listing = dir.names().unwrap();
        assert_eq!(listing.len(), COUNT);
        listing.sort_by_name();
        for (number, entry) in listing.iter().enumerate() {
            assert_eq!(entry.name, format!("{number:08}").as_bytes());
        }
    }
}

#[test]
fn an_empty_folder_and_a_removed_one_differ() {
    let (_temp, dir) = folder();
    dir.create_dir(b"sub", 0o700).unwrap();
    let sub = dir.open_child(b"sub").unwrap();
    assert!(sub.names().unwrap().is_empty());
    dir.remove_dir(b"sub").unwrap();
    assert!(sub.names().unwrap_err().is_not_found());
}

/// A path of about 10 KiB below `dir`, made step by step; the innermost folder and the path from `dir`.
fn deep(dir: &Dir) -> (Dir, PathBuf) {
    let mut path = PathBuf::new();
    let mut at = dir.try_clone().unwrap();
    for level in 0..40_u8 {
        let mut name = vec![b'd'; 249];
        name.push(0x80 + level);
        at.create_dir(&name, 0o700).unwrap();
        at = at.open_child(&name).unwrap();
        path.push(OsStr::from_bytes(&name));
    }
    (at, path)
}

#[test]
fn paths_longer_than_the_kernel_takes_are_opened() {
    let (temp, dir) = folder();
    let (innermost, below) = deep(&dir);
    write(&innermost, b"file", b"deep");
    let path = temp.path().join(below);
    assert!(path.as_os_str().len() > 2 * 4096);

    let found = Dir::open_root(&path).unwrap();
    assert!(found.stat_self().unwrap().is_same_inode(&innermost.stat_self().unwrap()));
    assert_eq!(read(&found, b"file"), b"deep");
    // Doubled and closing slashes, and a way up, count for nothing.
    let text = path.as_os_str().as_bytes();
    let middle = text.len() / 2;
    let slash = middle + text[middle..].iter().position(|byte| *byte == b'/').unwrap();
    let odd =
        [&text[..slash], &b"/".repeat(5000)[..], b"..", &text[previous(text, slash)..], b"///"].concat();
    let again = Dir::open_root(&PathBuf::from(OsStr::from_bytes(&odd))).unwrap();
    assert!(again.stat_self().unwrap().is_same_inode(&innermost.stat_self().unwrap()));

    let (parent, name) = Dir::open_parent_of(&path.join("file")).unwrap();
    assert_eq!(name, b"file");
    assert!(parent.stat_self().unwrap().is_same_inode(&innermost.stat_self().unwrap()));
    platform::durable::write_file(&path.join("file"), b"replaced", 0o600).unwrap();
    assert_eq!(read(&innermost, b"file"), b"replaced");

    // The way back up leads to where it began.
    let mut up = innermost;
    for _ in 0..40 {
        up = up.open_parent().unwrap();
    }
    assert!(up.stat_self().unwrap().is_same_inode(&dir.stat_self().unwrap()));
}

/// Where the component that ends at `slash` begins, with its slash.
fn previous(text: &[u8], slash: usize) -> usize {
    text[..slash].iter().rposition(|byte| *byte == b'/').unwrap()
}

#[test]
fn a_component_that_no_file_system_takes_is_an_error() {
    let (temp, _dir) = folder();
    const ENAMETOOLONG: Option<i32> = Some(36);
    for length in [300, 5000, 20_000] {
        let path = temp.path().join("x".repeat(length));
        assert_eq!(Dir::open_root(&path).unwrap_err().errno(), ENAMETOOLONG, "{length}");
    }
}

#[test]
fn long_relative_paths_begin_in_the_working_directory() {
    let climb = PathBuf::from("../".repeat(3000));
    let root = Dir::open_root(&climb).unwrap();
    let expected = Dir::open_root(&PathBuf::from("/")).unwrap();
    assert!(root.stat_self().unwrap().is_same_inode(&expected.stat_self().unwrap()));
    let slashes = Dir::open_root(&PathBuf::from("/".repeat(9000))).unwrap();
    assert!(slashes.stat_self().unwrap().is_same_inode(&expected.stat_self().unwrap()));
}

/// Runs `body` on a thread that may not read everything, as root may.
fn as_ordinary_user(body: impl FnOnce() + Send) {
    let ordinary = || {
        let mut own = capabilities(None).unwrap();
        own.effective.remove(CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH);
        set_capabilities(None, own).unwrap();
        body();
    };
    std::thread::scope(|scope| scope.spawn(ordinary).join().unwrap());
}

#[test]
fn a_folder_that_may_only_be_searched_is_passed_through() {
    let (temp, dir) = folder();
    dir.create_dir(b"closed", 0o700).unwrap();
    let closed = dir.open_child(b"closed").unwrap();
    closed.create_dir(b"inner", 0o700).unwrap();
    dir.child(b"closed").set_mode(0o100).unwrap();
    let path = temp.path().join("closed");
    let searched = Dir::open_for_search(&path).unwrap();
    assert_eq!(searched.stat_self().unwrap().mode, 0o100);
    assert!(searched.open_child(b"inner").unwrap().names().unwrap().is_empty());
    assert!(searched.names().is_err());
    as_ordinary_user(|| {
        let refused = Dir::open_root(&path).unwrap_err();
        assert!(refused.is_denied());
        assert_eq!(refused.errno(), Some(13));
    });
    dir.child(b"closed").set_mode(0o700).unwrap();
}
