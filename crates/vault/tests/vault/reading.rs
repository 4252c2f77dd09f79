//! Reading frames: scopes, damage, reads together, and reads while packs are rewritten.

use crate::support::agent::{BuiltPack, Tree, frames, noise};
use crate::support::restore::assert_restores;
use crate::support::{DAY, World, upload};
use blobs::{BlobStore, FaultPlan, Faulty, Key, Op, PutMode, Recording};
use format::hunk::BuiltHunk;
use model::{PackId, SnapshotId};
use std::sync::Arc;
use vault::{Error, FrameFailure, FrameId, Scope, Vault};

fn key(world: &World, pack: PackId, generation: u32) -> Key {
    let hex = pack.to_string();
    Key::parse(&format!("vaults/{}/packs/{}/{hex}.{generation}", world.agent.vault, &hex[..2])).unwrap()
}

fn damage(world: &World, pack: &BuiltPack, at: usize) {
    let mut bytes = world.store.read(&key(world, pack.id, 0)).unwrap();
    bytes[at] ^= 0x40;
    world.store.put(&key(world, pack.id, 0), &bytes, PutMode::Replace).unwrap();
}

fn ids(pack: &BuiltPack) -> Vec<FrameId> {
    pack.table.frames.iter().map(|row| FrameId { pack: pack.id, frame: row.number }).collect()
}

fn outcome(vault: &Arc<Vault>, scope: Scope, wanted: &[FrameId]) -> Vec<Result<u32, FrameFailure>> {
    let answers: Vec<_> = vault.frames(scope, wanted.to_vec()).unwrap().collect();
    assert_eq!(answers.iter().map(|answer| answer.id).collect::<Vec<_>>(), wanted);
    answers.into_iter().map(|answer| answer.frame.map(|frame| frame.number)).collect()
}

#[test]
fn a_snapshot_reaches_its_own_frames_only() {
    let world = World::new();
    let lease = world.grant();
    let content = frames(1, 3, 1);
    let pack = world.agent.data_pack(&content);
    world.upload(lease, &pack).unwrap();
    let files = world.agent.files_of(&pack, &content);
    let one = world.agent.tree_of(files[..2].to_vec(), None);
    let two = world.agent.tree_of(files[1..].to_vec(), None);
    world.back_up(lease, &one);
    world.back_up(lease, &two);
    let no = Err(FrameFailure::NotFound);
    let scope = Scope::Snapshot(one.snapshot);
    assert_eq!(outcome(&world.vault, scope, &ids(&pack)), [Ok(0), Ok(1), no]);
    assert_eq!(outcome(&world.vault, scope, &ids(&one.hunks)), [Ok(0)]);
    assert_eq!(outcome(&world.vault, scope, &ids(&two.hunks)), [no]);
    let nowhere = FrameId { pack: PackId::from_bytes([3; 16]), frame: 0 };
    assert_eq!(outcome(&world.vault, scope, &[nowhere]), [no]);
    assert_eq!(outcome(&world.vault, Scope::Lease, &ids(&pack)), [Ok(0), Ok(1), Ok(2)]);
    assert_eq!(outcome(&world.vault, Scope::Lease, &[nowhere]), [no]);
    let unknown = world.vault.frames(Scope::Snapshot(SnapshotId::random()), Vec::new());
    assert!(matches!(unknown, Err(Error::SnapshotUnknown { .. })));
    // A snapshot that is gone reaches nothing, whatever was cached.
    world.vault.delete_snapshot(one.snapshot, "anna").unwrap();
    world.clock.advance(8 * DAY);
    assert_eq!(world.vault.purge(7 * DAY).unwrap(), [one.snapshot]);
    assert!(matches!(world.vault.frames(scope, Vec::new()), Err(Error::SnapshotUnknown { .. })));
}

#[test]
fn damage_costs_only_what_it_hits() {
    let world = World::new();
    let lease = world.grant();
    let tree = world.agent.tree(&frames(1, 4, 2));
    world.back_up(lease, &tree);
    let pack = &tree.packs[0];
    damage(&world, pack, pack.table.frames[2].offset as usize + 9);
    let scope = Scope::Snapshot(tree.snapshot);
    let bad = Err(FrameFailure::Damaged);
    assert_eq!(outcome(&world.vault, scope, &ids(pack)), [Ok(0), Ok(1), bad, Ok(3)]);
    // The table: then all of the pack.
    damage(&world, pack, pack.bytes.len() - 50);
    let fresh = Vault::open(Arc::new(world.store.clone()), world.agent.vault, world.clock.clone()).unwrap();
    assert_eq!(outcome(&fresh, scope, &ids(pack)), [bad; 4]);
    world.store.delete(&key(&world, pack.id, 0)).unwrap();
    assert_eq!(outcome(&fresh, scope, &ids(pack)), [bad; 4]);
    assert_eq!(outcome(&fresh, scope, &ids(&tree.hunks)), [Ok(0)]);
}

