//! Crashes at every call of the store, and losses of power: afterwards everything that was acknowledged is whole, and
//! the same steps lead to the same end.

use crate::support::agent::{frames, noise};
use crate::support::restore::assert_restores;
use crate::support::scenario::{STEPS, Scenario};
use crate::support::{World, memory, upload};
use blobs::testing::SimulatedDisk;
use blobs::{BlobStore, Fault, FaultPlan, Faulty, MemoryStore, Op, PutMode, Recording};
use model::LeaseId;
use std::ops::ControlFlow;
use std::sync::Arc;
use vault::Vault;

const OPS: [Op; 10] = [
    Op::Put,
    Op::Create,
    Op::Write,
    Op::Finish,
    Op::Delete,
    Op::Read,
    Op::Open,
    Op::ReadAt,
    Op::Info,
    Op::List,
];

/// A store whose blobs have the time of the scenario's step; the clock is moved from outside.
fn store_at(step: usize) -> MemoryStore {
    memory(&Scenario::clock(step))
}

fn run_to_the_end(scenario: &Scenario, store: &Arc<dyn BlobStore>, answered: usize) {
    scenario.run(store, &mut |_| (), answered, &Scenario::clock).unwrap();
    scenario.check_end(store, Scenario::clock(STEPS));
}

#[test]
fn the_scenario_ends_well_without_a_crash() {
    let scenario = Scenario::new();
    let store: Arc<dyn BlobStore> = Arc::new(store_at(0));
    run_to_the_end(&scenario, &store, 0);
}

#[test]
fn a_crash_at_any_call_of_the_store_loses_nothing() {
    let scenario = Scenario::new();
    let counted = Arc::new(Recording::new(store_at(0)));
    scenario.run(&(Arc::clone(&counted) as Arc<dyn BlobStore>), &mut |_| (), 0, &Scenario::clock).unwrap();
    let mut crashes = 0;
    for op in OPS {
        let reads = matches!(op, Op::Read | Op::Open | Op::ReadAt | Op::Info | Op::List);
        for n in 1..=counted.count(op) as u64 {
            // A crash at a read is a crash between two writes: a sample of them is enough.
            if reads && n % 7 != 0 {
                continue;
            }
            for fault in [Fault::Crash, Fault::CrashAfter] {
                if reads && fault == Fault::CrashAfter {
                    continue;
                }
                let memory = store_at(0);
                let faulty = Arc::new(Faulty::new(memory.clone(), FaultPlan::new().nth(op, n, fault)));
                let mut answered = 0;
                let journal = &mut |step: usize| answered = step + 1;
                let ended =
                    scenario.run(&(Arc::clone(&faulty) as Arc<dyn BlobStore>), journal, 0, &Scenario::clock);
                assert!(faulty.is_crashed() && ended.is_err(), "{op} {n}");
                let store: Arc<dyn BlobStore> = Arc::new(memory);
                scenario.check(&store, answered, Scenario::clock(answered));
                run_to_the_end(&scenario, &store, answered);
                crashes += 1;
            }
        }
    }
    assert!(crashes > 100, "{crashes}");
}

#[test]
fn a_failed_call_of_the_store_loses_nothing() {
    let scenario = Scenario::new();
    let counted = Arc::new(Recording::new(store_at(0)));
    scenario.run(&(Arc::clone(&counted) as Arc<dyn BlobStore>), &mut |_| (), 0, &Scenario::clock).unwrap();
    for op in OPS {
        for n in (1..=counted.count(op) as u64).step_by(3) {
            for fault in [Fault::Fail(blobs::ErrorKind::Full), Fault::FailAfter(blobs::ErrorKind::Other)] {
                let memory = store_at(0);
                let plan = FaultPlan::new().nth(op, n, fault);
                let faulty: Arc<dyn BlobStore> = Arc::new(Faulty::new(memory.clone(), plan));
                let mut answered = 0;
                // The step that failed is done again by the same server.
                for _ in 0..2 {
                    let begin = answered;
                    let journal = &mut |step: usize| answered = step + 1;
                    if scenario.run(&faulty, journal, begin, &Scenario::clock).is_ok() {
                        break;
                    }
                }
                assert_eq!(answered, STEPS, "{op} {n}");
                let store: Arc<dyn BlobStore> = Arc::new(memory);
                scenario.check_end(&store, Scenario::clock(STEPS));
            }
        }
    }
}

