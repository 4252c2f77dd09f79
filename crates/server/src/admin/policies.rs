//! `policy`: what holds for whom, where it comes from, and what the organisation and its groups set.

use super::{groups, users};
use crate::Result;
use crate::instance::Instance;
use crate::policies::{self, Effective};
use model::policy::{Origins, Policy, PolicyPart};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;
use std::sync::Arc;

/// Whose policy is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyOf {
    /// What holds for all of whom nothing else is said.
    All,
    /// The users of this group.
    Group(String),
    /// This user.
    User(String),
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyView {
    /// The group that it is of.
    pub group: Option<String>,
    /// The user that it is of.
    pub user: Option<String>,
    /// The fields that are set here: by the organisation, or by the group. Of a user there are none.
    pub set: PolicyPart,
    /// Every value that holds.
    pub policy: Policy,
    /// Where each comes from: `built_in`, `server`, `group` or `user`.
    pub origins: Origins,
}

/// Shows a policy.
pub(crate) async fn show(instance: &Arc<Instance>, of: &PolicyOf) -> Result<PolicyView> {
    match of {
        PolicyOf::All => Ok(of_all(instance)),
        PolicyOf::Group(name) => {
            let group = groups::find(instance, name).await?;
            Ok(of_group(instance, group))
        }
        PolicyOf::User(name) => {
            let user = users::find(instance, name).await?;
            let Effective { policy, origins } = policies::of_user(instance, &user).await?;
            let set = PolicyPart::default();
            Ok(PolicyView { group: None, user: Some(user.name), set, policy, origins })
        }
    }
}

/// Changes what a group sets, or the organisation; gives what holds then.
pub(crate) async fn change(
    instance: &Arc<Instance>,
    group: Option<&str>,
    change: Map<String, Value>,
    by: &str,
) -> Result<PolicyView> {
    let Some(name) = group else {
        policies::change_all(instance, change, by).await?;
        return Ok(of_all(instance));
    };
    let group = groups::find(instance, name).await?;
    Ok(of_group(instance, policies::change_group(instance, group.id, change, by).await?))
}

fn of_all(instance: &Arc<Instance>) -> PolicyView {
    let Effective { policy, origins } = policies::of_all(instance);
    let set = policies::server_layer(&instance.settings());
    PolicyView { group: None, user: None, set, policy, origins }
}

fn of_group(instance: &Arc<Instance>, group: meta::Group) -> PolicyView {
    let Effective { policy, origins } = policies::of_group(instance, &group);
    PolicyView { group: Some(group.name), user: None, set: group.policy, policy, origins }
}

impl fmt::Display for PolicyView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = serde_json::to_value(&self.policy).map_err(|_| fmt::Error)?;
        let origins = serde_json::to_value(&self.origins).map_err(|_| fmt::Error)?;
        let shown = |field: &str| match &values[field] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let width = Policy::FIELDS.iter().map(|(field, _)| field.len()).max().unwrap_or(0);
        for (field, _) in Policy::FIELDS {
            let origin = origins[*field].as_str().unwrap_or_default();
            writeln!(f, "{field:width$}  {origin:8}  {}", shown(field))?;
        }
        Ok(())
    }
}
