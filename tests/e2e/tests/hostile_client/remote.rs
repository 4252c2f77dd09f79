//! The real engine over a remote that lies: an agent with a defect, or in the hands of somebody else.

use agent::state::State;
use agent::state::counter::Counter;
use bytes::Bytes;
use client::{Connection, Options, RemoteVault, RetryPolicy};
use e2e::raw::identity;
use e2e::{Agent, Site, tree};
use engine::EngineError;
use engine::backup::{self, BackupRequest};
use engine::progress::Progress;
use engine::remote::{Committed, IdSink, IndexIds, Lease, LogPosition, PackReceipt, Remote, RemoteError};
use format::frame::SealedFrame;
use format::ranges::Address;
use format::segment::Segment;
use model::{ChunkId, Clock, Code, Damaged, LeaseId, PackId, SetId, SnapshotId, VaultId};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What is done instead of sending a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    /// It is claimed to be stored.
    Omit,
    /// A bit of it is turned on the way.
    Damage,
}

struct Liar {
    honest: RemoteVault,
    lie: Lie,
    /// The pack, counted from 1, that is lied about in each attempt; later ones too when it is omitted.
    from: u64,
    packs: AtomicU64,
}

type Frames<'a> = dyn FnMut((PackId, u32), Result<SealedFrame, RemoteError>) -> Result<(), RemoteError> + 'a;

impl Remote for Liar {
    fn vault(&self) -> VaultId {
        self.honest.vault()
    }

    fn grant(&self, set: SetId) -> Result<Lease, RemoteError> {
        self.packs.store(0, Ordering::SeqCst);
        self.honest.grant(set)
    }

    fn release(&self, lease: LeaseId) -> Result<(), RemoteError> {
        self.honest.release(lease)
    }

    fn index(
        &self,
        after: Option<LogPosition>,
        ids: IndexIds,
        sink: &mut dyn FnMut(Segment) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError> {
        self.honest.index(after, ids, sink)
    }

    fn damage(&self) -> Result<Vec<Damaged>, RemoteError> {
        self.honest.damage()
    }

    fn look_up(&self, lease: LeaseId, ids: &[ChunkId]) -> Result<Vec<Option<Address>>, RemoteError> {
        self.honest.look_up(lease, ids)
    }

    fn send_pack(&self, lease: LeaseId, pack: PackId, bytes: Bytes) -> Result<PackReceipt, RemoteError> {
        let number = self.packs.fetch_add(1, Ordering::SeqCst) + 1;
        match self.lie {
            Lie::Omit if number >= self.from => Ok(PackReceipt { stored: true, sequence: 1 }),
            Lie::Damage if number == self.from => {
                let mut bytes = bytes.to_vec();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                self.honest.send_pack(lease, pack, bytes.into())
            }
            _ => self.honest.send_pack(lease, pack, bytes),
        }
    }

    fn commit(&self, lease: LeaseId, snapshot: SnapshotId, record: &[u8]) -> Result<Committed, RemoteError> {
        self.honest.commit(lease, snapshot, record)
    }

    fn snapshot(&self, id: SnapshotId) -> Result<Vec<u8>, RemoteError> {
        self.honest.snapshot(id)
    }

    fn frames(
        &self,
        snapshot: SnapshotId,
        wanted: &[(PackId, u32)],
        sink: &mut Frames<'_>,
    ) -> Result<(), RemoteError> {
        self.honest.frames(snapshot, wanted, sink)
    }

    fn frame_ids(
        &self,
        snapshot: SnapshotId,
        wanted: &[(PackId, u32)],
        sink: &mut IdSink<'_>,
    ) -> Result<(), RemoteError> {
        self.honest.frame_ids(snapshot, wanted, sink)
    }

    fn sample_frames(
        &self,
        lease: LeaseId,
        wanted: &[(PackId, u32)],
        sink: &mut Frames<'_>,
    ) -> Result<(), RemoteError> {
        self.honest.sample_frames(lease, wanted, sink)
    }
}

/// One run of the real engine with the state of this agent.
fn run(agent: &Agent, documents: &Path, cache: PathBuf, lie: Lie, from: u64) -> Result<(), EngineError> {
    let identity = identity(agent);
    let options = Options {
        credential: Some(identity.credential()),
        retry: RetryPolicy::never(),
        ..Options::new(identity.server.urls.clone(), identity.server.trust())
    };
    let connection = Arc::new(Connection::open(options).unwrap());
    let keyring = &identity.vault.keyring;
    let counter = Box::new(Counter::of(&State::at(agent.state().to_owned())));
    let honest = RemoteVault::new(connection, keyring.vault(), counter);
    let liar = Liar { honest, lie, from, packs: AtomicU64::new(0) };
    let request = BackupRequest {
        device: identity.device,
        device_name: identity.device_name.clone(),
        set_name: "documents".into(),
        paths: vec![documents.to_owned()],
        exclusions: Vec::new(),
        exclude_caches: false,
        one_file_system: false,
        own_folders: Vec::new(),
        accept_changed_roots: false,
        cache,
        frame_target: identity.vault.format.frame_target as usize,
        compression_level: 1,
        workers: 0,
        checkpoint_every: Duration::from_secs(86_400),
        renewal_limit_bytes: 0,
        index_ids_max: backup::INDEX_IDS_MAX,
        changed: None,
        count_ahead: false,
    };
    let classes = &identity.vault.format.classes;
    let progress = Progress::new();
    backup::run(&liar, keyring, classes, &request, &Clock::system(), &progress).map(drop)
}

#[test]
fn an_agent_that_leaves_packs_out_commits_nothing_and_hurts_nobody() {
    let site = Site::new();
    let agent = site.device("laptop");
    let documents = site.path("documents");
    let mut random = e2e::random::Random::new();
    tree::make(&documents, 60, &mut random);
    std::fs::write(documents.join("large"), random.bytes(40 << 20)).unwrap();
    for (lie, from, code) in [
        (Lie::Omit, 1, Code::RangesMissing),
        (Lie::Omit, 2, Code::RangesMissing),
        (Lie::Damage, 1, Code::PackInvalid),
    ] {
        let error = run(&agent, &documents, site.path("liars-cache"), lie, from).unwrap_err();
        assert_eq!(error.code(), code, "{lie:?} {from}: {error}");
        assert_eq!(agent.snapshots(), [] as [serde_json::Value; 0], "{lie:?} {from}");
    }
    site.server.verify();

    let summary = agent.backup(&[&documents]);
    assert_eq!(summary["findings"], 0);
    let target = site.path("restored");
    agent.restore(&format!("latest:{}", documents.display()), &target);
    tree::assert_equal(&documents, &target);
    site.server.verify();
}
