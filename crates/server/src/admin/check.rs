//! `check`: looks at everything that makes a server, and changes nothing but what an interrupted step left undone.

use super::verify::{LABELS_LOST, damaged_labels};
use crate::instance::Instance;
use crate::mirror::{Mirror, Unreadable};
use crate::names::{counted, show_bytes};
use crate::reconcile::Compared;
use crate::wrapped::{KeyFault, key_faults};
use crate::{Error, Result, blocking, reconcile, storage};
use blobs::BlobStore;
use meta::KnownDamage;
use model::code::exit;
use model::{Code, SnapshotId, Timestamp, VaultId};
use platform::permissions;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use vault::RecordFault;

/// The way out when a snapshot is lost.
const GIVE_UP: &str = "bring the objects back, or give the snapshots up with snapshot delete";

/// The way out when the sealed copy of the authority is lost.
const WRITTEN_ANEW: &str = "the next start of the server writes it anew from tls/authority.pem";

/// How much a problem matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Works, but somebody should see to it.
    Warning,
    /// Something is lost, or will not work.
    Error,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// How much it matters.
    pub severity: Severity,
    /// Where: `database`, `store`, `keys`, `certificates`, `files`, `disk` or `vault`.
    pub area: String,
    /// The code that commands which meet it end with.
    pub code: String,
    /// What was found.
    pub message: String,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckView {
    /// Vaults that were compared with the database.
    pub vaults: u64,
    /// When the server's certificate ends, as far as it can be read.
    pub certificate_until: Option<Timestamp>,
    /// All problems, the worst first.
    pub problems: Vec<Problem>,
}

impl CheckView {
    fn add(&mut self, severity: Severity, area: &str, code: Code, message: impl Into<String>) {
        let (area, code, message) = (area.to_owned(), code.as_str().to_owned(), message.into());
        self.problems.push(Problem { severity, area, code, message });
    }

    /// That of damage with an error, that of findings with a warning.
    pub(super) fn exit_status(&self) -> u8 {
        match self.problems.first().map(|problem| problem.severity) {
            None => exit::COMPLETE,
            Some(Severity::Warning) => exit::FINDINGS,
            Some(Severity::Error) => exit::DAMAGED,
        }
    }
}

/// Looks at everything.
pub(super) async fn run(instance: &Arc<Instance>) -> Result<CheckView> {
    let mut view = CheckView::default();
    for problem in instance.meta.quick_check().await? {
        view.add(Severity::Error, "database", Code::DatabaseDamaged, problem);
    }
    let mut view = {
        let instance = instance.clone();
        blocking(move || {
            keys(&instance, &mut view);
            certificates(&instance, &mut view);
            files(&instance, &mut view);
            store(&instance, &mut view);
            Ok::<_, Error>(view)
        })
        .await?
    };
    for Unreadable { key, error } in reconcile::unreadable(instance).await? {
        let message = format!(
            "{key} cannot be read ({error}); what the database knows of it is written anew when the server starts"
        );
        view.add(Severity::Error, "store", error.code(), message);
    }
    vaults(instance, &mut view).await?;
    view.problems.sort_by_key(|problem| problem.severity == Severity::Warning);
    Ok(view)
}

fn keys(instance: &Instance, view: &mut CheckView) {
    let recipient = &instance.settings().org_recipient;
    if let Err(error) = crate::org::Organisation::open(&instance.data, recipient) {
        view.add(Severity::Error, "keys", error.code(), error.to_string());
    }
    if instance.data.recovery_file().exists() {
        let message = format!(
            "{} still lies with the server; move it where a loss of this machine does not reach it",
            instance.data.recovery_file().display()
        );
        view.add(Severity::Warning, "keys", Code::RecoveryWrong, message);
    }
    let problem = match Mirror(&instance.store).authority() {
        Ok(Some(sealed)) => match instance.org.identity().unwrap_bytes(&sealed) {
            // `recover` would bring back an authority that no device trusts.
            Ok(kept) if crate::data::authority_file(&instance.data).is_ok_and(|own| *own != *kept) => {
                "server/ca.age holds another authority than this server has; if agents trust this server, remove \
                 that object and start the server again, which writes it anew"
                    .to_owned()
            }
            Ok(_) => return,
            Err(error) => format!("server/ca.age: {error}; {WRITTEN_ANEW}"),
        },
        Ok(None) => format!("server/ca.age is missing in the store; {WRITTEN_ANEW}"),
        Err(error) => format!("{error}; {WRITTEN_ANEW}"),
    };
    view.add(Severity::Error, "keys", Code::DataDamaged, problem);
}

fn certificates(instance: &Instance, view: &mut CheckView) {
    let tls = instance.data.tls();
    if let Err(error) = crate::tls::Authority::open(&tls) {
        return view.add(Severity::Error, "certificates", error.code(), error.to_string());
    }
    match crate::tls::leaf_not_after(&tls) {
        // `serve` makes one when it starts.
        Ok(None) => {}
        Ok(Some(until)) => {
            view.certificate_until = Some(until);
            if until <= instance.clock.now() {
                let message = format!("the certificate ended at {until}; serve renews it when it starts");
                view.add(Severity::Warning, "certificates", Code::CertificateExpired, message);
            }
        }
        Err(error) => view.add(Severity::Warning, "certificates", error.code(), error.to_string()),
    }
}

/// Keys and database are for the server's user alone.
fn files(instance: &Instance, view: &mut CheckView) {
    let data = &instance.data;
    let private: [PathBuf; 5] =
        [data.path().to_owned(), data.org_key(), data.tls(), data.authority(), data.database()];
    for path in private {
        match permissions::mode(&path) {
            Ok(mode) if mode & 0o077 == 0 => {}
            Ok(mode) => {
                let message = format!("{} can be read by others (mode {mode:o})", path.display());
                view.add(Severity::Warning, "files", Code::LocalDenied, message);
            }
            Err(error) => {
                view.add(Severity::Error, "files", Code::LocalFailed, format!("{}: {error}", path.display()));
            }
        }
    }
}

