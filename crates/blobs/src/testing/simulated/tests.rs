//! Tests that the simulated disk is mean where it may be, and only there.

use std::collections::BTreeSet;

use super::{Node, SimulatedDisk};
use crate::folder::disk::Disk;

fn write(disk: &SimulatedDisk, path: &str, bytes: &[u8], sync: bool) {
    let mut file = disk.create_file(path).unwrap();
    assert_eq!(file.write(bytes).unwrap(), bytes.len());
    if sync {
        file.sync().unwrap();
    }
}

fn content(disk: &SimulatedDisk, path: &str) -> Option<Vec<u8>> {
    let state = disk.lock();
    match state.nodes.get(&state.find(path).ok()?) {
        Some(Node::File { live, .. }) => Some(live.clone()),
        _ => None,
    }
}

/// All that can be left of a file, over many losses of power.
fn outcomes(disk: &SimulatedDisk, path: &str) -> BTreeSet<Option<Vec<u8>>> {
    (0..200).map(|seed| content(&disk.after_power_loss(seed), path)).collect()
}

#[test]
fn synced_content_under_a_synced_name_stays() {
    let disk = SimulatedDisk::new();
    write(&disk, "a", b"xy", true);
    disk.sync_folder("").unwrap();
    assert_eq!(outcomes(&disk, "a"), BTreeSet::from([Some(b"xy".to_vec())]));
    assert!(disk.violations().is_empty());
}

#[test]
fn without_a_sync_of_the_file_its_content_may_be_anything() {
    let disk = SimulatedDisk::new();
    write(&disk, "a", b"xy", false);
    disk.sync_folder("").unwrap();
    let expected = [b"xy".to_vec(), b"x".to_vec(), Vec::new(), vec![0, 0]].map(Some);
    assert_eq!(outcomes(&disk, "a"), BTreeSet::from(expected));
}

#[test]
fn without_a_sync_of_the_folder_the_name_may_be_missing() {
    let disk = SimulatedDisk::new();
    write(&disk, "a", b"xy", true);
    assert_eq!(outcomes(&disk, "a"), BTreeSet::from([None, Some(b"xy".to_vec())]));
    disk.create_folder("f").unwrap();
    write(&disk, "f/b", b"xy", true);
    disk.sync_folder("f").unwrap();
    assert_eq!(outcomes(&disk, "f/b"), BTreeSet::from([None, Some(b"xy".to_vec())]));
}

#[test]
fn a_removed_name_may_come_back_until_the_folder_is_synced() {
    let disk = SimulatedDisk::new();
    write(&disk, "a", b"xy", true);
    disk.sync_folder("").unwrap();
    disk.remove_file("a").unwrap();
    assert_eq!(outcomes(&disk, "a"), BTreeSet::from([None, Some(b"xy".to_vec())]));
    disk.sync_folder("").unwrap();
    assert_eq!(outcomes(&disk, "a"), BTreeSet::from([None]));
}

#[test]
fn a_file_closed_or_renamed_without_a_sync_is_noted() {
    let disk = SimulatedDisk::new();
    write(&disk, "a", b"xy", false);
    assert_eq!(disk.violations(), ["file 1 was closed without a sync"]);
    disk.rename("a", "b").unwrap();
    assert_eq!(disk.violations().len(), 2);
    assert!(disk.violations()[0].contains("renamed"));

    let disk = SimulatedDisk::new();
    write(&disk, "a", b"xy", false);
    disk.remove_file("a").unwrap();
    assert!(disk.violations().is_empty());
}

#[test]
fn power_and_single_calls_fail_where_told() {
    let disk = SimulatedDisk::new();
    disk.fail_at(2, crate::ErrorKind::Full);
    disk.cut_power_at(4);
    disk.create_folder("a").unwrap();
    assert_eq!(disk.create_folder("b").unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    disk.create_folder("c").unwrap();
    disk.create_folder("d").unwrap_err();
    disk.create_folder("e").unwrap_err();
    assert_eq!((disk.calls(), disk.names_in("")), (5, 2));
}
