//! Commits: what is checked, what a repeated or lying one gets, and the two rules of leases.

use crate::support::agent::{File, Tree, frames};
use crate::support::restore::assert_restores;
use crate::support::{DAY, HOUR, World};
use format::ranges::{Range, RangeList};
use model::{Damaged, PackId, SetId, SnapshotId, VaultId};
use std::collections::{BTreeSet, HashSet};
use vault::{Error, FrameId, LeaseGrant, SnapshotFault};

fn missing(error: &Error) -> Vec<FrameId> {
    match error {
        Error::RangesMissing { missing } => missing.clone(),
        other => panic!("{other:?}"),
    }
}

fn fault(result: Result<vault::CommitReceipt, Error>) -> SnapshotFault {
    match result {
        Err(Error::SnapshotInvalid { source }) => source,
        other => panic!("{other:?}"),
    }
}

fn names(files: &[File]) -> BTreeSet<FrameId> {
    let addresses = files.iter().flat_map(|file| &file.chunks).map(|chunk| chunk.address);
    addresses.map(|address| FrameId { pack: address.pack, frame: address.frame }).collect()
}

#[test]
fn a_commit_is_stored_once_and_answered_the_same() {
    let mut world = World::new();
    let lease = world.grant();
    let tree = world.agent.tree(&frames(1, 2, 2));
    for pack in &tree.packs {
        world.upload(lease, pack).unwrap();
    }
    world.upload(lease, &tree.hunks).unwrap();
    let first = world.commit(lease, tree.snapshot, &tree.record).unwrap();
    assert!(first.stored && first.sequence == 1 && first.received == world.clock.now());
    world.clock.advance(HOUR);
    for _ in 0..2 {
        let again = world.commit(lease, tree.snapshot, &tree.record).unwrap();
        assert_eq!((again.stored, again.sequence, again.received), (false, 1, first.received));
        world.reopen();
    }
    let other = world.agent.tree_of(tree.files.clone(), None);
    world.upload(lease, &other.hunks).unwrap();
    let hunk = world.agent.hunk(&tree.files);
    let record = world.agent.record(tree.snapshot, None, &[(other.hunks.at(0, 0), hunk)]);
    let error = world.commit(lease, tree.snapshot, &record).unwrap_err();
    assert!(matches!(error, Error::SnapshotConflict { snapshot } if snapshot == tree.snapshot));
    assert_eq!(world.commit(lease, other.snapshot, &other.record).unwrap().sequence, 2);
    let list = world.vault.snapshots().unwrap().snapshots;
    assert_eq!(list.iter().map(|info| info.id).collect::<Vec<_>>(), [tree.snapshot, other.snapshot]);
    assert_eq!((list[0].hunks, list[0].record_bytes, list[0].complete), (1, tree.record.len() as u64, true));
    assert_restores(&world.vault, &world.agent, tree.snapshot, &tree.files);
}

#[test]
fn a_deletion_record_that_a_removal_left_hides_no_later_commit() {
    let world = World::new();
    let lease = world.grant();
    let tree = world.agent.tree(&frames(1, 1, 1));
    world.back_up(lease, &tree);
    world.vault.delete_snapshot(tree.snapshot, "anna").unwrap();
    // The removal was cut off between record and deletion record; the agent repeats its commit.
    let key = format!("vaults/{}/snapshots/{}", world.agent.vault, tree.snapshot);
    blobs::BlobStore::delete(&world.store, &blobs::Key::parse(&key).unwrap()).unwrap();
    assert!(world.commit(lease, tree.snapshot, &tree.record).unwrap().stored);
    assert_eq!(world.vault.snapshots().unwrap().snapshots[0].deleted, None);
    // A commit that is only repeated brings nothing back.
    world.vault.delete_snapshot(tree.snapshot, "anna").unwrap();
    assert!(!world.commit(lease, tree.snapshot, &tree.record).unwrap().stored);
    assert!(world.vault.snapshots().unwrap().snapshots[0].deleted.is_some());
}

