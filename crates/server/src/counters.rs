//! Totals of what was uploaded, kept in the database so that they outlive the process.
//! By them a test, or an administrator, sees whether anything is sent twice.

use crate::{Error, Result};
use meta::Meta;
use model::LeaseId;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const KEY: &str = "counters";

/// The totals since `init`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Packs that were stored.
    pub packs: u64,
    /// Their size.
    pub received_bytes: u64,
    /// Packs that were sent again although they had been acknowledged or at least stored.
    pub duplicate_packs: u64,
    /// Chunks in the packs that were stored.
    pub chunks: u64,
    /// Those of them that the vault had already, live and from another run. Counted as long as the vault's index is
    /// small enough to be kept in memory.
    pub duplicate_chunks: u64,
    /// Snapshots that were committed, checkpoints included.
    pub snapshots: u64,
}

/// What was uploaded under each lease, for the snapshot that will be committed. Only in memory: after a restart a
/// snapshot counts what was uploaded since.
#[derive(Debug, Default)]
pub struct Uploads(Mutex<HashMap<LeaseId, u64>>);

/// Leases that are remembered. One whose agent never comes back is never taken out.
const LEASES_MAX: usize = 10_000;

impl Uploads {
    /// Counts a pack.
    pub fn add(&self, lease: LeaseId, bytes: u64) {
        let mut leases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if leases.len() >= LEASES_MAX {
            leases.clear();
        }
        *leases.entry(lease).or_default() += bytes;
    }

    /// What was uploaded under a lease until now; forgets it.
    pub fn take(&self, lease: LeaseId) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&lease).unwrap_or(0)
    }
}

/// The totals of a running server.
pub struct Counters {
    meta: Arc<dyn Meta>,
    totals: Mutex<Totals>,
    /// What was written last. Who holds it writes; all who wait are served by the next write.
    written: tokio::sync::Mutex<Totals>,
}

impl Counters {
    /// Reads the totals from the database.
    pub async fn open(meta: Arc<dyn Meta>) -> Result<Self> {
        let totals = match meta.setting(KEY).await? {
            Some(value) => serde_json::from_value(value)
                .map_err(|error| meta::Error::Damaged { problem: format!("the counters: {error}") })?,
            None => Totals::default(),
        };
        Ok(Self { meta, totals: Mutex::new(totals), written: tokio::sync::Mutex::new(totals) })
    }

    /// The present totals.
    pub fn totals(&self) -> Totals {
        *self.lock()
    }

    /// Changes the totals and stores them before it returns. They count what is done: what hinders them must not
    /// hinder that, so what cannot be stored now is stored with the next change.
    pub async fn add(&self, change: impl FnOnce(&mut Totals)) {
        change(&mut self.lock());
        if let Err(error) = self.store().await {
            tracing::warn!(%error, "the counters could not be stored");
        }
    }

    async fn store(&self) -> Result<()> {
        let mut written = self.written.lock().await;
        let totals = self.totals();
        if *written != totals {
            let value = serde_json::to_value(totals)
                .map_err(|error| Error::Broken { problem: format!("the counters: {error}") })?;
            self.meta.set_setting(KEY, &value).await?;
            *written = totals;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
