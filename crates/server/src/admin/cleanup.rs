//! `cleanup`: every vault now.

use crate::accounts::{self, Removed};
use crate::cleanup::{Report, clean};
use crate::instance::Instance;
use crate::names::{counted, show_bytes};
use crate::watch::Watch;
use crate::{Error, Result, events};
use model::VaultId;
use model::code::exit;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// What was done, vault by vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CleanupView {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// Users and devices whose time to be brought back was over.
    pub removed: Removed,
    /// All vaults that were cleaned up.
    pub vaults: Vec<VaultCleanup>,
    /// Vaults that were not.
    pub failed: Vec<Failure>,
}

/// One vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultCleanup {
    /// The vault.
    pub vault: VaultId,
    /// What was done.
    #[serde(flatten)]
    pub report: Report,
}

/// A vault whose cleanup was refused or failed; nothing of it was removed by that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The vault.
    pub vault: VaultId,
    /// The code.
    pub code: String,
    /// What happened.
    pub message: String,
}

impl CleanupView {
    /// That of the first failure.
    pub(super) fn exit_status(&self) -> u8 {
        let code = self.failed.first().map(|failure| model::Code::parse(&failure.code));
        code.map_or(exit::COMPLETE, |code| code.unwrap_or(model::Code::Internal).exit_status())
    }
}

/// Cleans all vaults up; the trouble of one does not keep the others.
pub(super) async fn run(instance: &Arc<Instance>, dry_run: bool, watch: &Watch) -> Result<CleanupView> {
    let mut removed = Removed::default();
    if !dry_run {
        removed = accounts::remove_overdue(instance).await?;
        events::prune(instance).await?;
    }
    let vaults = instance.meta.vaults(None).await?;
    let mut view = CleanupView { dry_run, removed, vaults: Vec::new(), failed: Vec::new() };
    for (done, vault) in vaults.iter().enumerate() {
        watch.check()?;
        watch.tell("cleaning up", done as u64, vaults.len() as u64, "vaults");
        match clean(instance, vault.id, dry_run, watch).await {
            Ok(report) => view.vaults.push(VaultCleanup { vault: vault.id, report }),
            Err(Error::Stopped) => return Err(Error::Stopped),
            Err(error) => {
                tracing::warn!(vault = %vault.id, %error, "cleanup failed");
                let (code, message) = (error.code().to_string(), error.to_string());
                view.failed.push(Failure { vault: vault.id, code, message });
            }
        }
    }
    Ok(view)
}

impl fmt::Display for CleanupView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum =
            |field: fn(&Report) -> u64| self.vaults.iter().map(|vault| field(&vault.report)).sum::<u64>();
        let vaults = counted(self.vaults.len() as u64, "vault");
        if self.dry_run {
            writeln!(f, "Nothing was changed. A cleanup now would, in {vaults}:")?;
        } else {
            writeln!(f, "Cleaned up {vaults}:")?;
        }
        let Removed { users, devices, snapshots } = self.removed;
        if users + devices > 0 {
            writeln!(f, "  users / devices removed for good        {users} / {devices}")?;
            writeln!(f, "  snapshots hidden with them              {snapshots}")?;
        }
        writeln!(f, "  snapshots hidden by the retention rule  {}", sum(|r| r.retired_snapshots))?;
        writeln!(f, "  deleted snapshots removed for good      {}", sum(|r| r.purged_snapshots))?;
        writeln!(f, "  newly unused, to be removed later       {}", show_bytes(sum(|r| r.condemned_bytes)))?;
        writeln!(f, "  waiting for the grace time or a backup  {}", show_bytes(sum(|r| r.waiting_bytes)))?;
        writeln!(
            f,
            "  packs removed / written anew            {} / {}",
            sum(|r| r.removed_packs),
            sum(|r| r.rewritten_packs)
        )?;
        writeln!(f, "  freed                                   {}", show_bytes(sum(|r| r.freed_bytes)))?;
        let damaged = sum(|r| r.damaged_packs);
        if damaged > 0 {
            let packs = counted(damaged, "pack");
            writeln!(f, "{packs} cannot be read; holdfast-server verify says which snapshots need them.")?;
        }
        for Failure { vault, code, message } in &self.failed {
            writeln!(f, "Vault {vault} was left as it is: {message} [{code}]")?;
        }
        Ok(())
    }
}
