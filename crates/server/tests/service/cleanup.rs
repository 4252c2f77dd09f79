//! Deletion, retention and cleanup, by a clock that is moved.

use crate::support::agent::{DEFAULT, Shape, noise};
use crate::support::device::Device;
use crate::support::{DAY, Site, problems};
use engine::remote::Remote;
use model::{Code, SnapshotId};
use server::admin::{Command, RetentionChange, SettingsChange};
use std::time::Duration;

fn clean(site: &Site) -> serde_json::Value {
    site.json(Command::Cleanup { dry_run: false })
}

/// As the schedule would until all is done that can be done: grace time and undo time pass.
fn clean_fully(site: &Site) {
    for _ in 0..3 {
        clean(site);
        site.clock.advance(DAY * 7 + Duration::from_secs(1));
    }
    clean(site);
}

fn packs(site: &Site, device: &Device) -> usize {
    site.objects(&format!("vaults/{}/packs/", device.vault())).len()
}

fn back_up(device: &Device, seed: u64) -> SnapshotId {
    device.back_up(&device.agent.tree(&[noise(seed, 1_000)], DEFAULT), DEFAULT)
}

#[test]
fn a_deleted_snapshot_comes_back_until_its_time_is_over() {
    let site = Site::new();
    let device = site.device("anna");
    let (first, second) = (back_up(&device, 1), back_up(&device, 2));
    let name = first.to_string()[..8].to_owned();
    site.run(Command::SnapshotDelete { ids: vec![name.clone()] }).unwrap();
    assert_eq!(device.snapshots(), [second]);
    assert_eq!(device.remote.snapshot(first).unwrap_err().code, Code::SnapshotUnknown);
    let all = |deleted| site.json(Command::SnapshotList { user: None, deleted }).as_array().unwrap().len();
    assert_eq!((all(false), all(true)), (1, 2));
    clean(&site);
    site.clock.advance(DAY * 6);
    clean(&site);
    site.run(Command::SnapshotUndelete { ids: vec![name.clone()] }).unwrap();
    assert_eq!(device.snapshots(), [second, first]);
    assert!(device.remote.snapshot(first).is_ok());

    site.run(Command::SnapshotDelete { ids: vec![name.clone()] }).unwrap();
    assert_eq!(packs(&site, &device), 4);
    clean_fully(&site);
    assert_eq!(packs(&site, &device), 2);
    assert_eq!(all(true), 1);
    assert_eq!(site.refusal(Command::SnapshotUndelete { ids: vec![name] }), Code::SnapshotUnknown);
    assert_eq!(site.run(Command::Verify { read_data: true }).unwrap().exit_status(), 0);
}

#[test]
fn snapshots_are_named_by_beginnings_that_only_one_has() {
    let site = Site::new();
    let device = site.device("anna");
    let id = back_up(&device, 1);
    for wrong in ["", "abc", "no-hex", &id.to_string()[..3]] {
        assert_eq!(site.refusal(Command::SnapshotDelete { ids: vec![wrong.into()] }), Code::SnapshotUnknown);
    }
    // All or none.
    let both = vec![id.to_string(), "ffffffffffffffffffffffffffffffff".into()];
    assert_eq!(site.refusal(Command::SnapshotDelete { ids: both }), Code::SnapshotUnknown);
    assert_eq!(device.snapshots(), [id]);
}

#[test]
fn retention_goes_by_the_servers_time_and_keeps_the_newest_complete_one() {
    let site = Site::new();
    let device = site.device("anna");
    let rule = RetentionChange {
        keep_last: Some(1),
        hourly: Some(0),
        daily: Some(3),
        weekly: Some(0),
        monthly: Some(0),
    };
    site.run(Command::RetentionSet(rule)).unwrap();
    let mut made = Vec::new();
    for seed in 0..5 {
        made.push(back_up(&device, seed));
        site.clock.advance(DAY);
    }
    let other = Shape { set: "other", ..DEFAULT };
    let alone = device.back_up(&device.agent.tree(&[noise(9, 100)], other), other);
    let dry = site.json(Command::Cleanup { dry_run: true });
    assert_eq!(dry["vaults"][0]["retired_snapshots"].as_u64(), Some(2));
    assert_eq!(device.snapshots().len(), 6);
    let done = clean(&site);
    assert_eq!(done["vaults"][0]["retired_snapshots"].as_u64(), Some(2));
    assert_eq!(device.snapshots(), [alone, made[4], made[3], made[2]]);
    let listed = site.json(Command::SnapshotList { user: None, deleted: true });
    let by: Vec<_> = listed.as_array().unwrap().iter().filter_map(|row| row["deleted_by"].as_str()).collect();
    assert_eq!(by, ["retention", "retention"]);
    site.clock.advance(DAY * 365);
    clean(&site);
    assert_eq!(device.snapshots()[..2], [alone, made[4]]);
}

