//! Tests of what only a folder store has: its marker, its layout, its modes, foreign files.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::FolderStore;
use crate::{BlobStore, Error, ErrorKind, Key, MARKER_NAME, MarkerProblem, PutMode, StoreId};

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

/// A temporary folder and the path of a store to be made in it.
fn place() -> (tempfile::TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("store");
    (root, path)
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        path.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_store_is_made_and_opened_again() {
    let (_root, path) = place();
    let id = FolderStore::init(&path).unwrap().id();
    assert_eq!(names(&path), [MARKER_NAME, "blobs", "tmp"]);
    assert_eq!(FolderStore::open(&path, None).unwrap().id(), id);
    assert_eq!(FolderStore::open(&path, Some(id)).unwrap().id(), id);
    let error = FolderStore::init(&path).map(drop).unwrap_err();
    assert!(matches!(error, Error::StoreExists { .. }));
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
}

#[test]
fn wrong_folders_are_refused() {
    let (root, path) = place();
    let open = |path: &Path, expected| FolderStore::open(path, expected).map(drop).unwrap_err();
    assert!(matches!(open(&path, None), Error::NoStore { .. }));
    assert!(matches!(open(root.path(), None), Error::NoStore { .. }), "an empty mount point");
    let id = FolderStore::init(&path).unwrap().id();
    let other = StoreId::parse("00000000000000000000000000000001").unwrap();
    let error = open(&path, Some(other));
    assert!(matches!(error, Error::WrongStore { found, expected, .. } if found == id && expected == other));
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(matches!(open(&path.join(MARKER_NAME), None), Error::NoStore { .. }), "a file");

    fs::rename(path.join("blobs"), root.path().join("elsewhere")).unwrap();
    assert!(matches!(open(&path, None), Error::BadMarker { problem: MarkerProblem::NoBlobs, .. }));
    fs::rename(root.path().join("elsewhere"), path.join("blobs")).unwrap();
    for (text, problem, kind) in [
        ("", MarkerProblem::Title, ErrorKind::Corrupt),
        (
            "Holdfast object store\nversion = 9\n",
            MarkerProblem::Version { found: 9, newest: 1 },
            ErrorKind::Unsupported,
        ),
    ] {
        fs::write(path.join(MARKER_NAME), text).unwrap();
        let error = open(&path, None);
        assert_eq!(error.kind(), kind);
        assert!(matches!(error, Error::BadMarker { problem: found, .. } if found == problem));
    }
}

#[test]
fn only_empty_folders_become_stores() {
    let (root, path) = place();
    let error = FolderStore::init(&root.path().join("none/store")).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Other);
    fs::create_dir(&path).unwrap();
    fs::create_dir(path.join("lost+found")).unwrap();
    fs::write(path.join("letter.txt"), "mine").unwrap();
    let init = || FolderStore::init(&path).map(drop);
    assert!(matches!(init(), Err(Error::NotEmpty { found, .. }) if found == "letter.txt"));
    assert_eq!(names(&path), ["letter.txt", "lost+found"]);
    fs::rename(path.join("letter.txt"), root.path().join("letter.txt")).unwrap();
    fs::create_dir_all(path.join("blobs/old")).unwrap();
    assert!(matches!(init(), Err(Error::NotEmpty { found, .. }) if found == "blobs/old"));
    fs::remove_dir(path.join("blobs/old")).unwrap();
    init().unwrap();
}

