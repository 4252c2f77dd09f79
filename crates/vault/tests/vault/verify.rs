//! Verification finds exactly what was damaged and which snapshots need it.

use crate::support::World;
use crate::support::agent::{BuiltPack, frames};
use blobs::{BlobStore, Key, PutMode};
use model::SnapshotId;
use std::ops::ControlFlow;
use vault::{Damage, DamageKind, VerifyReport};

struct Damaged {
    world: World,
    pack: BuiltPack,
    hunks: [BuiltPack; 2],
    /// The first refers to frames 0 and 1 of the pack, the second to frames 1 and 2; nothing to frame 3.
    snapshots: [SnapshotId; 2],
}

fn damaged() -> Damaged {
    let world = World::new();
    let lease = world.grant();
    let content = frames(1, 4, 1);
    let pack = world.agent.data_pack(&content);
    world.upload(lease, &pack).unwrap();
    let files = world.agent.files_of(&pack, &content);
    let one = world.agent.tree_of(files[..2].to_vec(), None);
    let two = world.agent.tree_of(files[1..3].to_vec(), None);
    let snapshots = [world.back_up(lease, &one), world.back_up(lease, &two)];
    Damaged { world, pack, hunks: [one.hunks, two.hunks], snapshots }
}

impl Damaged {
    fn key(&self, pack: &BuiltPack) -> Key {
        let hex = pack.id.to_string();
        Key::parse(&format!("vaults/{}/packs/{}/{hex}.0", self.world.agent.vault, &hex[..2])).unwrap()
    }

    fn flip(&self, pack: &BuiltPack, at: usize) {
        let mut bytes = pack.bytes.clone();
        bytes[at] ^= 2;
        self.world.store.put(&self.key(pack), &bytes, PutMode::Replace).unwrap();
    }

    fn verify(&self, read_data: bool) -> VerifyReport {
        let report = self.world.vault.verify(read_data, &mut |_| ControlFlow::Continue(())).unwrap();
        assert!(report.is_finished);
        report
    }

    fn only(&self, read_data: bool) -> Damage {
        let report = self.verify(read_data);
        assert!(!report.is_clean());
        assert_eq!((report.damages.len(), report.damage_count), (1, 1), "{report:?}");
        assert_eq!(report.affected_snapshots, report.damages[0].snapshots);
        report.damages[0].clone()
    }

    fn needed_by(&self, which: &[usize]) -> Vec<SnapshotId> {
        let mut ids: Vec<SnapshotId> = which.iter().map(|at| self.snapshots[*at]).collect();
        ids.sort_unstable();
        ids
    }
}

#[test]
fn a_whole_vault_is_clean() {
    let case = damaged();
    for read_data in [false, true] {
        let report = case.verify(read_data);
        assert!(report.is_clean(), "{report:?}");
        assert_eq!((report.packs, report.frames, report.snapshots), (3, 6, 2));
        assert_eq!(report.read_bytes > 0, read_data);
    }
}

#[test]
fn a_flipped_bit_is_found_where_it_is() {
    let case = damaged();
    for (frame, needed) in [(0, &[0][..]), (1, &[0, 1]), (2, &[1]), (3, &[])] {
        case.flip(&case.pack, case.pack.table.frames[frame as usize].offset as usize + 5);
        assert!(case.verify(false).is_clean());
        let kind = DamageKind::FrameDamaged;
        let expected =
            Damage { pack: case.pack.id, frame: Some(frame), kind, snapshots: case.needed_by(needed) };
        assert_eq!(case.only(true), expected);
    }
}

#[test]
fn a_damaged_or_missing_pack_is_found_without_reading_data() {
    let case = damaged();
    let length = case.pack.bytes.len();
    for at in [0, 20, 70, length - 1, length - 30, length - 60] {
        case.flip(&case.pack, at);
        let damage = case.only(false);
        assert_eq!((damage.frame, damage.kind), (None, DamageKind::PackDamaged), "byte {at}");
        assert_eq!(damage.snapshots, case.needed_by(&[0, 1]));
    }
    case.world.store.put(&case.key(&case.pack), &case.pack.bytes[..length - 1], PutMode::Replace).unwrap();
    assert_eq!(case.only(false).kind, DamageKind::PackDamaged);
    case.world.store.delete(&case.key(&case.pack)).unwrap();
    assert_eq!(case.only(false).kind, DamageKind::PackMissing);
    case.world.store.put(&case.key(&case.pack), &case.pack.bytes, PutMode::CreateNew).unwrap();
    case.world.store.delete(&case.key(&case.hunks[1])).unwrap();
    let damage = case.only(false);
    assert_eq!((damage.kind, damage.snapshots), (DamageKind::PackMissing, case.needed_by(&[1])));
}

#[test]
fn an_unreadable_snapshot_and_a_log_without_its_end_are_found() {
    let mut case = damaged();
    let root = format!("vaults/{}", case.world.agent.vault);
    let record = Key::parse(&format!("{root}/snapshots/{}", case.snapshots[1])).unwrap();
    let good = case.world.store.read(&record).unwrap();
    case.world.store.put(&record, &good[..good.len() - 1], PutMode::Replace).unwrap();
    let report = case.verify(false);
    assert!(!report.is_clean() && report.damages.is_empty());
    assert_eq!(report.unreadable_snapshots, [case.snapshots[1]]);
    assert_eq!(report.affected_snapshots, [case.snapshots[1]]);
    case.world.store.put(&record, &good, PutMode::Replace).unwrap();
    // The entry of the second pack of hunks is the last of the log.
    let last = Key::parse(&format!("{root}/index/0000000000000004-0000000000000004")).unwrap();
    case.world.store.delete(&last).unwrap();
    case.world.reopen();
    let damage = case.only(false);
    assert_eq!((damage.kind, damage.snapshots), (DamageKind::NotInLog, case.needed_by(&[1])));
}

#[test]
fn it_can_be_stopped() {
    let case = damaged();
    let mut calls = 0;
    let mut stop = |progress: &vault::VerifyProgress| {
        calls += 1;
        assert_eq!((progress.packs, progress.packs_total), (1, 3));
        ControlFlow::Break(())
    };
    let report = case.world.vault.verify(true, &mut stop).unwrap();
    assert!(!report.is_finished && !report.is_clean());
    assert_eq!(calls, 1);
}
