//! Cleanup runs in SQL.

use super::SqlMeta;
use super::value::{FromRow, Row, args};
use crate::{CleanupRun, Cleanups, Error, Result};
use async_trait::async_trait;
use model::{Timestamp, VaultId};
use serde_json::Value;

impl FromRow for CleanupRun {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { vault: row.next()?, started: row.next()?, finished: row.next()?, report: row.next()? })
    }
}

#[async_trait]
impl Cleanups for SqlMeta {
    async fn start_cleanup(&self, vault: VaultId, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        super::vaults::required(&mut tx, vault).await?;
        tx.run(
            "INSERT INTO cleanups (vault_id, started) VALUES ($1, $2)
             ON CONFLICT (vault_id) DO UPDATE SET started = excluded.started",
            args![vault, now],
        )
        .await?;
        tx.commit().await
    }

    async fn finish_cleanup(&self, vault: VaultId, now: Timestamp, report: &Value) -> Result<()> {
        let mut tx = self.begin().await?;
        let changed = tx
            .run(
                "UPDATE cleanups SET finished = $2, report = $3 WHERE vault_id = $1",
                args![vault, now, report],
            )
            .await?;
        if changed == 0 {
            return Err(Error::VaultUnknown { vault });
        }
        tx.commit().await
    }

    async fn cleanup_run(&self, vault: VaultId) -> Result<Option<CleanupRun>> {
        self.one("SELECT vault_id, started, finished, report FROM cleanups WHERE vault_id = $1", args![vault])
            .await
    }
}
