//! Cleanup: what dies and when, what is left behind and cleared, when it refuses, and that dry runs write nothing.

use crate::support::agent::{File, frames};
use crate::support::restore::{assert_restores, restore};
use crate::support::{DAY, HOUR, World};
use blobs::{BlobStore, Fault, FaultPlan, Faulty, Key, Op, PutMode, Recording};
use model::{PackId, SnapshotId};
use std::collections::HashSet;
use std::sync::Arc;
use vault::{Error, Vault};

pub(crate) fn key(world: &World, rest: &str) -> Key {
    Key::parse(&format!("vaults/{}/{rest}", world.agent.vault)).unwrap()
}

pub(crate) fn pack_key(world: &World, pack: PackId, generation: u32) -> Key {
    let hex = pack.to_string();
    key(world, &format!("packs/{}/{hex}.{generation}", &hex[..2]))
}

#[test]
fn a_deleted_snapshot_gives_its_space_back() {
    let world = World::new();
    let lease = world.grant();
    let gone = world.agent.tree(&frames(1, 3, 2));
    let kept = world.agent.tree(&frames(2, 3, 2));
    world.back_up(lease, &gone);
    world.back_up(lease, &kept);
    world.end(lease);
    assert_eq!(world.mark().condemned.frames, 0);
    world.vault.delete_snapshot(gone.snapshot, "anna").unwrap();
    // As long as it can be brought back, it is marked.
    world.clock.advance(6 * DAY);
    assert_eq!(world.mark().condemned.frames, 0);
    assert_restores(&world.vault, &world.agent, gone.snapshot, &gone.files);
    world.clock.advance(DAY);
    let marked = world.mark();
    assert_eq!((marked.purged.as_slice(), marked.condemned.frames), (&[gone.snapshot][..], 4));
    // The time of grace.
    world.clock.advance(23 * HOUR);
    let early = world.sweep();
    assert_eq!((early.removed.frames, early.waiting.frames), (0, 4));
    world.clock.advance(HOUR);
    let swept = world.sweep();
    assert_eq!((swept.removed.frames, swept.packs_removed, swept.waiting.frames), (4, 2, 0));
    assert_eq!(swept.freed_bytes, (gone.packs[0].bytes.len() + gone.hunks.bytes.len()) as u64);
    assert_eq!(world.objects("packs").len(), 2);
    assert!(restore(&world.vault, &world.agent, gone.snapshot).is_err());
    assert_restores(&world.vault, &world.agent, kept.snapshot, &kept.files);
    world.assert_clean();
}

#[test]
fn a_deletion_can_be_undone_until_its_time_is_over() {
    let world = World::new();
    let tree = world.agent.tree(&frames(1, 1, 1));
    let unknown = world.vault.delete_snapshot(tree.snapshot, "anna");
    assert!(matches!(unknown, Err(Error::SnapshotUnknown { .. })));
    world.back_up(world.grant(), &tree);
    let first = world.vault.delete_snapshot(tree.snapshot, "anna").unwrap();
    world.clock.advance(HOUR);
    assert_eq!(world.vault.delete_snapshot(tree.snapshot, "retention").unwrap(), first);
    let list = world.vault.snapshots().unwrap().snapshots;
    assert_eq!(list[0].deleted.as_ref(), Some(&first));
    world.vault.undelete_snapshot(tree.snapshot).unwrap();
    world.vault.undelete_snapshot(tree.snapshot).unwrap();
    assert_eq!(world.vault.snapshots().unwrap().snapshots[0].deleted, None);
    world.clock.advance(30 * DAY);
    assert!(world.vault.purge(7 * DAY).unwrap().is_empty());
    world.vault.delete_snapshot(tree.snapshot, "anna").unwrap();
    world.clock.advance(7 * DAY);
    assert_eq!(world.vault.purge(7 * DAY).unwrap(), [tree.snapshot]);
    assert!(matches!(world.vault.undelete_snapshot(tree.snapshot), Err(Error::SnapshotUnknown { .. })));
    assert!(world.objects("deleted").is_empty() && world.objects("snapshots").is_empty());
}

