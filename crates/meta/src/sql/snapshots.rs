//! The index of snapshots in SQL.

use super::value::{FromRow, Row, args};
use super::{SqlMeta, Write, leases};
use crate::{
    Commit, Deletion, Error, LeaseClaim, LeaseState, NewSnapshot, NewestSnapshot, REPLACED, Result,
    SnapshotRow, SnapshotScope, Snapshots,
};
use async_trait::async_trait;
use model::{SnapshotId, Timestamp, UserId, VaultId};

impl FromRow for SnapshotRow {
    fn from_row(row: &mut Row) -> Result<Self> {
        let snapshot = NewSnapshot {
            id: row.next()?,
            vault: row.next()?,
            device: row.next()?,
            set: row.next()?,
            sequence: row.next()?,
            received: row.next()?,
            files: row.next()?,
            bytes: row.next()?,
            stored_bytes: row.next()?,
            findings: row.next()?,
            complete: row.next()?,
            record_hash: row.next()?,
        };
        let time: Option<Timestamp> = row.next()?;
        let by: Option<String> = row.next()?;
        Ok(Self { snapshot, deleted: time.zip(by).map(|(time, by)| Deletion { time, by }) })
    }
}

impl FromRow for NewestSnapshot {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { device: row.next()?, set: row.next()?, bytes: row.next()? })
    }
}

/// A statement on snapshots that gives whole rows.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, vault_id, device_id, set_id, sequence, received, files, bytes, stored_bytes, findings, ",
            "complete, record_hash, deleted, deleted_by FROM snapshots ",
            $rest
        )
    };
}

const BY_ID: &str = select!("WHERE id = $1");

/// The row, or the error that says which is missing.
async fn required(tx: &mut Write, snapshot: SnapshotId) -> Result<SnapshotRow> {
    tx.one(BY_ID, args![snapshot]).await?.ok_or(Error::SnapshotUnknown { snapshot })
}