/// Of each set the newest one alone is kept.
fn keep_one(site: &Site) {
    let none = Some(0);
    let rule = RetentionChange { keep_last: Some(1), hourly: none, daily: none, weekly: none, monthly: none };
    site.run(Command::RetentionSet(rule)).unwrap();
}

#[test]
fn retention_keeps_what_is_there_and_not_what_is_lost() {
    let site = Site::new();
    let device = site.device("anna");
    keep_one(&site);
    let trees = [1, 2, 3].map(|seed| device.agent.tree(&[noise(seed, 1_000)], DEFAULT));
    let [old, kept, lost] = trees.each_ref().map(|tree| device.back_up(tree, DEFAULT));
    std::fs::remove_file(site.object_path(&format!("vaults/{}/snapshots/{lost}", device.vault()))).unwrap();
    let refused = site.run(Command::Cleanup { dry_run: false }).unwrap();
    assert_eq!(refused.exit_status(), Code::StoreDisagrees.exit_status());
    assert_eq!(device.snapshots(), [lost, kept]);
    site.clock.advance(DAY * 8);
    site.run(Command::SnapshotDelete { ids: vec![lost.to_string()] }).unwrap();
    clean_fully(&site);
    assert_eq!(device.snapshots(), [kept]);
    assert!(device.unreadable(&trees[1]).is_empty());
    assert_eq!(site.refusal(Command::SnapshotUndelete { ids: vec![old.to_string()] }), Code::SnapshotUnknown);
}

#[test]
fn a_deletion_says_until_when_it_can_be_undone() {
    let site = Site::new();
    let device = site.device("anna");
    let checkpoint = Shape { complete: false, ..DEFAULT };
    let replaced = device.back_up(&device.agent.tree(&[noise(1, 100)], checkpoint), checkpoint);
    let (one, other) = (back_up(&device, 1), back_up(&device, 2));
    let delete = |ids: &[SnapshotId]| {
        let ids = ids.iter().map(ToString::to_string).collect();
        site.json(Command::SnapshotDelete { ids })["undo_until"].clone()
    };
    let until = delete(&[one]);
    assert_eq!(until.as_str(), Some(site.clock.now().after(DAY * 7).to_string().as_str()));
    site.clock.advance(DAY * 3);
    assert_eq!(delete(&[one]), until, "it was deleted before");
    assert_eq!(delete(&[other, one]), until, "the first of them ends first");
    assert!(delete(&[replaced]).is_null(), "it does not come back");
    // All or none.
    let ids = [one, replaced].map(|id| id.to_string()).to_vec();
    assert_eq!(site.refusal(Command::SnapshotUndelete { ids }), Code::SnapshotUnknown);
    assert!(device.snapshots().is_empty());
}

#[test]
fn a_cleanup_without_grace_time_counts_all_that_it_removes() {
    let site = Site::new();
    let device = site.device("anna");
    let (first, second) = (back_up(&device, 1), back_up(&device, 2));
    back_up(&device, 3);
    let delete = |id: SnapshotId| site.run(Command::SnapshotDelete { ids: vec![id.to_string()] }).unwrap();
    site.set(SettingsChange { undo_seconds: Some(0), ..SettingsChange::default() });
    delete(first);
    clean(&site);
    assert_eq!(packs(&site, &device), 6);
    site.set(SettingsChange { grace_seconds: Some(0), ..SettingsChange::default() });
    delete(second);
    let done = clean(&site);
    assert_eq!(packs(&site, &device), 2);
    let counts =
        ["purged_snapshots", "condemned_frames", "removed_frames", "removed_packs", "waiting_frames"]
            .map(|field| done["vaults"][0][field].as_u64());
    assert_eq!(counts, [1, 2, 4, 4, 0].map(Some), "{done}");
}

#[test]
fn what_a_running_backup_may_need_stays() {
    let site = Site::new();
    let device = site.device("anna");
    let sister = site.device("anna");
    let tree = device.agent.tree(&[noise(1, 1_000)], DEFAULT);
    let snapshot = device.back_up(&tree, DEFAULT);
    // It saw the index while the content was live, and is still at work.
    let lease = sister.grant("default");
    site.set(SettingsChange { undo_seconds: Some(0), ..SettingsChange::default() });
    site.run(Command::SnapshotDelete { ids: vec![snapshot.to_string()] }).unwrap();
    for _ in 0..3 {
        clean(&site);
        site.clock.advance(DAY + Duration::from_secs(1));
    }
    assert_eq!(packs(&site, &device), 2);
    let content = [tree.data.at(0, 0)].into_iter().collect();
    let (hunks, id, record) =
        sister.agent.snapshot(content, &[device.agent.keys.chunk_id(&noise(1, 1_000))], DEFAULT);
    sister.send(&lease, &hunks);
    sister.remote.commit(lease.id, id, &record).unwrap();
    clean_fully(&site);
    // Its content is there still; the list of the first snapshot is not.
    assert_eq!(packs(&site, &device), 2);
    assert_eq!(sister.snapshots(), [id]);
    assert_eq!(site.run(Command::Verify { read_data: true }).unwrap().exit_status(), 0);
}

