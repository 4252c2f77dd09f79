//! The people whose machines are backed up.

use crate::{Change, Result, Standing};
use async_trait::async_trait;
use model::{GroupId, Timestamp, UserId};

/// One user of the organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user's id.
    pub id: UserId,
    /// Unique whatever its case among those that are not removed; validated by the caller.
    pub name: String,
    /// When the user was added.
    pub created: Timestamp,
    /// Where the user stands; never deactivated.
    pub standing: Standing,
    /// What the user may have backed up, in bytes; 0 for any amount, `None` for what holds for all.
    pub quota_bytes: Option<u64>,
    /// The group that the user is in.
    pub group: GroupId,
}

impl User {
    /// A user who is added now.
    pub fn new(id: UserId, name: &str, now: Timestamp) -> Self {
        let (standing, group) = (Standing::active(now), GroupId::DEFAULT);
        Self { id, name: name.to_owned(), created: now, standing, quota_bytes: None, group }
    }
}

/// Users.
#[async_trait]
pub trait Users: Send + Sync {
    /// Adds a user with a new id; the name may not be taken, whatever its case.
    async fn insert_user(&self, user: &User) -> Result<()>;

    /// As [`Self::insert_user`], with an id that is drawn here.
    async fn add_user(&self, name: &str, now: Timestamp) -> Result<User> {
        let user = User::new(UserId::random(), name, now);
        self.insert_user(&user).await?;
        Ok(user)
    }

    /// The user with this id.
    async fn user(&self, user: UserId) -> Result<Option<User>>;

    /// The user with this name, whatever its case. A removed user has left it.
    async fn find_user(&self, name: &str) -> Result<Option<User>>;

    /// All users by name. Removed ones are among them.
    async fn users(&self) -> Result<Vec<User>>;

    /// Changes where a user stands. The leases of all devices of the user end when they may no longer work.
    async fn change_user(&self, user: UserId, change: Change, now: Timestamp) -> Result<User>;

    /// Sets what a user may have backed up.
    async fn set_quota(&self, user: UserId, quota_bytes: Option<u64>) -> Result<User>;

    /// Puts a user into a group that is there.
    async fn set_user_group(&self, user: UserId, group: GroupId) -> Result<User>;

    /// Sets where a user stands, as the object store knows it. Leases end as in [`Self::change_user`].
    async fn set_user_standing(&self, user: UserId, standing: Standing) -> Result<()>;
}
