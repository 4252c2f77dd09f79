//! Which policy holds for whom: the layers of the organisation, the group and the user over what is built in.

use crate::instance::Instance;
use crate::settings::Settings;
use crate::{Error, Result};
use meta::{Group, User};
use model::policy::{ChangeError, Origin, Origins, Policy, PolicyPart};
use model::retention::Retention;
use model::{Code, Custody, GroupId, UserId};
use serde_json::{Map, Value};
use std::sync::Arc;

/// A policy, and where each of its values comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The values.
    pub policy: Policy,
    /// Where they come from.
    pub origins: Origins,
}

impl Effective {
    fn of_layers(layers: impl IntoIterator<Item = (Origin, PolicyPart)>) -> Self {
        let (policy, origins) = Policy::of_layers(layers);
        Self { policy, origins }
    }
}

/// What the organisation sets. Custody and retention have settings of their own, from before there were policies: what
/// differs from the built-in value there is set.
pub fn server_layer(settings: &Settings) -> PolicyPart {
    let defaults = Policy::default();
    PolicyPart {
        custody: (settings.custody != defaults.custody).then_some(settings.custody),
        retention: (settings.retention != defaults.retention).then_some(settings.retention),
        ..settings.policy.clone()
    }
}

/// What holds for users of whom nothing else is said.
pub fn of_all(instance: &Instance) -> Effective {
    Effective::of_layers([(Origin::Server, server_layer(&instance.settings()))])
}

/// What holds for the users of a group.
pub fn of_group(instance: &Instance, group: &Group) -> Effective {
    Effective::of_layers(group_layers(instance, group))
}

fn group_layers(instance: &Instance, group: &Group) -> [(Origin, PolicyPart); 2] {
    [(Origin::Server, server_layer(&instance.settings())), (Origin::Group, group.policy.clone())]
}

/// What holds for the devices of a user.
pub async fn of_user(instance: &Instance, user: &User) -> Result<Effective> {
    let group = user.group;
    let group = instance.meta.group(group).await?.ok_or(meta::Error::GroupUnknown { group })?;
    let own = PolicyPart {
        quota_bytes: user.quota_bytes,
        custody: instance.settings().custody_of(user.id),
        ..PolicyPart::default()
    };
    Ok(Effective::of_layers(group_layers(instance, &group).into_iter().chain([(Origin::User, own)])))
}

/// The same by the user's id.
pub async fn of_user_id(instance: &Instance, user: UserId) -> Result<Effective> {
    let user = instance.meta.user(user).await?.ok_or(meta::Error::UserUnknown { user })?;
    of_user(instance, &user).await
}

/// Changes what the organisation sets; null takes a field back.
pub async fn change_all(instance: &Arc<Instance>, change: Map<String, Value>, by: &str) -> Result<()> {
    let fields = named(&change);
    instance
        .change_settings(|settings| {
            let changed = server_layer(settings).changed(change).map_err(refused)?;
            settings.custody = changed.custody.unwrap_or(Custody::Managed);
            settings.retention = changed.retention.unwrap_or_else(Retention::default);
            settings.policy = PolicyPart { custody: None, retention: None, ..changed };
            Ok(())
        })
        .await?;
    tracing::info!(fields, by, "the policy of all was changed");
    Ok(())
}

/// Changes what a group sets; null takes a field back.
pub async fn change_group(
    instance: &Arc<Instance>,
    group: GroupId,
    change: Map<String, Value>,
    by: &str,
) -> Result<Group> {
    let fields = named(&change);
    let _one_at_a_time = instance.changing_policies().await;
    let found = instance.meta.group(group).await?.ok_or(meta::Error::GroupUnknown { group })?;
    let policy = found.policy.changed(change).map_err(refused)?;
    let changed = instance.meta.set_group_policy(group, &policy, instance.clock.now()).await?;
    // Before the store, which may be slow or full: what was changed is in force.
    instance.channels.wake_all();
    instance.mirror_group(group).await?;
    tracing::info!(group = %changed.name, fields, by, "the policy of a group was changed");
    Ok(changed)
}

/// The names of the fields, for the log: values may name folders.
fn named(change: &Map<String, Value>) -> String {
    change.keys().map(String::as_str).collect::<Vec<_>>().join(" ")
}

#[allow(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn refused(error: ChangeError) -> Error {
    Error::refused(Code::PolicyInvalid, error.to_string())
}
