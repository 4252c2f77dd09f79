//! `user add` and `user list`.

use super::show_time;
use crate::instance::Instance;
use crate::mirror::Mirror;
use crate::names::check_name;
use crate::{Error, Result, blocking};
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
    /// When the user was added.
    pub created: Timestamp,
    /// Custody of the user's vault, or of the one that the first device will create.
    pub custody: Custody,
    /// Devices that may work.
    pub devices: u64,
    /// Whether there is a vault.
    pub has_vault: bool,
}

/// Adds a user. The custody first: a user without it would be there with the server's, which may be the one that was
/// not wanted, and the name would be taken. For a user who never comes it says nothing.
pub(super) async fn add(instance: &Arc<Instance>, name: &str, custody: Option<Custody>) -> Result<UserView> {
    check_name(name)?;
    if instance.meta.find_user(name).await?.is_some() {
        return Err(meta::Error::NameTaken { name: name.to_owned() }.into());
    }
    let user = meta::User { id: UserId::random(), name: name.to_owned(), created: instance.clock.now() };
    if let Some(custody) = custody {
        instance
            .change_settings(|settings| {
                settings.custody_of.insert(user.id.to_string(), custody);
                Ok(())
            })
            .await?;
    }
    instance.meta.insert_user(&user).await?;
    let (store, mirrored) = (instance.store.clone(), user.clone());
    blocking(move || Mirror(&store).put_user(&mirrored)).await?;
    tracing::info!(user = %user.name, "user added");
    let custody = instance.settings().custody_for(user.id);
    Ok(UserView {
        id: user.id,
        name: user.name,
        created: user.created,
        custody,
        devices: 0,
        has_vault: false,
    })
}

/// Lists the users by name.
pub(super) async fn list(instance: &Arc<Instance>) -> Result<Vec<UserView>> {
    let devices = instance.meta.devices(None).await?;
    let vaults = instance.meta.vaults(None).await?;
    let settings = instance.settings();
    let view = |user: meta::User| {
        let active =
            |device: &&meta::Device| device.user == user.id && device.state == meta::DeviceState::Active;
        let open = vaults.iter().find(|v| v.user == user.id && v.state == meta::VaultState::Open);
        UserView {
            id: user.id,
            devices: devices.iter().filter(active).count() as u64,
            custody: open.map_or_else(|| settings.custody_for(user.id), |vault| vault.custody),
            has_vault: vaults.iter().any(|vault| vault.user == user.id),
            name: user.name,
            created: user.created,
        }
    };
    Ok(instance.meta.users().await?.into_iter().map(view).collect())
}

/// The user with this name.
pub(super) async fn find(instance: &Instance, name: &str) -> Result<meta::User> {
    let found = instance.meta.find_user(name).await?;
    found.ok_or_else(|| Error::refused(Code::UserUnknown, format!("there is no user {name:?}")))
}

/// The list for people.
pub(super) fn write_list(list: &[UserView], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if list.is_empty() {
        return writeln!(f, "There are no users yet. Add one: holdfast-server user add NAME");
    }
    let width = list.iter().map(|user| user.name.chars().count()).max().unwrap_or(0).max(4);
    writeln!(f, "{:width$}  {:7}  {:8}  added", "name", "devices", "custody")?;
    for user in list {
        let UserView { name, devices, custody, created, .. } = user;
        writeln!(f, "{name:width$}  {devices:7}  {:8}  {}", custody.as_str(), show_time(*created))?;
    }
    Ok(())
}
