//! Creating, opening, keys, statistics, rebuilding a lost or damaged index.

use crate::support::agent::frames;
use crate::support::restore::assert_restores;
use crate::support::{DAY, World, record};
use blobs::{BlobStore, Fault, FaultPlan, Faulty, Key, Op, PutMode};
use model::{DeviceId, Timestamp, VaultId};
use std::collections::HashSet;
use std::sync::Arc;
use vault::{Error, Holder, LogProblem, Vault};

#[test]
fn a_vault_is_created_once_and_opened_often() {
    let mut world = World::new();
    let id = world.agent.vault;
    let again = Vault::create(Arc::new(world.store.clone()), &record(id), world.clock.clone()).unwrap();
    assert_eq!(again.position().unwrap(), world.vault.position().unwrap());
    assert_eq!(again.position().unwrap().sequence, 1);
    let mut later = record(id);
    later.created = Timestamp::from_secs(1_900_000_000);
    assert!(Vault::create(Arc::new(world.store.clone()), &later, world.clock.clone()).is_ok());
    let mut other = record(id);
    other.custody = model::Custody::Private;
    let refused = Vault::create(Arc::new(world.store.clone()), &other, world.clock.clone());
    assert!(matches!(refused, Err(Error::VaultExists { .. })));
    let unknown =
        Vault::open(Arc::new(world.store.clone()), VaultId::from_bytes([9; 16]), world.clock.clone());
    assert!(matches!(unknown, Err(Error::VaultUnknown { .. })));
    world.reopen();
    assert_eq!(world.vault.format(), &record(id));
    // To find the vaults nobody looks at what is in them.
    let store = blobs::Recording::new(world.store.clone());
    assert_eq!(Vault::list(&store).unwrap(), [id]);
    assert_eq!((store.amount(Op::List), store.count(Op::Info)), (1, 2));
    let half_made = VaultId::from_bytes([9; 16]);
    let key = Key::parse(&format!("vaults/{half_made}/index/x")).unwrap();
    world.store.put(&key, b"", PutMode::CreateNew).unwrap();
    assert_eq!(Vault::list(&store).unwrap(), [id]);
}

fn copies(vault: VaultId) -> [Key; 2] {
    ["format", "format.copy"].map(|name| Key::parse(&format!("vaults/{vault}/{name}")).unwrap())
}

/// The bytes with one bit changed.
fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

#[test]
fn a_vault_opens_with_one_of_its_two_format_records() {
    let mut world = World::new();
    let id = world.agent.vault;
    let keys = copies(id);
    let whole = record(id).encode();
    assert!(world.vault.mend_record().unwrap().is_empty());
    for (broken, other) in [(0, 1), (1, 0)] {
        for at in 0..whole.len() {
            world.store.put(&keys[broken], &flipped(&whole, at), PutMode::Replace).unwrap();
            world.reopen();
            assert_eq!(world.vault.format(), &record(id), "byte {at} of {}", keys[broken]);
        }
        let faults = world.vault.mend_record().unwrap();
        let [fault] = faults.as_slice() else { panic!("{faults:?}") };
        assert!(
            fault.key == keys[broken] && fault.problem.is_some() && fault.unmended.is_none(),
            "{fault:?}"
        );
        world.store.delete(&keys[broken]).unwrap();
        world.reopen();
        assert_eq!(Vault::list(&world.store).unwrap(), [id]);
        let faults = world.vault.mend_record().unwrap();
        assert!(
            faults.len() == 1 && faults[0].problem.is_none() && faults[0].unmended.is_none(),
            "{faults:?}"
        );
        assert_eq!(world.store.read(&keys[broken]).unwrap(), whole);
        assert_eq!(world.store.read(&keys[other]).unwrap(), whole);
        assert!(world.vault.mend_record().unwrap().is_empty());
    }
    for key in &keys {
        world.store.put(key, &flipped(&whole, 20), PutMode::Replace).unwrap();
    }
    let opened = Vault::open(Arc::new(world.store.clone()), id, world.clock.clone());
    assert!(matches!(opened, Err(Error::Damaged { key, .. }) if key == keys[0]));
}

#[test]
fn a_format_record_that_cannot_be_written_anew_is_told_of() {
    let world = World::new();
    let id = world.agent.vault;
    world.store.delete(&copies(id)[1]).unwrap();
    let plan = FaultPlan::new().nth(Op::Put, 1, Fault::Fail(blobs::ErrorKind::Full));
    let faulty = Arc::new(Faulty::new(world.store.clone(), plan));
    let vault = Vault::open(faulty, id, world.clock.clone()).unwrap();
    let faults = vault.mend_record().unwrap();
    assert!(faults.len() == 1 && faults[0].unmended.is_some(), "{faults:?}");
    assert!(vault.mend_record().unwrap()[0].unmended.is_none());
}