#[test]
fn a_deletion_record_that_cannot_be_read_hides_without_an_end() {
    let world = World::new();
    let tree = world.agent.tree(&frames(1, 1, 1));
    world.back_up(world.grant(), &tree);
    let record = key(&world, &format!("deleted/{}", tree.snapshot));
    world.store.put(&record, b"broken", PutMode::CreateNew).unwrap();
    let info = &world.vault.snapshots().unwrap().snapshots[0];
    assert!(info.deleted.as_ref().is_some_and(|deleted| deleted.time.is_none()));
    world.clock.advance(1000 * DAY);
    assert!(world.vault.purge(7 * DAY).unwrap().is_empty());
    // Whoever knows its time writes it anew, once.
    let known = world.clock.now();
    assert!(world.vault.mend_deletion(tree.snapshot, known, "anna").unwrap());
    assert!(!world.vault.mend_deletion(tree.snapshot, known.after(DAY), "bert").unwrap());
    let deleted = world.vault.snapshots().unwrap().snapshots[0].deleted.clone().unwrap();
    assert_eq!((deleted.time, deleted.by.as_str()), (Some(known), "anna"));
    world.vault.undelete_snapshot(tree.snapshot).unwrap();
    assert!(!world.vault.mend_deletion(tree.snapshot, known, "anna").unwrap(), "it is not hidden");
    assert_restores(&world.vault, &world.agent, tree.snapshot, &tree.files);
}

#[test]
fn what_a_living_lease_uploaded_is_left_alone() {
    let world = World::new();
    let lease = world.grant();
    let content = frames(1, 2, 10);
    let pack = world.agent.data_pack(&content);
    world.upload(lease, &pack).unwrap();
    let files = world.agent.files_of(&pack, &content);
    // A checkpoint that refers to a little of one frame.
    let checkpoint = world.agent.tree_of(files[..1].to_vec(), None);
    world.back_up(lease, &checkpoint);
    let marked = world.mark();
    assert_eq!((marked.condemned.frames, marked.retired.frames, marked.protected.frames), (0, 0, 1));
    assert_eq!(marked.sequence, None);
    let tree = world.agent.tree_of(files, None);
    world.back_up(lease, &tree);
    world.end(lease);
    assert_eq!(world.mark().sequence, None);
    assert_restores(&world.vault, &world.agent, tree.snapshot, &tree.files);
}

#[test]
fn an_upload_without_a_commit_dies_with_its_lease() {
    let world = World::new();
    let lease = world.grant();
    let tree = world.agent.tree(&frames(1, 2, 2));
    for pack in tree.packs.iter().chain([&tree.hunks]) {
        world.upload(lease, pack).unwrap();
    }
    assert_eq!(world.mark().protected.frames, 3);
    world.end(lease);
    assert_eq!(world.mark().condemned.frames, 3);
    world.clock.advance(DAY);
    assert_eq!(world.sweep().packs_removed, 2);
    assert!(world.objects("packs").is_empty());
    // A lease of later, and the agent that did not know: everything is missing.
    let error = world.commit(world.grant(), tree.snapshot, &tree.record).unwrap_err();
    assert!(matches!(error, Error::RangesMissing { .. }));
}

#[test]
fn the_oldest_lease_decides_what_must_wait() {
    let world = World::new();
    let stray = world.agent.data_pack(&frames(1, 1, 1));
    let first = world.grant();
    world.upload(first, &stray).unwrap();
    world.end(first);
    let old = world.grant();
    assert_eq!(world.mark().condemned.frames, 1);
    let young = world.grant();
    world.clock.advance(3 * DAY);
    assert_eq!(world.sweep().waiting.frames, 1);
    world.end(old);
    assert_eq!(world.sweep().removed.frames, 1);
    world.end(young);
}