/// Adds a row. `Ok(None)` when it is new; the row that is there when it repeats it; else a conflict.
pub(super) async fn insert(tx: &mut Write, row: &SnapshotRow) -> Result<Option<SnapshotRow>> {
    let new = &row.snapshot;
    if let Some(found) = tx.one::<SnapshotRow>(BY_ID, args![new.id]).await? {
        let first = &found.snapshot;
        let same = (first.record_hash, first.vault, first.device) == (new.record_hash, new.vault, new.device);
        return if same { Ok(Some(found)) } else { Err(Error::SnapshotConflict { snapshot: new.id }) };
    }
    tx.run(
        "INSERT INTO snapshots
         (id, vault_id, device_id, set_id, sequence, received, files, bytes, stored_bytes, findings,
          complete, record_hash, deleted, deleted_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        args![
            new.id,
            new.vault,
            new.device,
            new.set,
            new.sequence,
            new.received,
            new.files,
            new.bytes,
            new.stored_bytes,
            new.findings,
            new.complete,
            new.record_hash,
            row.deleted.as_ref().map(|deleted| deleted.time),
            row.deleted.as_ref().map(|deleted| deleted.by.as_str()),
        ],
    )
    .await?;
    if new.complete {
        tx.run(
            "UPDATE devices SET last_backup = $2 WHERE id = $1 AND (last_backup IS NULL OR last_backup < $2)",
            args![new.device, new.received],
        )
        .await?;
    }
    // Also for adopted rows and those whose number came from a record that was there already.
    tx.run(
        "UPDATE vaults SET next_sequence = $2 WHERE id = $1 AND next_sequence < $2",
        args![new.vault, new.sequence.saturating_add(1)],
    )
    .await?;
    Ok(None)
}

/// Hides the visible checkpoints of the device's set other than `new`, and gives their ids. The set alone would not
/// do: a device names its sets itself, and could name another's.
async fn replace_checkpoints(tx: &mut Write, new: &NewSnapshot, now: Timestamp) -> Result<Vec<SnapshotId>> {
    tx.all(
        "UPDATE snapshots SET deleted = $4, deleted_by = $5
         WHERE vault_id = $1 AND set_id = $2 AND id <> $3 AND complete = 0 AND deleted IS NULL
           AND device_id = $6
         RETURNING id",
        args![new.vault, new.set, new.id, now, REPLACED, new.device],
    )
    .await
}

#[async_trait]
impl Snapshots for SqlMeta {
    async fn begin_commit(&self, claim: &LeaseClaim, now: Timestamp, hold_until: Timestamp) -> Result<u64> {
        let mut tx = self.begin().await?;
        let lease = leases::claimed(&mut tx, claim, now).await?;
        tx.run(
            "UPDATE leases SET deadline = $2, last_seen = $3 WHERE id = $1",
            args![lease.id, lease.deadline.max(hold_until), lease.last_seen.max(now)],
        )
        .await?;
        let sequence: u64 = tx
            .one(
                "UPDATE vaults SET next_sequence = next_sequence + 1 WHERE id = $1
                 RETURNING next_sequence - 1",
                args![lease.vault],
            )
            .await?
            .ok_or(Error::VaultUnknown { vault: lease.vault })?;
        tx.commit().await?;
        Ok(sequence)
    }

    async fn commit_snapshot(
        &self,
        snapshot: &NewSnapshot,
        claim: &LeaseClaim,
        now: Timestamp,
    ) -> Result<Commit> {
        let row = SnapshotRow { snapshot: snapshot.clone(), deleted: None };
        let mut tx = self.begin().await?;
        if let Some(row) = insert(&mut tx, &row).await? {
            return Ok(Commit { row, repeated: true, replaced: Vec::new() });
        }
        let lease = leases::claimed(&mut tx, claim, now).await?;
        let belongs =
            (lease.vault, lease.device, lease.set) == (snapshot.vault, snapshot.device, snapshot.set);
        if !belongs {
            return Err(Error::LeaseUnknown { lease: lease.id });
        }
        if snapshot.complete {
            leases::set_state(&mut tx, lease.id, LeaseState::Committed).await?;
        }
        let replaced = replace_checkpoints(&mut tx, snapshot, now).await?;
        tx.commit().await?;
        Ok(Commit { row, repeated: false, replaced })
    }

    async fn snapshot(&self, snapshot: SnapshotId) -> Result<Option<SnapshotRow>> {
        self.one(BY_ID, args![snapshot]).await
    }

    async fn snapshot_in(&self, vault: VaultId, snapshot: SnapshotId) -> Result<Option<SnapshotRow>> {
        self.one(select!("WHERE id = $1 AND vault_id = $2"), args![snapshot, vault]).await
    }

    async fn newest_snapshots(&self, user: UserId) -> Result<Vec<NewestSnapshot>> {
        self.all(
            "SELECT s.device_id, s.set_id, s.bytes FROM snapshots s
             JOIN vaults v ON v.id = s.vault_id JOIN devices d ON d.id = s.device_id
             WHERE v.user_id = $1 AND v.state = 'open' AND d.state NOT IN ('deleted', 'removed')
               AND s.complete = 1 AND s.deleted IS NULL AND NOT EXISTS
                 (SELECT 1 FROM snapshots newer
                  WHERE newer.vault_id = s.vault_id AND newer.set_id = s.set_id AND newer.device_id = s.device_id
                    AND newer.complete = 1 AND newer.deleted IS NULL AND newer.sequence > s.sequence)
             ORDER BY s.device_id, s.set_id",
            args![user],
        )
        .await
    }

    async fn snapshots(&self, scope: SnapshotScope, with_deleted: bool) -> Result<Vec<SnapshotRow>> {
        let (sql, args) = match scope {
            SnapshotScope::Everything => (
                select!("WHERE deleted IS NULL OR $1 = 1 ORDER BY received DESC, sequence DESC, id"),
                args![with_deleted],
            ),
            SnapshotScope::Vault(vault) => (
                select!("WHERE vault_id = $2 AND (deleted IS NULL OR $1 = 1) ORDER BY sequence DESC, id"),
                args![with_deleted, vault],
            ),
            SnapshotScope::Set { vault, set } => (
                select!(
                    "WHERE vault_id = $2 AND set_id = $3 AND (deleted IS NULL OR $1 = 1) ORDER BY sequence DESC, id"
                ),
                args![with_deleted, vault, set],
            ),
        };
        self.all(sql, args).await
    }

    async fn delete_snapshot(&self, snapshot: SnapshotId, by: &str, now: Timestamp) -> Result<SnapshotRow> {
        let mut tx = self.begin().await?;
        let mut row = required(&mut tx, snapshot).await?;
        if row.deleted.is_none() {
            tx.run(
                "UPDATE snapshots SET deleted = $2, deleted_by = $3 WHERE id = $1",
                args![snapshot, now, by],
            )
            .await?;
            tx.commit().await?;
            row.deleted = Some(Deletion { time: now, by: by.to_owned() });
        }
        Ok(row)
    }

    async fn undelete_snapshot(&self, snapshot: SnapshotId) -> Result<SnapshotRow> {
        let mut tx = self.begin().await?;
        let mut row = required(&mut tx, snapshot).await?;
        if let Some(deleted) = row.deleted.take() {
            if deleted.by == REPLACED {
                return Err(Error::CheckpointReplaced { snapshot });
            }
            tx.run("UPDATE snapshots SET deleted = NULL, deleted_by = NULL WHERE id = $1", args![snapshot])
                .await?;
            tx.commit().await?;
        }
        Ok(row)
    }

    async fn remove_snapshot(&self, snapshot: SnapshotId) -> Result<()> {
        let mut tx = self.begin().await?;
        let found: Option<SnapshotRow> = tx.one(BY_ID, args![snapshot]).await?;
        match found {
            None => Ok(()),
            Some(row) if row.deleted.is_none() => Err(Error::SnapshotKept { snapshot }),
            Some(_) => {
                tx.run("DELETE FROM snapshots WHERE id = $1", args![snapshot]).await?;
                tx.commit().await
            }
        }
    }
}