#[test]
fn the_caller_may_give_the_number_and_take_a_snapshot_back() {
    let world = World::new();
    let lease = world.grant();
    let tree = world.agent.tree(&frames(1, 1, 1));
    for pack in tree.packs.iter().chain([&tree.hunks]) {
        world.upload(lease, pack).unwrap();
    }
    let hold = world.vault.hold();
    let checked =
        world.vault.check_commit(&hold, &lease, tree.snapshot, &tree.record, &HashSet::new()).unwrap();
    assert!(!checked.is_repeated() && checked.clear().set == world.agent.set);
    assert_eq!(world.vault.commit(&checked, Some(41)).unwrap().sequence, 41);
    world.vault.withdraw_snapshot(&hold, tree.snapshot).unwrap();
    assert!(world.vault.snapshots().unwrap().snapshots.is_empty());
    assert_eq!(world.vault.commit(&checked, Some(42)).unwrap().sequence, 42);
    drop(hold);
    assert_eq!(world.commit(lease, tree.snapshot, &tree.record).unwrap().sequence, 42);
    let foreign = World::new().vault.hold();
    let refused = world.vault.check_commit(&foreign, &lease, tree.snapshot, &tree.record, &HashSet::new());
    assert!(matches!(refused, Err(Error::ForeignHold)));
    assert!(matches!(world.vault.withdraw_snapshot(&foreign, tree.snapshot), Err(Error::ForeignHold)));
}

#[test]
fn what_is_damaged_is_named_like_what_is_missing() {
    let world = World::new();
    let lease = world.grant();
    let tree = world.agent.tree(&frames(1, 3, 1));
    for pack in tree.packs.iter().chain([&tree.hunks]) {
        world.upload(lease, pack).unwrap();
    }
    let hold = world.vault.hold();
    let (data, hunks) = (tree.packs[0].id, tree.hunks.id);
    let refused = |damaged: &[Damaged]| {
        let damaged = damaged.iter().copied().collect();
        let checked = world.vault.check_commit(&hold, &lease, tree.snapshot, &tree.record, &damaged);
        checked.map(drop).map_err(|error| missing(&error)).err().unwrap_or_default()
    };
    let frame = |pack, frame| FrameId { pack, frame };
    assert_eq!(refused(&[Damaged::frame(data, 1)]), [frame(data, 1)]);
    assert_eq!(refused(&[Damaged::frame(hunks, 0), Damaged::pack(PackId::random())]), [frame(hunks, 0)]);
    assert_eq!(refused(&[Damaged::pack(data)]), [0, 1, 2].map(|number| frame(data, number)));
    assert_eq!(refused(&[Damaged::frame(data, 9), Damaged::frame(hunks, 1)]), []);
    // Once committed it stays, whatever is found damaged afterwards.
    world.commit(lease, tree.snapshot, &tree.record).unwrap();
    assert_eq!(refused(&[Damaged::pack(data)]), []);
}

#[test]
fn what_is_not_there_is_named() {
    let world = World::new();
    let lease = world.grant();
    let tree = world.agent.tree(&frames(1, 3, 1));
    let nothing = world.commit(lease, tree.snapshot, &tree.record).unwrap_err();
    assert_eq!(missing(&nothing), [FrameId { pack: tree.hunks.id, frame: 0 }]);
    world.upload(lease, &tree.hunks).unwrap();
    let data = world.commit(lease, tree.snapshot, &tree.record).unwrap_err();
    assert_eq!(missing(&data), names(&tree.files).into_iter().collect::<Vec<_>>());
    assert!(world.vault.snapshots().unwrap().snapshots.is_empty());
    world.upload(lease, &tree.packs[0]).unwrap();
    assert!(world.commit(lease, tree.snapshot, &tree.record).unwrap().stored);
    // A frame of a known pack that does not exist.
    let mut files = tree.files.clone();
    files[1].chunks[0].address.frame = 17;
    let ghost = world.agent.tree_of(files, None);
    world.upload(lease, &ghost.hunks).unwrap();
    let error = world.commit(lease, ghost.snapshot, &ghost.record).unwrap_err();
    assert_eq!(missing(&error), [FrameId { pack: tree.packs[0].id, frame: 17 }]);
}

#[test]
fn missing_frames_are_named_up_to_a_bound() {
    let world = World::new();
    let lease = world.grant();
    let mut list = RangeList::new();
    for pack in 0..40u8 {
        for frame in 0..2000 {
            list.push_range(Range { pack: PackId::from_bytes([pack; 16]), frame, first: 0, count: 1 });
        }
    }
    let snapshot = SnapshotId::random();
    let record = world.agent.record_over(snapshot, None, list, std::iter::empty());
    let error = world.commit(lease, snapshot, &record).unwrap_err();
    assert_eq!(missing(&error).len(), vault::MISSING_MAX);
}

