//! Devices in SQL.

use super::value::{FromRow, Row, args};
use super::{SqlMeta, Write, vaults};
use crate::devices::SEEN_EVERY;
use crate::{Device, DeviceState, Devices, Error, Result};
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
            state: row.next()?,
            created: row.next()?,
            last_seen: row.next()?,
        })
    }
}

const BY_ID: &str =
    "SELECT id, user_id, vault_id, name, os, recipient, secret_hash, state, created, last_seen
    FROM devices WHERE id = $1";

/// The device, or the error that says which is missing.
pub(super) async fn required(tx: &mut Write, device: DeviceId) -> Result<Device> {
    tx.one(BY_ID, args![device]).await?.ok_or(Error::DeviceUnknown { device })
}

/// The device if it may work.
pub(super) async fn active(tx: &mut Write, id: DeviceId) -> Result<Device> {
    let device = required(tx, id).await?;
    match device.state {
        DeviceState::Active => Ok(device),
        state => Err(Error::DeviceEnded { device: id, state }),
    }
}

/// Adds a device if its id is new; says whether it was.
pub(super) async fn insert(tx: &mut Write, device: &Device) -> Result<bool> {
    let Device { id, user, vault, name, os, recipient, secret_hash, state, created, last_seen } = device;
    let added = tx
        .run(
            "INSERT INTO devices
             (id, user_id, vault_id, name, os, recipient, secret_hash, state, created, last_seen)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING",
            args![id, user, vault, name, os, recipient, secret_hash, state, created, last_seen],
        )
        .await?;
    Ok(added > 0)
}

/// Ends an active device together with its leases.
pub(super) async fn end(tx: &mut Write, device: DeviceId, state: DeviceState) -> Result<()> {
    tx.run("UPDATE devices SET state = $2 WHERE id = $1", args![device, state]).await?;
    tx.run("UPDATE leases SET state = 'released' WHERE device_id = $1 AND state = 'live'", args![device])
        .await?;
    Ok(())
}

#[async_trait]
impl Devices for SqlMeta {
    async fn device(&self, device: DeviceId) -> Result<Option<Device>> {
        self.one(BY_ID, args![device]).await
    }

    async fn devices(&self, user: Option<UserId>) -> Result<Vec<Device>> {
        self.all(
            "SELECT id, user_id, vault_id, name, os, recipient, secret_hash, state, created, last_seen
             FROM devices WHERE $1 IS NULL OR user_id = $1 ORDER BY name, id",
            args![user],
        )
        .await
    }

    async fn set_device_state(&self, device: DeviceId, state: DeviceState) -> Result<()> {
        let mut tx = self.begin().await?;
        let found = required(&mut tx, device).await?.state;
        if found == state {
            return Ok(());
        }
        if found != DeviceState::Active {
            return Err(Error::DeviceEnded { device, state: found });
        }
        end(&mut tx, device, state).await?;
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
