//! What the engine asks of the server. The `client` crate implements it over HTTPS, tests in memory.
//!
//! All calls block. Each may be repeated with the same arguments: the server answers as the first time.

use format::frame::SealedFrame;
use format::segment::Segment;
use model::{ChunkId, Code, Damaged, LeaseId, PackId, SetId, SnapshotId, Timestamp, VaultId};

/// Why a call to the server failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct RemoteError {
    /// The stable code.
    pub code: Code,
    /// What the server or the connection said, without secrets or paths.
    pub detail: String,
    /// Seconds after which the server wants to be asked again.
    pub retry_after_seconds: Option<u64>,
    /// With `server_busy`: the place in the queue; 1 comes next.
    pub queue_place: Option<u64>,
    /// With `ranges_missing`: the frames that may not be referred to.
    pub missing: Vec<(PackId, u32)>,
}

impl RemoteError {
    /// A failure with this code and nothing else that is known of it.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            retry_after_seconds: None,
            queue_place: None,
            missing: Vec::new(),
        }
    }
}

/// A place in the vault's log: the incarnation and the last sequence number known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPosition {
    /// The index's incarnation.
    pub incarnation: [u8; 16],
    /// The last number that was applied.
    pub sequence: u64,
}

/// The server's grant to upload.
#[derive(Debug, Clone)]
pub struct Lease {
    /// Its id.
    pub id: LeaseId,
    /// The vault's log at the grant.
    pub position: LogPosition,
    /// When it ends.
    pub deadline: Timestamp,
    /// The server's present time.
    pub server_time: Timestamp,
    /// Ids of data chunks in a copy of the whole index.
    pub data_ids: u64,
    /// The newest snapshots of the set, checkpoints included, the very newest first.
    pub newest: Vec<SnapshotId>,
    /// Whether the server knows of damage in the vault: [`Remote::damage`] tells which.
    pub has_damage: bool,
}

/// Which ids the segments of the index have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexIds {
    /// All.
    All,
    /// Those of hunks alone: the table of data ids is empty, and the places of chunks are asked for.
    Hunks,
}

/// What the server answered to a pack.
#[derive(Debug, Clone, Copy)]
pub struct PackReceipt {
    /// False when the server had this pack already.
    pub stored: bool,
    /// The log entry that added it.
    pub sequence: u64,
}

/// What the server answered to a commit.
#[derive(Debug, Clone, Copy)]
pub struct Committed {
    /// The vault's number of this snapshot.
    pub sequence: u64,
    /// When the server received it.
    pub time: Timestamp,
}

/// Takes the ids of each frame that was asked for.
pub type IdSink<'a> =
    dyn FnMut((PackId, u32), Result<Vec<ChunkId>, RemoteError>) -> Result<(), RemoteError> + 'a;

/// The server as the engine sees it, bound to one device and its vault.
pub trait Remote: Send + Sync {
    /// The vault this remote is bound to.
    fn vault(&self) -> VaultId;

    /// Asks for a lease for a run of `set`; ends an earlier lease of the same set and device.
    fn grant(&self, set: SetId) -> Result<Lease, RemoteError>;

    /// Gives a lease back without a commit.
    fn release(&self, lease: LeaseId) -> Result<(), RemoteError>;

    /// The log after `after`, in order; everything when `after` is `None`.
    /// Fails with `index_gap` when that place is of another incarnation or inside a merged segment.
    fn index(
        &self,
        after: Option<LogPosition>,
        ids: IndexIds,
        sink: &mut dyn FnMut(Segment) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError>;

    /// What the server knows to be damaged or lost in the vault: nothing new may refer to it.
    fn damage(&self) -> Result<Vec<Damaged>, RemoteError>;

    /// For each id the address of a live data chunk, where the vault has one that is not known to be damaged. At most
    /// 16,384 ids a call.
    fn look_up(
        &self,
        lease: LeaseId,
        ids: &[ChunkId],
    ) -> Result<Vec<Option<format::ranges::Address>>, RemoteError>;

    /// Sends a whole pack. Durable and in the log when it returns. The bytes are shared, not copied: a `Vec` becomes
    /// `Bytes` as it is, and a clone for a second try costs nothing.
    fn send_pack(
        &self,
        lease: LeaseId,
        pack: PackId,
        bytes: bytes::Bytes,
    ) -> Result<PackReceipt, RemoteError>;

    /// Commits a snapshot record. Durable and checked when it returns.
    fn commit(&self, lease: LeaseId, snapshot: SnapshotId, record: &[u8]) -> Result<Committed, RemoteError>;

    /// A snapshot's record (clear and sealed part).
    fn snapshot(&self, id: SnapshotId) -> Result<Vec<u8>, RemoteError>;

    /// Frames that `snapshot` refers to, in the order asked for. A frame that the server cannot read is
    /// given as an error to the sink, and the rest follows.
    fn frames(
        &self,
        snapshot: SnapshotId,
        wanted: &[(PackId, u32)],
        sink: &mut dyn FnMut((PackId, u32), Result<SealedFrame, RemoteError>) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError>;

    /// The ids of the chunks in frames that `snapshot` refers to, in the order asked for, without their content. The
    /// server may say any: who asks checks them. A frame whose pack the server cannot read is given as an error.
    fn frame_ids(
        &self,
        snapshot: SnapshotId,
        wanted: &[(PackId, u32)],
        sink: &mut IdSink<'_>,
    ) -> Result<(), RemoteError>;

    /// Frames of the vault's live index under a lease, for the check of a sample before its ids are trusted.
    fn sample_frames(
        &self,
        lease: LeaseId,
        wanted: &[(PackId, u32)],
        sink: &mut dyn FnMut((PackId, u32), Result<SealedFrame, RemoteError>) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError>;
}
