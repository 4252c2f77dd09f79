//! Uploads, commits, cleanup, merging and reads at the same time: no acknowledged snapshot loses anything.

use crate::support::agent::{File, Tree, noise};
use crate::support::restore::{assert_restores, expected, restore};
use crate::support::{World, commit, upload};
use model::{LeaseId, SnapshotId};
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use vault::{Error, LeaseGrant, Scope};

#[test]
fn packs_are_received_in_parallel_and_each_has_its_number() {
    let world = World::new();
    let packs: Vec<_> = (0..24).map(|seed| world.agent.data_pack(&[vec![noise(seed, 5000)]])).collect();
    let numbers = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (packs, numbers, vault) = (&packs, &numbers, &world.vault);
            scope.spawn(move || {
                // Every pack is sent by two of the workers.
                for (at, pack) in packs.iter().enumerate().filter(|(at, _)| at % 2 == worker % 2) {
                    let receipt = upload(vault, LeaseId::from_bytes([1; 16]), pack.id, &pack.bytes).unwrap();
                    numbers.lock().unwrap().push((at, receipt));
                }
            });
        }
    });
    let numbers = numbers.into_inner().unwrap();
    assert_eq!(numbers.len(), 48);
    assert_eq!(numbers.iter().filter(|(_, receipt)| receipt.stored).count(), 24);
    let by_pack: BTreeMap<usize, u64> = numbers.iter().map(|(at, receipt)| (*at, receipt.sequence)).collect();
    assert!(numbers.iter().all(|(at, receipt)| by_pack[at] == receipt.sequence));
    assert_eq!(world.vault.position().unwrap().sequence, 25);
    world.assert_clean();
}

/// What agents know of each other's work, and what was acknowledged.
#[derive(Default)]
struct Shared {
    /// Everything that was ever uploaded, gone or not.
    files: Mutex<Vec<File>>,
    acknowledged: Mutex<BTreeMap<SnapshotId, Vec<File>>>,
    commits: AtomicUsize,
    refusals: AtomicUsize,
}

/// One run of an agent: new content, some of what is known already, a commit; what is missing is sent anew.
fn back_up(world: &World, shared: &Shared, seed: u64) {
    let lease = world.grant();
    let content: Vec<Vec<Vec<u8>>> = (0..3).map(|at| vec![noise(seed * 100 + at, 200)]).collect();
    let pack = world.agent.data_pack(&content);
    upload(&world.vault, lease.id, pack.id, &pack.bytes).unwrap();
    let mut files = world.agent.files_of(&pack, &content);
    let known = shared.files.lock().unwrap().clone();
    files.extend(known.iter().skip(seed as usize % 7).step_by(7).take(4).cloned());
    for (at, file) in files.iter_mut().enumerate() {
        file.path = format!("/{at:04}");
    }
    shared.files.lock().unwrap().extend(files[..3].iter().cloned());
    for _ in 0..2 {
        let tree = world.agent.tree_of(files.clone(), None);
        upload(&world.vault, lease.id, tree.hunks.id, &tree.hunks.bytes).unwrap();
        match commit(&world.vault, lease, tree.snapshot, &tree.record) {
            Ok(_) => {
                shared.acknowledged.lock().unwrap().insert(tree.snapshot, tree.files);
                shared.commits.fetch_add(1, Ordering::SeqCst);
                break;
            }
            Err(Error::RangesMissing { missing }) => {
                shared.refusals.fetch_add(1, Ordering::SeqCst);
                send_anew(world, lease, &missing, &mut files);
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    world.end(lease);
}

fn send_anew(world: &World, lease: LeaseGrant, missing: &[vault::FrameId], files: &mut [File]) {
    for file in files {
        let address = file.chunks[0].address;
        if missing.iter().any(|id| (id.pack, id.frame) == (address.pack, address.frame)) {
            let pack = world.agent.data_pack(&[vec![file.chunks[0].content.clone()]]);
            upload(&world.vault, lease.id, pack.id, &pack.bytes).unwrap();
            file.chunks[0].address = pack.at(0, 0);
        }
    }
}

#[test]
fn cleanup_beside_backups_and_restores_loses_nothing() {
    let mut world = World::new();
    // Nothing waits for time here: only leases and holds protect.
    world.options.grace = Duration::ZERO;
    world.options.undo_window = Duration::ZERO;
    world.options.patience = Duration::from_secs(300);
    let shared = Shared::default();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..3)
            .map(|worker| {
                let (world, shared) = (&world, &shared);
                scope.spawn(move || (0..25).for_each(|run| back_up(world, shared, worker * 1000 + run)))
            })
            .collect();
        scope.spawn(|| {
            let mut passes = 0;
            while !is_over.load(Ordering::SeqCst) || passes < 3 {
                world.vault.sweep(&world.options, &world.ledger).unwrap();
                world.vault.mark(&world.options, &world.ledger).unwrap();
                world.vault.merge_segments().unwrap();
                forget_some(&world, &shared);
                passes += 1;
            }
        });
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                read_some(&world, &shared);
            }
        });
        let results: Vec<_> = workers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::SeqCst);
        assert!(results.iter().all(Result::is_ok));
    });
    let (commits, refusals) = (shared.commits.into_inner(), shared.refusals.into_inner());
    assert!(commits >= 60, "{commits} commits, {refusals} refusals");
    for (snapshot, files) in shared.acknowledged.into_inner().unwrap() {
        assert_restores(&world.vault, &world.agent, snapshot, &files);
    }
    world.assert_clean();
}

