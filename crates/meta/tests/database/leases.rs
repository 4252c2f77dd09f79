//! Leases: who may use one, how each ends, epochs, admission.

use crate::{Fixture, OTHER_SET, WEEK, at, claim, request};
use meta::{Admission, Error, GrantRequest, LeaseClaim, LeaseState};
use model::{DeviceId, LeaseId, VaultId};

#[tokio::test]
async fn a_later_run_of_the_same_set_supersedes_the_earlier() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let first = fixture.first_lease(&household).await;
    assert_eq!(fixture.meta.lease(first.id).await.unwrap().as_ref(), Some(&first));
    let second = fixture.meta.grant(&request(&household, Some(first.counter), 11)).await.unwrap();
    let used = fixture.meta.use_lease(&claim(&first), at(12)).await;
    assert!(matches!(used, Err(Error::LeaseSuperseded { .. })));
    fixture.meta.use_lease(&claim(&second), at(12)).await.unwrap();
    let live: Vec<_> = fixture.meta.live_leases(household.vault.id, at(12)).await.unwrap();
    assert_eq!(live.iter().map(|lease| lease.id).collect::<Vec<_>>(), [second.id]);
}

#[tokio::test]
async fn a_lease_is_known_to_its_device_and_vault_alone() {
    let fixture = Fixture::new().await;
    let (ann, bob) = (fixture.household("ann").await, fixture.household("bob").await);
    let lease = fixture.first_lease(&ann).await;
    let good = claim(&lease);
    for foreign in [
        LeaseClaim { lease: LeaseId::random(), ..good },
        LeaseClaim { vault: bob.vault.id, ..good },
        LeaseClaim { device: bob.device.id, ..good },
    ] {
        let used = fixture.meta.use_lease(&foreign, at(11)).await;
        assert!(matches!(used, Err(Error::LeaseUnknown { .. })), "{foreign:?}");
        let begun = fixture.meta.begin_commit(&foreign, at(11), at(12)).await;
        assert!(matches!(begun, Err(Error::LeaseUnknown { .. })), "{foreign:?}");
    }
    let wrong = LeaseClaim { counter: lease.counter + 1, ..good };
    assert!(matches!(fixture.meta.use_lease(&wrong, at(11)).await, Err(Error::CounterWrong { .. })));
    let released = fixture.meta.release_lease(lease.id, bob.device.id).await;
    assert!(matches!(released, Err(Error::LeaseUnknown { .. })));
    fixture.meta.use_lease(&good, at(11)).await.unwrap();
}

#[tokio::test]
async fn a_grant_needs_the_users_own_vault() {
    let fixture = Fixture::new().await;
    let (ann, bob) = (fixture.household("ann").await, fixture.household("bob").await);
    for vault in [bob.vault.id, VaultId::random()] {
        let asked = fixture.meta.grant(&GrantRequest { vault, ..request(&ann, None, 10) }).await;
        assert!(matches!(asked, Err(Error::VaultUnknown { .. })));
    }
    let nobody = GrantRequest { device: DeviceId::random(), ..request(&ann, None, 10) };
    assert!(matches!(fixture.meta.grant(&nobody).await, Err(Error::DeviceUnknown { .. })));
}

#[tokio::test]
async fn a_deadline_ends_a_lease() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let lease = fixture.first_lease(&household).await;
    let end = 10 + WEEK;
    fixture.meta.use_lease(&claim(&lease), at(end - 1)).await.unwrap();
    match fixture.meta.use_lease(&claim(&lease), at(end)).await {
        Err(Error::LeaseExpired { deadline, .. }) => assert_eq!(deadline, at(end)),
        other => panic!("{other:?}"),
    }
    assert_eq!(fixture.meta.live_leases(household.vault.id, at(end)).await.unwrap(), []);
    assert_eq!(fixture.meta.expire_leases(at(end - 1)).await.unwrap(), 0);
    assert_eq!(fixture.meta.expire_leases(at(end)).await.unwrap(), 1);
    assert_eq!(fixture.meta.expire_leases(at(end)).await.unwrap(), 0);
    assert_eq!(fixture.meta.lease(lease.id).await.unwrap().unwrap().state, LeaseState::Expired);
    let early = fixture.meta.use_lease(&claim(&lease), at(20)).await;
    assert!(matches!(early, Err(Error::LeaseExpired { .. })), "also for a clock that went back");
    fixture.meta.expire_leases(at(end + 31 * 24 * 60 * 60)).await.unwrap();
    assert_eq!(fixture.meta.lease(lease.id).await.unwrap(), None, "forgotten a month later");
}

#[tokio::test]
async fn live_leases_are_those_of_the_vault_and_an_expired_one_stays_so() {
    let fixture = Fixture::new().await;
    let (ann, bob) = (fixture.household("ann").await, fixture.household("bob").await);
    let vault = ann.vault.id;
    let epochs = async |vault, now| {
        let live = fixture.meta.live_leases(vault, at(now)).await.unwrap();
        live.iter().map(|lease| lease.epoch).collect::<Vec<u64>>()
    };
    assert!(epochs(vault, 5).await.is_empty());
    let other = GrantRequest { epoch: 2, ..request(&bob, None, 10) };
    fixture.meta.grant(&other).await.unwrap();
    let old = fixture.meta.grant(&GrantRequest { epoch: 5, ..request(&ann, None, 10) }).await.unwrap();
    fixture.meta.use_lease(&claim(&old), at(11)).await.unwrap();
    let new = GrantRequest { epoch: 9, set: OTHER_SET, ..request(&ann, Some(old.counter), 20) };
    let new = fixture.meta.grant(&new).await.unwrap();
    fixture.meta.use_lease(&claim(&new), at(21)).await.unwrap();
    assert_eq!(epochs(vault, 30).await, [5, 9]);

    // Once it has expired, a clock that lags behind cannot revive it.
    assert_eq!(fixture.meta.expire_leases(at(10 + WEEK)).await.unwrap(), 2);
    assert_eq!(epochs(vault, 30).await, [9]);
    let late = fixture.meta.begin_commit(&claim(&old), at(30), at(60)).await;
    assert!(matches!(late, Err(Error::LeaseExpired { .. })));
    fixture.meta.release_lease(new.id, ann.device.id).await.unwrap();
    assert!(epochs(vault, 30).await.is_empty());
}

