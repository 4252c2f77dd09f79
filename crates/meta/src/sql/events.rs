//! Event logs in SQL.

use super::value::{FromRow, Row, args};
use super::{SqlMeta, Write, devices};
use crate::{DeviceEvent, EventLimit, EventSource, Events, LoggedEvent, REPEATED_WITHIN, Result, Told};
use async_trait::async_trait;
use model::{DeviceId, Timestamp};
use serde_json::Value;

impl FromRow for LoggedEvent {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            number: row.next()?,
            received: row.next()?,
            source: row.next()?,
            sequence: row.next()?,
            time: row.next()?,
            code: row.next()?,
            params: row.next()?,
        })
    }
}

/// A statement on events that gives whole rows.
macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT number, received, source, sequence, happened, code, params FROM events ", $rest)
    };
}

/// The next number of a device's log; it is taken when the row is stored.
async fn next_number(tx: &mut Write, device: DeviceId) -> Result<u64> {
    let newest: Option<u64> =
        tx.one("SELECT COALESCE(MAX(number), 0) FROM events WHERE device_id = $1", args![device]).await?;
    Ok(newest.unwrap_or(0) + 1)
}

/// The machine that goes on as a device counts its events anew.
pub(super) async fn forget_sequences(tx: &mut Write, device: DeviceId) -> Result<()> {
    tx.run("UPDATE events SET sequence = NULL WHERE device_id = $1", args![device]).await?;
    Ok(())
}

#[async_trait]
impl Events for SqlMeta {
    async fn add_device_events(
        &self,
        device: DeviceId,
        events: &[DeviceEvent],
        now: Timestamp,
    ) -> Result<Told> {
        let mut tx = self.begin().await?;
        devices::required(&mut tx, device).await?;
        let mut number = next_number(&mut tx, device).await?;
        let mut stored = 0;
        for DeviceEvent { sequence, time, code, params } in events {
            let added = tx
                .run(
                    "INSERT INTO events (device_id, number, received, source, sequence, happened, code, params)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                     ON CONFLICT (device_id, sequence) WHERE sequence IS NOT NULL DO NOTHING",
                    args![device, number, now, EventSource::Device, sequence, time, code, params],
                )
                .await?;
            number += added;
            stored += added;
        }
        let last: Option<u64> = tx
            .one("SELECT COALESCE(MAX(sequence), 0) FROM events WHERE device_id = $1", args![device])
            .await?;
        if stored > 0 {
            tx.commit().await?;
        }
        Ok(Told { stored, last_sequence: last.unwrap_or(0) })
    }

    async fn add_server_event(
        &self,
        device: DeviceId,
        code: &str,
        params: &Value,
        now: Timestamp,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        devices::required(&mut tx, device).await?;
        let newest: Option<LoggedEvent> =
            tx.one(select!("WHERE device_id = $1 ORDER BY number DESC LIMIT 1"), args![device]).await?;
        let says_the_same = newest.is_some_and(|event| {
            (event.source, event.code.as_str(), &event.params) == (EventSource::Server, code, params)
                && now.since(event.received) < REPEATED_WITHIN
        });
        if says_the_same {
            return Ok(());
        }
        let number = next_number(&mut tx, device).await?;
        tx.run(
            "INSERT INTO events (device_id, number, received, source, sequence, happened, code, params)
             VALUES ($1, $2, $3, $4, NULL, $3, $5, $6)",
            args![device, number, now, EventSource::Server, code, params],
        )
        .await?;
        tx.commit().await
    }

    async fn events(&self, device: DeviceId, before: Option<u64>, limit: u64) -> Result<Vec<LoggedEvent>> {
        self.all(
            select!("WHERE device_id = $1 AND ($2 IS NULL OR number < $2) ORDER BY number DESC LIMIT $3"),
            args![device, before, limit],
        )
        .await
    }

    async fn prune_events(&self, limit: EventLimit) -> Result<u64> {
        let mut tx = self.begin().await?;
        // The newest of a device stays, so that no number is given twice.
        let old = tx
            .run(
                "DELETE FROM events WHERE received < $1 AND number <
                     (SELECT MAX(newest.number) FROM events newest WHERE newest.device_id = events.device_id)",
                args![limit.oldest],
            )
            .await?;
        let many = tx
            .run(
                "DELETE FROM events WHERE number <=
                     (SELECT MAX(newest.number) FROM events newest WHERE newest.device_id = events.device_id) - $1",
                args![limit.most],
            )
            .await?;
        tx.commit().await?;
        Ok(old + many)
    }
}
