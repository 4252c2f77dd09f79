//! Losses of power at every call to the disk, and failures of every single call.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use super::key;
use super::steps::STEPS;
use crate::testing::SimulatedDisk;
use crate::{BlobStore, Error, ErrorKind, PutMode};

type Content = Option<Vec<u8>>;

/// What each key may hold: one content where the last call succeeded, two where it failed.
type Allowed = BTreeMap<&'static str, BTreeSet<Content>>;

/// Runs the steps; after a failed one it goes on or ends.
fn run(store: &dyn BlobStore, go_on: bool) -> Allowed {
    let mut allowed = Allowed::new();
    for step in STEPS {
        let Some((name, new, result)) = step.run(store) else { continue };
        let contents = allowed.entry(name).or_insert_with(|| BTreeSet::from([None]));
        match result {
            Ok(()) => *contents = BTreeSet::from([new]),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                assert!(contents.iter().any(Option::is_some), "{name} was said to exist");
                contents.remove(&None);
            }
            Err(_) => {
                contents.insert(new);
                if !go_on {
                    break;
                }
            }
        }
    }
    allowed
}

fn check(store: &dyn BlobStore, allowed: &Allowed, when: &str) {
    let mut found = BTreeSet::new();
    for (name, contents) in allowed {
        let content = store.read(&key(name)).map(Some).or_else(|error| match error.kind() {
            ErrorKind::NotFound => Ok(None),
            _ => Err(error),
        });
        let content = content.unwrap();
        let length = content.as_ref().map(Vec::len);
        let lengths: Vec<_> = contents.iter().map(|content| content.as_ref().map(Vec::len)).collect();
        assert!(contents.contains(&content), "{when}: {name} holds {length:?}, allowed {lengths:?}");
        found.extend(content.map(|_| (*name).to_owned()));
    }
    let listed: BTreeSet<_> =
        store.list("").unwrap().into_iter().map(|b| b.key.as_str().to_owned()).collect();
    assert_eq!(listed, found, "{when}");
}

#[test]
fn what_was_acknowledged_survives_a_loss_of_power_at_any_call() {
    let disk = SimulatedDisk::new();
    let store = disk.init().unwrap();
    let first = disk.calls() + 1;
    check(&store, &run(&store, false), "without a cut");
    assert_eq!(disk.violations(), Vec::<String>::new());
    let last = disk.calls();
    assert!(last - first > 60, "the steps made only {} calls", last - first);

    for cut in first..=last {
        let disk = SimulatedDisk::new();
        let store = disk.init().unwrap();
        disk.cut_power_at(cut);
        let allowed = run(&store, false);
        drop(store);
        assert_eq!(disk.violations(), Vec::<String>::new());
        for seed in 0..24 {
            let disk = disk.after_power_loss(seed);
            let store = disk.open().unwrap();
            check(&store, &allowed, &format!("cut at {cut}, seed {seed}"));
            assert_eq!(disk.names_in("tmp"), 0, "cut at {cut}, seed {seed}");
            // And the store goes on working.
            store.put(&key("a/after/cut"), b"1", PutMode::CreateNew).unwrap();
            let disk = disk.after_power_loss(seed);
            assert_eq!(disk.open().unwrap().read(&key("a/after/cut")).unwrap(), b"1");
        }
    }
}

#[test]
fn a_single_failure_leaves_old_or_new_and_no_rubbish() {
    let disk = SimulatedDisk::new();
    let store = disk.init().unwrap();
    let first = disk.calls() + 1;
    run(&store, true);
    let last = disk.calls();

    let mut kinds = BTreeSet::new();
    for (failing, kind) in (first..=last)
        .flat_map(|call| [ErrorKind::Full, ErrorKind::Other, ErrorKind::Transient].map(|kind| (call, kind)))
    {
        let when = format!("{kind:?} at {failing}");
        let disk = SimulatedDisk::new();
        let store = disk.init().unwrap();
        disk.fail_at(failing, kind);
        let allowed = run(&store, true);
        check(&store, &allowed, &when);
        assert!(disk.names_in("tmp") <= 1, "{when}");
        drop(store);
        let disk = disk.after_power_loss(failing);
        let store = disk.open().unwrap();
        assert_eq!(disk.names_in("tmp"), 0, "{when}");
        check(&store, &allowed, &when);
        kinds.insert(format!("{kind:?}"));
    }
    assert_eq!(kinds.len(), 3);
}