#[test]
fn records_that_lie_are_refused_for_good() {
    let world = World::new();
    let lease = world.grant();
    let tree = world.agent.tree(&frames(1, 2, 2));
    world.back_up(lease, &tree);
    let try_list = |ranges: &[Range]| {
        let list = {
            let mut list = RangeList::new();
            ranges.iter().for_each(|range| list.push_range(*range));
            list
        };
        let snapshot = SnapshotId::random();
        let record = world.agent.record_over(snapshot, None, list, std::iter::empty());
        fault(world.commit(lease, snapshot, &record))
    };
    let good = Range { pack: tree.hunks.id, frame: 0, first: 0, count: 1 };
    // A range of hunks that names file content.
    let in_data = Range { pack: tree.packs[0].id, ..good };
    assert!(
        matches!(try_list(&[good, in_data]), SnapshotFault::HunkRange(id) if id.pack == tree.packs[0].id)
    );
    // Hunks that the frame does not have.
    assert!(matches!(try_list(&[Range { first: 1, ..good }]), SnapshotFault::HunkRange(_)));
    assert!(matches!(try_list(&[Range { count: 2, ..good }]), SnapshotFault::HunkRange(_)));
    // More hunks than a snapshot may have.
    let wide =
        (0..300).map(|frame| Range { pack: PackId::from_bytes([9; 16]), frame, first: 0, count: 16_384 });
    let wide: Vec<Range> = wide.collect();
    assert!(matches!(try_list(&wide), SnapshotFault::TooManyHunks { count } if count == 300 * 16_384));
    // Content that names hunks, or chunks that the frame does not have.
    let lie = |change: &dyn Fn(&mut File)| {
        let mut files = tree.files.clone();
        change(&mut files[0]);
        let lying = world.agent.tree_of(files, None);
        world.upload(lease, &lying.hunks).unwrap();
        fault(world.commit(lease, lying.snapshot, &lying.record))
    };
    let in_hunks = lie(&|file| file.chunks[0].address = tree.hunks.at(0, 0));
    assert!(matches!(in_hunks, SnapshotFault::ContentRange(id) if id.pack == tree.hunks.id));
    assert!(matches!(lie(&|file| file.chunks[0].address.ordinal = 2), SnapshotFault::ContentRange(_)));
    assert!(matches!(lie(&|file| file.chunks[0].address.ordinal = 16_383), SnapshotFault::ContentRange(_)));
    assert_eq!(world.vault.snapshots().unwrap().snapshots.len(), 1);
}

#[test]
fn records_of_others_and_broken_ones_are_refused() {
    let world = World::new();
    let lease = world.grant();
    let tree = world.agent.tree(&frames(1, 1, 1));
    let stranger = crate::support::agent::Agent::new(VaultId::from_bytes([1; 16]));
    let foreign = stranger.tree_of(Vec::from(&tree.files[..1]), None);
    assert!(matches!(
        fault(world.commit(lease, foreign.snapshot, &foreign.record)),
        SnapshotFault::OtherVault
    ));
    let misnamed = world.commit(lease, SnapshotId::random(), &tree.record);
    assert!(matches!(fault(misnamed), SnapshotFault::OtherId));
    for length in [0, 1, 50, 100] {
        let cut = world.commit(lease, tree.snapshot, &tree.record[..length]);
        assert!(matches!(fault(cut), SnapshotFault::Format(_)), "{length}");
    }
}

#[test]
fn the_same_hunk_many_times_is_looked_at_once() {
    let world = World::new();
    let lease = world.grant();
    let tree = world.agent.tree(&frames(1, 1, 1));
    world.back_up(lease, &tree);
    let mut list = RangeList::new();
    for _ in 0..100_000 {
        list.push_range(Range { pack: tree.hunks.id, frame: 0, first: 0, count: 1 });
    }
    let snapshot = SnapshotId::random();
    let record = world.agent.record_over(snapshot, None, list, std::iter::empty());
    assert!(world.commit(lease, snapshot, &record).unwrap().stored);
}

/// A world with a snapshot of two chunks in one frame of ten, so that a mark pass retires it, and one frame that
/// nothing refers to.
fn thin(world: &World) -> (Tree, Tree) {
    let lease = world.grant();
    let content = frames(1, 2, 10);
    let pack = world.agent.data_pack(&content);
    world.upload(lease, &pack).unwrap();
    let files = world.agent.files_of(&pack, &content);
    let kept = world.agent.tree_of(files[..2].to_vec(), None);
    world.back_up(lease, &kept);
    let lost = world.agent.tree_of(files[10..12].to_vec(), None);
    world.upload(lease, &lost.hunks).unwrap();
    world.end(lease);
    (kept, lost)
}

