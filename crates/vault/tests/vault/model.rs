//! Random lives of a vault against a simple model: leases, uploads, commits of anything, deletions, cleanup, merging,
//! reopening and crashes in any order.
//!
//! After every step each snapshot that was acknowledged is whole, each answer to a commit is the one that the rules of
//! `docs/format/cleanup.md` give, and at the end nothing is stored that no snapshot needs.

mod shadow;
mod step;

use crate::support::agent::File;
use crate::support::restore::{expected, restore};
use crate::support::{DAY, World, memory};
use blobs::{BlobStore, FaultPlan, Faulty};
use model::{SnapshotId, Timestamp};
use proptest::prelude::*;
use shadow::Shadow;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use step::{Step, steps};
use vault::{LeaseGrant, Vault};

/// What the model knows of a snapshot in the store.
pub(crate) struct Known {
    pub(crate) files: Vec<File>,
    pub(crate) deleted: Option<Timestamp>,
}

/// A record that an agent has built, committed or not.
pub(crate) struct Built {
    pub(crate) snapshot: SnapshotId,
    pub(crate) record: Vec<u8>,
    pub(crate) hunks: crate::support::agent::BuiltPack,
    pub(crate) files: Vec<File>,
    pub(crate) base: Option<SnapshotId>,
}

pub(crate) struct Life {
    pub(crate) world: World,
    pub(crate) leases: Vec<LeaseGrant>,
    /// Every chunk that any agent ever built, stored or not, gone or not.
    pub(crate) places: Vec<File>,
    pub(crate) built: Vec<Built>,
    pub(crate) known: BTreeMap<SnapshotId, Known>,
    /// Wraps the store during the step that is to crash.
    pub(crate) faulty: Option<Arc<Faulty<blobs::MemoryStore>>>,
    pub(crate) seed: u64,
    /// How often each answer was given, so that a test can show that it tried something.
    pub(crate) commits: u64,
    pub(crate) refusals: u64,
    pub(crate) removed: u64,
}

impl Life {
    fn new() -> Self {
        let clock = crate::support::clock();
        let world = World::on(memory(&clock), clock);
        Self {
            world,
            leases: Vec::new(),
            places: Vec::new(),
            built: Vec::new(),
            known: BTreeMap::new(),
            faulty: None,
            seed: 0,
            commits: 0,
            refusals: 0,
            removed: 0,
        }
    }

    pub(crate) fn vault(&self) -> &Arc<Vault> {
        &self.world.vault
    }

    /// Opens the vault over a store that goes wrong by plan.
    pub(crate) fn reopen_with(&mut self, plan: FaultPlan) {
        let faulty = Arc::new(Faulty::new(self.world.store.clone(), plan));
        let store: Arc<dyn BlobStore> = Arc::clone(&faulty) as _;
        if let Ok(vault) = Vault::open(store, self.world.agent.vault, self.world.clock.clone()) {
            self.world.vault = vault;
            self.faulty = Some(faulty);
        }
    }

    pub(crate) fn has_crashed(&self) -> bool {
        self.faulty.as_ref().is_some_and(|faulty| faulty.is_crashed())
    }

    /// The server starts again and the model learns how the step that was cut off has ended.
    pub(crate) fn recover(&mut self) {
        self.faulty = None;
        self.world.reopen();
        assert_eq!(self.vault().log_problem(), None);
        let list = self.vault().snapshots().unwrap();
        assert!(list.unreadable.is_empty());
        let now = self.world.clock.now();
        let window = self.world.options.undo_window;
        let mut known = BTreeMap::new();
        for info in list.snapshots {
            let files = match self.known.remove(&info.id) {
                Some(known) => known.files,
                None => self.built_with(info.id).files.clone(),
            };
            let deleted = info.deleted.map(|deleted| deleted.time.unwrap());
            known.insert(info.id, Known { files, deleted });
        }
        // Whatever else was there may only be missing when its time was over.
        for (id, gone) in &self.known {
            assert!(gone.deleted.is_some_and(|time| time.after(window) <= now), "{id} is gone");
        }
        self.known = known;
    }

    fn built_with(&self, snapshot: SnapshotId) -> &Built {
        self.built.iter().find(|built| built.snapshot == snapshot).unwrap()
    }

    /// Everything that is there can be restored.
    fn check_all(&self) {
        for (id, known) in &self.known {
            let found = restore(self.vault(), &self.world.agent, *id);
            let is_whole = found.as_ref().is_ok_and(|files| *files == expected(&known.files));
            assert!(is_whole, "{id}: {:?}", found.err());
        }
        let report = self.vault().verify(false, &mut |_| ControlFlow::Continue(())).unwrap();
        assert!(report.is_clean(), "{report:?}");
    }

    /// All leases end, time passes: then nothing is left that no snapshot needs.
    fn check_end(&mut self) {
        self.world.ledger.leases.lock().unwrap().clear();
        for _ in 0..3 {
            self.world.vault.cleanup(&self.world.options, &self.world.ledger).unwrap();
            self.world.clock.advance(DAY);
        }
        // What the last pass removes was condemned by one before it, so no snapshot may end in between.
        self.world.options.undo_window += DAY;
        self.world.sweep();
        self.recover();
        self.check_all();
        self.world.assert_clean();
        let needed: std::collections::BTreeSet<_> =
            self.known.keys().flat_map(|id| Shadow::frames_of(self.built_with(*id))).collect();
        let shadow = Shadow::read(self.vault());
        let listed = shadow.frames();
        assert_eq!(listed, needed, "the log lists what nothing needs, or lacks something");
        let objects = self.world.objects("packs");
        let rows = shadow.objects();
        assert_eq!(objects.into_iter().collect::<std::collections::BTreeSet<_>>(), rows);
        assert_eq!(self.world.objects("snapshots").len(), self.known.len());
        let hidden = self.known.values().filter(|known| known.deleted.is_some()).count();
        assert_eq!(self.world.objects("deleted").len(), hidden);
        let chain = self.vault().segments_after(None).unwrap().count();
        assert_eq!(self.world.objects("index").len(), chain);
    }
}

fn live(steps: &[Step]) -> Life {
    let mut life = Life::new();
    for step in steps {
        let disturbs = life.run(step);
        if life.has_crashed() {
            life.recover();
            life.check_all();
        } else if disturbs {
            life.check_all();
        }
    }
    if life.faulty.is_some() {
        life.recover();
    }
    life.check_end();
    life
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 400, ..ProptestConfig::default() })]
    #[test]
    fn any_life_of_a_vault_keeps_what_was_acknowledged(steps in steps(1..60)) {
        live(&steps);
    }
}

/// The lives above are worth something: they commit, they are refused, and both often.
#[test]
fn lives_are_lively() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut commits, mut refusals, mut removed) = (0, 0, 0);
    for _ in 0..40 {
        let life = live(&steps(59..60).new_tree(&mut runner).unwrap().current());
        commits += life.commits;
        refusals += life.refusals;
        removed += life.removed;
    }
    let lively = commits > 80 && refusals > 40 && removed > 80;
    assert!(lively, "{commits} commits, {refusals} refusals, {removed} frames removed");
}
