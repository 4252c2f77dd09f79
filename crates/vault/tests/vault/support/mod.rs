//! A vault in memory with a clock that stands still, and what tests do with it.

pub(crate) mod agent;
pub(crate) mod restore;
pub(crate) mod scenario;
pub(crate) mod spots;

use agent::{Agent, BuiltPack, Tree};
use blobs::{BlobStore, MemoryStore};
use format::record::FormatRecord;
use format::segment::Segment;
use model::{Clock, Custody, LeaseId, PackId, SnapshotId, Timestamp, UserId, VaultId};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};
use vault::{
    BoxError, CleanupOptions, CommitReceipt, Error, LeaseGrant, PackReceipt, Registry, SegmentBytes, Vault,
};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// Leases and snapshots as a database would know them.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) leases: Mutex<Vec<LeaseGrant>>,
    pub(crate) known: Mutex<Option<HashSet<SnapshotId>>>,
}

impl Registry for Ledger {
    fn live_leases(&self) -> Result<Vec<LeaseGrant>, BoxError> {
        Ok(self.leases.lock().unwrap().clone())
    }

    fn known_snapshots(&self) -> Result<Option<HashSet<SnapshotId>>, BoxError> {
        Ok(self.known.lock().unwrap().clone())
    }
}

pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) clock: Clock,
    pub(crate) vault: Arc<Vault>,
    pub(crate) agent: Agent,
    pub(crate) ledger: Ledger,
    pub(crate) options: CleanupOptions,
}

pub(crate) fn clock() -> Clock {
    Clock::manual(Timestamp::from_secs(1_800_000_000))
}

/// A store in memory whose times are those of the clock.
pub(crate) fn memory(clock: &Clock) -> MemoryStore {
    let clock = clock.clone();
    MemoryStore::new().with_clock(move || UNIX_EPOCH + Duration::from_micros(clock.now().as_micros() as u64))
}

pub(crate) fn record(vault: VaultId) -> FormatRecord {
    let user = UserId::from_bytes([5; 16]);
    FormatRecord::new(vault, user, Custody::Managed, Timestamp::from_secs(1_800_000_000))
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = clock();
        Self::on(memory(&clock), clock)
    }

    pub(crate) fn on(store: MemoryStore, clock: Clock) -> Self {
        let agent = Agent::new(VaultId::from_bytes([0xaa; 16]));
        let vault = Vault::create(Arc::new(store.clone()), &record(agent.vault), clock.clone()).unwrap();
        Self { store, clock, vault, agent, ledger: Ledger::default(), options: CleanupOptions::default() }
    }

    /// Opens the vault anew, perhaps over another store that wraps this one.
    pub(crate) fn reopen(&mut self) {
        self.vault = Vault::open(Arc::new(self.store.clone()), self.agent.vault, self.clock.clone()).unwrap();
    }

    pub(crate) fn grant(&self) -> LeaseGrant {
        let hold = self.vault.hold();
        let grant = LeaseGrant { id: LeaseId::random(), epoch: self.vault.position().unwrap().sequence };
        self.ledger.leases.lock().unwrap().push(grant);
        drop(hold);
        grant
    }

    pub(crate) fn end(&self, lease: LeaseGrant) {
        self.ledger.leases.lock().unwrap().retain(|other| other.id != lease.id);
    }

    pub(crate) fn upload(&self, lease: LeaseGrant, pack: &BuiltPack) -> Result<PackReceipt, Error> {
        upload(&self.vault, lease.id, pack.id, &pack.bytes)
    }

    pub(crate) fn commit(
        &self,
        lease: LeaseGrant,
        id: SnapshotId,
        record: &[u8],
    ) -> Result<CommitReceipt, Error> {
        commit(&self.vault, lease, id, record)
    }

    /// Uploads what the tree needs and commits it.
    pub(crate) fn back_up(&self, lease: LeaseGrant, tree: &Tree) -> SnapshotId {
        let packs = tree.packs.iter().chain([&tree.hunks]);
        for pack in packs {
            self.upload(lease, pack).unwrap();
        }
        self.commit(lease, tree.snapshot, &tree.record).unwrap();
        tree.snapshot
    }

    pub(crate) fn sweep(&self) -> vault::SweepReport {
        self.vault.sweep(&self.options, &self.ledger).unwrap()
    }

    pub(crate) fn mark(&self) -> vault::MarkReport {
        self.vault.mark(&self.options, &self.ledger).unwrap()
    }

    /// Sweeps and marks until nothing can be left to do.
    pub(crate) fn clean_up_fully(&self) {
        for _ in 0..3 {
            self.vault.cleanup(&self.options, &self.ledger).unwrap();
            self.clock.advance(self.options.grace);
        }
        self.sweep();
    }

    /// Names of all objects of one kind, without the vault's prefix.
    pub(crate) fn objects(&self, kind: &str) -> Vec<String> {
        let prefix = format!("vaults/{}/{kind}/", self.agent.vault);
        let listed = self.store.list(&prefix).unwrap();
        listed.iter().map(|blob| blob.key.as_str()[prefix.len()..].to_owned()).collect()
    }

    pub(crate) fn pack_bytes(&self) -> u64 {
        self.vault.stats().unwrap().pack_objects.stored_bytes
    }

    pub(crate) fn assert_clean(&self) {
        let report = self.vault.verify(true, &mut |_| std::ops::ControlFlow::Continue(())).unwrap();
        assert!(report.is_clean(), "{report:?}");
    }
}

/// The segment of these bytes, read in pieces.
pub(crate) fn decode(bytes: Result<SegmentBytes, Error>) -> Result<Segment, Error> {
    let (mut bytes, mut whole) = (bytes?, Vec::new());
    while bytes.left() > 0 {
        whole.extend(bytes.read(777)?);
    }
    assert!(bytes.read(1)?.is_empty() && bytes.length() == whole.len() as u64);
    Ok(Segment::decode(&whole).unwrap())
}

pub(crate) fn upload(
    vault: &Arc<Vault>,
    lease: LeaseId,
    pack: PackId,
    bytes: &[u8],
) -> Result<PackReceipt, Error> {
    let mut receiver = vault.receive_pack(lease, pack)?;
    for piece in bytes.chunks(1000) {
        receiver.feed(piece)?;
    }
    receiver.finish()
}

pub(crate) fn commit(
    vault: &Arc<Vault>,
    lease: LeaseGrant,
    id: SnapshotId,
    record: &[u8],
) -> Result<CommitReceipt, Error> {
    let hold = vault.hold();
    let checked = vault.check_commit(&hold, &lease, id, record, &HashSet::new())?;
    vault.commit(&checked, None)
}
