//! Groups in SQL.

use super::users::name_key;
use super::value::{FromRow, Row, args};
use super::{SqlMeta, Write};
use crate::{Error, Group, Groups, Result};
use async_trait::async_trait;
use model::policy::PolicyPart;
use model::{GroupId, Timestamp};
use serde_json::Value;

impl FromRow for Group {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.next()?,
            name: row.next()?,
            created: row.next()?,
            changed: row.next()?,
            policy: policy_of(row.next()?)?,
        })
    }
}

/// What a column holds. A field that only another version knows is left out, since nothing can be done with it here.
fn policy_of(stored: Value) -> Result<PolicyPart> {
    let Value::Object(fields) = stored else {
        return Err(Error::Damaged { problem: "the policy of a group is no object".to_owned() });
    };
    Ok(PolicyPart::of_stored(fields).0)
}

/// A group and the number of its users.
struct Counted(Group, u64);

impl FromRow for Counted {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self(Group::from_row(row)?, row.next()?))
    }
}

/// The group, or the error that says which is missing.
pub(super) async fn required(tx: &mut Write, group: GroupId) -> Result<Group> {
    tx.one("SELECT id, name, created, changed, policy FROM groups WHERE id = $1", args![group])
        .await?
        .ok_or(Error::GroupUnknown { group })
}

/// Adds a group whose id is new.
pub(super) async fn insert(tx: &mut Write, group: &Group) -> Result<()> {
    let Group { id, name, created, changed, policy } = group;
    let added = tx
        .run(
            "INSERT INTO groups (id, name_key, name, created, changed, policy)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name_key) DO NOTHING",
            args![id, name_key(name), name, created, changed, Value::Object(policy.to_fields())],
        )
        .await?;
    if added == 0 { Err(Error::NameTaken { name: name.clone() }) } else { Ok(()) }
}

/// How many users are in the group.
async fn users_in(tx: &mut Write, group: GroupId) -> Result<u64> {
    let count =
        tx.one("SELECT COUNT(*) FROM users WHERE group_id = $1 AND state <> 'removed'", args![group]).await?;
    Ok(count.unwrap_or(0))
}

#[async_trait]
impl Groups for SqlMeta {
    async fn add_group(&self, group: &Group) -> Result<()> {
        let mut tx = self.begin().await?;
        insert(&mut tx, group).await?;
        tx.commit().await
    }

    async fn groups(&self) -> Result<Vec<(Group, u64)>> {
        let counted: Vec<Counted> = self
            .all(
                "SELECT g.id, g.name, g.created, g.changed, g.policy,
                     (SELECT COUNT(*) FROM users u WHERE u.group_id = g.id AND u.state <> 'removed')
                 FROM groups g ORDER BY g.name_key",
                args![],
            )
            .await?;
        Ok(counted.into_iter().map(|Counted(group, users)| (group, users)).collect())
    }

    async fn group(&self, group: GroupId) -> Result<Option<Group>> {
        self.one("SELECT id, name, created, changed, policy FROM groups WHERE id = $1", args![group]).await
    }

    async fn find_group(&self, name: &str) -> Result<Option<Group>> {
        self.one(
            "SELECT id, name, created, changed, policy FROM groups WHERE name_key = $1",
            args![name_key(name)],
        )
        .await
    }

    async fn set_group_policy(&self, group: GroupId, policy: &PolicyPart, now: Timestamp) -> Result<Group> {
        let mut tx = self.begin().await?;
        let found = required(&mut tx, group).await?;
        tx.run(
            "UPDATE groups SET policy = $2, changed = $3 WHERE id = $1",
            args![group, Value::Object(policy.to_fields()), now],
        )
        .await?;
        tx.commit().await?;
        Ok(Group { policy: policy.clone(), changed: now, ..found })
    }

    async fn remove_group(&self, group: GroupId) -> Result<()> {
        let mut tx = self.begin().await?;
        required(&mut tx, group).await?;
        let users = users_in(&mut tx, group).await?;
        if users > 0 || group == GroupId::DEFAULT {
            return Err(Error::GroupInUse { users });
        }
        tx.run("UPDATE users SET group_id = $2 WHERE group_id = $1", args![group, GroupId::DEFAULT]).await?;
        tx.run("DELETE FROM groups WHERE id = $1", args![group]).await?;
        tx.commit().await
    }
}
