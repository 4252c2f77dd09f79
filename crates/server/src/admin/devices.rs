//! `device list`, and what changes where a device stands.

use super::tokens::{self, TokenView};
use super::{show_time, users};
use crate::instance::Instance;
use crate::{Error, Result, accounts, orders};
use meta::{Bar, Change, Device, Order, OrderKind, State, User};
use model::{Code, DeviceId, OrderId, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// The shortest beginning of an id that is taken for it.
const PREFIX_MIN: usize = 4;

/// A device, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceView {
    /// The id.
    pub id: DeviceId,
    /// Its name.
    pub name: String,
    /// System and version.
    pub os: String,
    /// Its user's name.
    pub user: String,
    /// `active`, `disabled`, `deleted` or `deactivated`.
    pub state: String,
    /// Since when.
    pub state_since: Timestamp,
    /// Until when it can be brought back, while it is deleted.
    pub undo_until: Option<Timestamp>,
    /// The code that its requests are refused with; `None` while it may work.
    pub refused_with: Option<String>,
    /// When it was activated.
    pub created: Timestamp,
    /// When it was last heard of, at most a minute too early.
    pub last_seen: Option<Timestamp>,
    /// When its last complete snapshot was committed.
    pub last_backup: Option<Timestamp>,
    /// Whether it is connected now, so that it is told at once.
    pub connected: bool,
}

/// What an administrator may do to a device or a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Takes it out of use.
    Disable,
    /// Lets it work again.
    Enable,
    /// Deletes it; for seven days it can be brought back.
    Delete,
    /// Brings it back.
    Undelete,
}

impl Deed {
    pub(super) const fn change(self) -> Change {
        match self {
            Self::Disable => Change::Disable,
            Self::Enable => Change::Enable,
            Self::Delete => Change::Delete,
            Self::Undelete => Change::Undelete,
        }
    }
}

fn view(instance: &Instance, device: Device, user: &User) -> DeviceView {
    let Device { id, name, os, standing, created, last_seen, last_backup, .. } = device;
    let bar = Bar::of(standing.state, user.standing.state);
    DeviceView {
        id,
        name,
        os,
        user: user.name.clone(),
        state: standing.state.to_string(),
        state_since: standing.since,
        undo_until: standing.undo_until(),
        refused_with: bar.map(|bar| bar.code().to_string()),
        created,
        last_seen,
        last_backup,
        connected: instance.channels.is_open(id),
    }
}

/// Lists devices by user and name.
pub(crate) async fn list(instance: &Arc<Instance>, user: Option<&str>) -> Result<Vec<DeviceView>> {
    let users = match user {
        Some(name) => vec![users::find(instance, name).await?],
        None => instance.meta.users().await?,
    };
    let mut list = Vec::new();
    for user in users {
        let devices = instance.meta.devices(Some(user.id)).await?;
        let shown = devices.into_iter().filter(|device| device.standing.state != State::Removed);
        list.extend(shown.map(|device| view(instance, device, &user)));
    }
    Ok(list)
}

/// One device.
pub(crate) async fn show(instance: &Arc<Instance>, id: DeviceId) -> Result<DeviceView> {
    let device = known(instance, id).await?;
    view_of(instance, device).await
}

async fn view_of(instance: &Arc<Instance>, device: Device) -> Result<DeviceView> {
    let user = device.user;
    let user = instance.meta.user(user).await?.ok_or(meta::Error::UserUnknown { user })?;
    Ok(view(instance, device, &user))
}

async fn known(instance: &Arc<Instance>, id: DeviceId) -> Result<Device> {
    let device = instance.meta.device(id).await?;
    device
        .filter(|device| device.standing.state != State::Removed)
        .ok_or_else(|| Error::refused(Code::NotFound, format!("there is no device {id}")))
}

/// Changes where a device stands.
pub(crate) async fn change(
    instance: &Arc<Instance>,
    id: DeviceId,
    deed: Deed,
    by: &str,
) -> Result<DeviceView> {
    known(instance, id).await?;
    let device = accounts::change_device(instance, id, deed.change(), by).await?;
    view_of(instance, device).await
}

