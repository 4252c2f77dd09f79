//! Leases in SQL, except for their grant.

use super::grant::Granted;
use super::value::{FromRow, Row, args};
use super::{SqlMeta, Write, devices, grant, waiting};
use crate::devices::SEEN_EVERY;
use crate::{Error, GrantRequest, Lease, LeaseClaim, LeaseState, Leases, Result};
use async_trait::async_trait;
use model::{DeviceId, LeaseId, Timestamp, VaultId};
use std::time::Duration;

/// How long a lease that ended is remembered, counted from its deadline: long enough for its holder to be
/// told what happened to it.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl FromRow for Lease {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.next()?,
            vault: row.next()?,
            device: row.next()?,
            set: row.next()?,
            epoch: row.next()?,
            counter: row.next()?,
            state: row.next()?,
            granted: row.next()?,
            deadline: row.next()?,
            last_seen: row.next()?,
        })
    }
}

const BY_ID: &str =
    "SELECT id, vault_id, device_id, set_id, epoch, counter, state, granted, deadline, last_seen
    FROM leases WHERE id = $1";

/// The lease if it allows what is claimed and its device may work; notes that its number was shown.
pub(super) async fn claimed(tx: &mut Write, claim: &LeaseClaim, now: Timestamp) -> Result<Lease> {
    devices::working(tx, claim.device).await?;
    let lease: Lease =
        tx.one(BY_ID, args![claim.lease]).await?.ok_or(Error::LeaseUnknown { lease: claim.lease })?;
    lease.allows(claim, now)?;
    let mut counter = grant::counter(tx, claim.device).await?;
    if counter.confirm(lease.counter) {
        grant::set_counter(tx, claim.device, counter).await?;
    }
    Ok(lease)
}

/// Ends a lease, or moves what is live about it.
pub(super) async fn set_state(tx: &mut Write, lease: LeaseId, state: LeaseState) -> Result<()> {
    tx.run("UPDATE leases SET state = $2 WHERE id = $1", args![lease, state]).await?;
    Ok(())
}

#[async_trait]
impl Leases for SqlMeta {
    async fn grant(&self, request: &GrantRequest) -> Result<Lease> {
        match grant::grant(self.begin().await?, request).await? {
            Granted::Lease(lease) => Ok(lease),
            Granted::Full { active } => {
                let mut tx = self.begin().await?;
                let place = waiting::take(&mut tx, request).await?;
                tx.commit().await?;
                Err(Error::ServerBusy { active, limit: request.admission.limit, place })
            }
        }
    }

    async fn use_lease(&self, claim: &LeaseClaim, now: Timestamp) -> Result<Lease> {
        // Asked of a reader first: most requests change nothing, and must not wait for the writer.
        let lease: Lease =
            self.one(BY_ID, args![claim.lease]).await?.ok_or(Error::LeaseUnknown { lease: claim.lease })?;
        lease.allows(claim, now)?;
        let mut counter = self.one(grant::COUNTER, args![claim.device]).await?.unwrap_or_default();
        if !grant::Counter::confirm(&mut counter, lease.counter) && now.since(lease.last_seen) < SEEN_EVERY {
            return Ok(lease);
        }
        let mut tx = self.begin().await?;
        let lease = claimed(&mut tx, claim, now).await?;
        let last_seen = lease.last_seen.max(now);
        tx.run("UPDATE leases SET last_seen = $2 WHERE id = $1", args![lease.id, last_seen]).await?;
        tx.commit().await?;
        Ok(Lease { last_seen, ..lease })
    }

    async fn lease(&self, lease: LeaseId) -> Result<Option<Lease>> {
        self.one(BY_ID, args![lease]).await
    }

    async fn live_leases(&self, vault: VaultId, now: Timestamp) -> Result<Vec<Lease>> {
        self.all(
            "SELECT id, vault_id, device_id, set_id, epoch, counter, state, granted, deadline, last_seen
             FROM leases WHERE vault_id = $1 AND state = 'live' AND deadline > $2 ORDER BY granted, id",
            args![vault, now],
        )
        .await
    }

    async fn active_leases(&self, active_since: Timestamp, now: Timestamp) -> Result<u64> {
        Ok(self.one(grant::ACTIVE, args![active_since, now]).await?.unwrap_or(0))
    }

    async fn waiting(&self, waiting_since: Timestamp) -> Result<u64> {
        Ok(self.one(waiting::COUNT, args![waiting_since]).await?.unwrap_or(0))
    }

    async fn expire_leases(&self, now: Timestamp) -> Result<u64> {
        let mut tx = self.begin().await?;
        let expired = tx
            .run("UPDATE leases SET state = 'expired' WHERE state = 'live' AND deadline <= $1", args![now])
            .await?;
        tx.run("DELETE FROM leases WHERE state <> 'live' AND deadline < $1", args![now.before(REMEMBERED)])
            .await?;
        tx.commit().await?;
        Ok(expired)
    }

    async fn release_lease(&self, lease: LeaseId, device: DeviceId) -> Result<()> {
        let mut tx = self.begin().await?;
        let found: Option<Lease> = tx.one(BY_ID, args![lease]).await?;
        match found {
            Some(found) if found.device == device => {
                if found.state == LeaseState::Live {
                    set_state(&mut tx, lease, LeaseState::Released).await?;
                    tx.commit().await?;
                }
                Ok(())
            }
            _ => Err(Error::LeaseUnknown { lease }),
        }
    }
}
