//! Leases: who may have one, what ends it, and how many there may be.

use crate::support::agent::{DEFAULT, noise};
use crate::support::raw::head;
use crate::support::{DAY, Site};
use api::routes;
use engine::remote::Remote;
use model::{Code, LeaseId, VaultId};
use server::admin::{Command, SettingsChange};

#[test]
fn a_later_run_of_a_set_ends_the_earlier_one() {
    let site = Site::new();
    let device = site.device("anna");
    let first = device.grant("default");
    let other_set = device.grant("other");
    let second = device.grant("default");
    let pack = device.agent.data_pack(&[vec![noise(1, 100)]]);
    let send = |lease| device.remote.send_pack(lease, pack.id, pack.bytes.clone().into());
    assert_eq!(send(first.id).unwrap_err().code, Code::LeaseSuperseded);
    assert!(send(second.id).unwrap().stored);
    device.remote.release(second.id).unwrap();
    device.remote.release(second.id).unwrap();
    assert_eq!(send(second.id).unwrap_err().code, Code::LeaseUnknown);
    assert!(!send(other_set.id).unwrap().stored);
}

#[test]
fn a_lease_has_a_deadline() {
    let site = Site::new();
    let device = site.device("anna");
    let lease = device.grant("default");
    assert_eq!(lease.deadline, site.clock.now().after(DAY * 7));
    let pack = device.agent.data_pack(&[vec![noise(1, 100)]]);
    site.clock.advance(DAY * 7);
    let late = device.remote.send_pack(lease.id, pack.id, pack.bytes.into());
    assert_eq!(late.unwrap_err().code, Code::LeaseExpired);
    // Ended without having stored anything.
    assert!(site.objects(&format!("vaults/{}/packs/", device.vault())).is_empty());
}

#[test]
fn places_are_limited_and_become_free() {
    let site = Site::new();
    site.set(SettingsChange { leases_max: Some(1), ..SettingsChange::default() });
    let (anna, bert) = (site.device("anna"), site.device("bert"));
    let lease = anna.grant("default");
    let busy = bert.remote.grant(bert.set("default")).unwrap_err();
    assert_eq!(busy.code, Code::ServerBusy);
    assert!(busy.retry_after_seconds.is_some_and(|seconds| seconds > 0));
    anna.remote.release(lease.id).unwrap();
    bert.grant("default");
    // A machine that is not heard of for a while takes no place.
    site.clock.advance(std::time::Duration::from_secs(11 * 60));
    anna.grant("default");
}

#[test]
fn uploads_end_before_the_disk_is_full() {
    let site = Site::new();
    let device = site.device("anna");
    let lease = device.grant("default");
    let tree = device.agent.tree(&[noise(1, 100)], DEFAULT);
    site.set(SettingsChange { reserve_bytes: Some(u64::MAX), ..SettingsChange::default() });
    let pack = device.remote.send_pack(lease.id, tree.data.id, tree.data.bytes.clone().into());
    assert_eq!(pack.unwrap_err().code, Code::StorageFull);
    assert_eq!(device.remote.grant(device.set("other")).unwrap_err().code, Code::StorageFull);
    let codes = crate::support::problems(&site.json(Command::Check));
    assert!(codes.contains(&"storage_full".to_owned()), "{codes:?}");
    // Reading goes on, and with space again the same lease is good.
    assert!(device.snapshots().is_empty());
    site.set(SettingsChange { reserve_bytes: Some(0), ..SettingsChange::default() });
    assert!(device.send(&lease, &tree.data));
}

#[test]
fn what_belongs_to_others_does_not_exist() {
    let site = Site::new();
    let (anna, bert) = (site.device("anna"), site.device("bert"));
    let tree = anna.agent.tree(&[noise(1, 100)], DEFAULT);
    let snapshot = anna.back_up(&tree, DEFAULT);
    let lease = anna.grant("default");
    let mut frame = tree.data.id.as_bytes().to_vec();
    frame.extend_from_slice(&0u32.to_le_bytes());
    let binary = "content-type: application/octet-stream\r\nholdfast-counter: 2\r\n";
    let code = |line: &str, body: &[u8]| site.request(&bert, line, binary, body).code();
    let json = |line: &str, body: &[u8]| {
        site.request(&bert, line, "content-type: application/json\r\n", body).code()
    };
    for vault in [anna.vault(), VaultId::random()] {
        assert_eq!(code(&format!("GET {}", routes::vault(vault)), b""), "vault_unknown");
        assert_eq!(code(&format!("GET {}", routes::snapshots(vault)), b""), "vault_unknown");
        assert_eq!(code(&format!("GET {}", routes::index(vault)), b""), "vault_unknown");
        assert_eq!(code(&format!("GET {}", routes::snapshot(vault, snapshot)), b""), "vault_unknown");
        assert_eq!(
            code(&format!("POST {}", routes::snapshot_frames(vault, snapshot)), &frame),
            "vault_unknown"
        );
        assert_eq!(code(&format!("DELETE {}", routes::lease(vault, lease.id)), b""), "lease_unknown");
        let grant = format!(r#"{{"set":"{}","counter":null}}"#, bert.set("default"));
        assert_eq!(json(&format!("POST {}", routes::leases(vault)), grant.as_bytes()), "vault_unknown");
    }
    // His own vault with the ids of her things.
    let own = bert.vault();
    let granted = bert.grant("default");
    assert_eq!(code(&format!("GET {}", routes::snapshot(own, snapshot)), b""), "snapshot_unknown");
    assert_eq!(code(&format!("POST {}", routes::snapshot_frames(own, snapshot)), &frame), "snapshot_unknown");
    for foreign in [lease.id, LeaseId::random()] {
        assert_eq!(code(&format!("POST {}", routes::lookup(own, foreign)), &[0; 16]), "lease_unknown");
        assert_eq!(code(&format!("POST {}", routes::lease_frames(own, foreign)), &frame), "lease_unknown");
    }
    let mut failed = Vec::new();
    bert.remote
        .sample_frames(granted.id, &[(tree.data.id, 0)], &mut |_, frame| {
            failed.extend(frame.err().map(|error| error.code));
            Ok(())
        })
        .unwrap();
    assert_eq!(failed, [Code::NotFound]);
    // A device of the same user reads the vault but has no part in the other's lease.
    let sister = site.device("anna");
    assert_eq!(sister.snapshots(), [snapshot]);
    let line = format!("POST {}", routes::lookup(anna.vault(), lease.id));
    assert_eq!(site.request(&sister, &line, binary, &[0; 16]).code(), "lease_unknown");
}

#[test]
fn the_counter_belongs_to_the_lease() {
    let site = Site::new();
    let device = site.device("anna");
    let lease = device.grant("default");
    let line = format!("POST {}", routes::lookup(device.vault(), lease.id));
    let counter = device.counter.0.lock().unwrap().unwrap();
    let send = |counter: &str| {
        let headers = format!("content-type: application/octet-stream\r\n{counter}");
        site.send(&head(&device, &line, &headers, 16), &[0; 16])
    };
    assert_eq!(send("").code(), "request_invalid");
    assert_eq!(send("holdfast-counter: -1\r\n").code(), "request_invalid");
    assert_eq!(send(&format!("holdfast-counter: {}\r\n", counter + 1)).code(), "device_cloned");
    assert_eq!(send(&format!("holdfast-counter: {counter}\r\n")).status, 200);
}