#[test]
fn making_a_store_can_be_cut_anywhere() {
    let disk = SimulatedDisk::new();
    disk.init().unwrap();
    for cut in 1..=disk.calls() {
        for seed in 0..24 {
            let disk = SimulatedDisk::new();
            disk.cut_power_at(cut);
            disk.init().map(drop).unwrap_err();
            let disk = disk.after_power_loss(seed);
            let store = match disk.init() {
                Err(Error::StoreExists { .. }) => disk.open(),
                made => made,
            };
            let store = store.unwrap_or_else(|error| panic!("cut {cut}, seed {seed}: {error:?}"));
            store.put(&key("a/b"), b"1", PutMode::CreateNew).unwrap();
            let id = store.id();
            let again = disk.after_power_loss(seed).open().unwrap();
            assert_eq!((again.read(&key("a/b")).unwrap().as_slice(), again.id()), (b"1".as_slice(), id));
        }
    }
}

#[test]
fn an_error_of_the_disk_keeps_its_kind() {
    for kind in [ErrorKind::Full, ErrorKind::Denied, ErrorKind::Transient, ErrorKind::Other] {
        let disk = SimulatedDisk::new();
        let store = disk.init().unwrap();
        let first = disk.calls() + 1;
        store.put(&key("a/b"), b"1", PutMode::CreateNew).unwrap();
        let last = disk.calls();
        for failing in first..=last {
            let disk = SimulatedDisk::new();
            let store = disk.init().unwrap();
            disk.fail_at(failing, kind);
            match store.put(&key("a/b"), b"1", PutMode::CreateNew) {
                Err(error) => assert_eq!(error.kind(), kind, "call {failing}: {error:?}"),
                // The question whether the key exists is a courtesy: the rename decides.
                Ok(()) => assert_eq!(failing, first),
            }
        }
    }
}

#[test]
fn a_blob_that_exists_already_is_durable() {
    let disk = SimulatedDisk::new();
    let store = disk.init().unwrap();
    let first = disk.calls();
    store.put(&key("a/b"), b"1", PutMode::CreateNew).unwrap();
    let calls = disk.calls() - first;

    for streamed in [false, true] {
        let disk = SimulatedDisk::new();
        let store = disk.init().unwrap();
        let mut late = store.create(&key("a/b"), PutMode::CreateNew).unwrap();
        late.write_all(b"2").unwrap();
        // The last call of a write syncs the folder: when it fails, the blob is there but not durable.
        disk.fail_at(disk.calls() + calls, ErrorKind::Other);
        assert_eq!(store.put(&key("a/b"), b"1", PutMode::CreateNew).unwrap_err().kind(), ErrorKind::Other);
        assert_eq!(store.read(&key("a/b")).unwrap(), b"1");
        let lost = |seed| disk.after_power_loss(seed).open().unwrap().info(&key("a/b")).unwrap().is_none();
        assert!((0..50).any(lost));
        let error = if streamed {
            late.finish().unwrap_err()
        } else {
            store.put(&key("a/b"), b"2", PutMode::CreateNew).unwrap_err()
        };
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert!(!(0..50).any(lost));
    }
}

#[test]
fn a_failed_write_cannot_be_finished() {
    let disk = SimulatedDisk::new();
    let store = disk.init().unwrap();
    let mut writer = store.create(&key("a/b"), PutMode::CreateNew).unwrap();
    writer.write_all(b"abc").unwrap();
    disk.fail_at(disk.calls() + 1, ErrorKind::Full);
    let error = Error::from_write(&key("a/b"), writer.write_all(b"def").unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Full);
    writer.write_all(b"def").unwrap_err();
    assert!(matches!(writer.finish(), Err(Error::WriteFailed { .. })));
    assert!(store.list("").unwrap().is_empty());
    assert_eq!(disk.names_in("tmp"), 0);
}
