//! Leases: the grants to upload into a vault, and the counter that each grant rotates.

use crate::words::words;
use crate::{Error, Result};
use async_trait::async_trait;
use model::{DeviceId, LeaseId, SetId, Timestamp, VaultId};

words! {
    /// Where a lease stands. Only `Live` allows anything.
    LeaseState {
        /// Its holder may upload and commit until the deadline.
        Live = "live",
        /// A complete snapshot was committed under it.
        Committed = "committed",
        /// Its holder gave it back, or its device ended.
        Released = "released",
        /// A later run took over, or its vault was closed.
        Superseded = "superseded",
        /// Its deadline passed.
        Expired = "expired",
    }
}

/// One lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The lease's id.
    pub id: LeaseId,
    /// The vault that it allows to write.
    pub vault: VaultId,
    /// Its holder.
    pub device: DeviceId,
    /// The set that is backed up.
    pub set: SetId,
    /// Last number of the vault's log when it was granted.
    pub epoch: u64,
    /// The number that its holder has to show.
    pub counter: u64,
    /// Where it stands; a live one whose deadline passed is still `Live` until somebody looks.
    pub state: LeaseState,
    /// When it was granted.
    pub granted: Timestamp,
    /// From then on it allows nothing.
    pub deadline: Timestamp,
    /// When its holder was last heard of, at most a minute too early.
    pub last_seen: Timestamp,
}

impl Lease {
    /// Whether this lease allows what is claimed.
    pub(crate) fn allows(&self, claim: &LeaseClaim, now: Timestamp) -> Result<()> {
        let lease = self.id;
        if self.vault != claim.vault || self.device != claim.device {
            return Err(Error::LeaseUnknown { lease });
        }
        match self.state {
            LeaseState::Live if self.deadline <= now => {
                Err(Error::LeaseExpired { lease, deadline: self.deadline })
            }
            LeaseState::Live if self.counter != claim.counter => Err(Error::CounterWrong { lease }),
            LeaseState::Live => Ok(()),
            LeaseState::Expired => Err(Error::LeaseExpired { lease, deadline: self.deadline }),
            LeaseState::Superseded => Err(Error::LeaseSuperseded { lease }),
            state @ (LeaseState::Committed | LeaseState::Released) => Err(Error::LeaseEnded { lease, state }),
        }
    }
}

/// How many leases may be active in the whole installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// The most.
    pub limit: u64,
    /// The most of one device. It names its sets itself, so without this it could take all places.
    pub device_limit: u64,
    /// A live lease whose holder was not heard of since then does not count: it may never come back.
    pub active_since: Timestamp,
    /// A place in the queue whose holder has not asked since then is given up.
    pub waiting_since: Timestamp,
}

/// A request for a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRequest {
    /// The vault to write.
    pub vault: VaultId,
    /// Who asks.
    pub device: DeviceId,
    /// The set to back up.
    pub set: SetId,
    /// The number that the device stored last; `None` when it has none.
    pub counter: Option<u64>,
    /// Last number of the vault's log, read before this call.
    pub epoch: u64,
    /// The present time.
    pub now: Timestamp,
    /// The lease's end.
    pub deadline: Timestamp,
    /// How many leases there may be.
    pub admission: Admission,
}

/// What a request below a lease claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseClaim {
    /// The lease.
    pub lease: LeaseId,
    /// The vault of the request.
    pub vault: VaultId,
    /// The device of the request.
    pub device: DeviceId,
    /// The number that it showed.
    pub counter: u64,
}

/// Leases.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Grants a lease and rotates the device's counter, all in one transaction.
    ///
    /// The device must be active, the vault open and of the same user. Whoever shows an old counter is a copy and
    /// gets nothing ([`crate::counter`] has the rule). A live lease of the same device and set is superseded, and so
    /// is every lease whose number the device never showed. With too many active leases, of all or of the device, none
    /// of this changes, so the device asks again with the same number.
    ///
    /// Who finds no place among all gets one in the queue, which it keeps as long as it asks again in time. A place that
    /// is free goes to the first of them; whoever asks later comes after those who wait.
    async fn grant(&self, request: &GrantRequest) -> Result<Lease>;

    /// Checks a request below a lease: it must be live, before its deadline, of this vault and device, and
    /// have this number. The first such request confirms the number; `last_seen` is written once a minute.
    async fn use_lease(&self, claim: &LeaseClaim, now: Timestamp) -> Result<Lease>;

    /// The lease with this id.
    async fn lease(&self, lease: LeaseId) -> Result<Option<Lease>>;

    /// The live leases of a vault before their deadline, oldest first.
    async fn live_leases(&self, vault: VaultId, now: Timestamp) -> Result<Vec<Lease>>;

    /// Number of active leases in the whole installation, as admission counts them.
    async fn active_leases(&self, active_since: Timestamp, now: Timestamp) -> Result<u64>;

    /// Number of devices in the queue.
    async fn waiting(&self, waiting_since: Timestamp) -> Result<u64>;

    /// Expires all leases whose deadline passed, for good, and forgets those that ended long ago. Gives the number of
    /// expired ones.
    async fn expire_leases(&self, now: Timestamp) -> Result<u64>;

    /// Gives a lease back; one that has ended stays as it is.
    async fn release_lease(&self, lease: LeaseId, device: DeviceId) -> Result<()>;
}
