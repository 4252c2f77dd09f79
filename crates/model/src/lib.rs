//! The words every part of Holdfast shares: ids, time, stable codes, findings, what is damaged, retention rules,
//! schedules, and text and colours that a terminal may show.
//! Pure values and functions; no files, no network, no database.

pub mod amounts;
pub mod clock;
pub mod code;
pub mod colour;
pub mod custody;
pub mod damaged;
pub mod failpoint;
pub mod finding;
pub mod ids;
pub mod moment;
pub mod policy;
pub mod retention;
pub mod schedule;
pub mod text;
pub mod time;

pub use clock::Clock;
pub use code::Code;
pub use custody::Custody;
pub use damaged::Damaged;
pub use finding::{Finding, FindingReason};
pub use ids::{
    AdminTokenId, ChunkId, DeviceId, GroupId, LeaseId, OrderId, PackId, ServerId, SetId, SnapshotId, TokenId,
    UserId, VaultId,
};
pub use moment::{Day, Moment};
pub use schedule::Schedule;
pub use time::Timestamp;