#[test]
fn a_damaged_hunk_leaves_the_rest_of_the_snapshot_readable() {
    let world = World::new();
    let lease = world.grant();
    let content = frames(1, 2, 1);
    let pack = world.agent.data_pack(&content);
    let files = world.agent.files_of(&pack, &content);
    let hunks: Vec<BuiltHunk> =
        files.iter().map(|file| world.agent.hunk(std::slice::from_ref(file))).collect();
    let packs: Vec<BuiltPack> =
        hunks.iter().map(|hunk| world.agent.hunk_pack(&[vec![hunk.clone()]])).collect();
    for pack in [&pack, &packs[0], &packs[1]] {
        world.upload(lease, pack).unwrap();
    }
    let snapshot = SnapshotId::random();
    let placed: Vec<_> = packs.iter().zip(&hunks).map(|(pack, hunk)| (pack.at(0, 0), hunk.clone())).collect();
    let record = world.agent.record(snapshot, None, &placed);
    world.commit(lease, snapshot, &record).unwrap();
    damage(&world, &packs[0], packs[0].bytes.len() - 50);
    let fresh = Vault::open(Arc::new(world.store.clone()), world.agent.vault, world.clock.clone()).unwrap();
    let answers = outcome(&fresh, Scope::Snapshot(snapshot), &ids(&pack));
    assert_eq!(answers, [Err(FrameFailure::NotFound), Ok(1)]);
    // Nothing of that is remembered when the disk is repaired.
    world.store.put(&key(&world, packs[0].id, 0), &packs[0].bytes, PutMode::Replace).unwrap();
    assert_eq!(outcome(&fresh, Scope::Snapshot(snapshot), &ids(&pack)), [Ok(0), Ok(1)]);
}

#[test]
fn neighbours_are_read_together() {
    let world = World::new();
    let lease = world.grant();
    let tree = world.agent.tree(&frames(1, 40, 1));
    world.back_up(lease, &tree);
    let store = Arc::new(Recording::new(world.store.clone()));
    let vault = Vault::open(Arc::clone(&store) as Arc<dyn BlobStore>, world.agent.vault, world.clock.clone())
        .unwrap();
    let scope = Scope::Lease;
    let mut wanted = ids(&tree.packs[0]);
    assert!(outcome(&vault, scope, &wanted).iter().all(Result::is_ok));
    store.take();
    wanted.reverse();
    let answers = outcome(&vault, scope, &wanted);
    assert!(answers.iter().rev().copied().eq((0..40).map(Ok)));
    // One read for forty frames, and nothing was opened anew.
    assert_eq!((store.count(Op::ReadAt), store.count(Op::Open)), (1, 0));
}

#[test]
fn large_frames_are_read_in_portions() {
    let world = World::new();
    let lease = world.grant();
    let content: Vec<Vec<Vec<u8>>> = (0..6).map(|seed| vec![noise(seed, 3 << 20)]).collect();
    let pack = world.agent.data_pack(&content);
    world.upload(lease, &pack).unwrap();
    let store = Arc::new(Recording::new(world.store.clone()));
    let vault = Vault::open(Arc::clone(&store) as Arc<dyn BlobStore>, world.agent.vault, world.clock.clone())
        .unwrap();
    assert!(outcome(&vault, Scope::Lease, &ids(&pack)).iter().all(Result::is_ok));
    let largest = store.calls().iter().filter(|call| call.op == Op::ReadAt).map(|call| call.amount).max();
    assert!(largest.is_some_and(|bytes| (3 << 20..9 << 20).contains(&bytes)), "{largest:?}");
}

/// A snapshot of half of a pack, and the pack after the other half was removed.
fn rewritten(world: &World) -> (Tree, BuiltPack) {
    let lease = world.grant();
    let content = frames(1, 4, 1);
    let pack = world.agent.data_pack(&content);
    world.upload(lease, &pack).unwrap();
    let tree = world.agent.tree_of(world.agent.files_of(&pack, &content)[..2].to_vec(), None);
    world.back_up(lease, &tree);
    world.end(lease);
    (tree, pack)
}

