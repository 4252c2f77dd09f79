//! `storage`: whether backups can be stored.

use crate::instance::Instance;
use crate::names::show_bytes;
use crate::{Result, storage};
use model::Code;
use model::code::exit;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// The storage as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageView {
    /// Whether backups can be stored.
    pub healthy: bool,
    /// The code that agents are refused with when they cannot.
    pub code: Option<String>,
    /// Why they cannot.
    pub problem: Option<String>,
    /// Size of the store's disk in bytes.
    pub total_bytes: Option<u64>,
    /// What is free on it.
    pub available_bytes: Option<u64>,
    /// What uploads leave free.
    pub reserve_bytes: Option<u64>,
}

/// Looks at the storage.
pub(crate) async fn show(instance: &Arc<Instance>) -> Result<StorageView> {
    let storage = storage::look(instance).await?;
    let (code, problem) = match &storage.fault {
        Some(error) => (Some(Code::StoreUnusable), Some(error.to_string())),
        None if storage.is_full(0) => {
            (Some(Code::StorageFull), Some("less is free than what uploads leave free".to_owned()))
        }
        None => (None, None),
    };
    Ok(StorageView {
        healthy: code.is_none(),
        code: code.map(|code| code.as_str().to_owned()),
        problem,
        total_bytes: storage.space.map(|space| space.total_bytes),
        available_bytes: storage.space.map(|space| space.available_bytes),
        reserve_bytes: storage.reserve_bytes,
    })
}

impl StorageView {
    /// That of damage when nothing can be stored.
    pub(super) const fn exit_status(&self) -> u8 {
        if self.healthy { exit::COMPLETE } else { exit::DAMAGED }
    }
}

impl fmt::Display for StorageView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.problem, &self.code) {
            (Some(problem), Some(code)) => writeln!(f, "Backups cannot be stored: {problem} [{code}]")?,
            _ => writeln!(f, "Backups can be stored.")?,
        }
        if let (Some(available), Some(total)) = (self.available_bytes, self.total_bytes) {
            let (available, total) = (show_bytes(available), show_bytes(total));
            let reserve = show_bytes(self.reserve_bytes.unwrap_or(0));
            writeln!(f, "{available} free of {total}, of which uploads leave {reserve}")?;
        }
        Ok(())
    }
}
