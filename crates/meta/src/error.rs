//! Everything that the database can refuse or fail at, and the stable code of each.
//! Texts here are for logs; front ends own the wording for people.

use crate::{Bar, LeaseState, State};
use model::{Code, DeviceId, GroupId, LeaseId, SnapshotId, Timestamp, UserId, VaultId};
use std::path::PathBuf;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation did not happen. After an error nothing of it is stored, except where a variant says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no database at this path.
    #[error("no database at {}", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file that would be created is there already.
    #[error("{} exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The database library takes UTF-8 paths only.
    #[error("the path of the database is not UTF-8: {}", path.display())]
    PathNotText {
        /// The path.
        path: PathBuf,
    },
    /// A database of some other program.
    #[error("{} is a database of another program (application id {application_id:#x})", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its application id; 0 when it has none.
        application_id: i64,
    },
    /// A newer server wrote this database; nothing was changed.
    #[error("the database has schema {found}; this version knows schemas up to {supported}")]
    SchemaNewer {
        /// Schema of the database.
        found: u32,
        /// Newest schema of this version.
        supported: u32,
    },
    /// The database holds what it never should.
    #[error("the database is damaged: {problem}")]
    Damaged {
        /// What was found.
        problem: String,
    },
    /// The database did not become free in time.
    #[error("the database is busy")]
    Busy,
    /// The disk of the database is full.
    #[error("the disk of the database is full")]
    DiskFull,
    /// The database may not be opened or written.
    #[error("no permission for the database: {problem}")]
    Denied {
        /// The database's words.
        problem: String,
    },
    /// A file operation failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// Any other failure of the database.
    #[error("the database failed: {source}")]
    Database {
        /// The driver's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// There is a server record already.
    #[error("the server record exists already")]
    ServerExists,
    /// A user or administrator with this name exists; case does not matter.
    #[error("the name {name:?} is taken")]
    NameTaken {
        /// The name that was asked for.
        name: String,
    },
    /// No such administrator.
    #[error("no administrator {name:?}")]
    AdministratorUnknown {
        /// The name that was asked for.
        name: String,
    },
    /// No such user.
    #[error("no user {user}")]
    UserUnknown {
        /// The id that was asked for.
        user: UserId,
    },

    /// No such group.
    #[error("no group {group}")]
    GroupUnknown {
        /// The id that was asked for.
        group: GroupId,
    },
    /// Users are in the group, or it is the one that is always there.
    #[error("{users} users are in the group")]
    GroupInUse {
        /// How many.
        users: u64,
    },

    /// No token has this secret.
    #[error("unknown token")]
    TokenUnknown,
    /// The token's time is over.
    #[error("the token expired at {expired}")]
    TokenExpired {
        /// When.
        expired: Timestamp,
    },
    /// The token served another device, or one that has ended.
    #[error("the token was used by device {device}")]
    TokenUsed {
        /// By which device.
        device: DeviceId,
    },

    /// No such device.
    #[error("no device {device}")]
    DeviceUnknown {
        /// The id that was asked for.
        device: DeviceId,
    },
    /// The device may not work.
    #[error("{bar}")]
    Barred {
        /// What keeps it.
        bar: Bar,
    },
    /// The change is not possible where the user or device stands.
    #[error("it is {state}")]
    StateConflict {
        /// Where it stands.
        state: State,
    },
    /// The device showed an old counter: its state was copied, and the other copy goes on as this device.
    #[error("another machine goes on as device {device}")]
    DeviceCloned {
        /// The device.
        device: DeviceId,
    },

    /// No such vault, or it belongs to someone else.
    #[error("no vault {vault}")]
    VaultUnknown {
        /// The id that was asked for.
        vault: VaultId,
    },
    /// The user has an open vault already, or the id is taken.
    #[error("vault {vault} exists already")]
    VaultExists {
        /// The vault that is there.
        vault: VaultId,
    },
    /// The vault takes no new snapshots.
    #[error("vault {vault} is closed")]
    VaultClosed {
        /// The vault.
        vault: VaultId,
    },

    /// No such lease, or it belongs to another device, vault or set.
    #[error("no lease {lease} of this device")]
    LeaseUnknown {
        /// The id that was asked for.
        lease: LeaseId,
    },
    /// The lease passed its deadline.
    #[error("lease {lease} expired at {deadline}")]
    LeaseExpired {
        /// The lease.
        lease: LeaseId,
        /// When.
        deadline: Timestamp,
    },
    /// A later run took over.
    #[error("lease {lease} was superseded")]
    LeaseSuperseded {
        /// The lease.
        lease: LeaseId,
    },
    /// The lease ended by a commit or was given back.
    #[error("lease {lease} has ended ({state})")]
    LeaseEnded {
        /// The lease.
        lease: LeaseId,
        /// How.
        state: LeaseState,
    },
    /// The number does not belong to the lease.
    #[error("lease {lease} belongs to another counter")]
    CounterWrong {
        /// The lease.
        lease: LeaseId,
    },
    /// As many leases are active as the caller allows, or others come first.
    #[error("{active} of {limit} backups are running, and this one is number {place} of those that wait")]
    ServerBusy {
        /// Active leases.
        active: u64,
        /// The limit.
        limit: u64,
        /// The place in the queue; 1 comes next.
        place: u64,
    },
    /// As many leases of one device are active as the caller allows.
    #[error("{active} of {limit} backups of this device are running")]
    DeviceBusy {
        /// Active leases of the device.
        active: u64,
        /// The limit.
        limit: u64,
    },

    /// No such snapshot, or it lies in another vault.
    #[error("no snapshot {snapshot}")]
    SnapshotUnknown {
        /// The id that was asked for.
        snapshot: SnapshotId,
    },
    /// Another snapshot has this id.
    #[error("another snapshot {snapshot} exists")]
    SnapshotConflict {
        /// The id.
        snapshot: SnapshotId,
    },
    /// The snapshot is not marked as deleted, so its row stays.
    #[error("snapshot {snapshot} is not deleted")]
    SnapshotKept {
        /// The snapshot.
        snapshot: SnapshotId,
    },
    /// A checkpoint that a later snapshot replaced does not come back.
    #[error("checkpoint {snapshot} was replaced")]
    CheckpointReplaced {
        /// The checkpoint.
        snapshot: SnapshotId,
    },
}

