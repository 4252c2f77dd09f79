//! The steps of a life and what each does to vault and model.

use super::shadow::Shadow;
use super::{Built, Known, Life};
use crate::support::agent::{File, noise};
use crate::support::{HOUR, commit, upload};
use blobs::{Fault, FaultPlan, Op};
use model::SnapshotId;
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeSet;
use vault::{Error, FrameId, LeaseGrant};

/// One step; places in lists are drawn as fractions.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Grant,
    EndLease(Index),
    /// New content, per frame its number of chunks; the last frames may be used by nobody.
    Upload {
        lease: Index,
        frames: Vec<u8>,
    },
    /// A snapshot over any places that are known, perhaps gone, with or without a base.
    Commit {
        lease: Index,
        picks: Vec<Index>,
        base: Option<Index>,
    },
    /// What a snapshot has, once more and with it as base, as a run on an unchanged tree does.
    Follow {
        lease: Index,
        base: Index,
    },
    /// A record that was built at any earlier time, its hunks sent again or not.
    CommitAgain {
        lease: Index,
        built: Index,
        send: bool,
    },
    Delete(Index),
    Undelete(Index),
    Wait(u32),
    Mark,
    Sweep,
    /// All leases end, a pass, a day and a pass: what nobody needs is gone afterwards.
    Tidy,
    Merge,
    Reopen,
    /// The `n`th call of an operation from now on crashes, before or after its effect.
    Crash {
        op: u8,
        n: u64,
        after: bool,
    },
}

pub(crate) fn steps(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    let index = || any::<Index>();
    let step = prop_oneof![
        4 => Just(Step::Grant),
        2 => index().prop_map(Step::EndLease),
        6 => (index(), prop::collection::vec(1u8..6, 1..4)).prop_map(|(lease, frames)| Step::Upload { lease, frames }),
        8 => (index(), prop::collection::vec(index(), 1..6), prop::option::of(index()))
            .prop_map(|(lease, picks, base)| Step::Commit { lease, picks, base }),
        5 => (index(), index()).prop_map(|(lease, base)| Step::Follow { lease, base }),
        4 => (index(), index(), any::<bool>())
            .prop_map(|(lease, built, send)| Step::CommitAgain { lease, built, send }),
        4 => index().prop_map(Step::Delete),
        1 => index().prop_map(Step::Undelete),
        3 => (1u32..200).prop_map(Step::Wait),
        5 => Just(Step::Mark),
        5 => Just(Step::Sweep),
        3 => Just(Step::Tidy),
        1 => Just(Step::Merge),
        1 => Just(Step::Reopen),
        3 => (0u8..5, 1u64..6, any::<bool>()).prop_map(|(op, n, after)| Step::Crash { op, n, after }),
    ];
    prop::collection::vec(step, count)
}

impl Life {
    /// Runs a step; true when everything should be looked at afterwards.
    pub(crate) fn run(&mut self, step: &Step) -> bool {
        match step {
            Step::Grant => self.leases.push(self.world.grant()),
            Step::EndLease(at) => {
                if let Some(lease) = self.lease(at) {
                    self.world.end(lease);
                    self.leases.retain(|other| other.id != lease.id);
                }
            }
            Step::Upload { lease, frames } => self.send_content(lease, frames),
            Step::Commit { lease, picks, base } => self.build_and_commit(lease, picks, base.as_ref()),
            Step::Follow { lease, base } => self.follow(lease, base),
            Step::CommitAgain { lease, built, send } => {
                if !self.built.is_empty() {
                    let at = built.index(self.built.len());
                    self.commit_built(lease, at, *send);
                }
            }
            Step::Delete(at) => self.delete(at),
            Step::Undelete(at) => self.undelete(at),
            Step::Wait(hours) => self.world.clock.advance(HOUR * *hours),
            Step::Mark => return self.mark(),
            Step::Sweep => return self.sweep(),
            Step::Tidy => {
                self.world.ledger.leases.lock().unwrap().clear();
                self.leases.clear();
                self.mark();
                self.world.clock.advance(HOUR * 24);
                return self.has_crashed() || self.sweep();
            }
            Step::Merge => {
                let result = self.vault().merge_segments();
                assert!(result.is_ok() || self.has_crashed(), "{result:?}");
                return true;
            }
            Step::Reopen => {
                self.recover();
                return true;
            }
            Step::Crash { op, n, after } => {
                let op = [Op::Put, Op::Finish, Op::Delete, Op::Write, Op::Create][usize::from(*op)];
                let fault = if *after { Fault::CrashAfter } else { Fault::Crash };
                self.reopen_with(FaultPlan::new().nth(op, *n, fault));
            }
        }
        false
    }

    fn sweep(&mut self) -> bool {
        match self.vault().sweep(&self.world.options, &self.world.ledger) {
            Ok(report) => {
                assert!(report.damaged_packs.is_empty() && report.busy_packs == 0);
                self.removed += report.removed.frames;
                self.purged(&report.purged);
            }
            Err(error) => assert!(self.has_crashed(), "{error:?}"),
        }
        true
    }

    fn lease(&self, at: &Index) -> Option<LeaseGrant> {
        (!self.leases.is_empty()).then(|| self.leases[at.index(self.leases.len())])
    }