#[test]
fn a_rewrite_keeps_what_is_needed_and_reads_it_back() {
    let mut world = World::new();
    let lease = world.grant();
    let content = frames(1, 8, 2);
    let pack = world.agent.data_pack(&content);
    world.upload(lease, &pack).unwrap();
    let files = world.agent.files_of(&pack, &content);
    let every_other = |parity: usize| -> Vec<File> {
        files
            .iter()
            .enumerate()
            .filter(|(at, _)| at / 2 % 2 == parity)
            .map(|(_, file)| file.clone())
            .collect()
    };
    let kept = world.agent.tree_of(every_other(1), None);
    world.back_up(lease, &kept);
    world.end(lease);
    world.mark();
    world.clock.advance(DAY);
    let before = world.pack_bytes();
    let swept = world.sweep();
    assert_eq!((swept.removed.frames, swept.packs_rewritten), (4, 1));
    assert_eq!(before - world.pack_bytes(), swept.freed_bytes);
    assert!(world.store.info(&pack_key(&world, pack.id, 0)).unwrap().is_none());
    assert!(world.store.info(&pack_key(&world, pack.id, 1)).unwrap().is_some());
    for _ in 0..2 {
        assert_restores(&world.vault, &world.agent, kept.snapshot, &kept.files);
        world.assert_clean();
        world.reopen();
    }
    // Again: the next generation.
    let less = world.agent.tree_of(kept.files[..2].to_vec(), Some(kept.snapshot));
    world.back_up(world.grant(), &less);
    world.ledger.leases.lock().unwrap().clear();
    world.vault.delete_snapshot(kept.snapshot, "anna").unwrap();
    world.clock.advance(7 * DAY);
    world.mark();
    world.clock.advance(DAY);
    assert_eq!(world.sweep().removed.frames, 3 + 1);
    assert!(world.store.info(&pack_key(&world, pack.id, 2)).unwrap().is_some());
    assert_restores(&world.vault, &world.agent, less.snapshot, &less.files);
}

/// Whichever read fails: what was not read back whole must not be taken for the newest generation.
#[test]
fn a_generation_that_could_not_be_read_back_does_not_stay() {
    let mut reads = 0;
    for op in [Op::Open, Op::ReadAt] {
        for n in 1.. {
            let mut world = World::new();
            let lease = world.grant();
            let content = frames(1, 4, 1);
            let pack = world.agent.data_pack(&content);
            world.upload(lease, &pack).unwrap();
            let tree = world.agent.tree_of(world.agent.files_of(&pack, &content)[..2].to_vec(), None);
            world.back_up(lease, &tree);
            world.end(lease);
            world.mark();
            world.clock.advance(DAY);
            let opened = |plan| {
                let store = Arc::new(Faulty::new(world.store.clone(), plan));
                let vault = Vault::open(Arc::clone(&store) as _, world.agent.vault, world.clock.clone());
                (store, vault.unwrap())
            };
            let to_open = opened(FaultPlan::new()).0.calls(op);
            let fault = Fault::Fail(blobs::ErrorKind::Transient);
            let (store, vault) = opened(FaultPlan::new().nth(op, to_open + n, fault));
            world.vault = vault;
            let swept = world.vault.sweep(&world.options, &world.ledger);
            if store.committed().is_empty() {
                assert_eq!(swept.unwrap().packs_rewritten, 1);
                break;
            }
            reads += 1;
            let generations =
                [0, 1].map(|number| world.store.info(&pack_key(&world, pack.id, number)).unwrap().is_some());
            assert_ne!(generations, [true, true], "{op} {n}");
            world.reopen();
            assert_restores(&world.vault, &world.agent, tree.snapshot, &tree.files);
        }
    }
    assert!(reads >= 4, "{reads}");
}

#[test]
fn what_is_damaged_is_not_rewritten_and_nothing_is_lost_by_it() {
    let world = World::new();
    let lease = world.grant();
    let content = frames(1, 4, 1);
    let pack = world.agent.data_pack(&content);
    world.upload(lease, &pack).unwrap();
    let files = world.agent.files_of(&pack, &content);
    let kept = world.agent.tree_of(files[..2].to_vec(), None);
    world.back_up(lease, &kept);
    world.end(lease);
    world.mark();
    world.clock.advance(DAY);
    let mut bytes = pack.bytes.clone();
    bytes[pack.table.frames[1].offset as usize] ^= 1;
    world.store.put(&pack_key(&world, pack.id, 0), &bytes, PutMode::Replace).unwrap();
    for _ in 0..2 {
        assert_eq!(world.sweep().damaged_packs, [pack.id]);
        assert!(world.store.info(&pack_key(&world, pack.id, 0)).unwrap().is_some());
        let fine = world.agent.tree_of(files[..1].to_vec(), None);
        world.back_up(world.grant(), &fine);
        assert_restores(&world.vault, &world.agent, fine.snapshot, &fine.files);
        world.ledger.leases.lock().unwrap().clear();
    }
    // Somebody repairs the disk: the next pass ends what was begun.
    world.store.put(&pack_key(&world, pack.id, 0), &pack.bytes, PutMode::Replace).unwrap();
    let swept = world.sweep();
    assert!(swept.damaged_packs.is_empty() && swept.leftovers.generations == 1);
    assert_restores(&world.vault, &world.agent, kept.snapshot, &kept.files);
    world.assert_clean();
}

