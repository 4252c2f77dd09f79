//! Vaults in SQL.

use super::value::{FromRow, Row, args};
use super::{SqlMeta, Write, users};
use crate::{Error, NewVault, Result, Vault, VaultState, Vaults};
use async_trait::async_trait;
use model::{UserId, VaultId};

impl FromRow for Vault {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.next()?,
            user: row.next()?,
            custody: row.next()?,
            state: row.next()?,
            created: row.next()?,
        })
    }
}

const BY_ID: &str = "SELECT id, user_id, custody, state, created FROM vaults WHERE id = $1";
const OPEN: &str =
    "SELECT id, user_id, custody, state, created FROM vaults WHERE user_id = $1 AND state = 'open'";

/// The vault, or the error that says which is missing.
pub(super) async fn required(tx: &mut Write, vault: VaultId) -> Result<Vault> {
    tx.one(BY_ID, args![vault]).await?.ok_or(Error::VaultUnknown { vault })
}

/// The vault if it is this user's and takes snapshots.
pub(super) async fn open_of(tx: &mut Write, vault: VaultId, user: UserId) -> Result<Vault> {
    let found = required(tx, vault).await?;
    if found.user != user {
        return Err(Error::VaultUnknown { vault });
    }
    match found.state {
        VaultState::Open => Ok(found),
        VaultState::Closed => Err(Error::VaultClosed { vault }),
    }
}

/// The user's vault that takes snapshots.
pub(super) async fn open(tx: &mut Write, user: UserId) -> Result<Option<Vault>> {
    tx.one(OPEN, args![user]).await
}

/// Adds a vault whose id is new.
pub(super) async fn insert(tx: &mut Write, vault: &Vault) -> Result<()> {
    if vault.state == VaultState::Open
        && let Some(other) = open(tx, vault.user).await?
    {
        return Err(Error::VaultExists { vault: other.id });
    }
    tx.run(
        "INSERT INTO vaults (id, user_id, custody, state, created, next_sequence)
         VALUES ($1, $2, $3, $4, $5, 1)",
        args![vault.id, vault.user, vault.custody, vault.state, vault.created],
    )
    .await?;
    Ok(())
}

#[async_trait]
impl Vaults for SqlMeta {
    async fn create_vault(&self, vault: &NewVault) -> Result<Vault> {
        let NewVault { id, user, custody, created } = *vault;
        let mut tx = self.begin().await?;
        users::required(&mut tx, user).await?;
        if let Some(found) = tx.one::<Vault>(BY_ID, args![id]).await? {
            let same = found.user == user && found.custody == custody;
            return if same { Ok(found) } else { Err(Error::VaultExists { vault: id }) };
        }
        let vault = Vault { id, user, custody, state: VaultState::Open, created };
        insert(&mut tx, &vault).await?;
        tx.commit().await?;
        Ok(vault)
    }

    async fn vault(&self, vault: VaultId) -> Result<Option<Vault>> {
        self.one(BY_ID, args![vault]).await
    }

    async fn vaults(&self, user: Option<UserId>) -> Result<Vec<Vault>> {
        self.all(
            "SELECT id, user_id, custody, state, created FROM vaults
             WHERE $1 IS NULL OR user_id = $1 ORDER BY created, id",
            args![user],
        )
        .await
    }

    async fn open_vault(&self, user: UserId) -> Result<Option<Vault>> {
        self.one(OPEN, args![user]).await
    }

    async fn close_vault(&self, vault: VaultId) -> Result<()> {
        let mut tx = self.begin().await?;
        required(&mut tx, vault).await?;
        tx.run("UPDATE vaults SET state = 'closed' WHERE id = $1", args![vault]).await?;
        tx.run("UPDATE leases SET state = 'superseded' WHERE vault_id = $1 AND state = 'live'", args![vault])
            .await?;
        tx.commit().await
    }
}