#[tokio::test]
async fn a_lease_given_back_stays_given_back() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let lease = fixture.first_lease(&household).await;
    for _ in 0..2 {
        fixture.meta.release_lease(lease.id, household.device.id).await.unwrap();
    }
    match fixture.meta.use_lease(&claim(&lease), at(11)).await {
        Err(Error::LeaseEnded { state, .. }) => assert_eq!(state, LeaseState::Released),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn admission_counts_active_leases_and_changes_nothing_when_it_refuses() {
    let fixture = Fixture::new().await;
    let (ann, bob) = (fixture.household("ann").await, fixture.household("bob").await);
    let one = Admission { limit: 1, device_limit: 1, active_since: at(0), waiting_since: at(0) };
    let held = fixture.meta.grant(&GrantRequest { admission: one, ..request(&ann, None, 10) }).await.unwrap();
    for _ in 0..3 {
        match fixture.meta.grant(&GrantRequest { admission: one, ..request(&bob, None, 11) }).await {
            Err(Error::ServerBusy { active: 1, limit: 1, place: 1 }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(fixture.meta.active_leases(at(0), at(11)).await.unwrap(), 1);
    // The holder itself takes its own place over.
    let again = GrantRequest { admission: one, ..request(&ann, Some(held.counter), 12) };
    let held = fixture.meta.grant(&again).await.unwrap();

    // Not heard of since: its place is free, though it lives on.
    let later = Admission { limit: 1, device_limit: 1, active_since: at(500), waiting_since: at(0) };
    fixture.meta.grant(&GrantRequest { admission: later, ..request(&bob, None, 600) }).await.unwrap();
    assert_eq!(fixture.meta.active_leases(at(500), at(600)).await.unwrap(), 1);
    fixture.meta.use_lease(&claim(&held), at(601)).await.unwrap();
    assert_eq!(fixture.meta.active_leases(at(500), at(601)).await.unwrap(), 2);
}

#[tokio::test]
async fn a_refusal_for_lack_of_places_rotates_no_counter_and_ends_no_lease() {
    let fixture = Fixture::new().await;
    let (ann, bob) = (fixture.household("ann").await, fixture.household("bob").await);
    let held = fixture.first_lease(&ann).await;
    fixture.meta.use_lease(&claim(&held), at(11)).await.unwrap();
    fixture.first_lease(&bob).await;
    let none = Admission { limit: 1, device_limit: 1, active_since: at(0), waiting_since: at(0) };
    let refused = GrantRequest { admission: none, ..request(&ann, Some(held.counter), 12) };
    assert!(matches!(fixture.meta.grant(&refused).await, Err(Error::ServerBusy { active: 1, limit: 1, .. })));
    fixture.meta.use_lease(&claim(&held), at(13)).await.unwrap();
    let next = fixture.meta.grant(&request(&ann, Some(held.counter), 14)).await.unwrap();
    assert_eq!(next.counter, held.counter + 1);
}

#[tokio::test]
async fn last_seen_of_a_lease_is_written_once_a_minute() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let lease = fixture.first_lease(&household).await;
    for (now, stored) in [(11, 11), (40, 11), (70, 11), (71, 71), (30, 71)] {
        fixture.meta.use_lease(&claim(&lease), at(now)).await.unwrap();
        let seen = fixture.meta.lease(lease.id).await.unwrap().unwrap().last_seen;
        assert_eq!(seen, at(stored), "at {now}");
    }
}

#[tokio::test]
async fn one_device_does_not_take_all_places() {
    let fixture = Fixture::new().await;
    let (ann, bob) = (fixture.household("ann").await, fixture.household("bob").await);
    let two = Admission { limit: 4, device_limit: 2, active_since: at(0), waiting_since: at(0) };
    let ask = |household, set: u8, counter, now| GrantRequest {
        set: model::SetId::from_bytes([set; 16]),
        admission: two,
        ..request(household, counter, now)
    };
    let first = fixture.meta.grant(&ask(&ann, 1, None, 10)).await.unwrap();
    fixture.meta.use_lease(&claim(&first), at(10)).await.unwrap();
    let second = fixture.meta.grant(&ask(&ann, 2, Some(first.counter), 11)).await.unwrap();
    fixture.meta.use_lease(&claim(&second), at(11)).await.unwrap();
    match fixture.meta.grant(&ask(&ann, 3, Some(second.counter), 12)).await {
        Err(Error::DeviceBusy { active: 2, limit: 2 }) => {}
        other => panic!("{other:?}"),
    }
    // The others have theirs, and so has a later run of a set that is under way.
    fixture.meta.grant(&ask(&bob, 1, None, 12)).await.unwrap();
    let second = fixture.meta.grant(&ask(&ann, 2, Some(second.counter), 13)).await.unwrap();
    fixture.meta.use_lease(&claim(&second), at(13)).await.unwrap();
    fixture.meta.release_lease(first.id, first.device).await.unwrap();
    fixture.meta.grant(&ask(&ann, 3, Some(second.counter), 14)).await.unwrap();
}
