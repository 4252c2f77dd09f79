//! The log as agents see it: segments, merging, gaps, and other writers.

use crate::support::agent::{frames, noise};
use crate::support::{World, decode, upload};
use blobs::{BlobStore, Fault, FaultPlan, Faulty, Key, Op};
use format::frame::PackKind;
use format::segment::{IdTable, Segment};
use model::{ChunkId, LeaseId};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use vault::{Error, Position, Vault};

/// Packs with small frames; gives the ids of their chunks.
fn fill(world: &World, vault: &Arc<Vault>, count: u64) -> Vec<ChunkId> {
    let lease = LeaseId::from_bytes([2; 16]);
    (0..count)
        .flat_map(|_| {
            let pack = world.agent.data_pack(&[vec![noise(rand(), 20)]]);
            upload(vault, lease, pack.id, &pack.bytes).unwrap();
            pack.table.frames[0].ids.clone()
        })
        .collect()
}

fn rand() -> u64 {
    u64::from_le_bytes(model::ids::random_bytes())
}

fn segments(vault: &Arc<Vault>, after: Option<Position>) -> Result<Vec<Segment>, Error> {
    vault.segments_after(after)?.map(decode).collect()
}

fn at(vault: &Arc<Vault>, sequence: u64) -> Option<Position> {
    Some(Position { sequence, ..vault.position().unwrap() })
}

#[test]
fn an_agent_goes_on_from_where_it_is() {
    let world = World::new();
    fill(&world, &world.vault, 5);
    let numbers = |after: Option<Position>| {
        let found = segments(&world.vault, after).unwrap();
        found.iter().map(|segment| (segment.from, segment.to)).collect::<Vec<_>>()
    };
    assert_eq!(numbers(None).len(), 6);
    assert_eq!(numbers(at(&world.vault, 0)).len(), 6);
    assert_eq!(numbers(at(&world.vault, 4)), [(5, 5), (6, 6)]);
    assert_eq!(numbers(at(&world.vault, 6)), []);
    assert!(matches!(segments(&world.vault, at(&world.vault, 7)), Err(Error::IndexGap)));
    assert!(matches!(segments(&world.vault, at(&world.vault, u64::MAX)), Err(Error::IndexGap)));
    let other = Some(Position { incarnation: [0; 16], sequence: 4 });
    assert!(matches!(segments(&world.vault, other), Err(Error::IndexGap)));
}

/// What an agent knows: the live ids and where they are.
fn knowledge(segments: &[Segment]) -> BTreeMap<ChunkId, format::ranges::Address> {
    let mut packs = HashMap::new();
    for segment in segments {
        packs.extend(segment.packs.iter().map(|row| (row.id, row.clone())));
        for change in &segment.changes {
            let stays = packs.get_mut(&change.pack).is_none_or(|row| row.apply(change));
            if !stays {
                packs.remove(&change.pack);
            }
        }
    }
    let mut known = BTreeMap::new();
    for segment in segments {
        let positions = segment.addresses(PackKind::Data);
        for (id, place) in segment.data_ids.ids.iter().zip(&segment.data_ids.positions) {
            let address = positions.get(*place).unwrap();
            let frame = packs.get(&address.pack).and_then(|row| row.frame(address.frame));
            if frame.is_some_and(|frame| frame.retired == 0) {
                known.insert(*id, address);
            }
        }
    }
    known
}

#[test]
fn merging_keeps_every_answer_and_the_newest_numbers() {
    let mut world = World::new();
    let ids = fill(&world, &world.vault, 100);
    let whole = knowledge(&segments(&world.vault, None).unwrap());
    let answers = world.vault.look_up(&ids, &HashSet::new()).unwrap();
    let report = world.vault.merge_segments().unwrap();
    assert!(report.merged_segments >= 30, "{report:?}");
    assert_eq!(world.objects("index").len() as u64, report.segments);
    for _ in 0..2 {
        assert_eq!(knowledge(&segments(&world.vault, None).unwrap()), whole);
        assert_eq!(world.vault.look_up(&ids, &HashSet::new()).unwrap(), answers);
        assert_eq!(segments(&world.vault, at(&world.vault, 90)).unwrap().len(), 11);
        assert!(matches!(segments(&world.vault, at(&world.vault, 5)), Err(Error::IndexGap)));
        world.reopen();
    }
    assert_eq!(world.vault.merge_segments().unwrap().merged_segments, 0);
}

#[test]
fn an_agent_may_leave_the_ids_of_data_out() {
    let world = World::new();
    let ids = fill(&world, &world.vault, 100);
    let lease = world.grant();
    let tree = world.agent.tree(&frames(1, 2, 2));
    world.back_up(lease, &tree);
    assert_eq!(world.vault.data_ids().unwrap(), ids.len() as u64 + 4);
    for after in [None, at(&world.vault, 90)] {
        for _ in 0..2 {
            let whole = segments(&world.vault, after).unwrap();
            let without = world.vault.segments_after(after).unwrap().without_data_ids();
            let without: Vec<Segment> = without.map(|bytes| decode(bytes).unwrap()).collect();
            assert!(without.iter().any(|segment| !segment.hunk_ids.ids.is_empty()));
            let stripped = |segment: &Segment| Segment { data_ids: IdTable::default(), ..segment.clone() };
            assert_eq!(without, whole.iter().map(stripped).collect::<Vec<_>>());
            world.vault.merge_segments().unwrap();
        }
    }
}

