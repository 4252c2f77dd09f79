//! The cleanup of one vault: retention, then the vault's own two passes, then its index. What is safe to remove is the
//! vault's to know; here is what the database says.

use crate::instance::Instance;
use crate::vaults::OpenVault;
use crate::watch::Watch;
use crate::{Error, Result, blocking, damage, policies, reconcile};
use meta::{Deletion, Meta, SnapshotRow, SnapshotScope};
use model::retention::{Candidate, Retention};
use model::{Damaged, DeviceId, SetId, SnapshotId, Timestamp, VaultId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use vault::{
    BoxError, CleanupOptions, Deleted, LeaseGrant, MarkReport, MergeReport, Refusal, Registry, SweepReport,
};

/// `deleted.by` of what the retention rule removed.
pub const RETENTION: &str = "retention";

/// What a cleanup did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Snapshots that the retention rule hid.
    pub retired_snapshots: u64,
    /// Snapshots whose time to be brought back was over.
    pub purged_snapshots: u64,
    /// Frames that nothing refers to any more, and their size.
    pub condemned_frames: u64,
    /// The same in bytes.
    pub condemned_bytes: u64,
    /// Frames that new snapshots do not refer to any more.
    pub retired_frames: u64,
    /// Condemned frames that wait for the grace time or for a lease.
    pub waiting_frames: u64,
    /// The same in bytes.
    pub waiting_bytes: u64,
    /// Frames that were removed.
    pub removed_frames: u64,
    /// Packs of which nothing is left.
    pub removed_packs: u64,
    /// Packs that were written anew without what was removed.
    pub rewritten_packs: u64,
    /// Objects that steps that were cut off had left.
    pub leftovers: u64,
    /// Index segments that became one.
    pub merged_segments: u64,
    /// Bytes that became free.
    pub freed_bytes: u64,
    /// Packs that could not be read.
    pub damaged_packs: u64,
}

impl Report {
    fn add_sweep(&mut self, sweep: &SweepReport) {
        self.purged_snapshots += sweep.purged.len() as u64;
        self.waiting_frames = sweep.waiting.frames;
        self.waiting_bytes = sweep.waiting.frame_bytes;
        self.removed_frames += sweep.removed.frames;
        self.removed_packs += sweep.packs_removed;
        self.rewritten_packs += sweep.packs_rewritten;
        let left = sweep.leftovers;
        self.leftovers += left.packs + left.generations + left.segments + left.deletions + left.labels;
        self.freed_bytes += sweep.freed_bytes;
        self.damaged_packs = sweep.damaged_packs.len() as u64;
    }

    fn add_mark(&mut self, mark: &MarkReport) {
        self.purged_snapshots += mark.purged.len() as u64;
        self.condemned_frames = mark.condemned.frames;
        self.condemned_bytes = mark.condemned.frame_bytes;
        self.retired_frames = mark.retired.frames;
    }
}

