//! Devices in SQL.

use super::standing::changed;
use super::value::{FromRow, Row, args};
use super::{SqlMeta, Write, events, vaults, waiting};
use crate::devices::SEEN_EVERY;
use crate::{
    Bar, Change, Device, Devices, Error, FORMER_MAX, Hash, KnownDevice, NewDevice, Result, Standing, State,
};
use async_trait::async_trait;
use model::{DeviceId, Timestamp, UserId, VaultId};

impl FromRow for Device {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.next()?,
            user: row.next()?,
            vault: row.next()?,
            name: row.next()?,
            os: row.next()?,
            recipient: row.next()?,
            secret_hash: row.next()?,
            former_secrets: row.next()?,
            standing: Standing::from_row(row)?,
            created: row.next()?,
            last_seen: row.next()?,
            last_backup: row.next()?,
        })
    }
}

impl FromRow for KnownDevice {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { device: Device::from_row(row)?, user_state: row.next()? })
    }
}

/// A statement on devices that gives whole rows, with these columns behind them.
macro_rules! select {
    ($more:literal, $rest:literal) => {
        concat!(
            "SELECT d.id, d.user_id, d.vault_id, d.name, d.os, d.recipient, d.secret_hash, d.former_secrets, ",
            "d.state, d.state_since, d.state_before, d.created, d.last_seen, d.last_backup",
            $more,
            " FROM devices d ",
            $rest
        )
    };
}

const BY_ID: &str = select!("", "WHERE d.id = $1");
const KNOWN_BY_ID: &str = select!(", u.state", "JOIN users u ON u.id = d.user_id WHERE d.id = $1");

/// The device, or the error that says which is missing.
pub(super) async fn required(tx: &mut Write, device: DeviceId) -> Result<Device> {
    tx.one(BY_ID, args![device]).await?.ok_or(Error::DeviceUnknown { device })
}

/// The device if it may work.
pub(super) async fn working(tx: &mut Write, device: DeviceId) -> Result<Device> {
    let known: KnownDevice =
        tx.one(KNOWN_BY_ID, args![device]).await?.ok_or(Error::DeviceUnknown { device })?;
    match known.bar() {
        None => Ok(known.device),
        Some(bar) => Err(Error::Barred { bar }),
    }
}

/// Adds a device if its id is new; says whether it was.
pub(super) async fn insert(tx: &mut Write, device: &Device) -> Result<bool> {
    let Device { id, user, vault, name, os, recipient, secret_hash, former_secrets, standing, .. } = device;
    let Standing { state, since, before } = standing;
    let added = tx
        .run(
            "INSERT INTO devices
             (id, user_id, vault_id, name, os, recipient, secret_hash, former_secrets, state, state_since,
              state_before, created, last_seen, last_backup)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (id) DO NOTHING",
            args![
                id,
                user,
                vault,
                name,
                os,
                recipient,
                secret_hash,
                former_secrets,
                state,
                since,
                before,
                device.created,
                device.last_seen,
                device.last_backup,
            ],
        )
        .await?;
    Ok(added > 0)
}

/// Sets where a device stands, and ends its leases and orders unless it is active.
async fn set_standing(tx: &mut Write, device: DeviceId, standing: Standing) -> Result<()> {
    let Standing { state, since, before } = standing;
    tx.run(
        "UPDATE devices SET state = $2, state_since = $3, state_before = $4 WHERE id = $1",
        args![device, state, since, before],
    )
    .await?;
    if state != State::Active {
        end_leases(tx, device).await?;
        waiting::leave(tx, device).await?;
        tx.run("DELETE FROM orders WHERE device_id = $1", args![device]).await?;
    }
    Ok(())
}

async fn end_leases(tx: &mut Write, device: DeviceId) -> Result<()> {
    tx.run("UPDATE leases SET state = 'released' WHERE device_id = $1 AND state = 'live'", args![device])
        .await?;
    Ok(())
}

/// The machine that is told here goes on as this device: with its snapshots and sets, but with secrets of its own and a
/// counter that begins anew.
pub(super) async fn replace(tx: &mut Write, id: DeviceId, new: &NewDevice, now: Timestamp) -> Result<Device> {
    let device = required(tx, id).await?;
    let standing = device
        .standing
        .changed(Change::Replace, now)
        .map_err(|_| Error::Barred { bar: Bar::DeviceDeleted })?;
    let former: Vec<Hash> =
        device.secret_hash.into_iter().chain(device.former_secrets).take(FORMER_MAX).collect();
    end_leases(tx, id).await?;
    events::forget_sequences(tx, id).await?;
    tx.run(
        "UPDATE devices SET recipient = $2, secret_hash = $3, former_secrets = $4, name = $5, os = $6,
             counter_confirmed = NULL, counter_given = NULL, last_seen = NULL
         WHERE id = $1",
        args![id, new.recipient, new.secret_hash, former, new.name, new.os],
    )
    .await?;
    // Also where the state stays as it is: by the time the object store tells which of two machines came later.
    set_standing(tx, id, Standing { since: now, ..standing }).await?;
    required(tx, id).await
}

#[async_trait]
impl Devices for SqlMeta {
    async fn device(&self, device: DeviceId) -> Result<Option<Device>> {
        self.one(BY_ID, args![device]).await
    }

    async fn known_device(&self, device: DeviceId) -> Result<Option<KnownDevice>> {
        self.one(KNOWN_BY_ID, args![device]).await
    }

    async fn devices(&self, user: Option<UserId>) -> Result<Vec<Device>> {
        self.all(select!("", "WHERE $1 IS NULL OR d.user_id = $1 ORDER BY d.name, d.id"), args![user]).await
    }

    async fn change_device(&self, device: DeviceId, change: Change, now: Timestamp) -> Result<Device> {
        let mut tx = self.begin().await?;
        let found = required(&mut tx, device).await?;
        let standing = changed(found.standing, change, now)?;
        if standing != found.standing {
            set_standing(&mut tx, device, standing).await?;
            tx.commit().await?;
        }
        Ok(Device { standing, ..found })
    }

    async fn take_over_device(&self, device: &Device) -> Result<()> {
        let Device { id, name, os, recipient, secret_hash, former_secrets, standing, .. } = device;
        let mut tx = self.begin().await?;
        required(&mut tx, *id).await?;
        tx.run(
            "UPDATE devices SET recipient = $2, secret_hash = $3, former_secrets = $4, name = $5, os = $6
             WHERE id = $1",
            args![id, recipient, secret_hash, former_secrets, name, os],
        )
        .await?;
        set_standing(&mut tx, *id, *standing).await?;
        tx.commit().await
    }

    async fn touch_device(&self, device: DeviceId, now: Timestamp) -> Result<()> {
        // Asked of a reader first: most calls come too early to write, and must not wait for the writer.
        let seen: Option<Timestamp> = self
            .one("SELECT last_seen FROM devices WHERE id = $1", args![device])
            .await?
            .ok_or(Error::DeviceUnknown { device })?;
        if seen.is_some_and(|seen| now.since(seen) < SEEN_EVERY) {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        tx.run("UPDATE devices SET last_seen = $2 WHERE id = $1", args![device, now]).await?;
        tx.commit().await
    }

    async fn set_device_vault(&self, device: DeviceId, vault: VaultId) -> Result<()> {
        let mut tx = self.begin().await?;
        let user = required(&mut tx, device).await?.user;
        vaults::open_of(&mut tx, vault, user).await?;
        tx.run("UPDATE devices SET vault_id = $2 WHERE id = $1", args![device, vault]).await?;
        tx.commit().await
    }
}