#[test]
fn reads_go_on_while_a_pack_is_rewritten() {
    let world = World::new();
    let (tree, pack) = rewritten(&world);
    let wanted: Vec<FrameId> = ids(&pack)[..2].to_vec();
    let twice = [wanted.clone(), ids(&tree.hunks), wanted.clone()].concat();
    let mut reading = world.vault.frames(Scope::Snapshot(tree.snapshot), twice).unwrap();
    assert!(reading.next().unwrap().frame.is_ok());
    world.mark();
    world.clock.advance(DAY);
    assert_eq!(world.sweep().packs_rewritten, 1);
    assert_eq!(world.store.info(&key(&world, pack.id, 0)).unwrap(), None);
    assert!(reading.all(|answer| answer.frame.is_ok()));
    assert_restores(&world.vault, &world.agent, tree.snapshot, &tree.files);
}

#[test]
fn a_generation_that_vanished_is_looked_for_once() {
    let world = World::new();
    let (tree, pack) = rewritten(&world);
    // Another instance with the generation as it was, as another process would have it.
    let other = Vault::open(Arc::new(world.store.clone()), world.agent.vault, world.clock.clone()).unwrap();
    world.mark();
    world.clock.advance(DAY);
    world.sweep();
    assert_restores(&other, &world.agent, tree.snapshot, &tree.files);
    // A generation that is damaged is passed over for an older one.
    let bytes = world.store.read(&key(&world, pack.id, 1)).unwrap();
    world.store.put(&key(&world, pack.id, 0), &pack.bytes, PutMode::CreateNew).unwrap();
    world.store.put(&key(&world, pack.id, 1), &bytes[..bytes.len() - 1], PutMode::Replace).unwrap();
    let third = Vault::open(Arc::new(world.store.clone()), world.agent.vault, world.clock.clone()).unwrap();
    assert_restores(&third, &world.agent, tree.snapshot, &tree.files);
}

#[test]
fn a_damaged_frame_is_read_from_the_older_generation_while_there_is_one() {
    let world = World::new();
    let (tree, pack) = rewritten(&world);
    world.mark();
    world.clock.advance(DAY);
    world.sweep();
    let mut bytes = world.store.read(&key(&world, pack.id, 1)).unwrap();
    bytes[100] ^= 1;
    world.store.put(&key(&world, pack.id, 1), &bytes, PutMode::Replace).unwrap();
    let fresh =
        || Vault::open(Arc::new(world.store.clone()), world.agent.vault, world.clock.clone()).unwrap();
    let wanted = &ids(&pack)[..2];
    let scope = Scope::Snapshot(tree.snapshot);
    assert_eq!(outcome(&fresh(), scope, wanted), [Err(FrameFailure::Damaged), Ok(1)]);
    world.store.put(&key(&world, pack.id, 0), &pack.bytes, PutMode::CreateNew).unwrap();
    assert_restores(&fresh(), &world.agent, tree.snapshot, &tree.files);
}

#[test]
fn what_a_damaged_snapshot_reaches_is_computed_once_until_something_changes() {
    let world = World::new();
    let tree = world.agent.tree(&frames(1, 2, 1));
    world.back_up(world.grant(), &tree);
    world.store.delete(&key(&world, tree.hunks.id, 0)).unwrap();
    let store = Arc::new(Faulty::new(world.store.clone(), FaultPlan::new()));
    let vault = Vault::open(store.clone(), world.agent.vault, world.clock.clone()).unwrap();
    let scope = Scope::Snapshot(tree.snapshot);
    let wanted = [FrameId { pack: tree.hunks.id, frame: 0 }, FrameId { pack: tree.packs[0].id, frame: 0 }];
    let lost = [Err(FrameFailure::Damaged), Err(FrameFailure::NotFound)];
    assert_eq!(outcome(&vault, scope, &wanted), lost);
    let reads = store.calls(Op::Read);
    assert_eq!(outcome(&vault, scope, &wanted), lost);
    assert_eq!(store.calls(Op::Read), reads, "the record was not read again");
    // The log goes on.
    let other = world.agent.data_pack(&frames(2, 1, 1));
    upload(&vault, world.grant().id, other.id, &other.bytes).unwrap();
    let reads = store.calls(Op::Read);
    assert_eq!(outcome(&vault, scope, &wanted), lost);
    assert_eq!(store.calls(Op::Read), reads + 1);
    // The disk is repaired.
    world.store.put(&key(&world, tree.hunks.id, 0), &tree.hunks.bytes, PutMode::CreateNew).unwrap();
    assert_eq!(outcome(&vault, scope, &wanted), [Ok(0), Ok(0)]);
}