#[test]
fn a_new_generation_that_reads_back_wrong_does_not_count() {
    let mut world = World::new();
    let lease = world.grant();
    let content = frames(1, 4, 1);
    let pack = world.agent.data_pack(&content);
    world.upload(lease, &pack).unwrap();
    let kept = world.agent.tree_of(world.agent.files_of(&pack, &content)[..2].to_vec(), None);
    world.back_up(lease, &kept);
    world.end(lease);
    world.mark();
    world.clock.advance(DAY);
    // The disk turns a bit over while the new generation is written.
    let plan = FaultPlan::new().nth(Op::Write, 1, Fault::Flip);
    let store = Arc::new(Faulty::new(world.store.clone(), plan));
    let vault = Vault::open(store, world.agent.vault, world.clock.clone()).unwrap();
    assert_eq!(vault.sweep(&world.options, &world.ledger).unwrap().damaged_packs, [pack.id]);
    assert!(world.store.info(&pack_key(&world, pack.id, 0)).unwrap().is_some());
    assert_restores(&vault, &world.agent, kept.snapshot, &kept.files);
    world.reopen();
    world.sweep();
    assert!(world.store.info(&pack_key(&world, pack.id, 0)).unwrap().is_none());
    assert_restores(&world.vault, &world.agent, kept.snapshot, &kept.files);
    world.assert_clean();
}

#[test]
fn frames_are_removed_twice_before_the_pack_is_written() {
    let mut world = World::new();
    let lease = world.grant();
    let content = frames(1, 6, 1);
    let pack = world.agent.data_pack(&content);
    world.upload(lease, &pack).unwrap();
    let files = world.agent.files_of(&pack, &content);
    let more = world.agent.tree_of(files[..4].to_vec(), None);
    let less = world.agent.tree_of(files[..2].to_vec(), None);
    world.back_up(lease, &more);
    world.back_up(lease, &less);
    world.end(lease);
    world.mark();
    world.clock.advance(DAY);
    // The disk is full when the new generation is begun.
    let plan = FaultPlan::new().nth(Op::Create, 1, Fault::Fail(blobs::ErrorKind::Full));
    let store = Arc::new(Faulty::new(world.store.clone(), plan));
    let vault = Vault::open(store, world.agent.vault, world.clock.clone()).unwrap();
    let full = vault.sweep(&world.options, &world.ledger).unwrap_err();
    assert_eq!(full.code(), model::Code::StorageFull);
    assert_restores(&vault, &world.agent, more.snapshot, &more.files);
    world.reopen();
    world.vault.delete_snapshot(more.snapshot, "anna").unwrap();
    world.clock.advance(7 * DAY);
    world.mark();
    world.clock.advance(DAY);
    let swept = world.sweep();
    // Two frames of content, and the hunks of the larger snapshot.
    assert_eq!((swept.removed.frames, swept.packs_rewritten), (3, 1));
    assert!(swept.damaged_packs.is_empty());
    assert!(world.store.info(&pack_key(&world, pack.id, 2)).unwrap().is_some());
    assert_eq!(world.objects("packs").len(), 2);
    assert_restores(&world.vault, &world.agent, less.snapshot, &less.files);
    world.assert_clean();
}

/// Brings a snapshot back at the last moment before a mark pass removes what is over.
struct Saviour<'a> {
    world: &'a World,
    snapshot: SnapshotId,
    asked: std::sync::atomic::AtomicU32,
}

impl vault::Registry for Saviour<'_> {
    fn live_leases(&self) -> Result<Vec<vault::LeaseGrant>, vault::BoxError> {
        Ok(Vec::new())
    }

    fn known_snapshots(&self) -> Result<Option<HashSet<SnapshotId>>, vault::BoxError> {
        if self.asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 1 {
            self.world.vault.undelete_snapshot(self.snapshot)?;
        }
        Ok(Some(HashSet::from([self.snapshot])))
    }
}

