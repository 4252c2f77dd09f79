//! Every rule of the database, through the traits alone: another database runs the same tests by another
//! `Fixture::new`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test throughout")]

mod activation;
mod admin_tokens;
mod cleanups;
mod commits;
mod concurrency;
mod damages;
mod devices;
mod events;
mod file;
mod groups;
mod installation;
mod leases;
mod orders;
mod quotas;
mod replacement;
mod snapshots;
mod standings;
mod upkeep;
mod vaults;
mod waiting;

use meta::{
    Admission, Device, GrantRequest, Lease, LeaseClaim, Meta, NewDevice, NewSnapshot, NewToken, NewVault,
    SqlMeta, User, Vault,
};
use model::{Custody, SetId, SnapshotId, Timestamp, VaultId};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// A database with nothing in it, removed at the end of the test.
struct Fixture {
    meta: Arc<dyn Meta>,
    folder: TempDir,
}

/// A user with an open vault and an active device.
struct Household {
    user: User,
    vault: Vault,
    device: Device,
}

/// A point in time of the tests, in seconds.
const fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

const WEEK: i64 = 7 * 24 * 60 * 60;
const SET: SetId = SetId::from_bytes([7; 16]);
const OTHER_SET: SetId = SetId::from_bytes([8; 16]);

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let meta = SqlMeta::create_sqlite(&folder.path().join("meta.db")).await.unwrap();
        Self { meta: Arc::new(meta), folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn household(&self, name: &str) -> Household {
        let user = self.meta.add_user(name, at(0)).await.unwrap();
        let vault =
            NewVault { id: VaultId::random(), user: user.id, custody: Custody::Managed, created: at(0) };
        let vault = self.meta.create_vault(&vault).await.unwrap();
        let device = self.device(&user).await;
        Household { user, vault, device }
    }

    async fn device(&self, user: &User) -> Device {
        let secret_hash = model::ids::random_bytes();
        let token =
            NewToken { user: user.id, secret_hash, created: at(0), expires: at(1_000), replaces: None };
        self.meta.create_token(&token).await.unwrap();
        let recipient = format!("age1{}", SnapshotId::random());
        self.meta.activate(&secret_hash, &new_device(&recipient), at(1)).await.unwrap().device
    }

    /// The lease of a device's first run.
    async fn first_lease(&self, household: &Household) -> Lease {
        self.meta.grant(&request(household, None, 10)).await.unwrap()
    }
}

fn new_device(recipient: &str) -> NewDevice {
    NewDevice {
        recipient: recipient.to_owned(),
        name: "laptop".to_owned(),
        os: "Linux 6.1".to_owned(),
        secret_hash: [3; 32],
    }
}

/// A request for a lease of a week, with no limit on their number.
fn request(household: &Household, counter: Option<u64>, now: i64) -> GrantRequest {
    GrantRequest {
        vault: household.vault.id,
        device: household.device.id,
        set: SET,
        counter,
        epoch: 1,
        now: at(now),
        deadline: at(now + WEEK),
        admission: Admission {
            limit: u64::MAX,
            device_limit: u64::MAX,
            active_since: at(0),
            waiting_since: at(0),
        },
    }
}

/// What the holder of a lease claims.
const fn claim(lease: &Lease) -> LeaseClaim {
    LeaseClaim { lease: lease.id, vault: lease.vault, device: lease.device, counter: lease.counter }
}

/// A snapshot under a lease. The record's hash follows from the id, as it does for real records.
fn snapshot(lease: &Lease, sequence: u64, complete: bool) -> NewSnapshot {
    let id = SnapshotId::random();
    let mut record_hash = [0; 32];
    record_hash[..16].copy_from_slice(id.as_bytes());
    NewSnapshot {
        id,
        vault: lease.vault,
        device: lease.device,
        set: lease.set,
        sequence,
        received: at(20),
        files: 12,
        bytes: 34_000,
        stored_bytes: 5_600,
        findings: 1,
        complete,
        record_hash,
    }
}