/// An order that waits for its device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderView {
    /// By which the events of the device name it.
    pub id: OrderId,
    /// The device.
    pub device: DeviceId,
    /// Its name.
    pub device_name: String,
    /// `start` or `cancel`.
    pub kind: String,
    /// When it was given.
    pub given: Timestamp,
    /// Who gave it.
    pub by: String,
    /// Whether the device is connected, and so told at once.
    pub connected: bool,
}

/// Wants something of a device, once. It waits for the device for seven days.
pub(crate) async fn order(
    instance: &Arc<Instance>,
    id: DeviceId,
    kind: OrderKind,
    by: &str,
) -> Result<OrderView> {
    let device = known(instance, id).await?;
    let Order { id, device: of, kind, given, by } = orders::give(instance, device.id, kind, by).await?;
    let connected = instance.channels.is_open(of);
    Ok(OrderView { id, device: of, device_name: device.name, kind: kind.to_string(), given, by, connected })
}

impl fmt::Display for OrderView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OrderView { device_name, kind, connected, .. } = self;
        let what = if kind == OrderKind::Start.as_str() { "begin a backup" } else { "end its backup" };
        let when = if *connected { "is told now" } else { "is told when it comes, within seven days" };
        writeln!(f, "Device {device_name} {when} to {what}.")?;
        writeln!(f, "What becomes of it: holdfast-server device events {}", self.device)
    }
}

/// Makes a token by which another machine goes on as this device.
pub(crate) async fn replace(
    instance: &Arc<Instance>,
    id: DeviceId,
    expires_seconds: u64,
) -> Result<TokenView> {
    let device = known(instance, id).await?;
    if device.standing.state == State::Deleted {
        return Err(Error::refused(Code::StateConflict, "the device is deleted"));
    }
    let user = device.user;
    let user = instance.meta.user(user).await?.ok_or(meta::Error::UserUnknown { user })?;
    tokens::make(instance, &user, Some(device), expires_seconds).await
}

/// The device that a command names: by its id, by a beginning of it, or by its name; where several have that name, by
/// `USER/NAME`.
pub(super) async fn find(instance: &Arc<Instance>, text: &str) -> Result<DeviceId> {
    let devices = list(instance, None).await?;
    let id = text.to_ascii_lowercase();
    let is_named = |device: &&DeviceView| {
        let with_user = text.split_once('/').is_some_and(|(user, name)| {
            user.to_lowercase() == device.user.to_lowercase() && name == device.name
        });
        with_user || device.name == text || id.len() >= PREFIX_MIN && device.id.to_string().starts_with(&id)
    };
    let found: Vec<&DeviceView> = devices.iter().filter(is_named).collect();
    match found.as_slice() {
        [] => Err(Error::refused(Code::NotFound, format!("there is no device {text}"))),
        [one] => Ok(one.id),
        several => {
            let ids: Vec<String> = several.iter().map(|device| device.id.to_string()).collect();
            let detail = format!("{text} may be several devices: {}", ids.join(" "));
            Err(Error::refused(Code::NotFound, detail))
        }
    }
}

/// The list for people.
pub(super) fn write_list(list: &[DeviceView], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if list.is_empty() {
        return writeln!(f, "There are no devices yet. Make a token for one: holdfast-server token create");
    }
    let width = |of: fn(&DeviceView) -> &str, least: usize| {
        list.iter().map(|view| of(view).chars().count()).max().unwrap_or(0).max(least)
    };
    let (user, name) = (width(|view| &view.user, 4), width(|view| &view.name, 4));
    writeln!(
        f,
        "{:32}  {:user$}  {:name$}  {:23}  {:23}  state",
        "id", "user", "name", "last seen", "last backup"
    )?;
    for view in list {
        let time = |time: Option<Timestamp>| time.map_or("never".to_owned(), show_time);
        writeln!(
            f,
            "{}  {:user$}  {:name$}  {:23}  {:23}  {}",
            view.id,
            view.user,
            view.name,
            time(view.last_seen),
            time(view.last_backup),
            show_state(&view.state, view.undo_until),
        )?;
    }
    Ok(())
}

/// A state for people.
pub(super) fn show_state(state: &str, undo_until: Option<Timestamp>) -> String {
    undo_until
        .map_or_else(|| state.to_owned(), |until| format!("{state}, undelete until {}", show_time(until)))
}

impl fmt::Display for DeviceView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = show_state(&self.state, self.undo_until);
        writeln!(f, "Device {} of {} ({}) is {state}.", self.name, self.user, self.id)
    }
}
