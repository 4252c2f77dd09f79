//! The event log of each device: what the device tells, and what the server adds.

use crate::instance::Instance;
use crate::{Error, Result};
use api::events::{Event, EventsAnswer, EventsRequest};
use meta::{DeviceEvent, EventLimit, Told};
use model::DeviceId;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How long events are kept.
const KEPT: Duration = Duration::from_secs(400 * 86_400);
/// The most events of one device.
const MOST: u64 = 10_000;

/// What the server tells of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerEvent {
    /// A machine became this device, or goes on as it.
    Activated,
    /// Where it stands has changed.
    StateChanged,
    /// It may upload.
    LeaseGranted,
    /// A snapshot of it was accepted.
    SnapshotCommitted,
    /// A lease or a commit was refused.
    Refused,
    /// An administrator wants something of it.
    OrderGiven,
    /// It said what became of that.
    OrderAnswered,
}

impl ServerEvent {
    /// The stable word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Activated => "activated",
            Self::StateChanged => "state_changed",
            Self::LeaseGranted => "lease_granted",
            Self::SnapshotCommitted => "snapshot_committed",
            Self::Refused => "refused",
            Self::OrderGiven => "order_given",
            Self::OrderAnswered => "order_answered",
        }
    }
}

/// Adds an event of the server. It tells of what is done, so that what hinders it must not hinder that.
pub async fn note(instance: &Arc<Instance>, device: DeviceId, event: ServerEvent, params: Value) {
    let now = instance.clock.now();
    if let Err(error) = instance.meta.add_server_event(device, event.code(), &params, now).await {
        tracing::warn!(%device, event = event.code(), %error, "an event could not be stored");
    }
}

/// Adds that a device was refused something, in the words of the answer to it.
pub async fn note_refusal(instance: &Arc<Instance>, device: DeviceId, what: &str, error: &Error) {
    note(instance, device, ServerEvent::Refused, json!({"what": what, "code": error.code().as_str()})).await;
}

/// Stores what a device tells.
pub async fn receive(
    instance: &Arc<Instance>,
    device: DeviceId,
    request: EventsRequest,
) -> Result<EventsAnswer> {
    request.check()?;
    let event = |Event { sequence, time, code, params }| DeviceEvent {
        sequence,
        time,
        code,
        params: Value::Object(params),
    };
    let events: Vec<_> = request.events.into_iter().map(event).collect();
    let Told { stored, last_sequence } =
        instance.meta.add_device_events(device, &events, instance.clock.now()).await?;
    Ok(EventsAnswer { stored, last_sequence })
}

/// Forgets what is too old or too much.
pub async fn prune(instance: &Arc<Instance>) -> Result<()> {
    let limit = EventLimit { oldest: instance.clock.now().before(KEPT), most: MOST };
    let pruned = instance.meta.prune_events(limit).await?;
    if pruned > 0 {
        tracing::info!(pruned, "old events of devices were forgotten");
    }
    Ok(())
}