/// Cleans one vault up. `Busy` when a cleanup of it runs.
pub async fn clean(instance: &Arc<Instance>, id: VaultId, dry_run: bool, watch: &Watch) -> Result<Report> {
    let open = instance.vault(id).await?;
    let busy = || Error::Busy {
        code: model::Code::ServerBusy,
        detail: format!("a cleanup of vault {id} is under way"),
        retry_after_seconds: 60,
    };
    let _one = open.cleaning.try_lock().map_err(|_| busy())?;
    let settings = instance.settings();
    let rule = rule(instance, id).await?;
    if !dry_run {
        // It could not be rebuilt when the vault was opened.
        reconcile::mend_index(&open).await?;
        reconcile::compare(instance, &open).await?;
        instance.meta.start_cleanup(id, instance.clock.now()).await?;
    }
    let mut report =
        Report { retired_snapshots: retire(instance, &open, rule, dry_run).await?, ..Report::default() };
    watch.check()?;
    let options = CleanupOptions {
        grace: settings.grace(),
        undo_window: settings.undo(),
        is_dry: dry_run,
        ..CleanupOptions::default()
    };
    let sweep = sweep(instance, &open, options).await?;
    report.add_sweep(&sweep);
    let mut damaged_packs = sweep.damaged_packs;
    watch.check()?;
    let mark =
        pass(instance, &open, options, |vault, options, registry| vault.mark(options, registry)).await?;
    report.add_mark(&mark);
    if dry_run {
        // The second pass would find removed what the first one removes.
        report.purged_snapshots = mark.purged.len() as u64;
        return Ok(report);
    }
    forget_purged(instance, &sweep.purged).await?;
    forget_purged(instance, &mark.purged).await?;
    if options.grace.is_zero() {
        // Nothing to wait for: what was just condemned can go at once.
        let sweep = self::sweep(instance, &open, options).await?;
        report.add_sweep(&sweep);
        forget_purged(instance, &sweep.purged).await?;
        damaged_packs = sweep.damaged_packs;
    }
    damage::note_in_packs(instance, &open, damaged_packs).await?;
    damage::forget_removed(instance, &open).await?;
    report.merged_segments = merge(&open).await?.merged_segments;
    let stored = serde_json::to_value(&report)
        .map_err(|error| Error::Broken { problem: format!("the report: {error}") })?;
    instance.meta.finish_cleanup(id, instance.clock.now(), &stored).await?;
    tracing::info!(vault = %id, ?report, "cleaned up");
    Ok(report)
}

/// Takes the rows of snapshots away that are no longer in the store.
async fn forget_purged(instance: &Arc<Instance>, purged: &[SnapshotId]) -> Result<()> {
    for snapshot in purged {
        instance.meta.remove_snapshot(*snapshot).await?;
    }
    Ok(())
}

/// The vault's sweep. A pack of hunks that stops it is noted as damaged, and so is every pack that is missing: as long
/// as cleanup is stopped nobody else may look.
async fn sweep(
    instance: &Arc<Instance>,
    open: &Arc<OpenVault>,
    options: CleanupOptions,
) -> Result<SweepReport> {
    let swept =
        pass(instance, open, options, |vault, options, registry| vault.sweep(options, registry)).await;
    if let Err(Error::Vault(vault::Error::CleanupRefused(Refusal::HunkUnreadable { frame, .. }))) = &swept
        && !options.is_dry
    {
        let hunks = Damaged::frame(frame.pack, frame.frame);
        if let Err(error) = damage::note_frames(instance, open, vec![hunks]).await {
            tracing::warn!(vault = %open.vault().id(), %error, "damage could not be noted");
        }
    }
    swept
}

/// The retention rule of the vault's user.
async fn rule(instance: &Arc<Instance>, vault: VaultId) -> Result<Retention> {
    let vault = instance.meta.vault(vault).await?.ok_or(meta::Error::VaultUnknown { vault })?;
    Ok(policies::of_user_id(instance, vault.user).await?.policy.retention)
}

/// Hides what the retention rule does not keep. Gives the number.
async fn retire(
    instance: &Arc<Instance>,
    open: &Arc<OpenVault>,
    rule: Retention,
    dry_run: bool,
) -> Result<u64> {
    let vault = open.vault().clone();
    let stored = blocking(move || vault.snapshots()).await?.snapshots;
    let stored: HashSet<SnapshotId> = stored.iter().map(|info| info.id).collect();
    let mut rows = instance.meta.snapshots(SnapshotScope::Vault(open.vault().id()), false).await?;
    // What the store has lost keeps no place: the rule would remove what is there in favour of it.
    rows.retain(|row| stored.contains(&row.snapshot.id));
    let gone = removed_by(rule, &rows);
    if !dry_run {
        for snapshot in &gone {
            hide(instance, open, *snapshot, RETENTION).await?;
        }
    }
    Ok(gone.len() as u64)
}

