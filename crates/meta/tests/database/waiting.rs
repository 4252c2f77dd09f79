//! The queue of devices that wait for a lease.

use crate::{Fixture, Household, OTHER_SET, at, request};
use meta::{Admission, Change, Error, GrantRequest, Lease, Meta};

/// One backup at a time; places are given up by whoever does not ask for a minute.
fn asked(household: &Household, counter: Option<u64>, now: i64) -> GrantRequest {
    let admission =
        Admission { limit: 1, device_limit: u64::MAX, active_since: at(0), waiting_since: at(now - 60) };
    GrantRequest { admission, ..request(household, counter, now) }
}

async fn place(meta: &dyn Meta, request: &GrantRequest) -> u64 {
    match meta.grant(request).await {
        Err(Error::ServerBusy { active: _, limit: 1, place }) => place,
        other => panic!("{other:?}"),
    }
}

async fn granted(meta: &dyn Meta, request: &GrantRequest) -> Lease {
    meta.grant(request).await.unwrap()
}

#[tokio::test]
async fn who_came_first_goes_first() {
    let fixture = Fixture::new().await;
    let meta = &*fixture.meta;
    let [ann, bob, cid, dan] = [
        fixture.household("ann").await,
        fixture.household("bob").await,
        fixture.household("cid").await,
        fixture.household("dan").await,
    ];
    let lease = granted(meta, &asked(&ann, None, 10)).await;
    assert_eq!(place(meta, &asked(&bob, None, 11)).await, 1);
    assert_eq!(place(meta, &asked(&cid, None, 12)).await, 2);
    // Asking again, for another set too, is the same place.
    assert_eq!(place(meta, &asked(&bob, None, 13)).await, 1);
    assert_eq!(place(meta, &GrantRequest { set: OTHER_SET, ..asked(&cid, None, 14) }).await, 2);
    assert_eq!(meta.waiting(at(0)).await.unwrap(), 2);
    meta.release_lease(lease.id, ann.device.id).await.unwrap();
    // A place is free, and it is bob's: whoever comes now comes after those who wait.
    assert_eq!(place(meta, &asked(&dan, None, 15)).await, 3);
    assert_eq!(place(meta, &asked(&cid, None, 16)).await, 2);
    assert_eq!(place(meta, &asked(&ann, Some(lease.counter), 17)).await, 4);
    let lease = granted(meta, &asked(&bob, None, 18)).await;
    assert_eq!(place(meta, &asked(&cid, None, 19)).await, 1);
    // Its counter did not move while it waited.
    meta.release_lease(lease.id, bob.device.id).await.unwrap();
    assert_eq!(granted(meta, &asked(&cid, None, 20)).await.counter, 1);
    assert_eq!(place(meta, &asked(&bob, Some(lease.counter), 21)).await, 3, "it has had its turn");
}

#[tokio::test]
async fn a_place_that_nobody_asks_for_is_given_up() {
    let fixture = Fixture::new().await;
    let meta = &*fixture.meta;
    let [ann, bob, cid] =
        [fixture.household("ann").await, fixture.household("bob").await, fixture.household("cid").await];
    let lease = granted(meta, &asked(&ann, None, 10)).await;
    assert_eq!(place(meta, &asked(&bob, None, 11)).await, 1);
    assert_eq!(place(meta, &asked(&cid, None, 60)).await, 2);
    assert_eq!(place(meta, &asked(&cid, None, 71)).await, 2);
    assert_eq!(place(meta, &asked(&cid, None, 72)).await, 1);
    assert_eq!(place(meta, &asked(&bob, None, 73)).await, 2, "it comes last again");
    meta.release_lease(lease.id, ann.device.id).await.unwrap();
    granted(meta, &asked(&cid, None, 74)).await;
}

#[tokio::test]
async fn a_device_that_may_not_work_holds_nobody_up() {
    let fixture = Fixture::new().await;
    let meta = &*fixture.meta;
    let [ann, bob, cid] =
        [fixture.household("ann").await, fixture.household("bob").await, fixture.household("cid").await];
    let lease = granted(meta, &asked(&ann, None, 10)).await;
    assert_eq!(place(meta, &asked(&bob, None, 11)).await, 1);
    assert_eq!(place(meta, &asked(&cid, None, 12)).await, 2);
    meta.change_device(bob.device.id, Change::Disable, at(13)).await.unwrap();
    meta.release_lease(lease.id, ann.device.id).await.unwrap();
    granted(meta, &asked(&cid, None, 14)).await;
}

#[tokio::test]
async fn a_device_with_all_its_own_places_does_not_queue() {
    let fixture = Fixture::new().await;
    let meta = &*fixture.meta;
    let ann = fixture.household("ann").await;
    let ask = |set, counter, now| {
        let admission = Admission { limit: 9, device_limit: 1, active_since: at(0), waiting_since: at(0) };
        GrantRequest { set, admission, ..request(&ann, counter, now) }
    };
    let lease = granted(meta, &ask(crate::SET, None, 10)).await;
    let busy = meta.grant(&ask(OTHER_SET, Some(lease.counter), 11)).await;
    assert!(matches!(busy, Err(Error::DeviceBusy { active: 1, limit: 1 })), "{busy:?}");
    assert_eq!(meta.waiting(at(0)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_run_that_begins_anew_keeps_its_place() {
    let fixture = Fixture::new().await;
    let meta = &*fixture.meta;
    let [ann, bob] = [fixture.household("ann").await, fixture.household("bob").await];
    let lease = granted(meta, &asked(&ann, None, 10)).await;
    assert_eq!(place(meta, &asked(&bob, None, 11)).await, 1);
    let again = granted(meta, &asked(&ann, Some(lease.counter), 12)).await;
    assert_eq!(place(meta, &asked(&bob, None, 13)).await, 1);
    meta.release_lease(again.id, ann.device.id).await.unwrap();
    granted(meta, &asked(&bob, None, 14)).await;
}
