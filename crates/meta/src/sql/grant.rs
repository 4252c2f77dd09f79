//! The grant of a lease: admission, the counter, and what the new lease takes the place of.

use super::value::{FromRow, Row, args};
use super::{Write, devices, vaults, waiting};
pub(super) use crate::counter::Counter;
use crate::counter::CounterOutcome;
use crate::{Error, GrantRequest, Lease, LeaseState, Result};
use model::{DeviceId, LeaseId};

impl FromRow for Counter {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { confirmed: row.next()?, given: row.next()? })
    }
}

pub(super) const COUNTER: &str = "SELECT counter_confirmed, counter_given FROM devices WHERE id = $1";
pub(super) const ACTIVE: &str =
    "SELECT COUNT(*) FROM leases WHERE state = 'live' AND last_seen >= $1 AND deadline > $2";
const ACTIVE_OF_DEVICE: &str = "SELECT COUNT(*) FROM leases
    WHERE state = 'live' AND last_seen >= $1 AND deadline > $2 AND device_id = $3";

/// The device's counter.
pub(super) async fn counter(tx: &mut Write, device: DeviceId) -> Result<Counter> {
    tx.one(COUNTER, args![device]).await?.ok_or(Error::DeviceUnknown { device })
}

/// Stores the device's counter.
pub(super) async fn set_counter(tx: &mut Write, device: DeviceId, counter: Counter) -> Result<()> {
    tx.run(
        "UPDATE devices SET counter_confirmed = $2, counter_given = $3 WHERE id = $1",
        args![device, counter.confirmed, counter.given],
    )
    .await?;
    Ok(())
}

/// Number of active leases of the device.
async fn active_of(tx: &mut Write, request: &GrantRequest) -> Result<u64> {
    let GrantRequest { device, now, admission, .. } = request;
    Ok(tx.one(ACTIVE_OF_DEVICE, args![admission.active_since, now, device]).await?.unwrap_or(0))
}

/// What came of a request.
pub(super) enum Granted {
    /// The lease.
    Lease(Lease),
    /// No place is free for this device.
    Full {
        /// Active leases.
        active: u64,
    },
}

/// All of [`crate::Leases::grant`] but the place in the queue, in the transaction that is handed in.
pub(super) async fn grant(mut tx: Write, request: &GrantRequest) -> Result<Granted> {
    let GrantRequest { vault, device, set, epoch, now, deadline, .. } = *request;
    let user = devices::working(&mut tx, device).await?.user;
    vaults::open_of(&mut tx, vault, user).await?;

    // Before admission: a copy is told so even when the server is busy.
    let mut counter = counter(&mut tx, device).await?;
    let confirmed_before = counter.confirmed;
    let number = match counter.rotate(request.counter) {
        CounterOutcome::Rotated { next } | CounterOutcome::Reissued { next } => next,
        // Nothing is stored: whoever has the right number goes on.
        CounterOutcome::Cloned => return Err(Error::DeviceCloned { device }),
    };
    set_counter(&mut tx, device, counter).await?;

    let own_before = active_of(&mut tx, request).await?;
    tx.run(
        "UPDATE leases SET state = 'superseded' WHERE device_id = $1 AND set_id = $2 AND state = 'live'",
        args![device, set],
    )
    .await?;
    // Leases whose number nobody showed: their answer was lost, or went to a copy of this device.
    // Numbers count from 1, so 0 stands for none.
    tx.run(
        "UPDATE leases SET state = 'superseded'
         WHERE device_id = $1 AND state = 'live' AND counter > $2 AND counter <> $3",
        args![device, confirmed_before.unwrap_or(0), request.counter.unwrap_or(0)],
    )
    .await?;

    let own = active_of(&mut tx, request).await?;
    if own >= request.admission.device_limit {
        return Err(Error::DeviceBusy { active: own, limit: request.admission.device_limit });
    }
    let active: u64 = tx.one(ACTIVE, args![request.admission.active_since, now]).await?.unwrap_or(0);
    // Who takes its own place over waits for nobody.
    let ahead = if own < own_before {
        0
    } else {
        waiting::ahead(&mut tx, device, request.admission.waiting_since).await?
    };
    if active.saturating_add(ahead) >= request.admission.limit {
        // Not committed: the counter and the leases stay as they were.
        return Ok(Granted::Full { active });
    }
    waiting::leave(&mut tx, device).await?;
    let lease = Lease {
        id: LeaseId::random(),
        vault,
        device,
        set,
        epoch,
        counter: number,
        state: LeaseState::Live,
        granted: now,
        deadline,
        last_seen: now,
    };
    tx.run(
        "INSERT INTO leases
         (id, vault_id, device_id, set_id, epoch, counter, state, granted, deadline, last_seen)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        args![
            lease.id,
            vault,
            device,
            set,
            epoch,
            lease.counter,
            lease.state,
            now,
            deadline,
            lease.last_seen
        ],
    )
    .await?;
    tx.commit().await?;
    Ok(Granted::Lease(lease))
}