#[test]
fn files_and_folders_are_private() {
    let (_root, path) = place();
    let store = FolderStore::init(&path).unwrap();
    store.put(&key("a/b/c"), b"1", PutMode::CreateNew).unwrap();
    let mode = |name: &str| fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o7777;
    for folder in ["", "tmp", "blobs", "blobs/a", "blobs/a/b"] {
        assert_eq!(mode(folder), 0o700, "{folder}");
    }
    for file in [MARKER_NAME, "blobs/a/b/c"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
}

#[test]
fn foreign_files_are_not_blobs() {
    let (root, path) = place();
    let store = FolderStore::init(&path).unwrap();
    store.put(&key("a/b"), b"1", PutMode::CreateNew).unwrap();
    let secret = root.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    symlink(&secret, path.join("blobs/a/link")).unwrap();
    symlink(root.path(), path.join("blobs/a/folder-link")).unwrap();
    fs::write(path.join("blobs/a/.nfs0001"), "x").unwrap();
    fs::write(path.join("blobs/a/UPPER"), "x").unwrap();
    fs::write(path.join("blobs/a/white space"), "x").unwrap();
    fs::create_dir(path.join("blobs/a/.hidden")).unwrap();
    fs::write(path.join("blobs/a/.hidden/x"), "x").unwrap();
    let listed: Vec<_> = store.list("").unwrap().into_iter().map(|blob| blob.key).collect();
    assert_eq!(listed, [key("a/b")]);
    assert_eq!(store.info(&key("a/link")).unwrap(), None);
    store.read(&key("a/link")).unwrap_err();
}

#[test]
fn removed_folders_are_made_again() {
    let (_root, path) = place();
    let store = FolderStore::init(&path).unwrap();
    store.put(&key("a/b/c"), b"1", PutMode::CreateNew).unwrap();
    store.delete(&key("a/b/c")).unwrap();
    fs::remove_dir(path.join("blobs/a/b")).unwrap();
    fs::remove_dir(path.join("tmp")).unwrap();
    store.put(&key("a/b/c"), b"2", PutMode::CreateNew).unwrap();
    fs::remove_file(path.join("blobs/a/b/c")).unwrap();
    fs::remove_dir(path.join("blobs/a/b")).unwrap();
    fs::remove_dir(path.join("blobs/a")).unwrap();
    store.put(&key("a/b/c"), b"3", PutMode::Replace).unwrap();
    assert_eq!(store.read(&key("a/b/c")).unwrap(), b"3");
}

#[test]
fn a_store_is_open_once_at_a_time() {
    let (_root, path) = place();
    let first = FolderStore::init(&path).unwrap();
    let shared = first.clone();
    let mut writer = first.create(&key("a"), PutMode::CreateNew).unwrap();
    writer.write_all(b"abc").unwrap();
    let refused = || FolderStore::open(&path, None).map(drop).unwrap_err();
    assert!(matches!(refused(), Error::Locked { path: found } if found == path));
    FolderStore::look(&path, Some(first.id())).unwrap();
    let other = StoreId::parse("00000000000000000000000000000001").unwrap();
    assert!(matches!(FolderStore::look(&path, Some(other)), Err(Error::WrongStore { .. })));
    // It stays so as long as anybody has the store, and what is being written is not cleaned away.
    drop((first, shared));
    assert!(matches!(refused(), Error::Locked { .. }));
    assert_eq!(writer.finish().unwrap(), 3);
    let second = FolderStore::open(&path, None).unwrap();
    assert_eq!(second.removed_files(), 0);
    assert_eq!(second.read(&key("a")).unwrap(), b"abc");
    drop(second);
    fs::write(path.join("tmp/0123-4"), "left by a killed process").unwrap();
    assert_eq!(FolderStore::open(&path, None).unwrap().removed_files(), 1);
    assert!(names(&path.join("tmp")).is_empty());
}

#[test]
fn a_blob_cut_short_by_others_is_an_error() {
    let (_root, path) = place();
    let store = FolderStore::init(&path).unwrap();
    store.put(&key("a"), &[1; 1000], PutMode::CreateNew).unwrap();
    let reader = store.open(&key("a")).unwrap();
    fs::OpenOptions::new().write(true).open(path.join("blobs/a")).unwrap().set_len(10).unwrap();
    assert_eq!(reader.read_at(0, &mut [0; 20]).unwrap_err().kind(), ErrorKind::Corrupt);
    reader.read_at(0, &mut [0; 10]).unwrap();
}

#[test]
fn times_are_those_of_the_files() {
    let (_root, path) = place();
    let store = FolderStore::init(&path).unwrap();
    store.put(&key("a"), b"1", PutMode::CreateNew).unwrap();
    let expected = fs::metadata(path.join("blobs/a")).unwrap().modified().unwrap();
    assert_eq!(store.info(&key("a")).unwrap().unwrap().modified, expected);
    let epoch = std::time::SystemTime::UNIX_EPOCH;
    for time in [epoch - std::time::Duration::from_millis(1500), epoch + std::time::Duration::from_nanos(1)] {
        fs::File::open(path.join("blobs/a")).unwrap().set_modified(time).unwrap();
        assert_eq!(store.info(&key("a")).unwrap().unwrap().modified, time);
    }
}

#[test]
fn errors_of_the_operating_system_have_their_kind() {
    let (_root, path) = place();
    let store = FolderStore::init(&path).unwrap();
    let too_long = format!("a/{}", "b".repeat(255));
    store.put(&key(&too_long), b"1", PutMode::CreateNew).unwrap();
    store.put(&key("file"), b"1", PutMode::CreateNew).unwrap();
    let error = store.put(&key("file/below"), b"1", PutMode::Replace).unwrap_err();
    assert!(matches!(error, Error::Nested { .. }), "{error:?}");
    let error = store.put(&key("a"), b"1", PutMode::Replace).unwrap_err();
    assert!(matches!(error, Error::Nested { .. }), "{error:?}");
    let error = store.put(&key("a"), b"1", PutMode::CreateNew).unwrap_err();
    assert!(matches!(error, Error::Nested { .. }), "{error:?}");
}