#[test]
fn keys_are_kept_for_each_holder() {
    let world = World::new();
    let device = Holder::Device(DeviceId::from_bytes([1; 16]));
    assert_eq!(world.vault.key(Holder::Org).unwrap(), None);
    world.vault.put_key(Holder::Org, b"one").unwrap();
    world.vault.put_key(device, b"two").unwrap();
    world.vault.put_key(Holder::Org, b"three").unwrap();
    assert_eq!(world.vault.key(Holder::Org).unwrap().unwrap(), b"three");
    assert_eq!(world.vault.key_holders().unwrap(), [Holder::Org, device]);
    assert!(matches!(world.vault.put_key(device, b""), Err(Error::KeyInvalid { size_bytes: 0 })));
    assert!(matches!(world.vault.put_key(device, &[0; 65_537]), Err(Error::KeyInvalid { .. })));
}

#[test]
fn a_vault_that_can_be_opened_has_the_keys_that_it_was_created_with() {
    let keys = [(Holder::Org, b"one".to_vec()), (Holder::Recovery, b"two".to_vec())];
    let vault = VaultId::from_bytes([0xaa; 16]);
    let clock = crate::support::clock();
    for n in 1..=5 {
        let memory = crate::support::memory(&clock);
        let faulty = Arc::new(Faulty::new(memory.clone(), FaultPlan::new().nth(Op::Put, n, Fault::Crash)));
        let created = Vault::create_with_keys(Arc::clone(&faulty) as _, &record(vault), &keys, clock.clone());
        assert!(created.is_err() && faulty.is_crashed());
        let opened = Vault::open(Arc::new(memory.clone()), vault, clock.clone());
        // The last write is that of the second copy of the format record.
        assert!(matches!(opened, Err(Error::VaultUnknown { .. })) == (n < 5), "crash at write {n}");
        let again = Vault::create_with_keys(Arc::new(memory), &record(vault), &keys, clock.clone()).unwrap();
        assert_eq!(again.key_holders().unwrap(), [Holder::Org, Holder::Recovery]);
        assert_eq!(again.position().unwrap().sequence, 1);
    }
}

#[test]
fn statistics_say_what_is_there() {
    let world = World::new();
    let lease = world.grant();
    let tree = world.agent.tree(&frames(1, 3, 2));
    world.back_up(lease, &tree);
    let stats = world.vault.stats().unwrap();
    assert_eq!((stats.data.packs, stats.data.live.frames, stats.data.chunks), (1, 3, 6));
    assert_eq!((stats.hunks.packs, stats.hunks.live.frames, stats.hunks.chunks), (1, 1, 1));
    assert_eq!((stats.pack_objects.objects, stats.snapshots.objects, stats.segments.objects), (2, 1, 3));
    assert_eq!(stats.pack_objects.stored_bytes, (tree.packs[0].bytes.len() + tree.hunks.bytes.len()) as u64);
    let frame_bytes: u64 = tree.packs[0].table.frames.iter().map(|row| u64::from(row.length)).sum();
    assert_eq!(stats.data.live.frame_bytes, frame_bytes);
    world.vault.delete_snapshot(tree.snapshot, "anna").unwrap();
    world.end(lease);
    world.clock.advance(8 * DAY);
    world.mark();
    let stats = world.vault.stats().unwrap();
    assert_eq!((stats.data.live.frames, stats.data.condemned.frames), (0, 3));
    assert_eq!((stats.snapshots.objects, stats.deletions.objects), (0, 0));
}

fn segment(world: &World, from: u64, to: u64) -> Key {
    Key::parse(&format!("vaults/{}/index/{from:016x}-{to:016x}", world.agent.vault)).unwrap()
}

