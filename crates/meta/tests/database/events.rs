//! The event logs of devices.

use crate::{Fixture, at, new_device};
use meta::{DeviceEvent, Error, EventLimit, EventSource, LoggedEvent, NewToken, REPEATED_WITHIN, Told};
use model::DeviceId;
use serde_json::json;

fn event(sequence: u64) -> DeviceEvent {
    DeviceEvent {
        sequence,
        time: at(100 + sequence.cast_signed()),
        code: "backup_complete".to_owned(),
        params: json!({"files": sequence}),
    }
}

async fn numbers(fixture: &Fixture, device: DeviceId) -> Vec<(u64, Option<u64>)> {
    let events = fixture.meta.events(device, None, 1_000).await.unwrap();
    events.into_iter().map(|event| (event.number, event.sequence)).collect()
}

#[tokio::test]
async fn what_a_device_tells_twice_is_stored_once() {
    let fixture = Fixture::new().await;
    let (device, other) =
        (fixture.household("ann").await.device.id, fixture.household("bob").await.device.id);
    let told = async |events: &[DeviceEvent], now| {
        fixture.meta.add_device_events(device, events, at(now)).await.unwrap()
    };
    assert_eq!(told(&[], 10).await, Told { stored: 0, last_sequence: 0 });
    assert_eq!(told(&[event(1), event(2)], 10).await, Told { stored: 2, last_sequence: 2 });
    // The answer was lost; meanwhile something else has happened.
    let changed = DeviceEvent { code: "another".to_owned(), ..event(2) };
    assert_eq!(told(&[event(1), changed, event(7)], 20).await, Told { stored: 1, last_sequence: 7 });
    assert_eq!(told(&[event(5), event(5)], 30).await, Told { stored: 1, last_sequence: 7 });
    assert_eq!(numbers(&fixture, device).await, [(4, Some(5)), (3, Some(7)), (2, Some(2)), (1, Some(1))]);
    let first = fixture.meta.events(device, Some(2), 10).await.unwrap();
    let expected = LoggedEvent {
        number: 1,
        received: at(10),
        source: EventSource::Device,
        sequence: Some(1),
        time: at(101),
        code: "backup_complete".to_owned(),
        params: json!({"files": 1}),
    };
    assert_eq!(first, [expected]);
    assert_eq!(numbers(&fixture, other).await, []);
    let unknown = fixture.meta.add_device_events(DeviceId::random(), &[event(1)], at(1)).await;
    assert!(matches!(unknown, Err(Error::DeviceUnknown { .. })));
}

#[tokio::test]
async fn pages_go_back_in_time() {
    let fixture = Fixture::new().await;
    let device = fixture.household("ann").await.device.id;
    let all: Vec<_> = (1..=7).map(event).collect();
    fixture.meta.add_device_events(device, &all, at(10)).await.unwrap();
    let mut before = None;
    let mut seen = Vec::new();
    loop {
        let page = fixture.meta.events(device, before, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.number);
        seen.extend(page.iter().map(|event| event.number));
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn the_server_does_not_repeat_itself() {
    let fixture = Fixture::new().await;
    let device = fixture.household("ann").await.device.id;
    let add = async |code: &str, number: u64, now: i64| {
        fixture.meta.add_server_event(device, code, &json!({"n": number}), at(now)).await.unwrap();
        fixture.meta.events(device, None, 100).await.unwrap().len()
    };
    let hour = REPEATED_WITHIN.as_secs().cast_signed();
    assert_eq!(add("refused", 1, 10).await, 1);
    assert_eq!(add("refused", 1, 10 + hour - 1).await, 1);
    assert_eq!(add("refused", 1, 10 + hour).await, 2);
    assert_eq!(add("refused", 2, 11 + hour).await, 3);
    assert_eq!(add("granted", 2, 12 + hour).await, 4);
    assert_eq!(add("refused", 2, 13 + hour).await, 5, "something else happened in between");
    let newest = &fixture.meta.events(device, None, 1).await.unwrap()[0];
    assert_eq!((newest.source, newest.sequence, newest.time), (EventSource::Server, None, at(13 + hour)));
}

#[tokio::test]
async fn logs_stay_bounded_and_numbers_are_given_once() {
    let fixture = Fixture::new().await;
    let (device, other) =
        (fixture.household("ann").await.device.id, fixture.household("bob").await.device.id);
    for sequence in 1..=6 {
        fixture
            .meta
            .add_device_events(device, &[event(sequence)], at(10 * sequence.cast_signed()))
            .await
            .unwrap();
    }
    fixture.meta.add_device_events(other, &[event(1)], at(1)).await.unwrap();
    let pruned = fixture.meta.prune_events(EventLimit { oldest: at(30), most: 3 }).await.unwrap();
    assert_eq!(pruned, 3);
    assert_eq!(numbers(&fixture, device).await, [(6, Some(6)), (5, Some(5)), (4, Some(4))]);
    assert_eq!(fixture.meta.prune_events(EventLimit { oldest: at(999), most: 3 }).await.unwrap(), 2);
    fixture.meta.add_device_events(device, &[event(7)], at(80)).await.unwrap();
    assert_eq!(numbers(&fixture, device).await, [(7, Some(7)), (6, Some(6))]);
    assert_eq!(numbers(&fixture, other).await, [(1, Some(1))], "the newest of a device stays");
}

#[tokio::test]
async fn a_machine_that_replaces_another_counts_anew() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let device = household.device.id;
    fixture.meta.add_device_events(device, &[event(1), event(2)], at(10)).await.unwrap();
    let token = NewToken {
        user: household.user.id,
        secret_hash: [1; 32],
        created: at(0),
        expires: at(90),
        replaces: Some(device),
    };
    fixture.meta.create_token(&token).await.unwrap();
    fixture.meta.activate(&[1; 32], &new_device("age1new"), at(20)).await.unwrap();
    let told = fixture.meta.add_device_events(device, &[event(1)], at(30)).await.unwrap();
    assert_eq!(told, Told { stored: 1, last_sequence: 1 });
    assert_eq!(numbers(&fixture, device).await, [(3, Some(1)), (2, None), (1, None)]);
}
