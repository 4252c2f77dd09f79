//! Brings a database forward to the schema of this version, one numbered script after the other.
//! Scripts only add; one that has been released is never edited. Nothing goes back.

use super::SqlMeta;
use super::value::args;
use crate::{Error, Result};
use model::Timestamp;

/// One script.
pub(crate) struct Migration {
    /// Counted from 1 without gaps.
    pub(crate) number: u32,
    /// For people who look into the table.
    pub(crate) name: &'static str,
    /// The statements.
    pub(crate) sql: &'static str,
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied BIGINT NOT NULL)";
const VERSION: &str = "SELECT COALESCE(MAX(number), 0) FROM schema_migrations";

/// Applies what is missing, each script in a transaction of its own; refuses a newer database.
pub(super) async fn bring_forward(meta: &SqlMeta, now: Timestamp) -> Result<()> {
    let migrations = meta.dialect.migrations();
    let supported = migrations.last().map_or(0, |migration| migration.number);
    let mut tx = meta.begin().await?;
    tx.run(TABLE, args![]).await?;
    tx.commit().await?;
    for migration in migrations {
        // Read inside the transaction: another process may have been here since the last one.
        let mut tx = meta.begin().await?;
        let found = tx.one(VERSION, args![]).await?.unwrap_or(0);
        if found > supported {
            return Err(Error::SchemaNewer { found, supported });
        }
        if found >= migration.number {
            continue;
        }
        tx.script(migration.sql).await?;
        tx.run(
            "INSERT INTO schema_migrations (number, name, applied) VALUES ($1, $2, $3)",
            args![migration.number, migration.name, now],
        )
        .await?;
        tx.commit().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
