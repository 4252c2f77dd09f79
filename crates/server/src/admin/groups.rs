//! `group`: groups of users, and who is in which.

use super::users::{self, UserView};
use crate::instance::Instance;
use crate::names::check_name;
use crate::{Error, Result};
use meta::Group;
use model::policy::PolicyPart;
use model::{Code, GroupId, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A group, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupView {
    /// The id.
    pub id: GroupId,
    /// The name.
    pub name: String,
    /// When the group was added; the group `default` is there from the beginning.
    pub created: Timestamp,
    /// How many users are in it.
    pub users: u64,
    /// The fields of the policy that it sets.
    pub sets: Vec<String>,
}

fn view(group: Group, users: u64) -> GroupView {
    let Group { id, name, created, policy, .. } = group;
    GroupView { id, name, created, users, sets: policy.to_fields().keys().cloned().collect() }
}

/// Adds a group that sets nothing.
pub(crate) async fn add(instance: &Arc<Instance>, name: &str, by: &str) -> Result<GroupView> {
    check_name(name)?;
    let (id, now) = (GroupId::random(), instance.clock.now());
    let group =
        Group { id, name: name.to_owned(), created: now, changed: now, policy: PolicyPart::default() };
    instance.meta.add_group(&group).await?;
    instance.mirror_group(group.id).await?;
    tracing::info!(group = name, by, "group added");
    Ok(view(group, 0))
}

/// Lists the groups by name.
pub(crate) async fn list(instance: &Arc<Instance>) -> Result<Vec<GroupView>> {
    Ok(instance.meta.groups().await?.into_iter().map(|(group, users)| view(group, users)).collect())
}

/// Removes a group that nobody is in. Cut off before its object is removed, the next start brings it back, empty.
pub(crate) async fn remove(instance: &Arc<Instance>, name: &str, by: &str) -> Result<GroupView> {
    let group = find(instance, name).await?;
    if group.id == GroupId::DEFAULT {
        return Err(Error::refused(Code::StateConflict, "the group default is always there"));
    }
    instance.meta.remove_group(group.id).await.map_err(|error| match error {
        meta::Error::GroupInUse { users } => {
            let detail = format!("the group has users ({users}); put them into another one first");
            Error::refused(Code::StateConflict, detail)
        }
        other => other.into(),
    })?;
    instance.mirror_group(group.id).await?;
    tracing::info!(group = name, by, "group removed");
    Ok(view(group, 0))
}

/// Puts a user into a group.
pub(crate) async fn set_user(
    instance: &Arc<Instance>,
    user: &str,
    group: &str,
    by: &str,
) -> Result<UserView> {
    let user = users::find(instance, user).await?;
    let group = find(instance, group).await?;
    let user = instance.meta.set_user_group(user.id, group.id).await?;
    instance.channels.wake_all();
    instance.mirror_user(user.id).await?;
    tracing::info!(user = %user.name, group = %group.name, by, "a user was put into a group");
    users::view_of(instance, user).await
}

/// The group with this name.
pub(super) async fn find(instance: &Instance, name: &str) -> Result<Group> {
    let found = instance.meta.find_group(name).await?;
    found.ok_or_else(|| Error::refused(Code::GroupUnknown, format!("there is no group {name:?}")))
}

/// The list for people.
pub(super) fn write_list(list: &[GroupView], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let width = list.iter().map(|group| group.name.chars().count()).max().unwrap_or(0).max(4);
    writeln!(f, "{:width$}  {:>5}  sets", "name", "users")?;
    for GroupView { name, users, sets, .. } in list {
        writeln!(f, "{name:width$}  {users:5}  {}", sets.join(" "))?;
    }
    Ok(())
}