impl Error {
    /// The stable code that front ends show.
    pub const fn code(&self) -> Code {
        match self {
            Self::Missing { .. } => Code::DataMissing,
            Self::Exists { .. } | Self::ServerExists => Code::DataExists,
            Self::SchemaNewer { .. } => Code::DatabaseNewer,
            Self::Damaged { .. } | Self::Foreign { .. } => Code::DatabaseDamaged,
            Self::DiskFull => Code::StorageFull,
            Self::Denied { .. } => Code::LocalDenied,
            Self::Io { .. } | Self::PathNotText { .. } => Code::LocalFailed,
            Self::Database { .. } => Code::Internal,
            Self::NameTaken { .. } => Code::NameTaken,
            Self::UserUnknown { .. } => Code::UserUnknown,
            Self::TokenUnknown => Code::TokenUnknown,
            Self::TokenExpired { .. } => Code::TokenExpired,
            Self::TokenUsed { .. } => Code::TokenUsed,
            Self::DeviceUnknown { .. } => Code::DeviceUnknown,
            Self::DeviceCloned { .. } | Self::CounterWrong { .. } => Code::DeviceCloned,
            Self::Barred { bar } => bar.code(),
            Self::StateConflict { .. } | Self::GroupInUse { .. } => Code::StateConflict,
            Self::VaultUnknown { .. } => Code::VaultUnknown,
            Self::VaultExists { .. } | Self::VaultClosed { .. } => Code::VaultExists,
            Self::LeaseUnknown { .. } | Self::LeaseEnded { .. } => Code::LeaseUnknown,
            Self::LeaseExpired { .. } => Code::LeaseExpired,
            Self::LeaseSuperseded { .. } => Code::LeaseSuperseded,
            Self::Busy | Self::ServerBusy { .. } | Self::DeviceBusy { .. } => Code::ServerBusy,
            Self::SnapshotUnknown { .. } | Self::CheckpointReplaced { .. } => Code::SnapshotUnknown,
            Self::SnapshotConflict { .. } | Self::SnapshotKept { .. } => Code::SnapshotConflict,
            Self::AdministratorUnknown { .. } => Code::NotFound,
            Self::GroupUnknown { .. } => Code::GroupUnknown,
        }
    }
}
