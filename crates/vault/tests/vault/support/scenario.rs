//! A life of a vault in steps, each with everything that it writes: what tests of crashes cut off anywhere and then
//! go on with. A journal tells which steps were answered.

use super::agent::{Agent, BuiltPack, File, Tree, frames};
use super::restore::{expected, restore};
use super::{DAY, Ledger, commit, record, upload};
use blobs::BlobStore;
use model::{Clock, LeaseId, SnapshotId, Timestamp, VaultId};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use vault::{CleanupOptions, Error, Holder, LeaseGrant, Vault};

pub(crate) const STEPS: usize = 18;
/// From this step on no lease lives.
const LEASES_END: usize = 11;

pub(crate) struct Scenario {
    agent: Agent,
    content: BuiltPack,
    more: BuiltPack,
    stray: BuiltPack,
    late: BuiltPack,
    first: Tree,
    second: Tree,
    third: Tree,
    options: CleanupOptions,
}

fn tree(agent: &Agent, files: Vec<File>, seed: u8) -> Tree {
    let mut tree = agent.tree_of(files, None);
    let hunk = agent.hunk(&tree.files);
    tree.snapshot = SnapshotId::from_bytes([seed; 16]);
    tree.record = agent.record(tree.snapshot, None, &[(tree.hunks.at(0, 0), hunk)]);
    tree
}

impl Scenario {
    pub(crate) fn new() -> Self {
        let agent = Agent::new(VaultId::from_bytes([0xaa; 16]));
        let content = agent.data_pack(&frames(1, 4, 2));
        let files = agent.files_of(&content, &frames(1, 4, 2));
        let more = agent.data_pack(&frames(2, 1, 2));
        let more_files = renamed(agent.files_of(&more, &frames(2, 1, 2)), "/more");
        let stray = agent.data_pack(&frames(3, 1, 1));
        let late = agent.data_pack(&frames(4, 1, 1));
        let late_files = renamed(agent.files_of(&late, &frames(4, 1, 1)), "/late");
        let half = [&files[..4], &more_files[..]].concat();
        let third = [&half[..], &late_files[..]].concat();
        let (first, second, third) = (tree(&agent, files, 1), tree(&agent, half, 2), tree(&agent, third, 3));
        let options = CleanupOptions::default();
        Self { agent, content, more, stray, late, first, second, third, options }
    }

    /// The time at which a step runs.
    pub(crate) fn time(step: usize) -> Timestamp {
        let days = match step {
            0..=11 => 0,
            12 => 8,
            13 | 14 => 9,
            _ => 20 + step as u32,
        };
        Timestamp::from_secs(1_800_000_000).after(DAY * days)
    }

    /// Runs the steps that the journal does not have, and enters each that was answered.
    pub(crate) fn run(
        &self,
        store: &Arc<dyn BlobStore>,
        journal: &mut dyn FnMut(usize),
        begin: usize,
        clock: &dyn Fn(usize) -> Clock,
    ) -> Result<(), Error> {
        for step in begin..STEPS {
            let clock = clock(step);
            if step == 0 {
                Vault::create(Arc::clone(store), &record(self.agent.vault), clock)?;
            } else {
                let vault = Vault::open(Arc::clone(store), self.agent.vault, clock)?;
                self.step(&vault, step)?;
            }
            journal(step);
        }
        Ok(())
    }

    fn step(&self, vault: &Arc<Vault>, step: usize) -> Result<(), Error> {
        let ledger = Ledger::default();
        let lease = LeaseGrant { id: LeaseId::from_bytes([6; 16]), epoch: vault.position()?.sequence };
        if step < LEASES_END {
            ledger.leases.lock().unwrap().push(lease);
        }
        let send = |pack: &BuiltPack| upload(vault, lease.id, pack.id, &pack.bytes).map(drop);
        let store = |tree: &Tree| {
            send(&tree.hunks)?;
            commit(vault, lease, tree.snapshot, &tree.record).map(drop)
        };
        match step {
            1 => vault.put_key(Holder::Org, b"wrapped"),
            2 => send(&self.content),
            3 => store(&self.first),
            4 => send(&self.more),
            5 => store(&self.second),
            6 => send(&self.stray),
            7 | 10 => vault.delete_snapshot(self.first.snapshot, "anna").map(drop),
            8 => {
                let id = self.first.snapshot;
                vault.put_labels(id, None, &self.agent.labels(id, &["milestone"], 1))?;
                vault.undelete_snapshot(id)
            }
            9 | 16 => vault.merge_segments().map(drop),
            11 | 12 | 15 => vault.mark(&self.options, &ledger).map(drop),
            13 | 17 => vault.sweep(&self.options, &ledger).map(drop),
            _ => {
                send(&self.late)?;
                store(&self.third)
            }
        }
    }

