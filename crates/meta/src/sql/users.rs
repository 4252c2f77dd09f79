//! Users in SQL.

use super::value::{FromRow, Row, args};
use super::{SqlMeta, Write};
use crate::{Error, Result, User, Users};
use async_trait::async_trait;
use model::UserId;

impl FromRow for User {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { id: row.next()?, name: row.next()?, created: row.next()? })
    }
}

const BY_ID: &str = "SELECT id, name, created FROM users WHERE id = $1";

/// What makes two names the same. Done here, since databases disagree on the case of letters beyond ASCII.
pub(super) fn name_key(name: &str) -> String {
    name.to_lowercase()
}

/// The user, or the error that says who is missing.
pub(super) async fn required(tx: &mut Write, user: UserId) -> Result<User> {
    tx.one(BY_ID, args![user]).await?.ok_or(Error::UserUnknown { user })
}

/// Adds a user whose id is new.
pub(super) async fn insert(tx: &mut Write, user: &User) -> Result<()> {
    let added = tx
        .run(
            "INSERT INTO users (id, name_key, name, created) VALUES ($1, $2, $3, $4)
             ON CONFLICT (name_key) DO NOTHING",
            args![user.id, name_key(&user.name), user.name, user.created],
        )
        .await?;
    if added == 0 { Err(Error::NameTaken { name: user.name.clone() }) } else { Ok(()) }
}

#[async_trait]
impl Users for SqlMeta {
    async fn insert_user(&self, user: &User) -> Result<()> {
        let mut tx = self.begin().await?;
        insert(&mut tx, user).await?;
        tx.commit().await
    }

    async fn find_user(&self, name: &str) -> Result<Option<User>> {
        self.one("SELECT id, name, created FROM users WHERE name_key = $1", args![name_key(name)]).await
    }

    async fn users(&self) -> Result<Vec<User>> {
        self.all("SELECT id, name, created FROM users ORDER BY name_key", args![]).await
    }
}
