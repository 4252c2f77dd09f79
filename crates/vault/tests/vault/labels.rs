//! Labels of snapshots: replaced only by who knows what is there, gone with their snapshot, in nobody's way.

use crate::cleanup::key;
use crate::support::agent::{Tree, frames};
use crate::support::{DAY, World};
use blobs::{BlobStore, PutMode};
use model::{Code, SnapshotId};
use std::sync::Arc;
use vault::{Error, Vault};

fn backed_up(world: &World) -> Tree {
    let tree = world.agent.tree(&frames(1, 1, 1));
    world.back_up(world.grant(), &tree);
    tree
}

fn hash(bytes: &[u8]) -> Option<[u8; 32]> {
    Some(*blake3::hash(bytes).as_bytes())
}

#[test]
fn labels_are_replaced_by_who_has_seen_them() {
    let mut world = World::new();
    let id = backed_up(&world).snapshot;
    assert_eq!(world.vault.labels(id).unwrap(), None);
    let [first, second, third] = [1, 2, 3].map(|seed| world.agent.labels(id, &["milestone"], seed));
    world.vault.put_labels(id, None, &first).unwrap();
    // Whoever has not seen it, or something older, changes nothing.
    for seen in [None, hash(&second)] {
        let refused = world.vault.put_labels(id, seen, &second).unwrap_err();
        assert_eq!(refused.code(), Code::LabelsChanged);
    }
    world.vault.put_labels(id, hash(&first), &second).unwrap();
    // The answer was lost, and the request is sent again.
    world.vault.put_labels(id, hash(&first), &second).unwrap();
    assert!(world.vault.put_labels(id, hash(&first), &third).is_err());
    world.reopen();
    assert_eq!(world.vault.labels(id).unwrap(), Some(second));
    assert_eq!(world.vault.labelled().unwrap(), [id]);
    assert_eq!(world.vault.stats().unwrap().labels.objects, 1);
    world.assert_clean();
}

#[test]
fn only_labels_of_a_snapshot_that_is_there_are_stored() {
    let world = World::new();
    let id = backed_up(&world).snapshot;
    let code = |id, bytes: &[u8]| world.vault.put_labels(id, None, bytes).unwrap_err().code();
    let other = SnapshotId::from_bytes([9; 16]);
    assert_eq!(code(other, &world.agent.labels(other, &[], 1)), Code::SnapshotUnknown);
    assert_eq!(code(id, &world.agent.labels(other, &[], 1)), Code::RequestInvalid);
    let stranger = crate::support::agent::Agent::new(model::VaultId::from_bytes([9; 16]));
    assert_eq!(code(id, &stranger.labels(id, &[], 1)), Code::RequestInvalid);
    assert_eq!(code(id, b"no labels"), Code::RequestInvalid);
    let mut damaged = world.agent.labels(id, &["milestone"], 1);
    damaged[60] ^= 1;
    assert_eq!(code(id, &damaged), Code::RequestInvalid);
    assert!(world.objects("labels").is_empty());
}

#[test]
fn of_two_writers_at_once_one_is_told() {
    let world = World::new();
    let id = backed_up(&world).snapshot;
    let stored = std::thread::scope(|scope| {
        let writers: Vec<_> = (1..=8)
            .map(|seed| {
                let (vault, bytes) = (Arc::clone(&world.vault), world.agent.labels(id, &[], seed));
                scope.spawn(move || vault.put_labels(id, None, &bytes).is_ok())
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).filter(|ok| *ok).count()
    });
    assert_eq!(stored, 1);
}

#[test]
fn labels_stay_while_the_snapshot_can_be_brought_back_and_go_with_it() {
    let world = World::new();
    let tree = backed_up(&world);
    let id = tree.snapshot;
    let labels = world.agent.labels(id, &["milestone"], 1);
    world.vault.put_labels(id, None, &labels).unwrap();
    world.vault.delete_snapshot(id, "anna").unwrap();
    world.clock.advance(6 * DAY);
    world.vault.cleanup(&world.options, &world.ledger).unwrap();
    world.vault.undelete_snapshot(id).unwrap();
    assert_eq!(world.vault.labels(id).unwrap(), Some(labels));
    world.vault.delete_snapshot(id, "anna").unwrap();
    world.clock.advance(7 * DAY);
    assert_eq!(world.mark().purged, [id]);
    assert!(world.objects("labels").is_empty() && world.objects("deleted").is_empty());
    assert!(matches!(
        world.vault.put_labels(id, None, &world.agent.labels(id, &[], 2)),
        Err(Error::SnapshotUnknown { .. })
    ));
}

#[test]
fn damaged_labels_and_foreign_names_are_in_nobodys_way() {
    let mut world = World::new();
    let id = backed_up(&world).snapshot;
    let object = key(&world, &format!("labels/{id}"));
    for (name, bytes) in [
        (object.clone(), vec![7; 100_000]),
        (key(&world, "labels/of-a-later-version"), b"x".to_vec()),
        (key(&world, "unheard/of"), b"x".to_vec()),
    ] {
        world.store.put(&name, &bytes, PutMode::CreateNew).unwrap();
    }
    let orphan = key(&world, &format!("labels/{}", SnapshotId::from_bytes([9; 16])));
    world.store.put(&orphan, b"x", PutMode::CreateNew).unwrap();
    world.reopen();
    assert_eq!(Vault::list(&world.store).unwrap(), [world.agent.vault]);
    let dry = vault::CleanupOptions { is_dry: true, ..world.options };
    assert_eq!(world.vault.sweep(&dry, &world.ledger).unwrap().leftovers.labels, 1);
    assert_eq!((world.sweep().leftovers.labels, world.sweep().leftovers.labels), (1, 0));
    assert_eq!(world.objects("labels"), [id.to_string(), "of-a-later-version".to_owned()]);
    assert_eq!(world.objects("unheard"), ["of"]);
    world.assert_clean();
    // What is damaged can be replaced by who has seen that it is.
    assert_eq!(world.vault.labels(id).unwrap(), Some(Vec::new()));
    let labels = world.agent.labels(id, &["milestone"], 1);
    world.vault.put_labels(id, hash(b""), &labels).unwrap();
    assert_eq!(world.vault.labels(id).unwrap(), Some(labels));
}
