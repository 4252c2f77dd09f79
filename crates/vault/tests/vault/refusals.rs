//! What cleanup does not understand: it refuses, removes nothing, and there is a way out.

use crate::cleanup::{key, pack_key};
use crate::support::agent::{Tree, frames};
use crate::support::restore::assert_restores;
use crate::support::{DAY, HOUR, World};
use blobs::{BlobStore, PutMode};
use model::SnapshotId;
use std::cell::Cell;
use std::collections::HashSet;
use vault::{BoxError, Error, LeaseGrant, Refusal, Registry};

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> Refusal {
    match result {
        Err(Error::CleanupRefused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

/// Fails unless both passes refuse for the same reason and change nothing.
fn refusals(world: &World) -> Refusal {
    let before = world.store.list("").unwrap();
    let one = refusal(world.vault.mark(&world.options, &world.ledger));
    let two = refusal(world.vault.sweep(&world.options, &world.ledger));
    assert_eq!(one, two);
    assert_eq!(world.store.list("").unwrap(), before);
    one
}

#[test]
fn cleanup_refuses_when_database_and_store_disagree() {
    let mut world = World::new();
    let lease = world.grant();
    let one = world.agent.tree(&frames(1, 1, 1));
    let two = world.agent.tree(&frames(2, 1, 1));
    world.back_up(lease, &one);
    world.back_up(lease, &two);
    world.end(lease);
    let know = |world: &World, ids: &[SnapshotId]| {
        *world.ledger.known.lock().unwrap() = Some(ids.iter().copied().collect::<HashSet<_>>());
    };
    let ghost = SnapshotId::from_bytes([1; 16]);
    know(&world, &[one.snapshot, ghost]);
    let found = refusals(&world);
    let expected =
        Refusal::SnapshotsDisagree { only_in_store: vec![two.snapshot], only_in_database: vec![ghost] };
    assert_eq!(found, expected);
    know(&world, &[one.snapshot, two.snapshot]);
    world.mark();
    world.sweep();
    // One whose time is over may be unknown already, or not yet.
    world.vault.delete_snapshot(one.snapshot, "anna").unwrap();
    world.clock.advance(7 * DAY);
    world.options.is_dry = true;
    for known in [&[one.snapshot, two.snapshot][..], &[two.snapshot]] {
        know(&world, known);
        assert_eq!((world.sweep().purged, world.mark().purged), (vec![one.snapshot], vec![one.snapshot]));
    }
    world.options.is_dry = false;
    assert_eq!(world.sweep().purged, [one.snapshot]);
    assert_eq!((world.sweep().purged, world.mark().purged), (Vec::new(), Vec::new()));
}

#[test]
fn cleanup_refuses_what_it_cannot_read() {
    let world = World::new();
    let lease = world.grant();
    let tree = world.agent.tree(&frames(1, 2, 1));
    world.back_up(lease, &tree);
    world.end(lease);
    let snapshot = key(&world, &format!("snapshots/{}", tree.snapshot));
    let good = world.store.read(&snapshot).unwrap();
    let mut bad = good.clone();
    bad[30] ^= 1;
    world.store.put(&snapshot, &bad, PutMode::Replace).unwrap();
    let mut fresh = World::on(world.store.clone(), world.clock.clone());
    assert_eq!(refusals(&fresh), Refusal::SnapshotUnreadable { snapshot: tree.snapshot });
    assert_eq!(fresh.vault.snapshots().unwrap().unreadable, [tree.snapshot]);
    // Cached from before, and still noticed.
    assert_eq!(refusals(&world), Refusal::SnapshotUnreadable { snapshot: tree.snapshot });
    world.store.put(&snapshot, &good, PutMode::Replace).unwrap();
    let hunks = pack_key(&world, tree.hunks.id, 0);
    world.store.delete(&hunks).unwrap();
    fresh.reopen();
    let frame = vault::FrameId { pack: tree.hunks.id, frame: 0 };
    assert_eq!(refusals(&fresh), Refusal::HunkUnreadable { snapshot: tree.snapshot, frame });
    world.store.put(&hunks, &tree.hunks.bytes, PutMode::CreateNew).unwrap();
    fresh.mark();
    // The log has lost its end: what it does not list must not be taken for left behind.
    world.store.delete(&key(&world, "index/0000000000000003-0000000000000003")).unwrap();
    fresh.reopen();
    assert_eq!(fresh.vault.log_problem(), None);
    assert_eq!(refusals(&fresh), Refusal::RangeNotInLog { frame });
    fresh.vault.rebuild_index().unwrap();
    fresh.clean_up_fully();
    assert_restores(&fresh.vault, &fresh.agent, tree.snapshot, &tree.files);
}

/// Two snapshots of runs that have ended.
fn lost_and_kept() -> (World, Tree, Tree) {
    let world = World::new();
    let lease = world.grant();
    let [lost, kept] = [1, 2].map(|seed| world.agent.tree(&frames(seed, 2, 1)));
    for tree in [&lost, &kept] {
        world.back_up(lease, tree);
    }
    world.end(lease);
    (world, lost, kept)
}

#[test]
fn a_snapshot_whose_hunks_are_lost_can_be_deleted_and_cleaned_up() {
    let (mut world, lost, kept) = lost_and_kept();
    world.store.delete(&pack_key(&world, lost.hunks.id, 0)).unwrap();
    world.store.delete(&pack_key(&world, lost.packs[0].id, 0)).unwrap();
    world.reopen();
    world.vault.delete_snapshot(lost.snapshot, "anna").unwrap();
    world.clock.advance(6 * DAY);
    let frame = vault::FrameId { pack: lost.hunks.id, frame: 0 };
    assert_eq!(refusals(&world), Refusal::HunkUnreadable { snapshot: lost.snapshot, frame });
    // When its time is over it stands in nobody's way any more.
    world.clock.advance(DAY);
    let swept = world.sweep();
    assert_eq!(swept.purged, [lost.snapshot]);
    let packs = HashSet::from([lost.packs[0].id, lost.hunks.id]);
    assert_eq!(swept.damaged_packs.into_iter().collect::<HashSet<_>>(), packs);
    assert_eq!(world.mark().condemned.frames, 3);
    world.clock.advance(DAY);
    assert_eq!(world.sweep().packs_removed, 2);
    assert_restores(&world.vault, &world.agent, kept.snapshot, &kept.files);
    world.assert_clean();
}

#[test]
fn a_snapshot_whose_record_cannot_be_read_can_be_deleted_and_cleaned_up() {
    let (mut world, lost, kept) = lost_and_kept();
    let record = key(&world, &format!("snapshots/{}", lost.snapshot));
    world.store.put(&record, b"broken", PutMode::Replace).unwrap();
    world.reopen();
    let unreadable = Refusal::SnapshotUnreadable { snapshot: lost.snapshot };
    assert_eq!(refusals(&world), unreadable);
    world.vault.delete_snapshot(lost.snapshot, "anna").unwrap();
    world.clock.advance(6 * DAY);
    assert_eq!(refusals(&world), unreadable, "it may be repaired and brought back");
    world.clock.advance(DAY);
    world.options.is_dry = true;
    assert_eq!(world.sweep().purged, [lost.snapshot]);
    world.options.is_dry = false;
    assert_eq!(world.sweep().purged, [lost.snapshot]);
    assert!(world.objects("deleted").is_empty() && world.objects("snapshots").len() == 1);
    world.clean_up_fully();
    assert_eq!(world.vault.stats().unwrap().pack_objects.objects, 2);
    assert_restores(&world.vault, &world.agent, kept.snapshot, &kept.files);
    world.assert_clean();
}

/// A database that is asked a second time when the time of the hidden snapshot has just ended.
struct Later<'a> {
    world: &'a World,
    hidden: SnapshotId,
    asked: Cell<u32>,
}

impl Registry for Later<'_> {
    fn live_leases(&self) -> Result<Vec<LeaseGrant>, BoxError> {
        Ok(Vec::new())
    }

    fn known_snapshots(&self) -> Result<Option<HashSet<SnapshotId>>, BoxError> {
        self.asked.set(self.asked.get() + 1);
        if self.asked.get() == 1 {
            return Ok(Some([self.hidden].into()));
        }
        self.world.clock.advance(HOUR);
        Ok(Some(HashSet::new()))
    }
}

#[test]
fn a_time_that_ends_while_cleanup_looks_is_no_disagreement() {
    let world = World::new();
    let lease = world.grant();
    let hidden = world.back_up(lease, &world.agent.tree(&frames(1, 3, 2)));
    world.end(lease);
    world.vault.delete_snapshot(hidden, "anna").unwrap();
    world.clock.advance(world.options.undo_window - HOUR);
    let registry = Later { world: &world, hidden, asked: Cell::new(0) };
    assert_eq!(world.vault.mark(&world.options, &registry).unwrap().purged, [hidden]);
    assert_eq!(registry.asked.get(), 2);
}