/// Deletes every third of the acknowledged snapshots that are there.
fn forget_some(world: &World, shared: &Shared) {
    let mut acknowledged = shared.acknowledged.lock().unwrap();
    let chosen: Vec<SnapshotId> = acknowledged.keys().copied().step_by(3).collect();
    for snapshot in chosen {
        acknowledged.remove(&snapshot);
        world.vault.delete_snapshot(snapshot, "retention").unwrap();
    }
}

fn read_some(world: &World, shared: &Shared) {
    let chosen = shared.acknowledged.lock().unwrap().iter().next().map(|(id, files)| (*id, files.clone()));
    let Some((snapshot, files)) = chosen else { return std::thread::yield_now() };
    let found = restore(&world.vault, &world.agent, snapshot);
    // It may have been deleted in between; then it is unknown or parts are gone, and never wrong.
    let still = shared.acknowledged.lock().unwrap().contains_key(&snapshot);
    match found {
        Ok(found) => assert!(found == expected(&files), "{snapshot} has other content"),
        Err(error) => assert!(!still, "{error}"),
    }
}

#[test]
fn a_commit_that_began_before_a_sweep_is_waited_for() {
    let mut world = World::new();
    world.options.grace = Duration::ZERO;
    world.options.patience = Duration::from_secs(300);
    let lease = world.grant();
    let tree: Tree = world.agent.tree(&[vec![noise(1, 100)]]);
    for pack in tree.packs.iter().chain([&tree.hunks]) {
        world.upload(lease, pack).unwrap();
    }
    // Condemned after the grant: a mark that did not know the lease.
    world.end(lease);
    world.mark();
    world.ledger.leases.lock().unwrap().push(lease);
    std::thread::scope(|scope| {
        let hold = world.vault.hold();
        let checked =
            world.vault.check_commit(&hold, &lease, tree.snapshot, &tree.record, &HashSet::new()).unwrap();
        // The lease ends while its commit is under way; the sweep must not go past it.
        world.end(lease);
        let sweep = scope.spawn(|| world.sweep());
        assert!(!sweep.is_finished());
        world.vault.commit(&checked, None).unwrap();
        drop(hold);
        assert_eq!(sweep.join().unwrap().removed.frames, 0);
    });
    assert_restores(&world.vault, &world.agent, tree.snapshot, &tree.files);
    let scope = Scope::Snapshot(tree.snapshot);
    assert_eq!(Arc::clone(&world.vault).frames(scope, Vec::new()).unwrap().count(), 0);
}

/// A registry whose answer about leases comes while a commit under the last lease is half done. The commit goes on
/// when the snapshots were listed, or after a moment.
struct Late<'a> {
    world: &'a World,
    lease: LeaseGrant,
    tree: &'a Tree,
    listed: Mutex<(u32, Option<std::sync::mpsc::Sender<()>>)>,
}

impl vault::Registry for Late<'_> {
    fn live_leases(&self) -> Result<Vec<LeaseGrant>, vault::BoxError> {
        let (send, receive) = std::sync::mpsc::channel();
        self.listed.lock().unwrap().1 = Some(send);
        let (vault, lease) = (Arc::clone(&self.world.vault), self.lease);
        let (id, record) = (self.tree.snapshot, self.tree.record.clone());
        // The lease is alive when the hold is taken, and is not any more when the answer is given.
        let hold = vault.hold();
        std::thread::spawn(move || {
            let checked = vault.check_commit(&hold, &lease, id, &record, &HashSet::new()).unwrap();
            let _ = receive.recv_timeout(Duration::from_millis(300));
            vault.commit(&checked, None).unwrap();
        });
        Ok(Vec::new())
    }

    fn known_snapshots(&self) -> Result<Option<std::collections::HashSet<SnapshotId>>, vault::BoxError> {
        let mut listed = self.listed.lock().unwrap();
        listed.0 += 1;
        if listed.0 == 2 {
            listed.1.take();
        }
        let list = self.world.vault.snapshots().unwrap().snapshots;
        Ok(Some(list.iter().map(|info| info.id).collect()))
    }
}

#[test]
fn a_commit_that_began_before_the_leases_were_read_is_waited_for() {
    let mut world = World::new();
    world.options.grace = Duration::ZERO;
    world.options.patience = Duration::from_secs(300);
    let lease = world.grant();
    let tree = world.agent.tree(&[vec![noise(1, 100)]]);
    for pack in tree.packs.iter().chain([&tree.hunks]) {
        world.upload(lease, pack).unwrap();
    }
    world.end(lease);
    world.mark();
    let registry = Late { world: &world, lease, tree: &tree, listed: Mutex::default() };
    let report = world.vault.sweep(&world.options, &registry).unwrap();
    assert_eq!((report.removed.frames, report.marked_again.frames), (0, 2));
    assert_restores(&world.vault, &world.agent, tree.snapshot, &tree.files);
}
