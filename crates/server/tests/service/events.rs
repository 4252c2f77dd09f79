//! The event log of a device: what it tells, and what the server adds.

use crate::support::agent::{DEFAULT, noise};
use crate::support::{DAY, Site};
use api::events::{Event, EventsAnswer, EventsRequest};
use api::limits;
use engine::remote::Remote;
use model::{Code, SnapshotId, Timestamp};
use serde_json::{Map, Value, json};
use server::admin::{Command, Deed, SettingsChange};
use std::time::Duration;

fn event(sequence: u64) -> Event {
    let params = json!({"files": sequence}).as_object().unwrap().clone();
    Event { sequence, time: Timestamp::from_secs(1_700_000_000), code: "backup_complete".to_owned(), params }
}

fn log(site: &Site, device: &str) -> Vec<Value> {
    let command = Command::DeviceEvents { device: device.to_owned(), before: None, limit: 1_000 };
    site.json(command)["events"].as_array().unwrap().clone()
}

/// The codes of the log, oldest first.
fn codes(site: &Site, device: &str) -> Vec<String> {
    log(site, device).iter().rev().map(|event| event["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_device_tells_and_the_server_numbers_and_dates() {
    let site = Site::new();
    let device = site.device("anna");
    let told = |events: Vec<Event>| device.remote.connection().send_events(&EventsRequest { events });
    assert_eq!(told(vec![]).unwrap(), EventsAnswer { stored: 0, last_sequence: 0 });
    assert_eq!(told(vec![event(1), event(2)]).unwrap(), EventsAnswer { stored: 2, last_sequence: 2 });
    site.clock.advance(Duration::from_secs(5));
    assert_eq!(told(vec![event(2), event(3)]).unwrap(), EventsAnswer { stored: 1, last_sequence: 3 });
    let newest = log(&site, "laptop")[0].clone();
    assert_eq!(newest["received"], site.clock.now().to_string());
    assert_eq!((&newest["time"], &newest["sequence"]), (&json!("2023-11-14T22:13:20Z"), &json!(3)));
    assert_eq!((&newest["source"], &newest["params"]), (&json!("device"), &json!({"files": 3})));
    assert_eq!(
        codes(&site, "laptop"),
        ["activated", "backup_complete", "backup_complete", "backup_complete"]
    );
}

#[test]
fn what_is_too_much_is_refused_as_a_whole() {
    let site = Site::new();
    let device = site.device("anna");
    let refused = |events: Vec<Event>| {
        device.remote.connection().send_events(&EventsRequest { events }).unwrap_err().code
    };
    assert_eq!(refused((1..=limits::EVENTS as u64 + 1).map(event).collect()), Code::RequestTooLarge);
    let mut params = Map::new();
    params.insert("x".to_owned(), json!("y".repeat(limits::EVENT_PARAMS)));
    assert_eq!(refused(vec![event(1), Event { params, ..event(2) }]), Code::RequestTooLarge);
    assert_eq!(
        refused(vec![event(1), Event { code: "No Code".to_owned(), ..event(2) }]),
        Code::RequestInvalid
    );
    assert_eq!(codes(&site, "laptop"), ["activated"]);
    // As much as is allowed fits.
    let mut params = Map::new();
    params.insert("x".to_owned(), json!("y".repeat(limits::EVENT_PARAMS - 8)));
    let many =
        (1..=limits::EVENTS as u64).map(|sequence| Event { params: params.clone(), ..event(sequence) });
    let answer = device.remote.connection().send_events(&EventsRequest { events: many.collect() }).unwrap();
    assert_eq!(answer.stored, limits::EVENTS as u64);
}

#[test]
fn the_server_tells_what_it_did_with_the_device() {
    let site = Site::new();
    let device = site.device("anna");
    let tree = device.agent.tree(&[noise(1, 100)], DEFAULT);
    device.back_up(&tree, DEFAULT);
    // A commit again is the same commit.
    let lease = device.grant("default");
    let broken = device.remote.commit(lease.id, SnapshotId::random(), b"x").unwrap_err().code;
    site.set(SettingsChange { reserve_bytes: Some(u64::MAX), ..SettingsChange::default() });
    for _ in 0..3 {
        let full = device.remote.grant(device.set("default")).unwrap_err();
        assert_eq!(full.code, Code::StorageFull);
    }
    site.run(Command::DeviceChange { device: "laptop".to_owned(), deed: Deed::Disable }).unwrap();
    site.run(Command::DeviceChange { device: "laptop".to_owned(), deed: Deed::Disable }).unwrap();
    site.admin(&format!("POST /v1/admin/devices/{}/enable", device.answer.device_id), None);
    let log: Vec<_> = log(&site, "laptop").into_iter().rev().collect();
    let told: Vec<_> = log.iter().map(|event| (event["code"].as_str().unwrap(), &event["params"])).collect();
    let set = device.set("default").to_string();
    let snapshot = json!({
        "snapshot": tree.snapshot.to_string(), "set": set, "complete": true,
        "files": 1, "bytes": 100, "findings": 0,
    });
    let expected = [
        ("activated", json!({"name": "laptop", "replaces": false})),
        ("lease_granted", json!({"set": set})),
        ("snapshot_committed", snapshot),
        ("lease_granted", json!({"set": set})),
        ("refused", json!({"what": "snapshot", "code": broken.as_str()})),
        ("refused", json!({"what": "lease", "code": "storage_full"})),
        ("state_changed", json!({"state": "disabled", "by": "console"})),
        ("state_changed", json!({"state": "active", "by": "admin"})),
    ];
    assert_eq!(told, expected.each_ref().map(|(code, params)| (*code, params)));
    assert!(log.iter().all(|event| event["source"] == "server"));
}

#[test]
fn the_log_is_read_in_pages_by_command_and_interface() {
    let site = Site::new();
    let device = site.device("anna");
    let events = (1..=5).map(event).collect();
    device.remote.connection().send_events(&EventsRequest { events }).unwrap();
    let at = format!("GET /v1/admin/devices/{}/events", device.answer.device_id);
    let first = site.admin(&format!("{at}?limit=4"), None);
    let numbers = |page: &Value| -> Vec<u64> {
        page["events"].as_array().unwrap().iter().map(|event| event["number"].as_u64().unwrap()).collect()
    };
    assert_eq!((numbers(&first), &first["next_before"]), (vec![6, 5, 4, 3], &json!(3)));
    let second = site.admin(&format!("{at}?limit=4&before=3"), None);
    assert_eq!((numbers(&second), &second["next_before"]), (vec![2, 1], &Value::Null));
    let command = Command::DeviceEvents { device: "laptop".to_owned(), before: Some(3), limit: 4 };
    assert_eq!(site.json(command), second);
    let command = Command::DeviceEvents { device: "laptop".to_owned(), before: None, limit: 0 };
    assert_eq!(site.refusal(command), Code::Usage);
}

#[test]
fn old_events_go_with_a_cleanup_and_the_list_tells_of_the_last_backup() {
    let site = Site::new();
    let device = site.device("anna");
    let view = || site.json(Command::DeviceList { user: None })[0].clone();
    assert_eq!(view()["last_backup"], Value::Null);
    device.back_up(&device.agent.tree(&[noise(1, 100)], DEFAULT), DEFAULT);
    let then = site.clock.now();
    site.clock.advance(Duration::from_secs(59));
    device.snapshots();
    assert_eq!(view()["last_backup"], then.to_string());
    assert_eq!(view()["last_seen"], then.to_string(), "written once a minute");
    site.clock.advance(Duration::from_secs(1));
    device.snapshots();
    assert_eq!(view()["last_seen"], site.clock.now().to_string());
    assert!(codes(&site, "laptop").len() > 1);
    site.clock.advance(DAY * 401);
    site.run(Command::Cleanup { dry_run: false }).unwrap();
    assert_eq!(codes(&site, "laptop").len(), 1, "the newest stays");
}