#[test]
fn an_agent_that_reads_while_segments_are_merged_gets_all_or_a_gap() {
    let world = World::new();
    fill(&world, &world.vault, 100);
    let whole = knowledge(&segments(&world.vault, None).unwrap());
    let mut at_start = world.vault.segments_after(None).unwrap();
    let mut inside = world.vault.segments_after(None).unwrap();
    let begun = inside.next().unwrap().unwrap();
    world.vault.merge_segments().unwrap();
    let all: Vec<Segment> = at_start.by_ref().map(|bytes| decode(bytes).unwrap()).collect();
    assert_eq!(knowledge(&all), whole);
    // What was opened before is read to its end although the store has it no more.
    decode(Ok(begun)).unwrap();
    assert!(matches!(inside.next(), Some(Err(Error::IndexGap))));
    assert!(inside.next().is_none());
}

#[test]
fn a_second_writer_takes_no_number_twice() {
    let world = World::new();
    let other = Vault::open(Arc::new(world.store.clone()), world.agent.vault, world.clock.clone()).unwrap();
    let mut ids = fill(&world, &world.vault, 3);
    ids.extend(fill(&world, &other, 3));
    ids.extend(fill(&world, &world.vault, 3));
    assert_eq!(world.vault.position().unwrap().sequence, 10);
    assert_eq!(world.objects("index").len(), 10);
    assert!(world.vault.look_up(&ids, &HashSet::new()).unwrap().iter().all(Option::is_some));
    // A pack that the other has written is known when the number is found taken.
    let pack = world.agent.data_pack(&frames(1, 1, 1));
    let lease = LeaseId::from_bytes([2; 16]);
    assert!(upload(&world.vault, lease, pack.id, &pack.bytes).unwrap().stored);
    assert!(!upload(&other, lease, pack.id, &pack.bytes).unwrap().stored);
}

#[test]
fn a_write_in_doubt_is_cleared_up_by_the_next() {
    let world = World::new();
    // The pack's object is written by `Finish`; the first `Put` is that of the segment.
    let plan = FaultPlan::new().nth(Op::Put, 1, Fault::FailAfter(blobs::ErrorKind::Other));
    let store = Arc::new(Faulty::new(world.store.clone(), plan));
    let vault = Vault::open(store, world.agent.vault, world.clock.clone()).unwrap();
    let pack = world.agent.data_pack(&frames(1, 1, 1));
    let lease = LeaseId::from_bytes([2; 16]);
    assert!(upload(&vault, lease, pack.id, &pack.bytes).is_err());
    let again = upload(&vault, lease, pack.id, &pack.bytes).unwrap();
    assert_eq!((again.stored, again.sequence), (false, 2));
    fill(&world, &vault, 1);
    assert_eq!(vault.position().unwrap().sequence, 3);
    assert_eq!(world.objects("index").len(), 3);
}

#[test]
fn a_merge_in_doubt_is_taken_up_by_the_next() {
    let world = World::new();
    fill(&world, &world.vault, 100);
    let plan = FaultPlan::new().nth(Op::Put, 1, Fault::FailAfter(blobs::ErrorKind::Other));
    let store = Arc::new(Faulty::new(world.store.clone(), plan));
    let vault = Vault::open(store, world.agent.vault, world.clock.clone()).unwrap();
    assert!(vault.merge_segments().is_err());
    assert_eq!(world.objects("index").len(), 102);
    fill(&world, &vault, 20);
    let report = vault.merge_segments().unwrap();
    assert!(report.leftovers > 30, "{report:?}");
    let whole = knowledge(&segments(&vault, None).unwrap());
    assert_eq!(whole.len(), 120);
    let fresh = Vault::open(Arc::new(world.store.clone()), world.agent.vault, world.clock.clone()).unwrap();
    assert_eq!(fresh.log_problem(), None);
    assert_eq!(knowledge(&segments(&fresh, None).unwrap()), whole);
}

#[test]
fn foreign_names_beside_segments_are_left_alone() {
    let mut world = World::new();
    let stray = Key::parse(&format!("vaults/{}/index/readme", world.agent.vault)).unwrap();
    world.store.put(&stray, b"x", blobs::PutMode::CreateNew).unwrap();
    fill(&world, &world.vault, 2);
    world.reopen();
    assert_eq!(world.vault.position().unwrap().sequence, 3);
    world.sweep();
    assert!(world.store.info(&stray).unwrap().is_some());
}

#[test]
fn an_id_is_found_where_it_is_live() {
    let world = World::new();
    let lease = world.grant();
    let content = frames(1, 1, 10);
    let thin = world.agent.data_pack(&content);
    world.upload(lease, &thin).unwrap();
    let files = world.agent.files_of(&thin, &content);
    let tree = world.agent.tree_of(files[..1].to_vec(), None);
    world.back_up(lease, &tree);
    let id = thin.table.frames[0].ids[0];
    world.end(lease);
    assert_eq!(world.mark().retired.frames, 1);
    assert_eq!(world.vault.look_up(&[id], &HashSet::new()).unwrap(), [None]);
    let lease = world.grant();
    let anew = world.agent.data_pack(&[vec![content[0][0].clone()]]);
    world.upload(lease, &anew).unwrap();
    let twice = world.vault.look_up(&[id, ChunkId::from_bytes([0; 16]), id], &HashSet::new()).unwrap();
    assert_eq!(twice, [Some(anew.at(0, 0)), None, Some(anew.at(0, 0))]);
}