#[test]
fn a_snapshot_that_is_brought_back_at_the_last_moment_is_marked() {
    let world = World::new();
    let lease = world.grant();
    let tree = world.agent.tree(&frames(1, 2, 1));
    world.back_up(lease, &tree);
    world.end(lease);
    world.vault.delete_snapshot(tree.snapshot, "anna").unwrap();
    world.clock.advance(7 * DAY);
    let saviour = Saviour { world: &world, snapshot: tree.snapshot, asked: Default::default() };
    let report = world.vault.mark(&world.options, &saviour).unwrap();
    assert_eq!((report.purged.len(), report.condemned.frames, report.snapshots), (0, 0, 1));
    assert_restores(&world.vault, &world.agent, tree.snapshot, &tree.files);
}

#[test]
fn leftovers_are_cleared_when_they_are_old_enough() {
    let world = World::new();
    let lease = world.grant();
    let tree = world.agent.tree(&frames(1, 2, 2));
    world.back_up(lease, &tree);
    let stray = world.agent.data_pack(&frames(5, 1, 1));
    world.store.put(&pack_key(&world, stray.id, 0), &stray.bytes, PutMode::CreateNew).unwrap();
    let orphan = key(&world, &format!("deleted/{}", SnapshotId::from_bytes([1; 16])));
    world.store.put(&orphan, b"x", PutMode::CreateNew).unwrap();
    let report = world.sweep();
    assert_eq!((report.leftovers.packs, report.leftovers.deletions), (0, 1));
    world.clock.advance(DAY);
    // One that is being uploaded at this moment is left alone, however old its object.
    let uploading = world.vault.receive_pack(lease.id, stray.id).unwrap();
    let report = world.sweep();
    assert_eq!((report.leftovers.packs, report.busy_packs), (0, 1));
    drop(uploading);
    let report = world.sweep();
    assert_eq!((report.leftovers.packs, report.freed_bytes), (1, stray.bytes.len() as u64));
    assert_eq!(world.objects("packs").len(), 2);
    world.assert_clean();
}

#[test]
fn an_older_generation_beside_the_one_that_counts_is_cleared() {
    let world = World::new();
    let lease = world.grant();
    let content = frames(1, 4, 1);
    let pack = world.agent.data_pack(&content);
    world.upload(lease, &pack).unwrap();
    let kept = world.agent.tree_of(world.agent.files_of(&pack, &content)[..2].to_vec(), None);
    world.back_up(lease, &kept);
    world.end(lease);
    world.mark();
    world.clock.advance(DAY);
    world.sweep();
    world.store.put(&pack_key(&world, pack.id, 0), &pack.bytes, PutMode::CreateNew).unwrap();
    assert_eq!(world.sweep().leftovers.generations, 1);
    assert_eq!(world.objects("packs").len(), 2);
    // A new generation that was cut off before it was read back is written again.
    let new = world.store.read(&pack_key(&world, pack.id, 1)).unwrap();
    world.store.put(&pack_key(&world, pack.id, 0), &pack.bytes, PutMode::CreateNew).unwrap();
    let mut broken = new.clone();
    broken[100] ^= 1;
    world.store.put(&pack_key(&world, pack.id, 1), &broken, PutMode::Replace).unwrap();
    assert_eq!(world.sweep().leftovers.generations, 1);
    assert_eq!(world.store.read(&pack_key(&world, pack.id, 1)).unwrap(), new);
    assert_restores(&world.vault, &world.agent, kept.snapshot, &kept.files);
}

