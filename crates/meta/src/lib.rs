//! The server's database: who exists, who may do what, and an index of the snapshots in the object store.
//!
//! Each use case that must be atomic is one method, and one method is one transaction.
//! The traits know nothing about a database product, about the network or about the object store;
//! times are handed in, so that the caller's clock is the only one.
//! [`SqlMeta`] implements all of them; the store stays the authority on snapshots and can rebuild this.

mod admin_tokens;
mod cleanups;
pub mod counter;
mod damages;
mod devices;
mod error;
mod events;
mod groups;
mod installation;
mod leases;
mod orders;
mod snapshots;
mod sql;
mod standing;
mod tokens;
mod upkeep;
mod users;
mod vaults;
mod words;

pub use admin_tokens::{AdminToken, AdminTokens};
pub use cleanups::{CleanupRun, Cleanups};
pub use damages::{Damages, KnownDamage};
pub use devices::{Device, Devices, FORMER_MAX, KnownDevice};
pub use error::{Error, Result};
pub use events::{DeviceEvent, EventLimit, EventSource, Events, LoggedEvent, REPEATED_WITHIN, Told};
pub use groups::{Group, Groups};
pub use installation::{Administrator, Installation, ServerRecord};
pub use leases::{Admission, GrantRequest, Lease, LeaseClaim, LeaseState, Leases};
pub use orders::{Order, OrderKind, Orders};
pub use snapshots::{
    Commit, Deletion, NewSnapshot, NewestSnapshot, REPLACED, SnapshotRow, SnapshotScope, Snapshots,
};
pub use sql::SqlMeta;
pub use standing::{Bar, Change, Standing, State, UNDO};
pub use tokens::{Activation, NewDevice, NewToken, Token, Tokens};
pub use upkeep::{Adopted, Adoption, Upkeep};
pub use users::{User, Users};
pub use vaults::{NewVault, Vault, VaultState, Vaults};

/// BLAKE3 of something: 32 bytes.
pub type Hash = [u8; 32];

/// The whole database, as `Arc<dyn Meta>`.
pub trait Meta:
    Installation
    + AdminTokens
    + Users
    + Groups
    + Tokens
    + Devices
    + Vaults
    + Leases
    + Snapshots
    + Cleanups
    + Damages
    + Events
    + Orders
    + Upkeep
{
}

impl<T> Meta for T where
    T: Installation
        + AdminTokens
        + Users
        + Groups
        + Tokens
        + Devices
        + Vaults
        + Leases
        + Snapshots
        + Cleanups
        + Damages
        + Events
        + Orders
        + Upkeep
{
}
