//! What administrators want devices to do once. An order waits until its device says what became of it, so that none is
//! lost with a connection.

use crate::Result;
use crate::words::words;
use async_trait::async_trait;
use model::{DeviceId, OrderId, Timestamp};

words! {
    /// What is wanted.
    OrderKind {
        /// A backup, now.
        Start = "start",
        /// The end of the backup that runs.
        Cancel = "cancel",
    }
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// By which the device answers, and recognises one that it was told before.
    pub id: OrderId,
    /// Whose it is.
    pub device: DeviceId,
    /// What is wanted.
    pub kind: OrderKind,
    /// When it was given.
    pub given: Timestamp,
    /// Who gave it.
    pub by: String,
}

/// Orders.
#[async_trait]
pub trait Orders: Send + Sync {
    /// Gives an order to a device that may work, and gives the one that waits then. A start that waits already is kept,
    /// since two would be one. A cancel takes the place of all that wait: what was to be started is not wanted any more.
    async fn give_order(&self, order: &Order) -> Result<Order>;

    /// The orders of a device that wait, in the order in which they were given; none from before `since`.
    async fn orders(&self, device: DeviceId, since: Timestamp) -> Result<Vec<Order>>;

    /// The device has answered an order. Gives the order; `None` when it does not wait any more.
    async fn end_order(&self, device: DeviceId, order: OrderId) -> Result<Option<Order>>;

    /// Forgets orders from before `since`; gives their number.
    async fn prune_orders(&self, since: Timestamp) -> Result<u64>;
}
