//! Devices: their ends, and the counter that finds copies of them.

use crate::{Fixture, OTHER_SET, at, claim, request};
use meta::{Bar, Change, Error, GrantRequest, LeaseState, State};
use model::DeviceId;

#[tokio::test]
async fn devices_are_listed_per_user() {
    let fixture = Fixture::new().await;
    let (ann, bob) = (fixture.household("ann").await, fixture.household("bob").await);
    let second = fixture.device(&ann.user).await;
    let mut of_ann = [ann.device.id, second.id];
    of_ann.sort();
    let listed: Vec<_> =
        fixture.meta.devices(Some(ann.user.id)).await.unwrap().iter().map(|device| device.id).collect();
    assert_eq!(listed, of_ann, "equal names come in the order of their ids");
    assert_eq!(fixture.meta.devices(Some(bob.user.id)).await.unwrap(), [bob.device]);
    assert_eq!(fixture.meta.devices(None).await.unwrap().len(), 3);
    assert_eq!(fixture.meta.device(DeviceId::random()).await.unwrap(), None);
}

#[tokio::test]
async fn an_end_ends_the_leases() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let device = household.device.id;
    let lease = fixture.first_lease(&household).await;
    fixture.meta.change_device(device, Change::Enable, at(15)).await.unwrap();
    assert_eq!(fixture.meta.lease(lease.id).await.unwrap().unwrap().state, LeaseState::Live);
    let ended = fixture.meta.change_device(device, Change::Deactivate, at(16)).await.unwrap();
    let again = fixture.meta.change_device(device, Change::Deactivate, at(17)).await.unwrap();
    assert_eq!((again, ended.standing.since), (ended, at(16)));
    match fixture.meta.change_device(device, Change::Enable, at(18)).await {
        Err(Error::StateConflict { state }) => assert_eq!(state, State::Deactivated),
        other => panic!("{other:?}"),
    }
    assert_eq!(fixture.meta.lease(lease.id).await.unwrap().unwrap().state, LeaseState::Released);
    let granted = fixture.meta.grant(&request(&household, Some(lease.counter), 20)).await;
    assert!(matches!(granted, Err(Error::Barred { bar: Bar::DeviceDeactivated })));
    let unknown = fixture.meta.change_device(DeviceId::random(), Change::Disable, at(20)).await;
    assert!(matches!(unknown, Err(Error::DeviceUnknown { .. })));
}

#[tokio::test]
async fn last_seen_is_written_at_most_once_a_minute() {
    let fixture = Fixture::new().await;
    let device = fixture.household("ann").await.device.id;
    for (now, stored) in [(100, 100), (130, 100), (159, 100), (160, 160), (50, 160)] {
        fixture.meta.touch_device(device, at(now)).await.unwrap();
        let seen = fixture.meta.device(device).await.unwrap().unwrap().last_seen;
        assert_eq!(seen, Some(at(stored)), "at {now}");
    }
    let unknown = fixture.meta.touch_device(DeviceId::random(), at(1)).await;
    assert!(matches!(unknown, Err(Error::DeviceUnknown { .. })));
}

#[tokio::test]
async fn a_device_backs_up_into_an_open_vault_of_its_user() {
    let fixture = Fixture::new().await;
    let (ann, bob) = (fixture.household("ann").await, fixture.household("bob").await);
    let foreign = fixture.meta.set_device_vault(ann.device.id, bob.vault.id).await;
    assert!(matches!(foreign, Err(Error::VaultUnknown { .. })));
    fixture.meta.set_device_vault(ann.device.id, ann.vault.id).await.unwrap();
    assert_eq!(fixture.meta.device(ann.device.id).await.unwrap().unwrap().vault, Some(ann.vault.id));
    fixture.meta.close_vault(ann.vault.id).await.unwrap();
    let closed = fixture.meta.set_device_vault(ann.device.id, ann.vault.id).await;
    assert!(matches!(closed, Err(Error::VaultClosed { .. })));
}

#[tokio::test]
async fn a_lost_answer_locks_no_device_out() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let lost = fixture.first_lease(&household).await;
    let first = fixture.meta.grant(&request(&household, None, 11)).await.unwrap();
    let used = fixture.meta.use_lease(&claim(&lost), at(12)).await;
    assert!(matches!(used, Err(Error::LeaseSuperseded { .. })));
    fixture.meta.use_lease(&claim(&first), at(13)).await.unwrap();
    let lost = fixture.meta.grant(&request(&household, Some(first.counter), 14)).await.unwrap();
    let second = fixture.meta.grant(&request(&household, Some(first.counter), 15)).await.unwrap();
    assert!(first.counter < lost.counter && lost.counter < second.counter);
    fixture.meta.use_lease(&claim(&second), at(16)).await.unwrap();
}

#[tokio::test]
async fn whoever_shows_an_old_counter_is_stopped_and_the_other_goes_on() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let first = fixture.first_lease(&household).await;
    let second = fixture.meta.grant(&request(&household, Some(first.counter), 11)).await.unwrap();
    fixture.meta.use_lease(&claim(&second), at(12)).await.unwrap();
    for counter in [Some(first.counter), None] {
        let asked = fixture.meta.grant(&request(&household, counter, 13)).await;
        assert!(matches!(asked, Err(Error::DeviceCloned { device }) if device == household.device.id));
    }
    fixture.meta.use_lease(&claim(&second), at(14)).await.unwrap();
    fixture.meta.grant(&request(&household, Some(second.counter), 15)).await.unwrap();
}

#[tokio::test]
async fn two_copies_in_step_do_not_both_work_even_on_two_sets() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let stored = fixture.first_lease(&household).await;
    fixture.meta.use_lease(&claim(&stored), at(11)).await.unwrap();
    let original = fixture.meta.grant(&request(&household, Some(stored.counter), 12)).await.unwrap();
    let of_copy = GrantRequest { set: OTHER_SET, ..request(&household, Some(stored.counter), 13) };
    let copy = fixture.meta.grant(&of_copy).await.unwrap();
    let used = fixture.meta.use_lease(&claim(&original), at(14)).await;
    assert!(matches!(used, Err(Error::LeaseSuperseded { .. })));
    fixture.meta.use_lease(&claim(&copy), at(15)).await.unwrap();
    let asked = fixture.meta.grant(&request(&household, Some(original.counter), 16)).await;
    assert!(matches!(asked, Err(Error::DeviceCloned { .. })));
}

#[tokio::test]
async fn two_sets_of_one_device_have_leases_side_by_side() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let one = fixture.first_lease(&household).await;
    fixture.meta.use_lease(&claim(&one), at(11)).await.unwrap();
    let other = GrantRequest { set: OTHER_SET, ..request(&household, Some(one.counter), 12) };
    let two = fixture.meta.grant(&other).await.unwrap();
    fixture.meta.use_lease(&claim(&two), at(13)).await.unwrap();
    fixture.meta.use_lease(&claim(&one), at(14)).await.unwrap();
    fixture.meta.grant(&request(&household, Some(two.counter), 15)).await.unwrap();
}
