//! Another machine goes on as a device.

use crate::{Fixture, at, claim, new_device, request, snapshot};
use meta::{Bar, Change, Device, Error, FORMER_MAX, LeaseState, NewDevice, NewToken, Standing, State};
use model::{DeviceId, UserId};

async fn token(fixture: &Fixture, user: UserId, replaces: DeviceId) -> [u8; 32] {
    let secret_hash = model::ids::random_bytes();
    let token = NewToken { user, secret_hash, created: at(0), expires: at(1_000), replaces: Some(replaces) };
    fixture.meta.create_token(&token).await.unwrap();
    secret_hash
}

fn machine(number: u8) -> NewDevice {
    NewDevice {
        name: format!("machine {number}"),
        secret_hash: [number; 32],
        ..new_device(&format!("age1{number}"))
    }
}

#[tokio::test]
async fn the_new_machine_has_the_history_and_none_of_the_old_secrets() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let Device { id, .. } = household.device;
    let lease = fixture.first_lease(&household).await;
    let sequence = fixture.meta.begin_commit(&claim(&lease), at(12), at(13)).await.unwrap();
    let kept = snapshot(&lease, sequence, true);
    fixture.meta.commit_snapshot(&kept, &claim(&lease), at(13)).await.unwrap();
    let second = fixture.meta.grant(&request(&household, Some(lease.counter), 14)).await.unwrap();

    let secret = token(&fixture, household.user.id, id).await;
    let made = fixture.meta.activate(&secret, &machine(8), at(20)).await.unwrap();
    assert_eq!((made.device.id, made.repeated), (id, false));
    assert_eq!(made.device.standing, Standing::active(at(20)));
    assert_eq!((made.device.secret_hash, made.device.name.as_str()), (Some([8; 32]), "machine 8"));
    assert_eq!(made.device.former_secrets, [[3; 32]]);
    assert_eq!(made.vault.as_ref().map(|vault| vault.id), Some(household.vault.id));
    assert_eq!(fixture.meta.lease(second.id).await.unwrap().unwrap().state, LeaseState::Released);
    assert_eq!(fixture.meta.snapshot(kept.id).await.unwrap().unwrap().snapshot.device, id);

    // The same machine again, and then none any more.
    let again = fixture.meta.activate(&secret, &machine(8), at(21)).await.unwrap();
    assert_eq!((again.device.id, again.repeated), (id, true));
    assert_eq!(again.device.former_secrets, [[3; 32]]);
    let other = fixture.meta.activate(&secret, &machine(9), at(22)).await;
    assert!(matches!(other, Err(Error::TokenUsed { .. })));
    // Its counter begins anew.
    fixture.meta.grant(&request(&household, None, 23)).await.unwrap();
}

#[tokio::test]
async fn what_may_be_replaced() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let Device { id, .. } = household.device;
    let user = household.user.id;
    for (number, change) in [(10, Change::Disable), (11, Change::Deactivate)] {
        let secret = token(&fixture, user, id).await;
        fixture.meta.change_device(id, change, at(20)).await.unwrap();
        let made = fixture.meta.activate(&secret, &machine(number), at(30)).await.unwrap();
        assert_eq!(made.device.standing, Standing::active(at(30)), "{change:?}");
    }
    let secret = token(&fixture, user, id).await;
    fixture.meta.change_device(id, Change::Delete, at(40)).await.unwrap();
    let deleted = fixture.meta.activate(&secret, &machine(12), at(41)).await;
    assert!(matches!(deleted, Err(Error::Barred { bar: Bar::DeviceDeleted })));
    fixture.meta.change_device(id, Change::Undelete, at(42)).await.unwrap();
    fixture.meta.change_user(user, Change::Disable, at(43)).await.unwrap();
    let disabled = fixture.meta.activate(&secret, &machine(12), at(44)).await;
    assert!(matches!(disabled, Err(Error::Barred { bar: Bar::AccountDisabled })));
    fixture.meta.change_user(user, Change::Enable, at(45)).await.unwrap();
    assert_eq!(fixture.meta.activate(&secret, &machine(12), at(46)).await.unwrap().device.id, id);
    let known = fixture.meta.device(id).await.unwrap().unwrap();
    assert_eq!((known.former_secrets.len(), known.standing.state), (3, State::Active));
}

#[tokio::test]
async fn a_device_of_somebody_else_is_not_replaced() {
    let fixture = Fixture::new().await;
    let (ann, bob) = (fixture.household("ann").await, fixture.household("bob").await);
    let token = NewToken {
        user: bob.user.id,
        secret_hash: [1; 32],
        created: at(0),
        expires: at(9),
        replaces: Some(ann.device.id),
    };
    let made = fixture.meta.create_token(&token).await;
    assert!(matches!(made, Err(Error::DeviceUnknown { device }) if device == ann.device.id));
}

#[tokio::test]
async fn the_latest_former_secrets_are_remembered() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let last = FORMER_MAX as u8 + 13;
    for number in 10..=last {
        let secret = token(&fixture, household.user.id, household.device.id).await;
        fixture.meta.activate(&secret, &machine(number), at(20)).await.unwrap();
    }
    let former = fixture.meta.device(household.device.id).await.unwrap().unwrap().former_secrets;
    let expected: Vec<[u8; 32]> = (10..last).rev().take(FORMER_MAX).map(|number| [number; 32]).collect();
    assert_eq!(former, expected);
}
