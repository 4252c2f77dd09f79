//! What administrators want devices to do once: given, told, and answered.

use crate::events::ServerEvent;
use crate::instance::Instance;
use crate::{Result, events};
use api::control::{self, OrderAnswer};
use api::limits;
use meta::{Order, OrderKind};
use model::{DeviceId, OrderId};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How long an order waits for its device. One that was away for longer is backed up when it comes back in any case.
const KEPT: Duration = Duration::from_secs(7 * 86_400);

/// Gives an order in the name of `by`. Gives the order that waits then.
pub async fn give(instance: &Arc<Instance>, device: DeviceId, kind: OrderKind, by: &str) -> Result<Order> {
    let given = instance.clock.now();
    let order = Order { id: OrderId::random(), device, kind, given, by: by.to_owned() };
    let waits = instance.meta.give_order(&order).await?;
    if waits.id == order.id {
        tracing::info!(%device, order = %order.id, kind = %kind, by, "order given");
        let params = json!({"order": order.id, "kind": kind.as_str(), "by": by});
        events::note(instance, device, ServerEvent::OrderGiven, params).await;
    }
    instance.channels.wake(device);
    Ok(waits)
}

/// The orders that wait for a device, as it is told them.
pub async fn waiting(instance: &Arc<Instance>, device: DeviceId) -> Result<Vec<control::Order>> {
    let now = instance.clock.now();
    let orders = instance.meta.orders(device, now.before(KEPT)).await?;
    let told = |order: Order| control::Order {
        id: order.id,
        kind: match order.kind {
            OrderKind::Start => control::OrderKind::Start,
            OrderKind::Cancel => control::OrderKind::Cancel,
        },
        age_seconds: now.since(order.given).as_secs(),
    };
    Ok(orders.into_iter().take(limits::ORDERS).map(told).collect())
}

/// Takes in what a device says became of an order. Repeated, nothing happens.
pub async fn answered(
    instance: &Arc<Instance>,
    device: DeviceId,
    order: OrderId,
    answer: &OrderAnswer,
) -> Result<()> {
    answer.check()?;
    let Some(Order { kind, .. }) = instance.meta.end_order(device, order).await? else { return Ok(()) };
    let OrderAnswer { outcome, code } = answer;
    tracing::info!(%device, %order, kind = %kind, ?outcome, code, "order answered");
    let params = json!({"order": order, "kind": kind.as_str(), "outcome": outcome, "code": code});
    events::note(instance, device, ServerEvent::OrderAnswered, params).await;
    instance.channels.wake(device);
    Ok(())
}

/// Forgets what no device came for.
pub async fn prune(instance: &Arc<Instance>) -> Result<()> {
    let pruned = instance.meta.prune_orders(instance.clock.now().before(KEPT)).await?;
    if pruned > 0 {
        tracing::info!(pruned, "orders were forgotten whose devices did not come");
    }
    Ok(())
}
