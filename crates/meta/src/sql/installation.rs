//! The server's record, settings and administrators in SQL.

use super::SqlMeta;
use super::users::name_key;
use super::value::{FromRow, Row, args};
use crate::{Administrator, Error, Installation, Result, ServerRecord};
use async_trait::async_trait;
use serde_json::Value;

impl FromRow for ServerRecord {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { id: row.next()?, name: row.next()?, created: row.next()? })
    }
}

impl FromRow for Administrator {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            name: row.next()?,
            password_hash: row.next()?,
            must_change: row.next()?,
            created: row.next()?,
        })
    }
}

const SERVER: &str = "SELECT id, name, created FROM server";

#[async_trait]
impl Installation for SqlMeta {
    async fn create_server(&self, record: &ServerRecord) -> Result<()> {
        let mut tx = self.begin().await?;
        if tx.one::<ServerRecord>(SERVER, args![]).await?.is_some() {
            return Err(Error::ServerExists);
        }
        tx.run(
            "INSERT INTO server (one, id, name, created) VALUES (1, $1, $2, $3)",
            args![record.id, record.name, record.created],
        )
        .await?;
        tx.commit().await
    }

    async fn server(&self) -> Result<Option<ServerRecord>> {
        self.one(SERVER, args![]).await
    }

    async fn setting(&self, key: &str) -> Result<Option<Value>> {
        self.one("SELECT value FROM settings WHERE key = $1", args![key]).await
    }

    async fn set_setting(&self, key: &str, value: &Value) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.run(
            "INSERT INTO settings (key, value) VALUES ($1, $2)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            args![key, value],
        )
        .await?;
        tx.commit().await
    }

    async fn add_administrator(&self, administrator: &Administrator) -> Result<()> {
        let Administrator { name, password_hash, must_change, created } = administrator;
        let mut tx = self.begin().await?;
        let added = tx
            .run(
                "INSERT INTO administrators (name_key, name, password_hash, must_change, created)
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name_key) DO NOTHING",
                args![name_key(name), name, password_hash, must_change, created],
            )
            .await?;
        if added == 0 {
            return Err(Error::NameTaken { name: name.clone() });
        }
        tx.commit().await
    }

    async fn set_admin_password(&self, name: &str, password_hash: &str, must_change: bool) -> Result<()> {
        let mut tx = self.begin().await?;
        let changed = tx
            .run(
                "UPDATE administrators SET password_hash = $2, must_change = $3 WHERE name_key = $1",
                args![name_key(name), password_hash, must_change],
            )
            .await?;
        if changed == 0 {
            return Err(Error::AdministratorUnknown { name: name.to_owned() });
        }
        tx.commit().await
    }

    async fn administrator(&self, name: &str) -> Result<Option<Administrator>> {
        self.one(
            "SELECT name, password_hash, must_change, created FROM administrators WHERE name_key = $1",
            args![name_key(name)],
        )
        .await
    }
}
