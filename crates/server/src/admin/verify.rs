//! `verify`: every vault against its hashes.

use crate::instance::Instance;
use crate::names::{counted, show_bytes};
use crate::vaults::OpenVault;
use crate::watch::Watch;
use crate::wrapped::key_faults;
use crate::{Error, Result, blocking, damage};
use model::code::exit;
use model::{Code, PackId, SnapshotId, VaultId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use vault::{DamageKind, VerifyProgress};

/// Damages that are listed for each vault; the count goes on.
const LISTED: usize = 1_000;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyView {
    /// Whether frames were read.
    pub read_data: bool,
    /// All vaults.
    pub vaults: Vec<VaultReport>,
}

/// One vault.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultReport {
    /// The vault.
    pub vault: Option<VaultId>,
    /// Packs that were looked at.
    pub packs: u64,
    /// Frames that were looked at.
    pub frames: u64,
    /// Bytes of frames that were compared with their hashes.
    pub read_bytes: u64,
    /// Snapshots that were looked at.
    pub snapshots: u64,
    /// Why the vault could not be looked at, with the code: nothing is known of what it holds.
    pub problem: Option<String>,
    /// Number of damages.
    pub damage_count: u64,
    /// The first of them.
    pub damages: Vec<DamageView>,
    /// Snapshots that need something damaged.
    pub affected_snapshots: Vec<SnapshotId>,
    /// Snapshots whose record cannot be read.
    pub unreadable_snapshots: Vec<SnapshotId>,
    /// Snapshots of the database that the store does not have.
    pub missing_snapshots: Vec<SnapshotId>,
    /// Snapshots whose labels cannot be read.
    pub damaged_labels: Vec<SnapshotId>,
    /// Wrapped keys that are missing or damaged, and what to do, with the code.
    pub key_problems: Vec<String>,
}

/// One damage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DamageView {
    /// The pack.
    pub pack: PackId,
    /// The frame; `None` for the whole pack.
    pub frame: Option<u32>,
    /// What is wrong.
    pub kind: String,
}

impl VaultReport {
    fn is_damaged(&self) -> bool {
        self.damage_count > 0
            || !self.unreadable_snapshots.is_empty()
            || !self.missing_snapshots.is_empty()
            || !self.damaged_labels.is_empty()
            || !self.key_problems.is_empty()
    }

    fn is_clean(&self) -> bool {
        self.problem.is_none() && !self.is_damaged()
    }
}

impl VerifyView {
    /// That of damage when there is any.
    pub(super) fn exit_status(&self) -> u8 {
        if self.vaults.iter().all(VaultReport::is_clean) { exit::COMPLETE } else { exit::DAMAGED }
    }
}

/// Verifies all vaults. What the comparison of database and store, or the second copy of a format record, mends is
/// mended; else nothing is written but which damage is known.
pub(super) async fn run(instance: &Arc<Instance>, read_data: bool, watch: &Watch) -> Result<VerifyView> {
    let mut view = VerifyView { read_data, vaults: Vec::new() };
    for vault in instance.meta.vaults(None).await? {
        watch.check()?;
        let report = match verify(instance, vault.id, read_data, watch).await {
            Err(Error::Stopped) => return Err(Error::Stopped),
            Err(error) => {
                VaultReport { problem: Some(format!("{error} [{}]", error.code())), ..VaultReport::default() }
            }
            Ok(report) => report,
        };
        if let Some(problem) = &report.problem {
            tracing::error!(vault = %vault.id, problem, "a vault could not be verified");
        }
        if report.is_damaged() {
            tracing::error!(vault = %vault.id, damages = report.damage_count, "verification found damage");
        }
        view.vaults.push(VaultReport { vault: Some(vault.id), ..report });
    }
    Ok(view)
}