#[test]
fn a_frame_that_was_condemned_before_the_grant_must_be_brought_anew() {
    let site = Site::new();
    let device = site.device("anna");
    let tree = device.agent.tree(&[noise(1, 1_000)], DEFAULT);
    let snapshot = device.back_up(&tree, DEFAULT);
    site.set(SettingsChange { undo_seconds: Some(0), ..SettingsChange::default() });
    site.run(Command::SnapshotDelete { ids: vec![snapshot.to_string()] }).unwrap();
    clean(&site);
    let lease = device.grant("default");
    let ids = [device.agent.keys.chunk_id(&noise(1, 1_000))];
    assert_eq!(device.remote.look_up(lease.id, &ids).unwrap(), [None]);
    let content = [tree.data.at(0, 0)].into_iter().collect();
    let (hunks, id, record) = device.agent.snapshot(content, &ids, DEFAULT);
    device.send(&lease, &hunks);
    let refused = device.remote.commit(lease.id, id, &record).unwrap_err();
    assert_eq!((refused.code, refused.missing), (Code::RangesMissing, vec![(tree.data.id, 0)]));
    let anew = device.agent.tree(&[noise(1, 1_000)], DEFAULT);
    device.send(&lease, &anew.data);
    device.send(&lease, &anew.hunks);
    device.remote.commit(lease.id, anew.snapshot, &anew.record).unwrap();
}

#[test]
fn a_dry_run_changes_nothing() {
    let site = Site::new();
    let device = site.device("anna");
    let first = back_up(&device, 1);
    back_up(&device, 2);
    site.set(SettingsChange { undo_seconds: Some(0), grace_seconds: Some(0), ..SettingsChange::default() });
    site.run(Command::SnapshotDelete { ids: vec![first.to_string()] }).unwrap();
    let everything = || (site.objects(""), site.json(Command::SnapshotList { user: None, deleted: true }));
    let before = everything();
    let dry = site.json(Command::Cleanup { dry_run: true });
    assert_eq!(dry["vaults"][0]["purged_snapshots"].as_u64(), Some(1));
    assert_eq!(everything(), before);
    // Without a grace time one cleanup does all of it.
    let done = clean(&site);
    assert_eq!(done["vaults"][0]["removed_packs"].as_u64(), Some(2), "{done}");
    assert_eq!(packs(&site, &device), 2);
}

#[test]
fn cleanup_refuses_when_a_snapshot_is_missing_in_the_store() {
    let site = Site::new();
    let device = site.device("anna");
    let (lost, kept) = (back_up(&device, 1), back_up(&device, 2));
    let key = format!("vaults/{}/snapshots/{lost}", device.vault());
    let aside = site.path("aside");
    std::fs::rename(site.object_path(&key), &aside).unwrap();
    let before = packs(&site, &device);
    let refused = site.run(Command::Cleanup { dry_run: false }).unwrap();
    assert_eq!(refused.exit_status(), Code::StoreDisagrees.exit_status());
    let view = refused.to_json().unwrap();
    assert_eq!(view["failed"][0]["code"].as_str(), Some("store_disagrees"));
    let checked = site.run(Command::Check).unwrap();
    assert_eq!(checked.exit_status(), model::code::exit::DAMAGED);
    let view = checked.to_json().unwrap();
    assert!(problems(&view).contains(&"store_disagrees".to_owned()), "{view}");
    assert!(view.to_string().contains(&lost.to_string()));
    let verified = site.json(Command::Verify { read_data: false });
    assert_eq!(verified["vaults"][0]["missing_snapshots"][0].as_str(), Some(lost.to_string().as_str()));
    site.clock.advance(DAY * 30);
    site.run(Command::Cleanup { dry_run: false }).unwrap();
    assert_eq!(packs(&site, &device), before);
    // The objects are back, and so is everything else.
    std::fs::rename(&aside, site.object_path(&key)).unwrap();
    assert_eq!(site.run(Command::Cleanup { dry_run: false }).unwrap().exit_status(), 0);
    assert_eq!(device.snapshots(), [kept, lost]);
}

#[test]
fn the_last_cleanup_is_remembered() {
    let site = Site::new();
    let device = site.device("anna");
    back_up(&device, 1);
    assert!(site.json(Command::Stats)["vaults"][0]["cleaned"].is_null());
    clean(&site);
    let cleaned = site.json(Command::Stats)["vaults"][0]["cleaned"].clone();
    assert_eq!(cleaned.as_str(), Some(site.clock.now().to_string().as_str()));
}
