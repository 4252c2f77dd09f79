//! The conformance suite, run on every store and every decorator.

use std::path::Path;
use std::sync::Arc;

use crate::testing::{SimulatedDisk, conformance};
use crate::{BlobStore, FaultPlan, Faulty, FolderStore, MemoryStore, Recording};

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
fn behind_pointers_and_stacked() {
    let root = tempfile::tempdir().unwrap();
    let mut make = folders(root.path());
    conformance::run(|| {
        let inner: Box<dyn BlobStore> = Box::new(make());
        let faulty: Arc<dyn BlobStore> = Arc::new(Faulty::new(inner, FaultPlan::new()));
        Arc::new(Recording::new(faulty))
    });
}
