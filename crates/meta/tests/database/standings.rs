//! Where users and devices stand, and what ends with it.

use crate::{Fixture, WEEK, at, claim, request};
use meta::{Bar, Change, Device, Error, LeaseState, Standing, State, User};
use model::UserId;

#[tokio::test]
async fn a_disabled_device_gets_nothing_and_goes_on_when_it_is_enabled() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let device = household.device.id;
    let lease = fixture.first_lease(&household).await;
    let disabled = fixture.meta.change_device(device, Change::Disable, at(11)).await.unwrap();
    assert_eq!(disabled.standing, Standing::of(State::Disabled, at(11)));
    let known = fixture.meta.known_device(device).await.unwrap().unwrap();
    assert_eq!((known.bar(), &known.device), (Some(Bar::DeviceDisabled), &disabled));
    assert_eq!(fixture.meta.lease(lease.id).await.unwrap().unwrap().state, LeaseState::Released);
    let granted = fixture.meta.grant(&request(&household, Some(lease.counter), 12)).await;
    assert!(matches!(granted, Err(Error::Barred { bar: Bar::DeviceDisabled })));
    let begun = fixture.meta.begin_commit(&claim(&lease), at(12), at(13)).await;
    assert!(matches!(begun, Err(Error::Barred { bar: Bar::DeviceDisabled })));
    fixture.meta.change_device(device, Change::Enable, at(14)).await.unwrap();
    // The counter is the same as before, so nothing has to be activated again.
    fixture.meta.grant(&request(&household, Some(lease.counter), 15)).await.unwrap();
}

#[tokio::test]
async fn a_user_takes_all_devices_along() {
    let fixture = Fixture::new().await;
    let (ann, bob) = (fixture.household("ann").await, fixture.household("bob").await);
    let second = fixture.device(&ann.user).await;
    let lease = fixture.first_lease(&ann).await;
    let of_bob = fixture.first_lease(&bob).await;
    for (change, bar) in [(Change::Disable, Bar::AccountDisabled), (Change::Delete, Bar::DeviceDeleted)] {
        fixture.meta.change_user(ann.user.id, change, at(20)).await.unwrap();
        for device in [ann.device.id, second.id] {
            let known = fixture.meta.known_device(device).await.unwrap().unwrap();
            assert_eq!((known.bar(), known.device.standing.state), (Some(bar), State::Active));
        }
        assert_eq!(fixture.meta.lease(lease.id).await.unwrap().unwrap().state, LeaseState::Released);
        let granted = fixture.meta.grant(&request(&ann, Some(lease.counter), 21)).await;
        assert!(matches!(granted, Err(Error::Barred { bar: found }) if found == bar));
    }
    assert_eq!(fixture.meta.lease(of_bob.id).await.unwrap().unwrap().state, LeaseState::Live);
    let back = fixture.meta.change_user(ann.user.id, Change::Undelete, at(22)).await.unwrap();
    assert_eq!(back.standing, Standing::of(State::Disabled, at(22)), "as it was before");
    fixture.meta.change_user(ann.user.id, Change::Enable, at(23)).await.unwrap();
    fixture.meta.grant(&request(&ann, Some(lease.counter), 24)).await.unwrap();
    let unknown = fixture.meta.change_user(UserId::random(), Change::Disable, at(25)).await;
    assert!(matches!(unknown, Err(Error::UserUnknown { .. })));
}

#[tokio::test]
async fn what_is_deleted_comes_back_for_seven_days() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let (user, device) = (household.user.id, household.device.id);
    fixture.meta.change_device(device, Change::Delete, at(10)).await.unwrap();
    let early = fixture.meta.change_device(device, Change::Undelete, at(9 + WEEK)).await.unwrap();
    assert_eq!(early.standing, Standing::active(at(9 + WEEK)));
    fixture.meta.change_device(device, Change::Delete, at(10)).await.unwrap();
    for result in [
        fixture.meta.change_device(device, Change::Undelete, at(10 + WEEK)).await.map(|_| ()),
        fixture.meta.change_device(device, Change::Enable, at(10 + WEEK)).await.map(|_| ()),
    ] {
        assert!(matches!(result, Err(Error::StateConflict { state: State::Removed })), "{result:?}");
    }
    fixture.meta.change_user(user, Change::Delete, at(10)).await.unwrap();
    let late = fixture.meta.change_user(user, Change::Undelete, at(10 + WEEK)).await;
    assert!(matches!(late, Err(Error::StateConflict { state: State::Removed })));
}

#[tokio::test]
async fn a_removed_user_leaves_the_name() {
    let fixture = Fixture::new().await;
    let first = fixture.meta.add_user("Ann", at(0)).await.unwrap();
    fixture.meta.change_user(first.id, Change::Delete, at(1)).await.unwrap();
    assert!(matches!(fixture.meta.add_user("ann", at(2)).await, Err(Error::NameTaken { .. })));
    fixture.meta.change_user(first.id, Change::Remove, at(3)).await.unwrap();
    assert_eq!(fixture.meta.find_user("ann").await.unwrap(), None);
    let second = fixture.meta.add_user("ann", at(4)).await.unwrap();
    assert_eq!(fixture.meta.find_user("ANN").await.unwrap(), Some(second));
    let removed = fixture.meta.user(first.id).await.unwrap().unwrap();
    assert_eq!((removed.name.as_str(), removed.standing), ("Ann", Standing::of(State::Removed, at(3))));
    // As it comes back from the object store: the name is another's by now.
    let adoption =
        meta::Adoption { users: vec![User { id: UserId::random(), ..removed }], ..meta::Adoption::default() };
    assert_eq!(fixture.meta.adopt(&adoption).await.unwrap().users, 1);
}

#[tokio::test]
async fn states_are_taken_over_from_the_object_store() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let lease = fixture.first_lease(&household).await;
    let deleted = Standing { state: State::Deleted, since: at(40), before: Some(State::Disabled) };
    let later = Device {
        name: "another".to_owned(),
        secret_hash: Some([7; 32]),
        former_secrets: vec![[3; 32]],
        standing: deleted,
        ..household.device.clone()
    };
    fixture.meta.take_over_device(&later).await.unwrap();
    assert_eq!(fixture.meta.device(household.device.id).await.unwrap(), Some(later));
    assert_eq!(fixture.meta.lease(lease.id).await.unwrap().unwrap().state, LeaseState::Released);
    fixture.meta.set_user_standing(household.user.id, deleted).await.unwrap();
    assert_eq!(fixture.meta.user(household.user.id).await.unwrap().unwrap().standing, deleted);
}

#[tokio::test]
async fn the_last_complete_backup_of_a_device_is_remembered() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let device = household.device.id;
    let lease = fixture.first_lease(&household).await;
    let commit = async |complete| {
        let sequence = fixture.meta.begin_commit(&claim(&lease), at(20), at(30)).await.unwrap();
        let new = crate::snapshot(&lease, sequence, complete);
        fixture.meta.commit_snapshot(&new, &claim(&lease), at(20)).await.unwrap();
        fixture.meta.device(device).await.unwrap().unwrap().last_backup
    };
    assert_eq!(commit(false).await, None, "a checkpoint is no backup");
    assert_eq!(commit(true).await, Some(at(20)));
}
