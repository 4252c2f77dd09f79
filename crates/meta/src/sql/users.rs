//! Users in SQL.

use super::standing::changed;
use super::value::{FromRow, Row, args};
use super::{SqlMeta, Write, groups};
use crate::{Change, Error, Result, Standing, State, User, Users};
use async_trait::async_trait;
use model::{GroupId, Timestamp, UserId};

impl FromRow for User {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.next()?,
            name: row.next()?,
            created: row.next()?,
            standing: Standing::from_row(row)?,
            quota_bytes: row.next()?,
            group: row.next()?,
        })
    }
}

/// A statement on users that gives whole rows.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, created, state, state_since, state_before, quota_bytes, group_id FROM users ",
            $rest
        )
    };
}

/// What makes two names the same. Done here, since databases disagree on the case of letters beyond ASCII.
pub(super) fn name_key(name: &str) -> String {
    name.to_lowercase()
}

/// The key of a user's name. That of a removed user is none that a name can have, so that the name is free.
fn key_of(user: UserId, name: &str, state: State) -> String {
    if state == State::Removed { format!(" {user}") } else { name_key(name) }
}

/// The user, or the error that says who is missing.
pub(super) async fn required(tx: &mut Write, user: UserId) -> Result<User> {
    tx.one(select!("WHERE id = $1"), args![user]).await?.ok_or(Error::UserUnknown { user })
}

/// Adds a user whose id is new.
pub(super) async fn insert(tx: &mut Write, user: &User) -> Result<()> {
    let User { id, name, created, standing: Standing { state, since, before }, quota_bytes, group } = user;
    let added = tx
        .run(
            "INSERT INTO users
             (id, name_key, name, created, state, state_since, state_before, quota_bytes, group_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (name_key) DO NOTHING",
            args![id, key_of(*id, name, *state), name, created, state, since, before, quota_bytes, group],
        )
        .await?;
    if added == 0 { Err(Error::NameTaken { name: name.clone() }) } else { Ok(()) }
}

/// Sets where a user stands, and ends the leases and orders of all devices of a user who is not active.
async fn set_standing(tx: &mut Write, user: &User, standing: Standing) -> Result<()> {
    let Standing { state, since, before } = standing;
    tx.run(
        "UPDATE users SET state = $2, state_since = $3, state_before = $4, name_key = $5 WHERE id = $1",
        args![user.id, state, since, before, key_of(user.id, &user.name, state)],
    )
    .await?;
    if state != State::Active {
        tx.run(
            "UPDATE leases SET state = 'released'
             WHERE state = 'live' AND device_id IN (SELECT id FROM devices WHERE user_id = $1)",
            args![user.id],
        )
        .await?;
        tx.run(
            "DELETE FROM orders WHERE device_id IN (SELECT id FROM devices WHERE user_id = $1)",
            args![user.id],
        )
        .await?;
    }
    Ok(())
}

#[async_trait]
impl Users for SqlMeta {
    async fn insert_user(&self, user: &User) -> Result<()> {
        let mut tx = self.begin().await?;
        insert(&mut tx, user).await?;
        tx.commit().await
    }

    async fn user(&self, user: UserId) -> Result<Option<User>> {
        self.one(select!("WHERE id = $1"), args![user]).await
    }

    async fn find_user(&self, name: &str) -> Result<Option<User>> {
        self.one(select!("WHERE name_key = $1"), args![name_key(name)]).await
    }

    async fn users(&self) -> Result<Vec<User>> {
        self.all(select!("ORDER BY name_key"), args![]).await
    }

    async fn change_user(&self, user: UserId, change: Change, now: Timestamp) -> Result<User> {
        let mut tx = self.begin().await?;
        let found = required(&mut tx, user).await?;
        let standing = changed(found.standing, change, now)?;
        if standing != found.standing {
            set_standing(&mut tx, &found, standing).await?;
            tx.commit().await?;
        }
        Ok(User { standing, ..found })
    }

    async fn set_quota(&self, user: UserId, quota_bytes: Option<u64>) -> Result<User> {
        let mut tx = self.begin().await?;
        let found = required(&mut tx, user).await?;
        tx.run("UPDATE users SET quota_bytes = $2 WHERE id = $1", args![user, quota_bytes]).await?;
        tx.commit().await?;
        Ok(User { quota_bytes, ..found })
    }

    async fn set_user_group(&self, user: UserId, group: GroupId) -> Result<User> {
        let mut tx = self.begin().await?;
        let found = required(&mut tx, user).await?;
        groups::required(&mut tx, group).await?;
        tx.run("UPDATE users SET group_id = $2 WHERE id = $1", args![user, group]).await?;
        tx.commit().await?;
        Ok(User { group, ..found })
    }

    async fn set_user_standing(&self, user: UserId, standing: Standing) -> Result<()> {
        let mut tx = self.begin().await?;
        let found = required(&mut tx, user).await?;
        set_standing(&mut tx, &found, standing).await?;
        tx.commit().await
    }
}
