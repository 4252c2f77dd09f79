//! The database as a whole in SQL.

use super::{SqlMeta, Write, devices, groups, snapshots, users, vaults};
use crate::{Adopted, Adoption, Error, Group, Result, Upkeep, User, Vault};
use async_trait::async_trait;
use model::GroupId;
use std::path::Path;

async fn adopt_group(tx: &mut Write, group: &Group) -> Result<bool> {
    match groups::required(tx, group.id).await {
        Ok(_) => Ok(false),
        Err(Error::GroupUnknown { .. }) => groups::insert(tx, group).await.map(|()| true),
        Err(other) => Err(other),
    }
}

async fn adopt_user(tx: &mut Write, user: &User) -> Result<bool> {
    match users::required(tx, user.id).await {
        Ok(_) => Ok(false),
        Err(Error::UserUnknown { .. }) => {
            let group = match groups::required(tx, user.group).await {
                Ok(group) => group.id,
                Err(Error::GroupUnknown { .. }) => GroupId::DEFAULT,
                Err(other) => return Err(other),
            };
            users::insert(tx, &User { group, ..user.clone() }).await.map(|()| true)
        }
        Err(other) => Err(other),
    }
}

async fn adopt_vault(tx: &mut Write, vault: &Vault) -> Result<bool> {
    match vaults::required(tx, vault.id).await {
        Ok(_) => return Ok(false),
        Err(Error::VaultUnknown { .. }) => {}
        Err(other) => return Err(other),
    }
    users::required(tx, vault.user).await?;
    vaults::insert(tx, vault).await.map(|()| true)
}

#[async_trait]
impl Upkeep for SqlMeta {
    async fn adopt(&self, adoption: &Adoption) -> Result<Adopted> {
        let mut added = Adopted::default();
        let mut tx = self.begin().await?;
        for group in &adoption.groups {
            added.groups += u64::from(adopt_group(&mut tx, group).await?);
        }
        for user in &adoption.users {
            added.users += u64::from(adopt_user(&mut tx, user).await?);
        }
        for vault in &adoption.vaults {
            added.vaults += u64::from(adopt_vault(&mut tx, vault).await?);
        }
        for device in &adoption.devices {
            users::required(&mut tx, device.user).await?;
            if let Some(vault) = device.vault {
                vaults::required(&mut tx, vault).await?;
            }
            added.devices += u64::from(devices::insert(&mut tx, device).await?);
        }
        for row in &adoption.snapshots {
            vaults::required(&mut tx, row.snapshot.vault).await?;
            devices::required(&mut tx, row.snapshot.device).await?;
            added.snapshots += u64::from(snapshots::insert(&mut tx, row).await?.is_none());
        }
        tx.commit().await?;
        Ok(added)
    }

    async fn backup_into(&self, path: &Path) -> Result<()> {
        self.dialect.copy_to(path).await
    }

    async fn quick_check(&self) -> Result<Vec<String>> {
        self.dialect.check().await
    }

    async fn close(&self) {
        self.dialect.close().await;
    }
}
