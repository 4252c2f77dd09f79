//! `user add` and `user list`, and what changes where a user stands.

use super::devices::{Deed, show_state};
use super::show_time;
use crate::instance::Instance;
use crate::names::{check_name, show_bytes};
use crate::{Error, Result, accounts, policies, quota};
use meta::State;
use model::{Code, Custody, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A user, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserView {
    /// The id.
    pub id: UserId,
    /// The name.
    pub name: String,
    /// The group that the user is in.
    pub group: String,
    /// When the user was added.
    pub created: Timestamp,
    /// Custody of the user's vault, or of the one that the first device will create.
    pub custody: Custody,
    /// Devices that may work.
    pub devices: u64,
    /// Whether there is a vault.
    pub has_vault: bool,
    /// `active`, `disabled` or `deleted`.
    pub state: String,
    /// Since when.
    pub state_since: Timestamp,
    /// Until when the user can be brought back, while deleted.
    pub undo_until: Option<Timestamp>,
    /// What the user has backed up: the newest complete snapshots of all sets of all devices, in bytes.
    pub used_bytes: u64,
    /// What the user may have, in bytes; 0 for any amount.
    pub quota_bytes: u64,
}

/// Adds a user. The custody first: a user without it would be there with the server's, which may be the one that was
/// not wanted, and the name would be taken. For a user who never comes it says nothing.
pub(super) async fn add(instance: &Arc<Instance>, name: &str, custody: Option<Custody>) -> Result<UserView> {
    check_name(name)?;
    if instance.meta.find_user(name).await?.is_some() {
        return Err(meta::Error::NameTaken { name: name.to_owned() }.into());
    }
    let user = meta::User::new(UserId::random(), name, instance.clock.now());
    if let Some(custody) = custody {
        instance
            .change_settings(|settings| {
                settings.custody_of.insert(user.id.to_string(), custody);
                Ok(())
            })
            .await?;
    }
    instance.meta.insert_user(&user).await?;
    instance.mirror_user(user.id).await?;
    tracing::info!(user = %user.name, "user added");
    view(instance, user, &[], &[]).await
}

async fn view(
    instance: &Arc<Instance>,
    user: meta::User,
    devices: &[meta::Device],
    vaults: &[meta::Vault],
) -> Result<UserView> {
    let quota = quota::of(instance, &user).await?;
    let custody = policies::of_user(instance, &user).await?.policy.custody;
    let group = instance.meta.group(user.group).await?.map(|group| group.name).unwrap_or_default();
    let works = |device: &&meta::Device| {
        device.user == user.id && meta::Bar::of(device.standing.state, user.standing.state).is_none()
    };
    let open = vaults.iter().find(|v| v.user == user.id && v.state == meta::VaultState::Open);
    Ok(UserView {
        id: user.id,
        devices: devices.iter().filter(works).count() as u64,
        custody: open.map_or(custody, |vault| vault.custody),
        has_vault: vaults.iter().any(|vault| vault.user == user.id),
        name: user.name,
        group,
        created: user.created,
        state: user.standing.state.to_string(),
        state_since: user.standing.since,
        undo_until: user.standing.undo_until(),
        used_bytes: quota.used_bytes,
        quota_bytes: quota.limit_bytes,
    })
}

/// Lists the users by name.
pub(crate) async fn list(instance: &Arc<Instance>) -> Result<Vec<UserView>> {
    let devices = instance.meta.devices(None).await?;
    let vaults = instance.meta.vaults(None).await?;
    let mut list = Vec::new();
    for user in instance.meta.users().await? {
        if user.standing.state != State::Removed {
            list.push(view(instance, user, &devices, &vaults).await?);
        }
    }
    Ok(list)
}

/// One user.
pub(crate) async fn show(instance: &Arc<Instance>, name: &str) -> Result<UserView> {
    let user = find(instance, name).await?;
    view_of(instance, user).await
}

pub(super) async fn view_of(instance: &Arc<Instance>, user: meta::User) -> Result<UserView> {
    let devices = instance.meta.devices(Some(user.id)).await?;
    let vaults = instance.meta.vaults(Some(user.id)).await?;
    view(instance, user, &devices, &vaults).await
}

/// Changes where a user stands.
pub(crate) async fn change(instance: &Arc<Instance>, name: &str, deed: Deed, by: &str) -> Result<UserView> {
    let user = find(instance, name).await?;
    let user = accounts::change_user(instance, user.id, deed.change(), by).await?;
    view_of(instance, user).await
}

/// Sets what a user may have backed up.
pub(crate) async fn set_quota(
    instance: &Arc<Instance>,
    name: &str,
    quota_bytes: Option<u64>,
    by: &str,
) -> Result<UserView> {
    let user = find(instance, name).await?;
    let user = instance.meta.set_quota(user.id, quota_bytes).await?;
    instance.channels.wake_all();
    instance.mirror_user(user.id).await?;
    tracing::info!(user = %user.name, quota_bytes, by, "quota changed");
    view_of(instance, user).await
}

/// The user with this name.
pub(crate) async fn find(instance: &Instance, name: &str) -> Result<meta::User> {
    let found = instance.meta.find_user(name).await?;
    found.ok_or_else(|| Error::refused(Code::UserUnknown, format!("there is no user {name:?}")))
}

/// The list for people.
pub(super) fn write_list(list: &[UserView], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if list.is_empty() {
        return writeln!(f, "There are no users yet. Add one: holdfast-server user add NAME");
    }
    let width = list.iter().map(|user| user.name.chars().count()).max().unwrap_or(0).max(4);
    let group_width = list.iter().map(|user| user.group.chars().count()).max().unwrap_or(0).max(5);
    writeln!(
        f,
        "{:width$}  {:group_width$}  {:7}  {:8}  {:23}  {:10}  {:10}  state",
        "name", "group", "devices", "custody", "added", "used", "quota"
    )?;
    for user in list {
        let UserView { name, group, devices, custody, created, state, undo_until, .. } = user;
        let (used, quota) = (show_bytes(user.used_bytes), show_quota(user.quota_bytes));
        let (added, state) = (show_time(*created), show_state(state, *undo_until));
        writeln!(
            f,
            "{name:width$}  {group:group_width$}  {devices:7}  {:8}  {added:23}  {used:10}  {quota:10}  {state}",
            custody.as_str()
        )?;
    }
    Ok(())
}

impl fmt::Display for UserView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (used, quota) = (show_bytes(self.used_bytes), show_quota(self.quota_bytes));
        writeln!(f, "User {} is {}.", self.name, show_state(&self.state, self.undo_until))?;
        writeln!(f, "Backed up are {used}, the quota is {quota}.")
    }
}

fn show_quota(bytes: u64) -> String {
    if bytes == 0 { "unlimited".to_owned() } else { show_bytes(bytes) }
}
