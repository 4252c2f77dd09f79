//! The queue of those who wait for a place to back up.

use crate::support::Site;
use crate::support::device::Device;
use engine::remote::{Remote, RemoteError};
use model::Code;
use server::admin::{Command, SettingsChange};
use std::time::Duration;

fn refused(device: &Device) -> RemoteError {
    let error = device.remote.grant(device.set("default")).unwrap_err();
    assert_eq!(error.code, Code::ServerBusy, "{error}");
    error
}

#[test]
fn those_who_wait_are_told_their_place_and_served_in_its_order() {
    let site = Site::new();
    site.set(SettingsChange { leases_max: Some(1), ..SettingsChange::default() });
    let (anna, bert, carl) = (site.device("anna"), site.device("bert"), site.device("carl"));
    let lease = anna.grant("default");
    for _ in 0..2 {
        let (first, second) = (refused(&bert), refused(&carl));
        assert_eq!((first.queue_place, second.queue_place), (Some(1), Some(2)));
        // Jittered around ten seconds.
        for error in [first, second] {
            assert!(
                error.retry_after_seconds.is_some_and(|seconds| (5..=15).contains(&seconds)),
                "{error:?}"
            );
        }
    }
    let stats = site.json(Command::Stats);
    assert_eq!((&stats["active_leases"], &stats["waiting"]), (&serde_json::json!(1), &serde_json::json!(2)));
    anna.remote.release(lease.id).unwrap();
    assert_eq!(refused(&carl).queue_place, Some(2), "the free place is bert's");
    let lease = bert.grant("default");
    assert_eq!(refused(&carl).queue_place, Some(1));
    assert_eq!(refused(&anna).queue_place, Some(2));
    // Carl goes away; after a while nobody waits for him.
    site.clock.advance(Duration::from_secs(8 * 60));
    assert_eq!(refused(&anna).queue_place, Some(2));
    site.clock.advance(Duration::from_secs(8 * 60));
    bert.remote.release(lease.id).unwrap();
    anna.grant("default");
}

#[test]
fn a_restart_keeps_the_queue() {
    let mut site = Site::new();
    site.set(SettingsChange { leases_max: Some(1), ..SettingsChange::default() });
    let (anna, bert, carl) = (site.device("anna"), site.device("bert"), site.device("carl"));
    let lease = anna.grant("default");
    refused(&bert);
    refused(&carl);
    site.restart();
    let [anna, bert, carl] = [&anna, &bert, &carl].map(|device| site.again(device, device.counter.clone()));
    assert_eq!(refused(&carl).queue_place, Some(2));
    anna.remote.release(lease.id).unwrap();
    bert.grant("default");
}
