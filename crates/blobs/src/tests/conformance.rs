//! The conformance suite, run on every store and every decorator.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::testing::{SimulatedDisk, conformance};
use crate::{
    BlobStore, ErrorKind, Fault, FaultPlan, Faulty, FolderStore, MemoryStore, Op, Recording, RetryPolicy,
    Retrying,
};

/// Gives a new store below `root` at each call.
fn folders(root: &Path) -> impl FnMut() -> FolderStore {
    let mut number = 0;
    move || {
        number += 1;
        FolderStore::init(&root.join(number.to_string())).unwrap()
    }
}

#[test]
fn memory() {
    conformance::run(|| Arc::new(MemoryStore::new()));
    conformance::run(|| Arc::new(MemoryStore::new().with_capacity(1 << 30)));
}

#[test]
fn folder() {
    let root = tempfile::tempdir().unwrap();
    let mut make = folders(root.path());
    let mut stores = Vec::new();
    conformance::run(|| {
        let store = make();
        stores.push(store.clone());
        Arc::new(store)
    });
    for number in 1..=stores.len() {
        let temporary = root.path().join(number.to_string()).join("tmp");
        assert_eq!(temporary.read_dir().unwrap().count(), 0, "store {number} has left something");
    }
}

#[test]
fn simulated_disk() {
    let mut disks = Vec::new();
    conformance::run(|| {
        let disk = SimulatedDisk::new();
        disks.push(disk.clone());
        Arc::new(disk.init().unwrap())
    });
    for disk in disks {
        assert_eq!(disk.violations(), Vec::<String>::new());
        assert_eq!(disk.names_in("tmp"), 0);
    }
}

#[test]
fn recording() {
    let root = tempfile::tempdir().unwrap();
    let mut make = folders(root.path());
    conformance::run(|| Arc::new(Recording::new(make())));
}

#[test]
fn faulty_without_faults() {
    conformance::run(|| Arc::new(Faulty::new(MemoryStore::new(), FaultPlan::new())));
}

#[test]
fn retrying_over_a_store_that_often_fails() {
    let policy = RetryPolicy { attempts: 60, first_pause: Duration::ZERO, longest_pause: Duration::ZERO };
    let ops =
        [Op::Put, Op::Create, Op::Read, Op::Open, Op::ReadAt, Op::Info, Op::List, Op::Delete, Op::Space];
    let mut seed = 0;
    conformance::run(|| {
        seed += 1;
        let plan = FaultPlan::new().chance(&ops, 0.2, seed, Fault::Fail(ErrorKind::Transient)).chance(
            &ops,
            0.2,
            seed + 1000,
            Fault::FailAfter(ErrorKind::Transient),
        );
        Arc::new(Retrying::with_pause(Faulty::new(MemoryStore::new(), plan), policy, |_| {}))
    });
}

#[test]
fn behind_pointers_and_stacked() {
    let root = tempfile::tempdir().unwrap();
    let mut make = folders(root.path());
    conformance::run(|| {
        let inner: Box<dyn BlobStore> = Box::new(make());
        let faulty: Arc<dyn BlobStore> = Arc::new(Faulty::new(inner, FaultPlan::new()));
        Arc::new(Recording::new(Retrying::new(faulty, RetryPolicy::default())))
    });
}
