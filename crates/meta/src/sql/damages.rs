//! Damage of the vaults in SQL.

use super::SqlMeta;
use super::value::{FromRow, Row, args};
use crate::{Damages, Error, KnownDamage, Result};
use async_trait::async_trait;
use model::{Damaged, Timestamp, VaultId};

/// The frame of a row that stands for all of a pack. Not null: a key with nulls is not unique in every database.
const WHOLE_PACK: i64 = -1;

fn frame_column(damaged: Damaged) -> i64 {
    damaged.frame.map_or(WHOLE_PACK, i64::from)
}

impl FromRow for KnownDamage {
    fn from_row(row: &mut Row) -> Result<Self> {
        let (pack, frame, found) = (row.next()?, row.next::<i64>()?, row.next()?);
        let frame = match frame {
            WHOLE_PACK => None,
            number => Some(
                u32::try_from(number)
                    .map_err(|_| Error::Damaged { problem: format!("{number} is no frame") })?,
            ),
        };
        Ok(Self { damaged: Damaged { pack, frame }, found })
    }
}

#[async_trait]
impl Damages for SqlMeta {
    async fn note_damage(&self, vault: VaultId, damaged: &[Damaged], now: Timestamp) -> Result<u64> {
        if damaged.is_empty() {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        super::vaults::required(&mut tx, vault).await?;
        let mut new = 0;
        for one in damaged {
            new += tx
                .run(
                    "INSERT INTO damage (vault_id, pack_id, frame, found) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (vault_id, pack_id, frame) DO NOTHING",
                    args![vault, one.pack, frame_column(*one), now],
                )
                .await?;
        }
        tx.commit().await?;
        Ok(new)
    }

    async fn forget_damage(&self, vault: VaultId, healed: &[Damaged]) -> Result<()> {
        if healed.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        for one in healed {
            tx.run(
                "DELETE FROM damage WHERE vault_id = $1 AND pack_id = $2 AND frame = $3",
                args![vault, one.pack, frame_column(*one)],
            )
            .await?;
        }
        tx.commit().await
    }

    async fn damage(&self, vault: VaultId) -> Result<Vec<KnownDamage>> {
        self.all(
            "SELECT pack_id, frame, found FROM damage WHERE vault_id = $1 ORDER BY pack_id, frame",
            args![vault],
        )
        .await
    }
}
