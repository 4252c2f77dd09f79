//! Orders to devices.

use crate::{Fixture, at};
use meta::{Bar, Change, Error, Order, OrderKind};
use model::{DeviceId, OrderId};

fn order(device: DeviceId, kind: OrderKind, given: i64) -> Order {
    Order { id: OrderId::random(), device, kind, given: at(given), by: "admin".to_owned() }
}

#[tokio::test]
async fn an_order_waits_until_its_device_has_answered_it() {
    let fixture = Fixture::new().await;
    let (meta, ann) = (&fixture.meta, fixture.household("ann").await);
    let bob = fixture.household("bob").await;
    let device = ann.device.id;
    let start = order(device, OrderKind::Start, 10);
    assert_eq!(meta.give_order(&start).await.unwrap(), start);
    let again = meta.give_order(&order(device, OrderKind::Start, 11)).await.unwrap();
    assert_eq!(again, start, "two starts are one");
    assert_eq!(meta.orders(device, at(0)).await.unwrap(), std::slice::from_ref(&start));
    assert_eq!(meta.orders(device, at(11)).await.unwrap(), []);
    assert_eq!(meta.orders(bob.device.id, at(0)).await.unwrap(), []);

    assert_eq!(meta.end_order(bob.device.id, start.id).await.unwrap(), None, "another device's");
    assert_eq!(meta.end_order(device, start.id).await.unwrap(), Some(start.clone()));
    assert_eq!(meta.end_order(device, start.id).await.unwrap(), None);
    assert_eq!(meta.orders(device, at(0)).await.unwrap(), []);
}

#[tokio::test]
async fn a_cancel_takes_back_what_was_to_be_started() {
    let fixture = Fixture::new().await;
    let (meta, ann) = (&fixture.meta, fixture.household("ann").await);
    let device = ann.device.id;
    meta.give_order(&order(device, OrderKind::Start, 10)).await.unwrap();
    let cancel = order(device, OrderKind::Cancel, 10);
    meta.give_order(&cancel).await.unwrap();
    let later = order(device, OrderKind::Start, 10);
    meta.give_order(&later).await.unwrap();
    assert_eq!(meta.orders(device, at(0)).await.unwrap(), [cancel, later]);
    assert_eq!(meta.prune_orders(at(10)).await.unwrap(), 0);
    assert_eq!(meta.prune_orders(at(11)).await.unwrap(), 2);
}

#[tokio::test]
async fn a_device_that_may_not_work_gets_none_and_loses_its_own() {
    let fixture = Fixture::new().await;
    let (meta, ann) = (&fixture.meta, fixture.household("ann").await);
    let device = ann.device.id;
    let give = async || meta.give_order(&order(device, OrderKind::Start, 10)).await;
    give().await.unwrap();
    meta.change_device(device, Change::Disable, at(11)).await.unwrap();
    assert_eq!(meta.orders(device, at(0)).await.unwrap(), []);
    assert!(matches!(give().await, Err(Error::Barred { bar: Bar::DeviceDisabled })));
    meta.change_device(device, Change::Enable, at(12)).await.unwrap();
    give().await.unwrap();
    meta.change_user(ann.user.id, Change::Disable, at(13)).await.unwrap();
    assert_eq!(meta.orders(device, at(0)).await.unwrap(), []);
    assert!(matches!(give().await, Err(Error::Barred { bar: Bar::AccountDisabled })));
    let nobody = meta.give_order(&order(DeviceId::random(), OrderKind::Cancel, 10)).await;
    assert!(matches!(nobody, Err(Error::DeviceUnknown { .. })));
}
