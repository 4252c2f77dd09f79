//! How much a user may have backed up: the sizes of the newest complete snapshots of all sets of all devices together,
//! as they would be restored. What older snapshots hold, and how little of it is stored, counts for nothing.

use crate::instance::Instance;
use crate::names::show_bytes;
use crate::{Error, Result, policies};
use meta::{NewestSnapshot, User};
use model::{Code, DeviceId, SetId, UserId};
use std::sync::Arc;

/// What a user has and may have, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// What the user has.
    pub used_bytes: u64,
    /// What the user may have; 0 for any amount.
    pub limit_bytes: u64,
}

impl Quota {
    /// Whether it is more than the user may have. Exactly full is not.
    pub const fn is_exceeded(&self) -> bool {
        self.limit_bytes != 0 && self.used_bytes > self.limit_bytes
    }

    fn check(&self) -> Result<()> {
        if !self.is_exceeded() {
            return Ok(());
        }
        let (used, limit) = (show_bytes(self.used_bytes), show_bytes(self.limit_bytes));
        let detail = format!("{used} of the {limit} that this user may have backed up");
        Err(Error::refused(Code::QuotaReached, detail))
    }
}

/// The quota of a user.
pub async fn of(instance: &Arc<Instance>, user: &User) -> Result<Quota> {
    let newest = instance.meta.newest_snapshots(user.id).await?;
    Ok(Quota { used_bytes: sum(&newest), limit_bytes: limit(instance, user).await? })
}

/// What the user may have; 0 for any amount.
async fn limit(instance: &Arc<Instance>, user: &User) -> Result<u64> {
    Ok(policies::of_user(instance, user).await?.policy.quota_bytes)
}

fn sum(newest: &[NewestSnapshot]) -> u64 {
    newest.iter().fold(0, |sum, newest| sum.saturating_add(newest.bytes))
}

async fn user(instance: &Arc<Instance>, user: UserId) -> Result<User> {
    Ok(instance.meta.user(user).await?.ok_or(meta::Error::UserUnknown { user })?)
}

/// Refuses a lease to a user who has more than the quota already.
pub async fn check_grant(instance: &Arc<Instance>, of_user: UserId) -> Result<()> {
    let user = user(instance, of_user).await?;
    if limit(instance, &user).await? == 0 {
        return Ok(());
    }
    of(instance, &user).await?.check()
}

/// Refuses a complete snapshot of this size that would make it more than the quota. It takes the place of the newest
/// one of its set.
pub async fn check_commit(
    instance: &Arc<Instance>,
    of_user: UserId,
    (device, set): (DeviceId, SetId),
    bytes: u64,
) -> Result<()> {
    let user = user(instance, of_user).await?;
    let limit_bytes = limit(instance, &user).await?;
    if limit_bytes == 0 {
        return Ok(());
    }
    let mut newest = instance.meta.newest_snapshots(user.id).await?;
    newest.retain(|newest| (newest.device, newest.set) != (device, set));
    Quota { used_bytes: sum(&newest).saturating_add(bytes), limit_bytes }.check()
}