fn store(instance: &Instance, view: &mut CheckView) {
    let settings = instance.settings();
    if let Some(error) = storage::fault(instance) {
        let message =
            format!("the store is not there or cannot be written, so nothing is backed up: {error}");
        view.add(Severity::Error, "store", error.code(), message);
    }
    match instance.store.space() {
        Ok(Some(space)) => {
            let reserve = settings.reserve(space.total_bytes);
            if space.available_bytes < reserve {
                let (free, reserve) = (show_bytes(space.available_bytes), show_bytes(reserve));
                let message =
                    format!("{free} are free, less than the reserve of {reserve}: nothing is backed up");
                view.add(Severity::Error, "disk", Code::StorageFull, message);
            } else if space.available_bytes < reserve.saturating_mul(2) {
                let message = format!("{} are free", show_bytes(space.available_bytes));
                view.add(Severity::Warning, "disk", Code::StorageFull, message);
            }
        }
        Ok(None) => {}
        Err(error) => view.add(Severity::Error, "disk", Code::LocalFailed, error.to_string()),
    }
}

async fn vaults(instance: &Arc<Instance>, view: &mut CheckView) -> Result<()> {
    for vault in instance.meta.vaults(None).await? {
        view.vaults += 1;
        // The trouble of one does not keep the others.
        if let Err(error) = look_into(instance, &vault, view).await {
            view.add(Severity::Error, "vault", error.code(), format!("vault {}: {error}", vault.id));
        }
    }
    Ok(())
}

async fn look_into(instance: &Arc<Instance>, vault: &meta::Vault, view: &mut CheckView) -> Result<()> {
    view.problems.extend(troubles(instance, vault).await?);
    damages(&instance.meta.damage(vault.id).await?, vault.id, view);
    Ok(())
}

/// What is wrong with the objects of a vault, except for what is known to be damaged in its packs.
pub(super) async fn troubles(instance: &Arc<Instance>, vault: &meta::Vault) -> Result<Vec<Problem>> {
    let id = vault.id;
    let mut problems = Vec::new();
    let mut add = |code: Code, message: String| {
        let (area, code, message) =
            ("vault".to_owned(), code.as_str().to_owned(), format!("vault {id}: {message}"));
        problems.push(Problem { severity: Severity::Error, area, code, message });
    };
    let open = instance.vault(id).await?;
    if let Some(problem) = open.vault().log_problem() {
        add(Code::DataDamaged, format!("the index cannot be used: {problem}"));
    }
    let Compared { adopted: _, missing, unreadable, unreadable_deletions, conflicting } =
        reconcile::compare(instance, &open).await?;
    for snapshot in &conflicting {
        add(Code::SnapshotConflict, format!("snapshot {snapshot} has the id of a snapshot of another vault"));
    }
    if !missing.is_empty() {
        let count = counted(missing.len() as u64, "snapshot");
        let message =
            format!("{count} of the database missing in the store; {GIVE_UP}: {}", first_of(&missing));
        add(Code::StoreDisagrees, message);
    }
    if !unreadable.is_empty() {
        let count = counted(unreadable.len() as u64, "snapshot");
        let message =
            format!("{count} with a record that cannot be read; {GIVE_UP}: {}", first_of(&unreadable));
        add(Code::DataDamaged, message);
    }
    if !unreadable_deletions.is_empty() {
        let message = format!(
            "the deletion records of these snapshots can neither be read nor written anew: {}",
            first_of(&unreadable_deletions)
        );
        add(Code::DataDamaged, message);
    }
    let labels = damaged_labels(&open).await?;
    if !labels.is_empty() {
        let count = counted(labels.len() as u64, "snapshot");
        add(Code::DataDamaged, format!("{count} {LABELS_LOST}: {}", first_of(&labels)));
    }
    for RecordFault { key, problem, .. } in reconcile::mend_record(&open).await? {
        let what = problem.map_or("is missing".to_owned(), |problem| format!("is damaged ({problem})"));
        add(Code::DataDamaged, format!("{key} {what} and cannot be written anew; its other copy is whole"));
    }
    for KeyFault { code, message } in key_faults(instance, &open).await? {
        add(code, message);
    }
    Ok(problems)
}

fn first_of(snapshots: &[SnapshotId]) -> String {
    let list: Vec<_> = snapshots.iter().take(20).map(ToString::to_string).collect();
    list.join(" ")
}

/// What is known to be damaged in a vault, in one problem.
fn damages(known: &[KnownDamage], vault: VaultId, view: &mut CheckView) {
    let Some(first) = known.iter().map(|known| known.found).min() else { return };
    let packs = known.iter().filter(|known| known.damaged.frame.is_none()).count();
    let frames = known.len() - packs;
    let (packs, frames) = (counted(packs as u64, "pack"), counted(frames as u64, "frame"));
    let message = format!(
        "vault {vault}: {packs} and {frames} are damaged or lost, the first since {first}; verify says \
         which snapshots need them, and deleting those removes them"
    );
    view.add(Severity::Error, "vault", Code::DataDamaged, message);
}

impl fmt::Display for CheckView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Problem { severity, area, code, message } in &self.problems {
            let word = match severity {
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            writeln!(f, "{word}: {area}: {message} [{code}]")?;
        }
        match self.problems.len() {
            0 => write!(f, "All is well")?,
            count => write!(f, "{}", counted(count as u64, "problem"))?,
        }
        writeln!(f, "; {} looked at.", counted(self.vaults, "vault"))
    }
}
