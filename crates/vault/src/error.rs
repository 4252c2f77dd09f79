//! What can go wrong in a vault, in one type. It must not hold wording for people: front ends have their own.

use crate::FrameId;
use blobs::{ErrorKind, Key};
use model::{Code, PackId, SnapshotId, VaultId};

/// An error of a [`crate::Registry`], passed through.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A failed operation on a vault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such vault in the store.
    #[error("there is no vault {vault}")]
    VaultUnknown {
        /// The vault.
        vault: VaultId,
    },
    /// A vault with this id and another format record is there.
    #[error("another vault with the id {vault} exists")]
    VaultExists {
        /// The vault.
        vault: VaultId,
    },
    /// The object store failed.
    #[error(transparent)]
    Store(#[from] blobs::Error),
    /// An object is not what it has to be.
    #[error("{key} is damaged: {source}")]
    Damaged {
        /// The object.
        key: Key,
        /// What is wrong with it.
        source: format::Error,
    },
    /// The log cannot be used; nothing is written until the index is rebuilt.
    #[error("the log of the vault cannot be used: {0}")]
    LogBroken(LogProblem),
    /// The log has no place to go on from what the reader knows; it reads everything anew.
    #[error("the index must be read anew")]
    IndexGap,
    /// Bytes that were sent are no pack, or not the pack that was announced.
    #[error("pack {pack} was refused: {source}")]
    PackInvalid {
        /// The pack that was announced.
        pack: PackId,
        /// Why.
        source: PackFault,
    },
    /// Another pack with this id is stored.
    #[error("another pack {pack} is stored")]
    PackConflict {
        /// The pack.
        pack: PackId,
    },
    /// A snapshot record was refused, and would be at every further try.
    #[error("snapshot record was refused: {source}")]
    SnapshotInvalid {
        /// Why.
        source: SnapshotFault,
    },
    /// Another record with this id is stored.
    #[error("another snapshot {snapshot} is stored")]
    SnapshotConflict {
        /// The snapshot.
        snapshot: SnapshotId,
    },
    /// There is no such snapshot.
    #[error("there is no snapshot {snapshot}")]
    SnapshotUnknown {
        /// The snapshot.
        snapshot: SnapshotId,
    },
    /// A snapshot refers to frames that are not there or that it may not refer to.
    #[error("{} frames are missing", missing.len())]
    RangesMissing {
        /// The frames, ascending; at most [`crate::MISSING_MAX`].
        missing: Vec<FrameId>,
    },
    /// Cleanup found something that it does not understand, and removed nothing.
    #[error("cleanup refused: {0}")]
    CleanupRefused(Refusal),
    /// The vault is busy with something that excludes this; the same call may work later.
    #[error("{what} is under way")]
    Busy {
        /// What is under way.
        what: &'static str,
    },
    /// A hold of another vault, or of an earlier opening of this one, was shown.
    #[error("the hold belongs to another vault")]
    ForeignHold,
    /// A wrapped key is too large or empty.
    #[error("a wrapped key of {size_bytes} bytes")]
    KeyInvalid {
        /// Its size.
        size_bytes: u64,
    },
    /// Bytes that were sent are not the labels of this snapshot.
    #[error("labels were refused: {source}")]
    LabelsInvalid {
        /// Why.
        source: format::Error,
    },
    /// The labels that are stored are not those that were to be replaced.
    #[error("the labels of snapshot {snapshot} were changed meanwhile")]
    LabelsChanged {
        /// The snapshot.
        snapshot: SnapshotId,
    },
    /// The caller's registry failed.
    #[error("the registry of leases and snapshots failed: {0}")]
    Registry(#[source] BoxError),
}

/// Why a log cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogProblem {
    /// There is no segment although the vault exists.
    #[error("there is no segment")]
    Lost,
    /// Numbers are missing.
    #[error("nothing follows number {after}, but number {next} is there")]
    Gap {
        /// The last number before the gap.
        after: u64,
        /// The first number behind it.
        next: u64,
    },
    /// A segment cannot be read.
    #[error("the segment from {from} to {to} is damaged: {source}")]
    Damaged {
        /// Its first number.
        from: u64,
        /// Its last number.
        to: u64,
        /// What is wrong with it.
        source: format::Error,
    },
    /// Segments of two incarnations are there: a rebuild was cut off.
    #[error("the segment from {from} belongs to another incarnation")]
    Mixed {
        /// First number of the segment that does not fit.
        from: u64,
    },
}