    /// What must hold after a crash, given the number of steps that were answered.
    pub(crate) fn check(&self, store: &Arc<dyn BlobStore>, answered: usize, clock: Clock) {
        let vault = match Vault::open(Arc::clone(store), self.agent.vault, clock) {
            Ok(vault) => vault,
            Err(Error::VaultUnknown { .. }) if answered == 0 => return,
            Err(error) => panic!("{error:?} after {answered} steps"),
        };
        assert_eq!(vault.log_problem(), None, "after {answered} steps");
        let list = vault.snapshots().unwrap();
        assert!(list.unreadable.is_empty());
        let must_be_there = [(&self.first, 4..=11), (&self.second, 6..=STEPS), (&self.third, 15..=STEPS)];
        for (tree, steps) in must_be_there {
            let there = list.snapshots.iter().any(|info| info.id == tree.snapshot);
            assert!(there || !steps.contains(&answered), "{} is gone after {answered} steps", tree.snapshot);
            // Whether it was acknowledged or not: what is there is whole.
            if there {
                let files = restore(&vault, &self.agent, tree.snapshot);
                let is_whole = files.as_ref().is_ok_and(|files| *files == expected(&tree.files));
                assert!(is_whole, "{} after {answered} steps: {:?}", tree.snapshot, files.err());
            }
        }
        let report = vault.verify(true, &mut |_| ControlFlow::Continue(())).unwrap();
        assert!(report.is_clean(), "after {answered} steps: {report:?}");
    }

    /// What must be there, and nothing else, when all steps are done.
    pub(crate) fn check_end(&self, store: &Arc<dyn BlobStore>, clock: Clock) {
        self.check(store, STEPS, clock.clone());
        let prefix = format!("vaults/{}/", self.agent.vault);
        let names: Vec<String> = store
            .list(&prefix)
            .unwrap()
            .iter()
            .map(|blob| blob.key.as_str()[prefix.len()..].to_owned())
            .collect();
        let of =
            |kind: &str| names.iter().filter(|name| name.starts_with(kind)).cloned().collect::<BTreeSet<_>>();
        let pack = |pack: &BuiltPack, generation: u32| {
            let hex = pack.id.to_string();
            format!("packs/{}/{hex}.{generation}", &hex[..2])
        };
        let packs = [
            pack(&self.content, 1),
            pack(&self.more, 0),
            pack(&self.late, 0),
            pack(&self.second.hunks, 0),
            pack(&self.third.hunks, 0),
        ];
        assert_eq!(of("packs/"), BTreeSet::from(packs));
        let snapshots = [2u8, 3].map(|seed| format!("snapshots/{}", SnapshotId::from_bytes([seed; 16])));
        assert_eq!(of("snapshots/"), BTreeSet::from(snapshots));
        assert!(of("deleted/").is_empty() && of("labels/").is_empty());
        let vault = Vault::open(Arc::clone(store), self.agent.vault, clock).unwrap();
        assert_eq!(of("index/").len(), vault.segments_after(None).unwrap().count());
        assert_eq!(vault.stats().unwrap().data.condemned.frames, 0);
    }
}

fn renamed(mut files: Vec<File>, front: &str) -> Vec<File> {
    files.iter_mut().for_each(|file| file.path = format!("{front}{}", file.path));
    files
}

impl Scenario {
    /// A clock that stands still at the time of each step.
    pub(crate) fn clock(step: usize) -> Clock {
        Clock::manual(Self::time(step))
    }
}