/// The snapshots that the rule removes; it looks at each set of each device alone.
fn removed_by(rule: Retention, rows: &[SnapshotRow]) -> Vec<SnapshotId> {
    let mut sets: BTreeMap<(DeviceId, SetId), Vec<Candidate>> = BTreeMap::new();
    for SnapshotRow { snapshot, .. } in rows {
        sets.entry((snapshot.device, snapshot.set)).or_default().push(Candidate {
            id: snapshot.id,
            time: snapshot.received,
            sequence: snapshot.sequence,
            complete: snapshot.complete,
        });
    }
    sets.values().flat_map(|set| rule.removed(set)).collect()
}

/// Hides a snapshot: in the store, then in the database, with the same time. Gives who deleted it, and when: the first
/// time when it was hidden before. No comparison comes in between, which would take the one for the other's error.
pub async fn hide(
    instance: &Arc<Instance>,
    open: &Arc<OpenVault>,
    snapshot: SnapshotId,
    by: &str,
) -> Result<Deletion> {
    let _no_comparison = open.commits.lock().await;
    let (open, who) = (open.clone(), by.to_owned());
    let Deleted { time, by } = blocking(move || open.vault().delete_snapshot(snapshot, &who)).await?;
    let deletion = Deletion { time: time.unwrap_or_else(|| instance.clock.now()), by };
    match instance.meta.delete_snapshot(snapshot, &deletion.by, deletion.time).await {
        Ok(row) => Ok(row.deleted.unwrap_or(deletion)),
        // Its record cannot be read, and the database never knew it.
        Err(meta::Error::SnapshotUnknown { .. }) => Ok(deletion),
        Err(error) => Err(error.into()),
    }
}

async fn pass<T: Send + 'static>(
    instance: &Arc<Instance>,
    open: &Arc<OpenVault>,
    options: CleanupOptions,
    run: impl FnOnce(&vault::Vault, &CleanupOptions, &dyn Registry) -> Result<T, vault::Error> + Send + 'static,
) -> Result<T> {
    let registry = Rows {
        meta: instance.meta.clone(),
        clock: instance.clock.clone(),
        vault: open.vault().id(),
        undo: options.undo_window,
        runtime: Handle::current(),
    };
    let open = open.clone();
    blocking(move || run(open.vault(), &options, &registry)).await
}

async fn merge(open: &Arc<OpenVault>) -> Result<MergeReport> {
    let open = open.clone();
    blocking(move || open.vault().merge_segments()).await
}

/// What the database says of one vault.
struct Rows {
    meta: Arc<dyn Meta>,
    clock: model::Clock,
    vault: VaultId,
    undo: Duration,
    runtime: Handle,
}

impl Registry for Rows {
    fn live_leases(&self) -> Result<Vec<LeaseGrant>, BoxError> {
        let now = self.clock.now();
        self.runtime.block_on(async {
            // Those whose deadline passed are ended here and never commit again; the others are in the list.
            self.meta.expire_leases(now).await?;
            let leases = self.meta.live_leases(self.vault, now).await?;
            Ok(leases.iter().map(|lease| LeaseGrant { id: lease.id, epoch: lease.epoch }).collect())
        })
    }

    fn known_snapshots(&self) -> Result<Option<HashSet<SnapshotId>>, BoxError> {
        let rows = self.runtime.block_on(self.meta.snapshots(SnapshotScope::Vault(self.vault), true))?;
        Ok(Some(
            rows.iter()
                .filter(|row| !is_over(row, self.clock.now(), self.undo))
                .map(|row| row.snapshot.id)
                .collect(),
        ))
    }
}

/// Whether the time to bring a hidden snapshot back is over, as the database knows it.
pub fn is_over(row: &SnapshotRow, now: Timestamp, undo: Duration) -> bool {
    row.deleted.as_ref().is_some_and(|deleted| deleted.time.after(undo) <= now)
}
