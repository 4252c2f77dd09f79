//! Groups of users, each with what it sets of the policy of its users.

use crate::Result;
use async_trait::async_trait;
use model::policy::PolicyPart;
use model::{GroupId, Timestamp};

/// A group. Each user is in exactly one; [`GroupId::DEFAULT`] is always there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The group's id.
    pub id: GroupId,
    /// Unique whatever its case; validated by the caller.
    pub name: String,
    /// When the group was added.
    pub created: Timestamp,
    /// When its policy was changed last.
    pub changed: Timestamp,
    /// What it sets.
    pub policy: PolicyPart,
}

/// Groups of users.
#[async_trait]
pub trait Groups: Send + Sync {
    /// Adds a group with a new id; the name may not be taken, whatever its case.
    async fn add_group(&self, group: &Group) -> Result<()>;

    /// All groups by name, each with the number of its users; those that are removed do not count.
    async fn groups(&self) -> Result<Vec<(Group, u64)>>;

    /// The group with this id.
    async fn group(&self, group: GroupId) -> Result<Option<Group>>;

    /// The group with this name, whatever its case.
    async fn find_group(&self, name: &str) -> Result<Option<Group>>;

    /// Sets all that a group sets.
    async fn set_group_policy(&self, group: GroupId, policy: &PolicyPart, now: Timestamp) -> Result<Group>;

    /// Removes a group that nobody is in. Users who are removed leave it. The one that is always there stays.
    async fn remove_group(&self, group: GroupId) -> Result<()>;
}
