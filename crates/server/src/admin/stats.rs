//! `status` and `stats`.

use crate::counters::Totals;
use crate::instance::Instance;
use crate::leases::{ACTIVE, WAITING};
use crate::names::{counted, show_bytes};
use crate::{Result, blocking};
use blobs::BlobStore;
use meta::SnapshotScope;
use model::code::exit;
use model::{ServerId, Timestamp, VaultId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// Which server it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusView {
    /// Whether a server runs.
    pub running: bool,
    /// The server.
    pub server_id: ServerId,
    /// Its version.
    pub version: String,
    /// Where it listens; `None` when it does not run.
    pub listen: Option<SocketAddr>,
    /// The addresses that agents are told.
    pub urls: Vec<String>,
    /// Its present time.
    pub time: Timestamp,
}

/// Sizes and counters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatsView {
    /// Users.
    pub users: u64,
    /// Devices that may work.
    pub devices: u64,
    /// Snapshots that are not hidden.
    pub snapshots: u64,
    /// Backups that run.
    pub active_leases: u64,
    /// Devices that wait for a place to back up.
    pub waiting: u64,
    /// Everything in the store, in bytes.
    pub stored_bytes: u64,
    /// Size of the store's disk.
    pub disk_total_bytes: Option<u64>,
    /// What is free on it.
    pub disk_available_bytes: Option<u64>,
    /// What uploads leave free.
    pub disk_reserve_bytes: Option<u64>,
    /// What was uploaded since `init`.
    pub uploads: Totals,
    /// All vaults.
    pub vaults: Vec<VaultStats>,
}

/// One vault.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultStats {
    /// The vault.
    pub vault: Option<VaultId>,
    /// The user's name.
    pub user: String,
    /// Everything that it takes in the store, in bytes.
    pub stored_bytes: u64,
    /// Packs, of data and of hunks.
    pub packs: u64,
    /// Chunks in them.
    pub chunks: u64,
    /// Frames that are used, in bytes.
    pub live_bytes: u64,
    /// Frames that are kept for older snapshots only, in bytes.
    pub retired_bytes: u64,
    /// Frames that wait for their removal, in bytes.
    pub condemned_bytes: u64,
    /// Snapshots, hidden ones included.
    pub snapshots: u64,
    /// When the last cleanup ended.
    pub cleaned: Option<Timestamp>,
    /// Why nothing of it could be counted.
    pub problem: Option<String>,
}

/// Which server it is.
pub(super) fn status(instance: &Arc<Instance>) -> StatusView {
    let listen = instance.listening();
    StatusView {
        running: listen.is_some(),
        server_id: instance.record.id,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        listen,
        urls: instance.settings().urls.clone(),
        time: instance.clock.now(),
    }
}

/// Counts.
pub(super) async fn collect(instance: &Arc<Instance>) -> Result<StatsView> {
    let meta = &instance.meta;
    let users = meta.users().await?;
    let devices = meta.devices(None).await?;
    let now = instance.clock.now();
    let mut vaults = Vec::new();
    for vault in meta.vaults(None).await? {
        let user = users.iter().find(|user| user.id == vault.user);
        let known = VaultStats {
            vault: Some(vault.id),
            user: user.map(|user| user.name.clone()).unwrap_or_default(),
            cleaned: meta.cleanup_run(vault.id).await?.and_then(|run| run.finished),
            ..VaultStats::default()
        };
        let found = match measure(instance, vault.id).await {
            Ok(found) => found,
            Err(error) => {
                let problem = Some(format!("{error} [{}]", error.code()));
                vaults.push(VaultStats { problem, ..known });
                continue;
            }
        };
        let both = |of: fn(&vault::PackCount) -> u64| of(&found.data) + of(&found.hunks);
        vaults.push(VaultStats {
            stored_bytes: found.stored_bytes(),
            packs: both(|count| count.packs),
            chunks: both(|count| count.chunks),
            live_bytes: both(|count| count.live.frame_bytes),
            retired_bytes: both(|count| count.retired.frame_bytes),
            condemned_bytes: both(|count| count.condemned.frame_bytes),
            snapshots: found.snapshots.objects,
            ..known
        });
    }
    let store = instance.store.clone();
    let space = blocking(move || store.space()).await?;
    let settings = instance.settings();
    Ok(StatsView {
        users: users.iter().filter(|user| user.standing.state != meta::State::Removed).count() as u64,
        devices: devices.iter().filter(|device| device.standing.state == meta::State::Active).count() as u64,
        snapshots: meta.snapshots(SnapshotScope::Everything, false).await?.len() as u64,
        active_leases: meta.active_leases(now.before(ACTIVE), now).await?,
        waiting: meta.waiting(now.before(WAITING)).await?,
        stored_bytes: vaults.iter().map(|vault| vault.stored_bytes).sum(),
        disk_total_bytes: space.map(|space| space.total_bytes),
        disk_available_bytes: space.map(|space| space.available_bytes),
        disk_reserve_bytes: space.map(|space| settings.reserve(space.total_bytes)),
        uploads: instance.counters.totals(),
        vaults,
    })
}

async fn measure(instance: &Arc<Instance>, vault: VaultId) -> Result<vault::VaultStats> {
    let open = instance.vault(vault).await?;
    blocking(move || open.vault().stats()).await
}

impl StatsView {
    /// That of damage when a vault could not be counted.
    pub(super) fn exit_status(&self) -> u8 {
        let has_problem = self.vaults.iter().any(|vault| vault.problem.is_some());
        if has_problem { exit::DAMAGED } else { exit::COMPLETE }
    }
}

impl fmt::Display for StatusView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.listen {
            Some(listen) => writeln!(f, "Server {} runs and listens on {listen}.", self.server_id)?,
            None => writeln!(f, "Server {} does not run.", self.server_id)?,
        }
        writeln!(f, "Version {}; agents reach it at {}.", self.version, self.urls.join(" "))
    }
}

impl fmt::Display for StatsView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { users, devices, snapshots, active_leases, waiting, uploads, .. } = self;
        writeln!(
            f,
            "{}, {}, {}, {} running, {waiting} waiting",
            counted(*users, "user"),
            counted(*devices, "device"),
            counted(*snapshots, "snapshot"),
            counted(*active_leases, "backup"),
        )?;
        writeln!(f, "stored      {}", show_bytes(self.stored_bytes))?;
        if let (Some(available), Some(total)) = (self.disk_available_bytes, self.disk_total_bytes) {
            let reserve = show_bytes(self.disk_reserve_bytes.unwrap_or(0));
            let (available, total) = (show_bytes(available), show_bytes(total));
            writeln!(f, "disk        {available} free of {total}, of which uploads leave {reserve}")?;
        }
        writeln!(
            f,
            "received    {} in {}; {} and {} there already",
            show_bytes(uploads.received_bytes),
            counted(uploads.packs, "pack"),
            counted(uploads.duplicate_packs, "pack"),
            counted(uploads.duplicate_chunks, "chunk"),
        )?;
        for vault in &self.vaults {
            let id = vault.vault.map(|id| id.to_string()).unwrap_or_default();
            if let Some(problem) = &vault.problem {
                writeln!(f, "vault {id} of {}: {problem}", vault.user)?;
                continue;
            }
            writeln!(
                f,
                "vault {id} of {}: {} in {}, {} used, {} to be freed, {}",
                vault.user,
                show_bytes(vault.stored_bytes),
                counted(vault.packs, "pack"),
                show_bytes(vault.live_bytes + vault.retired_bytes),
                show_bytes(vault.condemned_bytes),
                counted(vault.snapshots, "snapshot"),
            )?;
        }
        Ok(())
    }
}
