//! Orders in SQL.

use super::value::{FromRow, Row, args};
use super::{SqlMeta, devices};
use crate::{Order, OrderKind, Orders, Result};
use async_trait::async_trait;
use model::{DeviceId, OrderId, Timestamp};

impl FromRow for Order {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.next()?,
            device: row.next()?,
            kind: row.next()?,
            given: row.next()?,
            by: row.next()?,
        })
    }
}

/// A statement on orders that gives whole rows.
macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT id, device_id, kind, given, given_by FROM orders ", $rest)
    };
}

#[async_trait]
impl Orders for SqlMeta {
    async fn give_order(&self, order: &Order) -> Result<Order> {
        let Order { id, device, kind, given, by } = order;
        let mut tx = self.begin().await?;
        devices::working(&mut tx, *device).await?;
        match kind {
            OrderKind::Start => {
                let waits: Option<Order> =
                    tx.one(select!("WHERE device_id = $1 AND kind = $2"), args![device, kind]).await?;
                if let Some(waits) = waits {
                    return Ok(waits);
                }
            }
            OrderKind::Cancel => {
                tx.run("DELETE FROM orders WHERE device_id = $1", args![device]).await?;
            }
        }
        tx.run(
            "INSERT INTO orders (id, device_id, kind, given, given_by) VALUES ($1, $2, $3, $4, $5)",
            args![id, device, kind, given, by],
        )
        .await?;
        tx.commit().await?;
        Ok(order.clone())
    }

    async fn orders(&self, device: DeviceId, since: Timestamp) -> Result<Vec<Order>> {
        // A cancel takes all before it away, so the kinds tell the order where the clock does not.
        self.all(
            select!("WHERE device_id = $1 AND given >= $2 ORDER BY given, kind, id"),
            args![device, since],
        )
        .await
    }

    async fn end_order(&self, device: DeviceId, order: OrderId) -> Result<Option<Order>> {
        let mut tx = self.begin().await?;
        let found: Option<Order> =
            tx.one(select!("WHERE id = $1 AND device_id = $2"), args![order, device]).await?;
        if found.is_some() {
            tx.run("DELETE FROM orders WHERE id = $1", args![order]).await?;
            tx.commit().await?;
        }
        Ok(found)
    }

    async fn prune_orders(&self, since: Timestamp) -> Result<u64> {
        let mut tx = self.begin().await?;
        let pruned = tx.run("DELETE FROM orders WHERE given < $1", args![since]).await?;
        tx.commit().await?;
        Ok(pruned)
    }
}
