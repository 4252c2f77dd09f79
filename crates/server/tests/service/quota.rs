//! What a user may have backed up.

use crate::support::Site;
use crate::support::agent::{DEFAULT, Shape, Tree, noise};
use crate::support::device::Device;
use api::runs::QuotaAnswer;
use engine::remote::Remote;
use model::Code;
use serde_json::json;
use server::admin::Command;

fn set(site: &Site, quota_bytes: Option<u64>) {
    site.run(Command::UserQuota { name: "anna".to_owned(), quota_bytes }).unwrap();
}

fn tree(device: &Device, bytes: usize) -> Tree {
    device.agent.tree(&[noise(bytes as u64, bytes)], DEFAULT)
}

/// Sends what a snapshot needs; gives the code that its commit is refused with.
fn commit(device: &Device, tree: &Tree) -> Option<Code> {
    let lease = device.grant("default");
    device.send(&lease, &tree.data);
    device.send(&lease, &tree.hunks);
    let committed = device.remote.commit(lease.id, tree.snapshot, &tree.record);
    device.remote.release(lease.id).unwrap();
    committed.err().map(|error| error.code)
}

#[test]
fn exactly_full_passes_and_one_byte_more_leaves_nothing_visible() {
    let site = Site::new();
    let (device, sister) = (site.device("anna"), site.device("anna"));
    let of_sister = tree(&sister, 400);
    sister.back_up(&of_sister, DEFAULT);
    set(&site, Some(1_000));
    assert_eq!(commit(&device, &tree(&device, 601)), Some(Code::QuotaReached));
    assert_eq!(device.snapshots(), [of_sister.snapshot]);
    assert_eq!(site.objects(&format!("vaults/{}/snapshots/", device.vault())).len(), 1);
    let full = tree(&device, 600);
    assert_eq!(commit(&device, &full), None);
    // Full is not too much: the next run begins, and may replace what is there by as much.
    assert_eq!(commit(&device, &tree(&device, 599)), None);
    let quota = device.remote.connection().quota().unwrap();
    assert_eq!(quota, QuotaAnswer { used_bytes: 999, limit_bytes: 1_000 });
    assert_eq!(device.snapshots().len(), 3);
}

#[test]
fn who_has_too_much_already_gets_no_lease_and_reads_on() {
    let site = Site::new();
    let device = site.device("anna");
    let big = tree(&device, 1_001);
    device.back_up(&big, DEFAULT);
    set(&site, Some(1_000));
    let refused = device.remote.grant(device.set("default")).unwrap_err();
    assert_eq!(refused.code, Code::QuotaReached);
    assert!(refused.detail.contains("1001 B of the 1000 B"), "{refused}");
    assert!(device.unreadable(&big).is_empty());
    let of_user = &site.json(Command::UserList)[0];
    assert_eq!((&of_user["used_bytes"], &of_user["quota_bytes"]), (&json!(1_001), &json!(1_000)));
    // A greater quota, none, or that of all.
    for (quota, shown) in [(Some(1_001), 1_001), (Some(0), 0), (None, 0)] {
        set(&site, quota);
        let lease = device.grant("default");
        device.remote.release(lease.id).unwrap();
        assert_eq!(site.json(Command::UserList)[0]["quota_bytes"], shown);
    }
    // Less to back up makes room.
    set(&site, Some(1_000));
    site.run(Command::SnapshotDelete { ids: vec![big.snapshot.to_string()] }).unwrap();
    assert_eq!(commit(&device, &tree(&device, 1_000)), None);
}

#[test]
fn other_sets_count_and_checkpoints_do_not() {
    let site = Site::new();
    let device = site.device("anna");
    set(&site, Some(1_000));
    device.back_up(&tree(&device, 400), DEFAULT);
    let other = Shape { set: "other", ..DEFAULT };
    device.back_up(&device.agent.tree(&[noise(5, 500)], other), other);
    assert_eq!(device.remote.connection().quota().unwrap().used_bytes, 900);
    let checkpoint = Shape { complete: false, ..DEFAULT };
    let large = device.agent.tree(&[noise(6, 5_000)], checkpoint);
    let lease = device.grant("default");
    device.send(&lease, &large.data);
    device.send(&lease, &large.hunks);
    device.remote.commit(lease.id, large.snapshot, &large.record).unwrap();
    assert_eq!(device.remote.connection().quota().unwrap().used_bytes, 900);
}

#[test]
fn the_interface_sets_it_and_the_store_keeps_it() {
    let site = Site::new();
    site.device("anna");
    let user = site.admin("PUT /v1/admin/users/anna/quota", Some(&json!({"quota_bytes": 7})));
    assert_eq!(user["quota_bytes"], 7);
    let object = site.objects("server/users/").remove(0);
    let text = std::fs::read_to_string(site.object_path(&object)).unwrap();
    assert!(text.contains("\"quota_bytes\": 7"), "{text}");
    let user = site.admin("PUT /v1/admin/users/anna/quota", Some(&json!({"quota_bytes": null})));
    assert_eq!(user["quota_bytes"], 0);
}
