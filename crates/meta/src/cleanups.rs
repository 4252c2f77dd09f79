//! When each vault was last cleaned up and with what result.

use crate::Result;
use async_trait::async_trait;
use model::{Timestamp, VaultId};
use serde_json::Value;

/// The cleanup of one vault.
#[derive(Debug, Clone, PartialEq)]
pub struct CleanupRun {
    /// Its vault.
    pub vault: VaultId,
    /// When the last run began.
    pub started: Timestamp,
    /// When the last run that came to its end ended. Earlier than `started`, or `None`, while one runs or
    /// after one was cut off.
    pub finished: Option<Timestamp>,
    /// Report of the last run that came to its end.
    pub report: Option<Value>,
}

/// Cleanup runs.
#[async_trait]
pub trait Cleanups: Send + Sync {
    /// Notes that a cleanup begins.
    async fn start_cleanup(&self, vault: VaultId, now: Timestamp) -> Result<()>;

    /// Notes that the cleanup that began last has ended, with its report.
    async fn finish_cleanup(&self, vault: VaultId, now: Timestamp, report: &Value) -> Result<()>;

    /// The last cleanup of a vault; `None` when there was none.
    async fn cleanup_run(&self, vault: VaultId) -> Result<Option<CleanupRun>>;
}