fn try_commit(
    world: &World,
    lease: LeaseGrant,
    files: &[File],
    base: Option<SnapshotId>,
) -> Result<(), Error> {
    let tree = world.agent.tree_of(files.to_vec(), base);
    world.upload(lease, &tree.hunks)?;
    world.commit(lease, tree.snapshot, &tree.record).map(drop)
}

#[test]
fn condemned_frames_are_open_to_older_leases_only() {
    let world = World::new();
    let (_, lost) = thin(&world);
    let before = world.grant();
    let marked = world.mark();
    // The frame of content, and that of the hunks that were never committed.
    assert_eq!(marked.condemned.frames, 2);
    let after = world.grant();
    let error = try_commit(&world, after, &lost.files, None).unwrap_err();
    assert_eq!(missing(&error), names(&lost.files).into_iter().collect::<Vec<_>>());
    // Its hunks are condemned as well.
    let error = world.commit(after, lost.snapshot, &lost.record).unwrap_err();
    assert_eq!(missing(&error), [FrameId { pack: lost.hunks.id, frame: 0 }]);
    // The older lease commits although the time of grace is over, and so pins the frame.
    world.clock.advance(2 * DAY);
    assert_eq!(world.sweep().waiting.frames, 2);
    world.commit(before, lost.snapshot, &lost.record).unwrap();
    // An heir of that snapshot is no exception: only what is retired passes on.
    let error = try_commit(&world, after, &lost.files, Some(lost.snapshot)).unwrap_err();
    assert_eq!(missing(&error), names(&lost.files).into_iter().collect::<Vec<_>>());
    world.end(before);
    world.end(after);
    let report = world.sweep();
    assert_eq!((report.removed.frames, report.marked_again.frames), (0, 2));
    assert_restores(&world.vault, &world.agent, lost.snapshot, &lost.files);
    assert_eq!(world.mark().reprieved.frames, 2);
    // What is reprieved stays retired.
    let error = try_commit(&world, world.grant(), &lost.files, None).unwrap_err();
    assert_eq!(missing(&error).len(), 1);
    try_commit(&world, world.grant(), &lost.files, Some(lost.snapshot)).unwrap();
}

#[test]
fn retired_frames_are_open_to_older_leases_and_to_heirs() {
    let world = World::new();
    let (kept, _) = thin(&world);
    let before = world.grant();
    assert_eq!(world.mark().retired.frames, 1);
    let after = world.grant();
    try_commit(&world, before, &kept.files, None).unwrap();
    let error = try_commit(&world, after, &kept.files, None).unwrap_err();
    assert_eq!(missing(&error), names(&kept.files).into_iter().collect::<Vec<_>>());
    try_commit(&world, after, &kept.files, Some(kept.snapshot)).unwrap();
    // A base that is unknown, of another set or hidden does not count.
    assert!(try_commit(&world, after, &kept.files, Some(SnapshotId::random())).is_err());
    world.vault.delete_snapshot(kept.snapshot, "anna").unwrap();
    assert!(try_commit(&world, after, &kept.files, Some(kept.snapshot)).is_err());
    world.vault.undelete_snapshot(kept.snapshot).unwrap();
    try_commit(&world, after, &kept.files, Some(kept.snapshot)).unwrap();
    let mut other = World::new();
    other.agent.set = SetId::from_bytes([1; 16]);
    let foreign = other.agent.tree_of(kept.files.clone(), Some(kept.snapshot));
    world.upload(after, &foreign.hunks).unwrap();
    assert!(world.commit(after, foreign.snapshot, &foreign.record).is_err());
}

#[test]
fn a_hunk_whose_pack_is_gone_is_missing() {
    let world = World::new();
    let lease = world.grant();
    let tree = world.agent.tree(&frames(1, 1, 1));
    world.back_up(lease, &tree);
    let fresh = World::on(world.store.clone(), world.clock.clone());
    let hex = tree.hunks.id.to_string();
    let key = format!("vaults/{}/packs/{}/{hex}.0", world.agent.vault, &hex[..2]);
    blobs::BlobStore::delete(&world.store, &blobs::Key::parse(&key).unwrap()).unwrap();
    let snapshot = SnapshotId::random();
    let hunk = world.agent.hunk(&tree.files);
    let record = world.agent.record(snapshot, None, &[(tree.hunks.at(0, 0), hunk)]);
    let error = fresh.commit(lease, snapshot, &record).unwrap_err();
    assert_eq!(missing(&error), [FrameId { pack: tree.hunks.id, frame: 0 }]);
}
