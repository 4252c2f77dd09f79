//! Tokens of administrators in SQL.

use super::SqlMeta;
use super::users::name_key;
use super::value::{FromRow, Row, args};
use crate::devices::SEEN_EVERY;
use crate::{AdminToken, AdminTokens, Error, Result};
use async_trait::async_trait;
use model::{AdminTokenId, Timestamp};

impl FromRow for AdminToken {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.next()?,
            administrator: row.next()?,
            label: row.next()?,
            secret_hash: row.next()?,
            created: row.next()?,
            expires: row.next()?,
            last_used: row.next()?,
        })
    }
}

/// A statement on tokens that gives whole rows.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT t.id, a.name, t.label, t.secret_hash, t.created, t.expires, t.last_used ",
            "FROM admin_tokens t JOIN administrators a ON a.name_key = t.name_key ",
            $rest
        )
    };
}

#[async_trait]
impl AdminTokens for SqlMeta {
    async fn create_admin_token(&self, token: &AdminToken) -> Result<()> {
        let AdminToken { id, administrator, label, secret_hash, created, expires, last_used } = token;
        let key = name_key(administrator);
        let mut tx = self.begin().await?;
        let found: Option<String> =
            tx.one("SELECT name FROM administrators WHERE name_key = $1", args![key]).await?;
        if found.is_none() {
            return Err(Error::AdministratorUnknown { name: administrator.clone() });
        }
        tx.run(
            "INSERT INTO admin_tokens (id, name_key, label, secret_hash, created, expires, last_used)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            args![id, key, label, secret_hash, created, expires, last_used],
        )
        .await?;
        tx.commit().await
    }

    async fn admin_token(&self, token: AdminTokenId) -> Result<Option<AdminToken>> {
        self.one(select!("WHERE t.id = $1"), args![token]).await
    }

    async fn admin_tokens(&self) -> Result<Vec<AdminToken>> {
        self.all(select!("ORDER BY t.created DESC, t.id"), args![]).await
    }

    async fn touch_admin_token(&self, token: AdminTokenId, now: Timestamp) -> Result<()> {
        let used = self.admin_token(token).await?.and_then(|token| token.last_used);
        if used.is_some_and(|used| now.since(used) < SEEN_EVERY) {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        tx.run("UPDATE admin_tokens SET last_used = $2 WHERE id = $1", args![token, now]).await?;
        tx.commit().await
    }

    async fn revoke_admin_token(&self, token: AdminTokenId) -> Result<bool> {
        let mut tx = self.begin().await?;
        let gone = tx.run("DELETE FROM admin_tokens WHERE id = $1", args![token]).await?;
        tx.commit().await?;
        Ok(gone > 0)
    }
}