#[test]
fn a_loss_of_power_loses_nothing() {
    let scenario = Scenario::new();
    let disk = SimulatedDisk::new();
    let store: Arc<dyn BlobStore> = Arc::new(disk.init().unwrap());
    let before = disk.calls();
    scenario.run(&store, &mut |_| (), 0, &Scenario::clock).unwrap();
    let calls = disk.calls() - before;
    let violations = disk.violations();
    assert!(violations.is_empty(), "{violations:?}");
    let seed = u64::from_le_bytes(model::ids::random_bytes());
    println!("seed {seed}");
    let cuts = 120;
    for cut in 0..cuts {
        let disk = SimulatedDisk::new();
        let store: Arc<dyn BlobStore> = Arc::new(disk.init().unwrap());
        let at = before + 1 + (calls * cut + seed % calls) / cuts;
        disk.cut_power_at(at);
        let mut answered = 0;
        let ended = scenario.run(&store, &mut |step| answered = step + 1, 0, &Scenario::clock);
        assert!(ended.is_err() || answered == STEPS);
        drop(store);
        let disk = disk.after_power_loss(seed.wrapping_add(cut));
        let store: Arc<dyn BlobStore> = Arc::new(disk.open().unwrap());
        scenario.check(&store, answered, Scenario::clock(answered));
        run_to_the_end(&scenario, &store, answered);
    }
}

/// A store with the same blobs that can go its own way.
fn copy(store: &MemoryStore) -> MemoryStore {
    let copy = store_at(0);
    for blob in store.list("").unwrap() {
        copy.put(&blob.key, &store.read(&blob.key).unwrap(), PutMode::CreateNew).unwrap();
    }
    copy
}

/// A vault with a snapshot and so many numbers that they can be merged.
fn grown() -> (World, crate::support::agent::Tree) {
    let world = World::new();
    let lease = world.grant();
    let tree = world.agent.tree(&frames(1, 3, 2));
    world.back_up(lease, &tree);
    for seed in 0..80 {
        world.upload(lease, &world.agent.data_pack(&[vec![noise(seed, 20)]])).unwrap();
    }
    (world, tree)
}

/// Runs `work` with a crash at each of its calls that write, and shows each state to `check`.
fn crash_everywhere(
    world: &World,
    work: impl Fn(&Arc<Vault>) -> Result<(), vault::Error>,
    check: impl Fn(MemoryStore),
) {
    let mut crashes = 0;
    for op in [Op::Put, Op::Delete, Op::Create, Op::Write, Op::Finish] {
        for n in 1.. {
            let mut is_over = false;
            for fault in [Fault::Crash, Fault::CrashAfter] {
                let memory = copy(&world.store);
                let faulty = Arc::new(Faulty::new(memory.clone(), FaultPlan::new().nth(op, n, fault)));
                let vault =
                    Vault::open(Arc::clone(&faulty) as _, world.agent.vault, world.clock.clone()).unwrap();
                let result = work(&vault);
                is_over |= !faulty.is_crashed();
                assert!(result.is_err() || is_over, "{op} {n}");
                check(memory);
                crashes += 1;
            }
            if is_over {
                break;
            }
        }
    }
    assert!(crashes > 20, "{crashes}");
}

#[test]
fn a_crash_while_segments_are_merged_leaves_a_whole_log() {
    let (world, tree) = grown();
    let before = world.vault.position().unwrap();
    crash_everywhere(
        &world,
        |vault| vault.merge_segments().map(drop),
        |store| {
            let again = World::on(store, world.clock.clone());
            assert_eq!(again.vault.log_problem(), None);
            assert_eq!(again.vault.position().unwrap(), before);
            again.assert_clean();
            again.vault.merge_segments().unwrap();
            assert_eq!(again.objects("index").len(), again.vault.segments_after(None).unwrap().count());
            let pack = again.agent.data_pack(&[vec![noise(1, 20)]]);
            assert!(upload(&again.vault, LeaseId::random(), pack.id, &pack.bytes).unwrap().stored);
            let fresh = World::on(again.store, again.clock);
            assert_eq!(fresh.vault.position().unwrap().sequence, before.sequence + 1);
            assert_restores(&fresh.vault, &fresh.agent, tree.snapshot, &tree.files);
        },
    );
}

#[test]
fn a_crash_while_the_index_is_rebuilt_never_leaves_a_log_that_is_too_short() {
    let (world, tree) = grown();
    // Part of it merged, with parts left behind, as a crash could have it.
    let parts = copy(&world.store);
    world.vault.merge_segments().unwrap();
    for blob in parts.list(&format!("vaults/{}/index/", world.agent.vault)).unwrap() {
        let _ = world.store.put(&blob.key, &parts.read(&blob.key).unwrap(), PutMode::CreateNew);
    }
    let packs = world.vault.stats().unwrap().data.packs;
    crash_everywhere(
        &world,
        |vault| vault.rebuild_index().map(drop),
        |store| {
            let again = World::on(store, world.clock.clone());
            assert_restores(&again.vault, &again.agent, tree.snapshot, &tree.files);
            if again.vault.log_problem().is_none() {
                assert_eq!(again.vault.stats().unwrap().data.packs, packs);
                again.assert_clean();
            }
            again.vault.rebuild_index().unwrap();
            assert_eq!(again.vault.stats().unwrap().data.packs, packs);
            again.assert_clean();
            let report = again.vault.verify(false, &mut |_| ControlFlow::Continue(())).unwrap();
            assert_eq!(report.packs, packs + 1);
        },
    );
}