#[test]
fn a_dry_run_tells_the_same_and_writes_nothing() {
    let mut world = World::new();
    let lease = world.grant();
    let content = frames(1, 6, 4);
    let pack = world.agent.data_pack(&content);
    world.upload(lease, &pack).unwrap();
    let files = world.agent.files_of(&pack, &content);
    let kept = world.agent.tree_of([&files[..4], &files[8..9]].concat(), None);
    let gone = world.agent.tree_of(files[12..16].to_vec(), None);
    world.back_up(lease, &kept);
    world.back_up(lease, &gone);
    world.end(lease);
    world.vault.delete_snapshot(gone.snapshot, "anna").unwrap();
    world.clock.advance(7 * DAY);
    let store = Arc::new(Recording::new(world.store.clone()));
    let dry = Vault::open(Arc::clone(&store) as Arc<dyn BlobStore>, world.agent.vault, world.clock.clone())
        .unwrap();
    world.options.is_dry = true;
    let writes = || [Op::Put, Op::Create, Op::Delete].map(|op| store.count(op)).iter().sum::<usize>();
    let told = dry.mark(&world.options, &world.ledger).unwrap();
    assert_eq!(writes(), 0);
    world.options.is_dry = false;
    let done = world.mark();
    assert_eq!(vault::MarkReport { sequence: done.sequence, ..told }, done);
    assert_eq!((done.condemned.frames, done.retired.frames, done.purged.len()), (4 + 1, 1, 1));
    world.clock.advance(DAY);
    world.options.is_dry = true;
    let dry = Vault::open(Arc::clone(&store) as Arc<dyn BlobStore>, world.agent.vault, world.clock.clone())
        .unwrap();
    let told = dry.sweep(&world.options, &world.ledger).unwrap();
    assert_eq!(writes(), 0);
    world.options.is_dry = false;
    let done = world.sweep();
    assert_eq!(
        (told.removed, told.packs_removed, told.packs_rewritten),
        (done.removed, done.packs_removed, done.packs_rewritten)
    );
    assert_eq!(done.removed.frames, 5);
}

#[test]
fn a_retired_frame_dies_on_a_tree_that_never_changes() {
    let world = World::new();
    let lease = world.grant();
    let content = frames(1, 4, 10);
    let pack = world.agent.data_pack(&content);
    world.upload(lease, &pack).unwrap();
    let files = world.agent.files_of(&pack, &content);
    // The first snapshot has everything, the following ones a tenth, for ever the same.
    let full = world.agent.tree_of(files.clone(), None);
    world.back_up(lease, &full);
    let small: Vec<File> = files.iter().step_by(10).cloned().collect();
    let mut last = world.agent.tree_of(small, Some(full.snapshot));
    world.back_up(lease, &last);
    world.end(lease);
    world.vault.delete_snapshot(full.snapshot, "anna").unwrap();
    world.clock.advance(7 * DAY);
    assert_eq!(world.mark().retired.frames, 4);
    for _ in 0..3 {
        world.clock.advance(DAY);
        // The agent: entries that refer to retired frames count as changed, so their content comes anew.
        let lease = world.grant();
        let ids: Vec<_> =
            last.files.iter().map(|file| world.agent.keys.chunk_id(&file.chunks[0].content)).collect();
        let found = world.vault.look_up(&ids, &HashSet::new()).unwrap();
        let anew: Vec<Vec<u8>> = last
            .files
            .iter()
            .zip(&found)
            .filter(|(_, at)| at.is_none())
            .map(|(file, _)| file.chunks[0].content.clone())
            .collect();
        let mut packs = Vec::new();
        let mut next = last.files.clone();
        if !anew.is_empty() {
            let pack = world.agent.data_pack(std::slice::from_ref(&anew));
            let changed = next.iter_mut().zip(&found).filter(|(_, at)| at.is_none());
            for (ordinal, (file, _)) in changed.enumerate() {
                file.chunks[0].address = pack.at(0, ordinal as u32);
            }
            packs.push(pack);
        }
        let earlier = last.snapshot;
        last = crate::support::agent::Tree { packs, ..world.agent.tree_of(next, Some(earlier)) };
        world.back_up(lease, &last);
        world.end(lease);
        world.vault.delete_snapshot(earlier, "retention").unwrap();
        world.clock.advance(7 * DAY);
        world.vault.cleanup(&world.options, &world.ledger).unwrap();
    }
    world.clean_up_fully();
    assert_restores(&world.vault, &world.agent, last.snapshot, &last.files);
    let stats = world.vault.stats().unwrap();
    assert_eq!((stats.data.packs, stats.data.live.frames, stats.data.retired.frames), (1, 1, 0));
    assert_eq!((stats.hunks.live.frames, stats.pack_objects.objects), (1, 2));
}

#[test]
fn only_one_cleanup_runs_at_a_time_and_it_waits_for_holds() {
    let mut world = World::new();
    world.options.patience = std::time::Duration::from_millis(5);
    let hold = world.vault.hold();
    let refused = world.vault.mark(&world.options, &world.ledger);
    assert!(matches!(refused, Err(Error::Busy { .. })));
    drop(hold);
    world.mark();
}
