//! Full disks: by plan, and on a real small file system where the machine lets us mount one; there
//! also the medium that becomes read-only and the one that goes away.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use super::key;
use crate::{BlobStore, Error, ErrorKind, Fault, FaultPlan, Faulty, FolderStore, MemoryStore, Op, PutMode};

#[test]
fn a_full_disk_is_full_in_every_writing_call() {
    let fault = Fault::Fail(ErrorKind::Full);
    for op in [Op::Put, Op::Create, Op::Write, Op::Finish] {
        let store = Faulty::new(MemoryStore::new(), FaultPlan::new().from(op, 1, fault));
        let error = if op == Op::Put {
            store.put(&key("a"), b"1", PutMode::CreateNew).unwrap_err()
        } else {
            let streamed = store.create(&key("a"), PutMode::CreateNew).and_then(|mut writer| {
                writer.write_all(b"1").map_err(|error| Error::from_write(&key("a"), error))?;
                writer.finish()
            });
            streamed.unwrap_err()
        };
        assert_eq!(error.kind(), ErrorKind::Full, "{op}");
        assert!(store.list("").unwrap().is_empty(), "{op}");
    }
}

#[test]
fn memory_with_a_capacity_fills_up() {
    let store = MemoryStore::new().with_capacity(1000);
    fill(&store, 300);
    store.put(&key("a/0"), &[2; 350], PutMode::Replace).unwrap();
    assert_eq!(store.space().unwrap().unwrap().available_bytes, 50);
}

/// A tmpfs, unmounted when dropped.
struct Mount<'a>(&'a Path);

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "{} stays mounted", self.0.display());
    }
}

#[test]
fn root_a_small_file_system_fills_up() {
    let root = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=2m,mode=0700", "holdfast-test"])
        .arg(root.path())
        .output();
    let mounted = mounted.unwrap();
    assert!(mounted.status.success(), "{}", String::from_utf8_lossy(&mounted.stderr));
    let mount = Mount(root.path());
    let store = FolderStore::init(root.path()).unwrap();
    assert_eq!(store.space().unwrap().unwrap().total_bytes, 2 << 20);
    fill(&store, 300_000);
    assert_eq!(root.path().join("tmp").read_dir().unwrap().count(), 0);
    assert!(store.space().unwrap().unwrap().available_bytes < 300_000);
    drop(store);

    // A medium that has become read-only still serves reads, also to a server that starts anew.
    let remount = |mode: &str| {
        let mode = format!("remount,{mode}");
        let done = Command::new("mount").args(["-o", mode.as_str()]).arg(root.path()).status().unwrap();
        assert!(done.success());
    };
    std::fs::write(root.path().join("tmp/left"), b"x").unwrap();
    remount("ro");
    let store = FolderStore::open(root.path(), None).unwrap();
    assert_eq!((store.removed_files(), store.read(&key("a/0")).unwrap().len()), (0, 300_000));
    let error = store.put(&key("b"), b"1", PutMode::CreateNew).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert_eq!(store.delete(&key("a/0")).unwrap_err().kind(), ErrorKind::Denied);
    drop(store);
    remount("rw");

    // The folder below the mount is no store, and a store that stays open does not fall through to it.
    let store = FolderStore::open(root.path(), None).unwrap();
    assert_eq!(store.removed_files(), 1);
    let mut lazily = Command::new("umount");
    assert!(lazily.arg("--lazy").arg(root.path()).status().unwrap().success());
    std::mem::forget(mount);
    assert_eq!(store.read(&key("a/0")).unwrap().len(), 300_000);
    store.delete(&key("a/0")).unwrap();
    store.put(&key("b"), b"1", PutMode::CreateNew).unwrap();
    assert_eq!(root.path().read_dir().unwrap().count(), 0);
    assert!(matches!(FolderStore::open(root.path(), None), Err(Error::NoStore { .. })));
}

/// Puts blobs until the store is full; shows that nothing is damaged, and that deleting makes room again.
fn fill(store: &dyn BlobStore, length: usize) {
    let mut kept = 0;
    let error = loop {
        match store.put(&key(&format!("a/{kept}")), &vec![1; length], PutMode::CreateNew) {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 10, "the store never fills up");
    };
    assert_eq!(error.kind(), ErrorKind::Full, "{error:?}");
    let mut writer = store.create(&key("streamed"), PutMode::CreateNew).unwrap();
    let written =
        writer.write_all(&vec![2; length]).map_err(|error| Error::from_write(&key("streamed"), error));
    let error = written.and_then(|()| writer.finish()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full, "{error:?}");

    let names: Vec<_> =
        store.list("").unwrap().into_iter().map(|blob| blob.key.as_str().to_owned()).collect();
    assert_eq!(names, (0..kept).map(|n| format!("a/{n}")).collect::<Vec<_>>());
    for name in &names {
        assert_eq!(store.read(&key(name)).unwrap(), vec![1; length]);
    }
    store.delete(&key("a/1")).unwrap();
    store.put(&key("a/again"), &vec![3; length], PutMode::CreateNew).unwrap();
}