/// Why bytes are not the pack that was announced.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackFault {
    /// They break the format.
    #[error(transparent)]
    Format(#[from] format::Error),
    /// They belong to another vault.
    #[error("it belongs to another vault")]
    OtherVault,
    /// They are a pack with another id.
    #[error("it has another id")]
    OtherId,
    /// An agent writes generation 0 only.
    #[error("its generation is not 0")]
    Generation,
}

/// Why a snapshot record was refused for good.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotFault {
    /// It breaks the format.
    #[error(transparent)]
    Format(#[from] format::Error),
    /// It belongs to another vault.
    #[error("it belongs to another vault")]
    OtherVault,
    /// It is a record with another id.
    #[error("it has another id")]
    OtherId,
    /// It names more hunks than a snapshot may have.
    #[error("it has {count} hunks")]
    TooManyHunks {
        /// How many.
        count: u64,
    },
    /// A range of hunks names file content, or chunks that the frame does not have.
    #[error("a range of hunks in {0} cannot exist")]
    HunkRange(FrameId),
    /// A hunk's range of content names hunks, or chunks that the frame does not have.
    #[error("a range of content in {0} cannot exist")]
    ContentRange(FrameId),
}

/// Why cleanup removed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Database and store know different snapshots.
    #[error("{} snapshots are in the store only, {} in the database only", only_in_store.len(), only_in_database.len())]
    SnapshotsDisagree {
        /// Known to the store alone, ascending.
        only_in_store: Vec<SnapshotId>,
        /// Known to the database alone, ascending.
        only_in_database: Vec<SnapshotId>,
    },
    /// A snapshot record cannot be read, so what it refers to is unknown.
    #[error("the record of snapshot {snapshot} is damaged")]
    SnapshotUnreadable {
        /// The snapshot.
        snapshot: SnapshotId,
    },
    /// A snapshot refers to a hunk that cannot be read.
    #[error("snapshot {snapshot} refers to hunks in {frame} that cannot be read")]
    HunkUnreadable {
        /// One of the snapshots.
        snapshot: SnapshotId,
        /// The frame that holds the hunk.
        frame: FrameId,
    },
    /// A snapshot refers to something that the log does not list: the log may have lost its end.
    #[error("a snapshot refers to {frame}, which the log does not list")]
    RangeNotInLog {
        /// The frame.
        frame: FrameId,
    },
}

impl Error {
    /// True when an object was not there.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Store(error) if error.kind() == ErrorKind::NotFound)
    }

    /// The stable code for a front end.
    pub fn code(&self) -> Code {
        match self {
            Self::VaultUnknown { .. } => Code::VaultUnknown,
            Self::VaultExists { .. } => Code::VaultExists,
            Self::Store(error) => match error.kind() {
                ErrorKind::Full => Code::StorageFull,
                ErrorKind::Corrupt => Code::DataDamaged,
                _ => Code::Internal,
            },
            Self::Damaged { .. } | Self::LogBroken(_) => Code::DataDamaged,
            Self::IndexGap => Code::IndexGap,
            Self::PackInvalid { .. } => Code::PackInvalid,
            Self::PackConflict { .. } => Code::PackConflict,
            Self::SnapshotInvalid { .. } => Code::SnapshotInvalid,
            Self::SnapshotConflict { .. } => Code::SnapshotConflict,
            Self::SnapshotUnknown { .. } => Code::SnapshotUnknown,
            Self::RangesMissing { .. } => Code::RangesMissing,
            Self::CleanupRefused(Refusal::SnapshotsDisagree { .. }) => Code::StoreDisagrees,
            Self::CleanupRefused(_) => Code::DataDamaged,
            Self::Busy { .. } => Code::ServerBusy,
            Self::KeyInvalid { .. } | Self::LabelsInvalid { .. } => Code::RequestInvalid,
            Self::LabelsChanged { .. } => Code::LabelsChanged,
            Self::ForeignHold | Self::Registry(_) => Code::Internal,
        }
    }
}