async fn verify(
    instance: &Arc<Instance>,
    id: VaultId,
    read_data: bool,
    watch: &Watch,
) -> Result<VaultReport> {
    let open = instance.vault(id).await?;
    let missing_snapshots = crate::reconcile::compare(instance, &open).await?.missing;
    // What cannot be written anew is told by `check`; the vault is whole without it.
    crate::reconcile::mend_record(&open).await?;
    let key_problems = key_faults(instance, &open).await?;
    let damaged_labels = damaged_labels(&open).await?;
    let watch = watch.clone();
    let (told, verified) = (watch.clone(), open.clone());
    let found = blocking(move || {
        verified.vault().verify(read_data, &mut |step: &VerifyProgress| {
            if step.packs < step.packs_total || step.snapshots_total == 0 {
                told.tell("verifying packs", step.packs, step.packs_total, "packs");
            } else {
                told.tell("verifying snapshots", step.snapshots, step.snapshots_total, "snapshots");
            }
            if told.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    })
    .await?;
    watch.check()?;
    if found.log_problem.is_none() {
        damage::note(instance, &open, found.damaged.clone()).await?;
        damage::review(instance, &open, found.damaged.iter().copied().collect()).await?;
    }
    let damages = found.damages.iter().take(LISTED).map(|damage| DamageView {
        pack: damage.pack,
        frame: damage.frame,
        kind: kind(damage.kind).to_owned(),
    });
    Ok(VaultReport {
        vault: None,
        packs: found.packs,
        frames: found.frames,
        read_bytes: found.read_bytes,
        snapshots: found.snapshots,
        problem: found
            .log_problem
            .map(|problem| format!("the index cannot be used: {problem} [{}]", Code::DataDamaged)),
        damage_count: found.damage_count,
        damages: damages.collect(),
        affected_snapshots: found.affected_snapshots,
        unreadable_snapshots: found.unreadable_snapshots,
        missing_snapshots,
        damaged_labels,
        key_problems: key_problems
            .iter()
            .map(|fault| format!("{} [{}]", fault.message, fault.code))
            .collect(),
    })
}

/// What is wrong with labels, and the way out.
pub(super) const LABELS_LOST: &str =
    "with labels that cannot be read (its user writes them anew: holdfast tag SNAPSHOT --replace LABEL)";

/// The snapshots of a vault whose labels cannot be read.
pub(super) async fn damaged_labels(open: &Arc<OpenVault>) -> Result<Vec<SnapshotId>> {
    let open = open.clone();
    blocking(move || open.vault().damaged_labels()).await
}

fn kind(kind: DamageKind) -> &'static str {
    match kind {
        DamageKind::PackMissing => "pack_missing",
        DamageKind::PackDamaged => "pack_damaged",
        DamageKind::FrameMissing => "frame_missing",
        DamageKind::FrameDamaged => "frame_damaged",
        DamageKind::NotInLog => "not_in_log",
        DamageKind::OutOfRange => "out_of_range",
        _ => "damaged",
    }
}

impl fmt::Display for VerifyView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = |field: fn(&VaultReport) -> u64| self.vaults.iter().map(field).sum::<u64>();
        let (packs, frames) = (sum(|vault| vault.packs), sum(|vault| vault.frames));
        let (packs, frames) = (counted(packs, "pack"), counted(frames, "frame"));
        writeln!(f, "Looked at {}: {packs}, {frames}.", counted(self.vaults.len() as u64, "vault"))?;
        if self.read_data {
            writeln!(
                f,
                "Read {} and compared it with its hashes.",
                show_bytes(sum(|vault| vault.read_bytes))
            )?;
        }
        let mut is_clean = true;
        for report in self.vaults.iter().filter(|report| !report.is_clean()) {
            is_clean = false;
            write_damage(report, f)?;
        }
        if is_clean { writeln!(f, "All is as it was stored.") } else { Ok(()) }
    }
}

fn write_damage(report: &VaultReport, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let name = report.vault.map(|id| id.to_string()).unwrap_or_default();
    if let Some(problem) = &report.problem {
        writeln!(f, "Vault {name} was not verified: {problem}")?;
    }
    if !report.is_damaged() {
        return Ok(());
    }
    writeln!(f, "Vault {name} is damaged [{}]:", Code::DataDamaged)?;
    if report.damage_count > 0 {
        writeln!(f, "  {}, the first:", counted(report.damage_count, "damage"))?;
    }
    for damage in report.damages.iter().take(10) {
        let frame = damage.frame.map_or(String::new(), |frame| format!(" frame {frame}"));
        writeln!(f, "    pack {}{frame}: {}", damage.pack, damage.kind.replace('_', " "))?;
    }
    for problem in report.key_problems.iter().take(20) {
        writeln!(f, "  {problem}")?;
    }
    let lists = [
        ("cannot be restored in full", &report.affected_snapshots),
        ("cannot be read", &report.unreadable_snapshots),
        ("missing in the store", &report.missing_snapshots),
        (LABELS_LOST, &report.damaged_labels),
    ];
    for (what, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
        let ids: Vec<_> = list.iter().take(20).map(ToString::to_string).collect();
        writeln!(f, "  {} {what}: {}", counted(list.len() as u64, "snapshot"), ids.join(" "))?;
    }
    Ok(())
}