#[test]
fn a_lost_index_is_noticed_and_rebuilt_from_packs() {
    let mut world = World::new();
    let lease = world.grant();
    let tree = world.agent.tree(&frames(1, 3, 2));
    let snapshot = world.back_up(lease, &tree);
    let before = world.vault.position().unwrap();
    for number in 1..=3 {
        world.store.delete(&segment(&world, number, number)).unwrap();
    }
    world.reopen();
    assert_eq!(world.vault.log_problem(), Some(LogProblem::Lost));
    assert!(matches!(world.vault.position(), Err(Error::LogBroken(LogProblem::Lost))));
    assert!(matches!(world.upload(lease, &tree.packs[0]), Err(Error::LogBroken(_))));
    assert!(matches!(world.commit(lease, tree.snapshot, &tree.record), Ok(receipt) if !receipt.stored));
    assert!(matches!(world.vault.mark(&world.options, &world.ledger), Err(Error::LogBroken(_))));
    assert!(matches!(world.vault.sweep(&world.options, &world.ledger), Err(Error::LogBroken(_))));
    let report = world.vault.verify(true, &mut |_| std::ops::ControlFlow::Continue(())).unwrap();
    assert!(!report.is_clean() && report.log_problem == Some(LogProblem::Lost));
    // What is stored can be read all the same.
    assert_restores(&world.vault, &world.agent, snapshot, &tree.files);

    let report = world.vault.rebuild_index().unwrap();
    assert_eq!((report.packs, report.frames, report.chunks, report.segments), (2, 4, 7, 1));
    let after = world.vault.position().unwrap();
    assert!(after.incarnation != before.incarnation && after.sequence == 1);
    assert!(matches!(world.vault.segments_after(Some(before)), Err(Error::IndexGap)));
    world.assert_clean();
    let ids: Vec<_> = tree.packs[0].table.frames.iter().flat_map(|row| row.ids.clone()).collect();
    assert!(world.vault.look_up(&ids, &HashSet::new()).unwrap().iter().all(Option::is_some));
    world.reopen();
    assert_eq!(world.vault.position().unwrap(), after);
    assert_restores(&world.vault, &world.agent, snapshot, &tree.files);
}

#[test]
fn a_gap_and_a_damaged_segment_are_noticed() {
    for damage in 0..2 {
        let mut world = World::new();
        let lease = world.grant();
        let tree = world.agent.tree(&frames(1, 2, 2));
        let snapshot = world.back_up(lease, &tree);
        match damage {
            0 => world.store.delete(&segment(&world, 2, 2)).unwrap(),
            _ => {
                let mut bytes = world.store.read(&segment(&world, 2, 2)).unwrap();
                bytes[20] ^= 1;
                world.store.put(&segment(&world, 2, 2), &bytes, PutMode::Replace).unwrap();
            }
        }
        world.reopen();
        match world.vault.log_problem() {
            Some(LogProblem::Gap { after: 1, next: 3 }) => assert_eq!(damage, 0),
            Some(LogProblem::Damaged { from: 2, to: 2, .. }) => assert_eq!(damage, 1),
            other => panic!("{other:?}"),
        }
        assert_restores(&world.vault, &world.agent, snapshot, &tree.files);
        world.vault.rebuild_index().unwrap();
        world.assert_clean();
        world.clock.advance(10 * DAY);
        world.end(lease);
        world.clean_up_fully();
        assert_restores(&world.vault, &world.agent, snapshot, &tree.files);
    }
}

#[test]
fn a_rebuild_takes_the_newest_generation_and_leaves_out_what_is_damaged() {
    let mut world = World::new();
    let lease = world.grant();
    let tree = world.agent.tree(&frames(1, 4, 1));
    world.back_up(lease, &tree);
    let half = world.agent.tree_of(tree.files[..2].to_vec(), None);
    let snapshot = world.back_up(lease, &half);
    let stray = world.agent.data_pack(&frames(9, 1, 1));
    world.upload(lease, &stray).unwrap();
    world.vault.delete_snapshot(tree.snapshot, "anna").unwrap();
    world.end(lease);
    world.clock.advance(8 * DAY);
    world.mark();
    world.clock.advance(DAY);
    // The stray pack is removed, so a damaged one comes in its place.
    assert_eq!(world.sweep().packs_rewritten, 1);
    let broken = world.agent.data_pack(&frames(10, 1, 1));
    let lease = world.grant();
    world.upload(lease, &broken).unwrap();
    let hex = broken.id.to_string();
    let key = format!("vaults/{}/packs/{}/{hex}.0", world.agent.vault, &hex[..2]);
    world.store.put(&Key::parse(&key).unwrap(), &broken.bytes[..100], PutMode::Replace).unwrap();
    let report = world.vault.rebuild_index().unwrap();
    assert_eq!(report.damaged_packs, [broken.id]);
    let stats = world.vault.stats().unwrap();
    assert_eq!((stats.data.live.frames, stats.data.retired.frames), (2, 0));
    world.reopen();
    assert_restores(&world.vault, &world.agent, snapshot, &half.files);
}
