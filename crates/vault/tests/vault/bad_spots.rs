//! A spot of the disk that cannot be read costs what lies there, and never the vault.

use crate::support::agent::{Tree, frames};
use crate::support::restore::assert_restores;
use crate::support::spots::BadDisk;
use crate::support::{DAY, World, commit};
use blobs::Key;
use model::{Damaged, PackId, SnapshotId};
use std::ops::ControlFlow;
use std::sync::Arc;
use vault::{Error, FrameFailure, FrameId, LogProblem, Scope, Vault, VerifyReport};

const WHOLE: std::ops::Range<u64> = 0..u64::MAX;

/// Two snapshots of their own content each. The disk is good at first.
struct Case {
    world: World,
    disk: BadDisk,
    trees: [Tree; 2],
}

fn case() -> Case {
    let world = World::new();
    let lease = world.grant();
    let trees = [1, 2].map(|seed| world.agent.tree(&frames(seed, 4, 1)));
    trees.iter().for_each(|tree| {
        world.back_up(lease, tree);
    });
    world.end(lease);
    let disk = BadDisk::new(&world.store);
    let mut case = Case { world, disk, trees };
    case.reopen();
    case
}

impl Case {
    fn reopen(&mut self) {
        let clock = self.world.clock.clone();
        self.world.vault = Vault::open(Arc::new(self.disk.clone()), self.world.agent.vault, clock).unwrap();
    }

    fn key(&self, rest: &str) -> Key {
        Key::parse(&format!("vaults/{}/{rest}", self.world.agent.vault)).unwrap()
    }

    fn pack_key(&self, pack: PackId) -> Key {
        let hex = pack.to_string();
        self.key(&format!("packs/{}/{hex}.0", &hex[..2]))
    }

    fn verify(&self) -> VerifyReport {
        self.world.vault.verify(true, &mut |_| ControlFlow::Continue(())).unwrap()
    }

    fn ids(&self) -> Vec<SnapshotId> {
        self.world.vault.snapshots().unwrap().snapshots.iter().map(|info| info.id).collect()
    }

    fn assert_second_restores(&self) {
        let tree = &self.trees[1];
        assert_restores(&self.world.vault, &self.world.agent, tree.snapshot, &tree.files);
    }
}

#[test]
fn an_unreadable_record_costs_its_own_snapshot() {
    let mut case = case();
    let [lost, kept] = [case.trees[0].snapshot, case.trees[1].snapshot];
    case.disk.spoil(&case.key(&format!("snapshots/{lost}")), WHOLE);
    case.reopen();
    assert_eq!(case.ids(), [kept]);
    assert_eq!(case.world.vault.snapshots().unwrap().unreadable, [lost]);
    assert!(matches!(case.world.vault.snapshot_record(lost), Err(Error::Damaged { .. })));
    assert_eq!(case.verify().unreadable_snapshots, [lost]);
    case.assert_second_restores();
}

#[test]
fn an_unreadable_deletion_record_hides_without_an_end() {
    let case = case();
    let id = case.trees[0].snapshot;
    case.world.vault.delete_snapshot(id, "anna").unwrap();
    case.disk.spoil(&case.key(&format!("deleted/{id}")), WHOLE);
    let list = case.world.vault.snapshots().unwrap().snapshots;
    let deleted: Vec<_> = list.iter().map(|info| info.deleted.as_ref().map(|deleted| deleted.time)).collect();
    assert_eq!(deleted, [Some(None), None]);
}

#[test]
fn an_unreadable_segment_is_a_damaged_log_which_is_rebuilt() {
    let mut case = case();
    let stray = case.world.agent.data_pack(&frames(9, 1, 1));
    let lease = case.world.grant();
    case.world.upload(lease, &stray).unwrap();
    case.disk.spoil(&case.key("index/0000000000000003-0000000000000003"), WHOLE);
    case.reopen();
    let problem = case.world.vault.log_problem();
    assert!(matches!(problem, Some(LogProblem::Damaged { from: 3, to: 3, .. })), "{problem:?}");
    case.assert_second_restores();
    // A pack that cannot be read is left out.
    case.disk = BadDisk::new(&case.world.store);
    case.disk.spoil(&case.pack_key(stray.id), 0..1);
    case.reopen();
    assert_eq!(case.world.vault.rebuild_index().unwrap().damaged_packs, [stray.id]);
    case.assert_second_restores();
}

#[test]
fn an_unreadable_pack_of_hunks_costs_the_snapshots_that_need_it() {
    let case = case();
    let [lost, kept] = [case.trees[0].snapshot, case.trees[1].snapshot];
    let (agent, vault, tree) = (&case.world.agent, &case.world.vault, &case.trees[0]);
    let hunks = FrameId { pack: tree.hunks.id, frame: 0 };
    case.disk.spoil(&case.pack_key(hunks.pack), 0..1);
    let snapshot = SnapshotId::random();
    let record = agent.record(snapshot, None, &[(tree.hunks.at(0, 0), agent.hunk(&tree.files))]);
    let wanted = vec![hunks];
    let lease = case.world.grant();
    let refused = commit(vault, lease, snapshot, &record).unwrap_err();
    assert!(matches!(&refused, Error::RangesMissing { missing } if *missing == wanted), "{refused:?}");
    let answers: Vec<_> = vault.frames(Scope::Snapshot(lost), wanted).unwrap().collect();
    assert!(matches!(answers[0].frame, Err(FrameFailure::Damaged)), "{answers:?}");
    let whole = Damaged::pack(hunks.pack);
    let report = case.verify();
    assert_eq!((report.damaged, report.affected_snapshots), (vec![whole], vec![lost]));
    assert_eq!(vault.damage_in(hunks.pack).unwrap(), [whole]);
    let swept = vault.sweep(&case.world.options, &case.world.ledger);
    assert!(matches!(swept, Err(Error::CleanupRefused(vault::Refusal::HunkUnreadable { .. }))), "{swept:?}");
    assert_eq!(case.ids(), [lost, kept]);
    case.assert_second_restores();
}

#[test]
fn an_unreadable_frame_does_not_end_cleanup() {
    let mut case = case();
    let (world, tree) = (&case.world, &case.trees[0]);
    // Half of the first pack is needed by another snapshot, of whose frames one cannot be read.
    let half = world.agent.tree_of(tree.files[..2].to_vec(), None);
    let lease = world.grant();
    world.back_up(lease, &half);
    world.end(lease);
    let pack = tree.packs[0].id;
    let frame = &tree.packs[0].table.frames[1];
    let (number, start) = (frame.number, u64::from(frame.offset));
    case.disk.spoil(&case.pack_key(pack), start..start + 1);
    case.reopen();
    let world = &case.world;
    world.vault.delete_snapshot(case.trees[0].snapshot, "anna").unwrap();
    world.clock.advance(8 * DAY);
    world.mark();
    world.clock.advance(DAY);
    for _ in 0..2 {
        assert_eq!(world.sweep().damaged_packs, [pack], "the pack stays as it is");
        world.mark();
    }
    let wanted = [0, number].map(|frame| FrameId { pack, frame }).to_vec();
    let answers = world.vault.frames(Scope::Snapshot(half.snapshot), wanted).unwrap();
    let damaged: Vec<bool> =
        answers.map(|answer| matches!(answer.frame, Err(FrameFailure::Damaged))).collect();
    assert_eq!(damaged, [false, true]);
    assert_eq!(world.vault.damage_in(pack).unwrap(), [Damaged::frame(pack, number)]);
    case.assert_second_restores();
}