    fn send_content(&mut self, lease: &Index, frames: &[u8]) {
        let Some(lease) = self.lease(lease) else { return };
        let mut content = Vec::new();
        for chunks in frames {
            let chunk = |seed: u64| noise(seed, 40);
            content.push((0..u64::from(*chunks)).map(|at| chunk(self.seed + at)).collect::<Vec<_>>());
            self.seed += u64::from(*chunks);
        }
        let pack = self.world.agent.data_pack(&content);
        self.places.extend(self.world.agent.files_of(&pack, &content));
        let result = upload(self.vault(), lease.id, pack.id, &pack.bytes);
        assert!(result.is_ok() || self.has_crashed(), "{result:?}");
    }

    fn build_and_commit(&mut self, lease: &Index, picks: &[Index], base: Option<&Index>) {
        if self.places.is_empty() || self.leases.is_empty() {
            return;
        }
        let mut files: Vec<File> = Vec::new();
        for (at, pick) in picks.iter().enumerate() {
            // Runs of neighbours, as a real tree has them.
            let from = pick.index(self.places.len());
            for (next, place) in self.places[from..].iter().take(4).enumerate() {
                files.push(File { path: format!("/{at:02}/{next}"), ..place.clone() });
            }
        }
        let base =
            base.filter(|_| !self.built.is_empty()).map(|at| self.built[at.index(self.built.len())].snapshot);
        self.build(files, base);
        self.commit_built(lease, self.built.len() - 1, true);
    }

    fn follow(&mut self, lease: &Index, base: &Index) {
        let Some(base) = self.chosen(base) else { return };
        self.build(self.known[&base].files.clone(), Some(base));
        self.commit_built(lease, self.built.len() - 1, true);
    }

    fn build(&mut self, files: Vec<File>, base: Option<SnapshotId>) {
        let tree = self.world.agent.tree_of(files, base);
        self.built.push(Built {
            snapshot: tree.snapshot,
            record: tree.record,
            hunks: tree.hunks,
            files: tree.files,
            base,
        });
    }

    fn commit_built(&mut self, lease: &Index, at: usize, send: bool) {
        let Some(lease) = self.lease(lease) else { return };
        if send {
            let hunks = self.built[at].hunks.clone();
            let result = upload(self.vault(), lease.id, hunks.id, &hunks.bytes);
            assert!(result.is_ok() || self.has_crashed(), "{result:?}");
        }
        if self.has_crashed() {
            return;
        }
        let expected = self.expect(&self.built[at], lease.epoch);
        let built = &self.built[at];
        let (id, files) = (built.snapshot, built.files.clone());
        match commit(self.vault(), lease, id, &built.record) {
            Ok(receipt) => {
                assert!(!receipt.stored || expected.is_empty(), "{expected:?} were let through");
                assert_eq!(receipt.stored, !self.known.contains_key(&id));
                self.commits += 1;
                self.known.entry(id).or_insert(Known { files, deleted: None });
            }
            Err(Error::RangesMissing { missing }) => {
                assert_eq!(missing.into_iter().collect::<BTreeSet<FrameId>>(), expected);
                assert!(!self.known.contains_key(&id));
                self.refusals += 1;
            }
            Err(error) => assert!(self.has_crashed(), "{error:?}"),
        }
    }

    /// What the rules say is missing.
    fn expect(&self, built: &Built, epoch: u64) -> BTreeSet<FrameId> {
        let base = built.base.filter(|id| self.known.get(id).is_some_and(|known| known.deleted.is_none()));
        let base = base.map(|id| Shadow::frames_of(self.built_with(id))).unwrap_or_default();
        Shadow::read(self.vault()).missing(built, epoch, &base)
    }

    fn chosen(&self, at: &Index) -> Option<SnapshotId> {
        (!self.known.is_empty()).then(|| *self.known.keys().nth(at.index(self.known.len())).unwrap())
    }

    fn delete(&mut self, at: &Index) {
        let Some(id) = self.chosen(at) else { return };
        match self.vault().delete_snapshot(id, "anna") {
            Ok(deleted) => {
                let known = self.known.get_mut(&id).unwrap();
                known.deleted = known.deleted.or(deleted.time);
                assert_eq!(known.deleted, deleted.time);
            }
            Err(error) => assert!(self.has_crashed(), "{error:?}"),
        }
    }

    fn undelete(&mut self, at: &Index) {
        let Some(id) = self.chosen(at) else { return };
        match self.vault().undelete_snapshot(id) {
            Ok(()) => self.known.get_mut(&id).unwrap().deleted = None,
            Err(error) => assert!(self.has_crashed(), "{error:?}"),
        }
    }

    /// A pass of cleanup removed these: just those whose time was over.
    fn purged(&mut self, purged: &[SnapshotId]) {
        let now = self.world.clock.now();
        let window = self.world.options.undo_window;
        let over = |known: &Known| known.deleted.is_some_and(|time| time.after(window) <= now);
        let expected: BTreeSet<SnapshotId> =
            self.known.iter().filter(|(_, known)| over(known)).map(|(id, _)| *id).collect();
        assert_eq!(purged.iter().copied().collect::<BTreeSet<_>>(), expected);
        self.known.retain(|id, _| !expected.contains(id));
    }

    fn mark(&mut self) -> bool {
        match self.vault().mark(&self.world.options, &self.world.ledger) {
            Ok(report) => self.purged(&report.purged),
            Err(error) => assert!(self.has_crashed(), "{error:?}"),
        }
        true
    }
}
