//! What a device is told of itself: whether it may work, which policy holds, and which orders wait.

use crate::instance::Instance;
use crate::policies::{self, Effective};
use crate::{Result, orders};
use api::control::{DeviceState, PolicyAnswer};
use meta::{Bar, Hash, KnownDevice};
use model::{DeviceId, UserId};
use std::sync::Arc;

/// What a device is told, and whether its channel goes on after that.
#[derive(Debug)]
pub struct Told {
    /// What it is told.
    pub state: DeviceState,
    /// It may be told more: it works, or is disabled and waits to be enabled.
    pub goes_on: bool,
}

/// Whether a device that this keeps from working is told when that is over, over a channel.
pub const fn may_wait(bar: Bar) -> bool {
    matches!(bar, Bar::AccountDisabled | Bar::DeviceDisabled)
}

/// What the machine with this secret is told as the device.
pub async fn of(instance: &Arc<Instance>, device: DeviceId, secret_hash: Hash) -> Result<Told> {
    let known = instance.meta.known_device(device).await?;
    let KnownDevice { device, user_state } = known.ok_or(meta::Error::DeviceUnknown { device })?;
    let bar = if device.secret_hash == Some(secret_hash) {
        Bar::of(device.standing.state, user_state)
    } else {
        Some(Bar::DeviceReplaced)
    };
    let is_replaced = bar == Some(Bar::DeviceReplaced);
    let state = DeviceState {
        server_time: instance.clock.now(),
        refused_with: bar.map(|bar| bar.code().to_string()),
        // The machine that took its place is told the rest.
        policy: if is_replaced { String::new() } else { policy(instance, device.user).await?.version },
        orders: if bar.is_some() { Vec::new() } else { orders::waiting(instance, device.id).await? },
    };
    Ok(Told { state, goes_on: bar.is_none_or(may_wait) })
}

/// The policy of a user's devices, with its version.
pub async fn policy(instance: &Arc<Instance>, user: UserId) -> Result<PolicyAnswer> {
    let Effective { policy, origins } = policies::of_user_id(instance, user).await?;
    // Plain values with text keys: they always have a JSON form.
    let text = serde_json::to_vec(&(&policy, &origins)).unwrap_or_default();
    let version = blake3::hash(&text).to_hex()[..16].to_owned();
    Ok(PolicyAnswer { version, policy, origins })
}
