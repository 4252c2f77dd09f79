//! The people whose machines are backed up.

use crate::Result;
use async_trait::async_trait;
use model::{Timestamp, UserId};

/// One user of the organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user's id.
    pub id: UserId,
    /// Unique whatever its case; validated by the caller.
    pub name: String,
    /// When the user was added.
    pub created: Timestamp,
}

/// Users.
#[async_trait]
pub trait Users: Send + Sync {
    /// Adds a user with a new id; the name may not be taken, whatever its case.
    async fn insert_user(&self, user: &User) -> Result<()>;

    /// As [`Self::insert_user`], with an id that is drawn here.
    async fn add_user(&self, name: &str, now: Timestamp) -> Result<User> {
        let user = User { id: UserId::random(), name: name.to_owned(), created: now };
        self.insert_user(&user).await?;
        Ok(user)
    }

    /// The user with this name, whatever its case.
    async fn find_user(&self, name: &str) -> Result<Option<User>>;

    /// All users by name.
    async fn users(&self) -> Result<Vec<User>>;
}
