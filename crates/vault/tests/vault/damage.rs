//! What a look at one pack or frame says, and when it says nothing.

use crate::support::World;
use crate::support::agent::{Tree, frames};
use blobs::{BlobStore, ErrorKind, Fault, FaultPlan, Faulty, Key, Op, PutMode};
use model::{Damaged, PackId};
use std::ops::ControlFlow;
use std::sync::Arc;
use vault::{Condition, Vault};

struct Case {
    world: World,
    tree: Tree,
}

fn case() -> Case {
    let world = World::new();
    let lease = world.grant();
    let tree = world.agent.tree(&frames(1, 3, 1));
    world.back_up(lease, &tree);
    Case { world, tree }
}

impl Case {
    fn data(&self) -> PackId {
        self.tree.packs[0].id
    }

    fn key(&self) -> Key {
        let hex = self.data().to_string();
        Key::parse(&format!("vaults/{}/packs/{}/{hex}.0", self.world.agent.vault, &hex[..2])).unwrap()
    }

    /// Stores the pack of content with these bytes of it flipped.
    fn flip(&self, places: &[usize]) {
        let mut bytes = self.tree.packs[0].bytes.clone();
        places.iter().for_each(|at| bytes[*at] ^= 2);
        self.world.store.put(&self.key(), &bytes, PutMode::Replace).unwrap();
    }

    fn offset(&self, frame: usize) -> usize {
        self.tree.packs[0].table.frames[frame].offset as usize + 5
    }

    fn look(&self, damaged: Damaged) -> Condition {
        self.world.vault.look_again(damaged).unwrap()
    }

    /// What verification says nothing may refer to.
    fn verified(&self, read_data: bool) -> Vec<Damaged> {
        self.world.vault.verify(read_data, &mut |_| ControlFlow::Continue(())).unwrap().damaged
    }
}

#[test]
fn frames_are_looked_at_one_by_one() {
    let case = case();
    let frame = |number| Damaged::frame(case.data(), number);
    let damage = || case.world.vault.damage_in(case.data()).unwrap();
    assert_eq!(damage(), []);
    case.flip(&[case.offset(0), case.offset(2)]);
    assert_eq!(damage(), [frame(0), frame(2)]);
    assert_eq!(case.verified(true), [frame(0), frame(2)]);
    assert_eq!(case.verified(false), []);
    let conditions = || [0, 1, 2].map(|number| case.look(frame(number)));
    assert_eq!(conditions(), [Condition::Damaged, Condition::Good, Condition::Damaged]);
    assert_eq!(case.look(Damaged::pack(case.data())), Condition::Good, "its table is");
    // The disk is repaired.
    case.flip(&[]);
    assert_eq!(conditions(), [Condition::Good; 3]);
    assert_eq!(damage(), []);
}

#[test]
fn a_pack_that_is_gone_or_unreadable_is_damaged_as_a_whole() {
    let case = case();
    let whole = Damaged::pack(case.data());
    assert_eq!(case.world.vault.missing_packs().unwrap(), []);
    for is_gone in [false, true] {
        if is_gone {
            case.world.store.delete(&case.key()).unwrap();
        } else {
            case.flip(&[20]);
        }
        assert_eq!(case.world.vault.damage_in(case.data()).unwrap(), [whole]);
        assert_eq!(case.verified(false), [whole]);
        assert_eq!(case.look(whole), Condition::Damaged);
        assert_eq!(case.look(Damaged::frame(case.data(), 1)), Condition::Damaged);
        let missing = case.world.vault.missing_packs().unwrap();
        assert_eq!(missing, if is_gone { vec![case.data()] } else { Vec::new() });
    }
    case.world.store.put(&case.key(), &case.tree.packs[0].bytes, PutMode::CreateNew).unwrap();
    assert_eq!(case.look(whole), Condition::Good);
    assert_eq!(case.world.vault.missing_packs().unwrap(), []);
}

#[test]
fn what_the_log_does_not_list_is_removed() {
    let case = case();
    let vault = &case.world.vault;
    for unknown in [Damaged::pack(PackId::random()), Damaged::frame(case.data(), 3)] {
        assert!(!vault.lists(unknown).unwrap());
        assert_eq!(case.look(unknown), Condition::Removed);
    }
    assert!(vault.lists(Damaged::frame(case.data(), 2)).unwrap());
    assert_eq!(vault.damage_in(PackId::random()).unwrap(), []);
    // What a snapshot says wrongly of the log is no damage of a pack.
    assert_eq!(case.verified(true), []);
}

#[test]
fn a_store_that_is_out_of_reach_says_nothing_about_damage() {
    let case = case();
    case.flip(&[case.offset(1)]);
    let (id, clock) = (case.world.agent.vault, case.world.clock.clone());
    let open = |plan| {
        let store = Arc::new(Faulty::new(case.world.store.clone(), plan));
        let vault = Vault::open(Arc::clone(&store) as _, id, clock.clone()).unwrap();
        (store, vault)
    };
    // The log is read in the same way, before anything goes wrong.
    let to_open = |op| open(FaultPlan::new()).0.calls(op);
    let opened = |plan| open(plan).1;
    for kind in [ErrorKind::Transient, ErrorKind::Denied] {
        for op in [Op::Open, Op::ReadAt] {
            let vault = opened(FaultPlan::new().from(op, to_open(op) + 1, Fault::Fail(kind)));
            assert!(vault.look_again(Damaged::frame(case.data(), 1)).is_err(), "{kind:?} at {op:?}");
            assert!(vault.damage_in(case.data()).is_err(), "{kind:?} at {op:?}");
            assert!(vault.verify(true, &mut |_| ControlFlow::Continue(())).is_err(), "{kind:?} at {op:?}");
        }
    }
    // A spot that cannot be read, in a pack that can be opened: header, trailer and table take three reads.
    let bad_spot = Fault::Fail(ErrorKind::Other);
    let vault = opened(FaultPlan::new().nth(Op::ReadAt, to_open(Op::ReadAt) + 4, bad_spot));
    let frame = |number| Damaged::frame(case.data(), number);
    assert_eq!(vault.damage_in(case.data()).unwrap(), [frame(0), frame(1)]);
}
