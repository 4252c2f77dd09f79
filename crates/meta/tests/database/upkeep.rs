//! Adoption from the object store, and databases older than their devices.

use crate::groups::group;
use crate::{Fixture, OTHER_SET, at, claim, request, snapshot};
use meta::{
    Adopted, Adoption, Deletion, Device, Error, GrantRequest, SnapshotRow, SnapshotScope, Standing, User,
    Vault, VaultState,
};
use model::{Custody, DeviceId, GroupId, UserId, VaultId};

/// A user, a vault, a device and two snapshots as `recover` finds them in a store.
async fn found_in_a_store(fixture: &Fixture) -> Adoption {
    let user = User::new(UserId::random(), "ann", at(1));
    let vault = Vault {
        id: VaultId::random(),
        user: user.id,
        custody: Custody::Private,
        state: VaultState::Open,
        created: at(2),
    };
    let device = Device {
        id: DeviceId::random(),
        user: user.id,
        vault: Some(vault.id),
        name: "unknown".to_owned(),
        os: String::new(),
        recipient: None,
        secret_hash: None,
        former_secrets: vec![[9; 32]],
        standing: Standing::active(at(2)),
        created: at(2),
        last_seen: None,
        last_backup: Some(at(20)),
    };
    let other = fixture.household("other").await;
    let mut lease = fixture.first_lease(&other).await;
    (lease.vault, lease.device) = (vault.id, device.id);
    let hidden = Some(Deletion { time: at(8), by: "root".to_owned() });
    let snapshots = vec![
        SnapshotRow { snapshot: snapshot(&lease, 31, true), deleted: None },
        SnapshotRow { snapshot: snapshot(&lease, 30, true), deleted: hidden },
    ];
    let group = group("sales");
    // One of a group that nobody knows any more comes into the one that is always there.
    let stray = User { group: GroupId::random(), ..User::new(UserId::random(), "stray", at(5)) };
    let user = User { group: group.id, ..user };
    Adoption {
        groups: vec![group],
        users: vec![user, stray],
        vaults: vec![vault],
        devices: vec![device],
        snapshots,
    }
}

#[tokio::test]
async fn what_the_store_knows_is_adopted_once() {
    let fixture = Fixture::new().await;
    let adoption = found_in_a_store(&fixture).await;
    let added = fixture.meta.adopt(&adoption).await.unwrap();
    assert_eq!(added, Adopted { groups: 1, users: 2, vaults: 1, devices: 1, snapshots: 2 });
    assert_eq!(fixture.meta.adopt(&adoption).await.unwrap(), Adopted::default());
    let group_of = async |at: usize| fixture.meta.user(adoption.users[at].id).await.unwrap().unwrap().group;
    assert_eq!((group_of(0).await, group_of(1).await), (adoption.groups[0].id, GroupId::DEFAULT));
    let vault = adoption.vaults[0].id;
    let rows = fixture.meta.snapshots(SnapshotScope::Vault(vault), true).await.unwrap();
    assert_eq!(rows, adoption.snapshots);
    assert_eq!(fixture.meta.device(adoption.devices[0].id).await.unwrap().as_ref(), adoption.devices.first());

    // Whatever number the device has is accepted, and sequence numbers go on above the adopted ones.
    let request = GrantRequest {
        vault,
        device: adoption.devices[0].id,
        ..request(&fixture.household("third").await, Some(812), 20)
    };
    let lease = fixture.meta.grant(&request).await.unwrap();
    assert_eq!(lease.counter, 813);
    assert_eq!(fixture.meta.begin_commit(&claim(&lease), at(21), at(60)).await.unwrap(), 32);
}

#[tokio::test]
async fn an_adoption_is_all_or_nothing() {
    let fixture = Fixture::new().await;
    let adoption = found_in_a_store(&fixture).await;
    let without_device = Adoption { devices: Vec::new(), ..adoption.clone() };
    assert!(matches!(fixture.meta.adopt(&without_device).await, Err(Error::DeviceUnknown { .. })));
    let without_vault = Adoption { vaults: Vec::new(), ..adoption.clone() };
    assert!(matches!(fixture.meta.adopt(&without_vault).await, Err(Error::VaultUnknown { .. })));
    let without_user = Adoption { users: Vec::new(), ..adoption.clone() };
    assert!(matches!(fixture.meta.adopt(&without_user).await, Err(Error::UserUnknown { .. })));
    let orphan = Adoption { devices: adoption.devices.clone(), ..Adoption::default() };
    assert!(matches!(fixture.meta.adopt(&orphan).await, Err(Error::UserUnknown { .. })));
    let mut astray = Adoption { vaults: Vec::new(), snapshots: Vec::new(), ..adoption.clone() };
    assert!(matches!(fixture.meta.adopt(&astray).await, Err(Error::VaultUnknown { .. })));
    astray.devices[0].vault = None;
    astray.snapshots = adoption.snapshots.clone();
    assert!(matches!(fixture.meta.adopt(&astray).await, Err(Error::VaultUnknown { .. })));
    let mut namesake = adoption.clone();
    namesake.users.push(User::new(UserId::random(), "ANN", at(1)));
    assert!(matches!(fixture.meta.adopt(&namesake).await, Err(Error::NameTaken { .. })));
    assert_eq!(fixture.meta.find_user("ann").await.unwrap(), None);

    fixture.meta.adopt(&adoption).await.unwrap();
    let mut changed = adoption.clone();
    changed.snapshots[0].snapshot.record_hash = [5; 32];
    assert!(matches!(fixture.meta.adopt(&changed).await, Err(Error::SnapshotConflict { .. })));
    let mut second = adoption;
    second.vaults.push(Vault { id: VaultId::random(), ..second.vaults[0].clone() });
    assert!(matches!(fixture.meta.adopt(&second).await, Err(Error::VaultExists { .. })));
}

#[tokio::test]
async fn a_snapshot_that_a_restored_database_lacks_is_adopted_and_its_commit_repeats() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let lease = fixture.first_lease(&household).await;
    let lost = SnapshotRow { snapshot: snapshot(&lease, 9, true), deleted: None };
    let adoption = Adoption { snapshots: vec![lost.clone()], ..Adoption::default() };
    assert_eq!(fixture.meta.adopt(&adoption).await.unwrap().snapshots, 1);
    let commit = fixture.meta.commit_snapshot(&lost.snapshot, &claim(&lease), at(30)).await.unwrap();
    assert_eq!((commit.row, commit.repeated), (lost, true));
}

#[tokio::test]
async fn a_database_older_than_its_devices_locks_none_out() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let mut counter = fixture.first_lease(&household).await.counter;
    let copy = fixture.path("copy.db");
    fixture.meta.backup_into(&copy).await.unwrap();
    for now in 20..25 {
        let lease = fixture.meta.grant(&request(&household, Some(counter), now)).await.unwrap();
        fixture.meta.use_lease(&claim(&lease), at(now)).await.unwrap();
        counter = lease.counter;
    }
    let restored = meta::SqlMeta::open_sqlite(&copy).await.unwrap();
    let restored: &dyn meta::Meta = &restored;
    let lease = restored.grant(&request(&household, Some(counter), 30)).await.unwrap();
    restored.use_lease(&claim(&lease), at(31)).await.unwrap();
    let other = GrantRequest { set: OTHER_SET, ..request(&household, Some(lease.counter), 32) };
    restored.grant(&other).await.unwrap();
}
