//! The vault's snapshots with what only the keys can read of them: the names of sets and devices, and the paths.

use crate::AgentError;
use crate::session::Session;
use crate::state::cache::{self, KnownNames, SealedNames};
use api::Blob;
use api::runs::SnapshotRow;
use engine::remote::Remote;
use format::snapshot::SnapshotRecord;
use model::SnapshotId;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Records that are fetched at the same time.
const FETCHERS: usize = 4;

/// A snapshot in a list.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    /// What the server says.
    pub(crate) row: SnapshotRow,
    /// What the sealed part says; `None` when the record is damaged.
    pub(crate) names: Option<SealedNames>,
}

/// The snapshots for which `keep` holds, newest first.
pub(crate) fn list(
    session: &Session,
    keep: impl Fn(&SnapshotRow) -> bool,
) -> Result<Vec<Listed>, AgentError> {
    let all = session.vault.snapshot_rows()?;
    let mut known = cache::read_names(&session.state);
    let before = known.len();
    known.retain(|id, _| all.iter().any(|row| row.id == *id));
    let rows: Vec<SnapshotRow> = all.into_iter().filter(keep).collect();
    let unknown: Vec<SnapshotId> =
        rows.iter().map(|row| row.id).filter(|id| !known.contains_key(id)).collect();
    known.extend(fetch(session, &unknown)?);
    if !unknown.is_empty() || known.len() != before {
        cache::write_names(&session.state, &known);
    }
    Ok(rows.into_iter().map(|row| Listed { names: known.get(&row.id).cloned(), row }).collect())
}

fn fetch(session: &Session, wanted: &[SnapshotId]) -> Result<KnownNames, AgentError> {
    let found = Mutex::new(KnownNames::new());
    let failure = Mutex::new(None);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..FETCHERS.min(wanted.len()) {
            scope.spawn(|| {
                while let Some(id) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match names_of(session, *id) {
                        Ok(names) => found
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .extend(names.map(|names| (*id, names))),
                        Err(error) => {
                            next.store(wanted.len(), Ordering::Relaxed);
                            *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                        }
                    }
                }
            });
        }
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner)),
    }
}

/// The names in the sealed part; `None` when this snapshot cannot be read, which must not hide the others.
fn names_of(session: &Session, id: SnapshotId) -> Result<Option<SealedNames>, AgentError> {
    let bytes = match session.vault.snapshot(id) {
        Ok(bytes) => bytes,
        // Damaged, lost, or deleted since the list was made.
        Err(error) if error.code.is_data_lost() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let sealed = SnapshotRecord::decode(&bytes).and_then(|record| record.open(session.keyring()));
    Ok(sealed
        .inspect_err(|error| tracing::warn!(snapshot = %id, %error, "a snapshot cannot be read"))
        .ok()
        .map(|sealed| SealedNames {
            set: Blob(sealed.set_name),
            device_name: Blob(sealed.device_name),
            paths: sealed.paths.into_iter().map(Blob).collect(),
        }))
}
