//! What is lost or broken in one place: how it is named, what goes on beside it, and how an administrator gets out.

use crate::support::agent::{DEFAULT, Shape, noise};
use crate::support::device::Device;
use crate::support::{DAY, Site, problems};
use model::code::exit;
use model::{Code, SnapshotId};
use server::admin::{self, Command};
use server::watch::Watch;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

fn back_up(device: &Device, seed: u64) -> SnapshotId {
    device.back_up(&device.agent.tree(&[noise(seed, 1_000)], DEFAULT), DEFAULT)
}

fn object(site: &Site, device: &Device, rest: &str) -> PathBuf {
    site.object_path(&format!("vaults/{}/{rest}", device.vault()))
}

fn status(site: &Site, command: Command) -> u8 {
    site.run(command).unwrap().exit_status()
}

fn delete(site: &Site, id: SnapshotId) -> serde_json::Value {
    site.json(Command::SnapshotDelete { ids: vec![id.to_string()] })
}

/// The snapshots of all vaults, and who deleted each.
fn listed(site: &Site) -> Vec<(String, Option<String>)> {
    let list = site.json(Command::SnapshotList { user: None, deleted: true });
    let text = |row: &serde_json::Value, field: &str| row[field].as_str().map(str::to_owned);
    list.as_array().unwrap().iter().map(|row| (text(row, "id").unwrap(), text(row, "deleted_by"))).collect()
}

const CLEANUP: Command = Command::Cleanup { dry_run: false };

#[test]
fn a_deletion_record_that_cannot_be_read_is_written_anew() {
    let site = Site::new();
    let device = site.device("anna");
    let (deleted, hidden, kept) = (back_up(&device, 1), back_up(&device, 2), back_up(&device, 3));
    delete(&site, deleted);
    std::fs::write(object(&site, &device, &format!("deleted/{deleted}")), "broken").unwrap();
    // One of which the database knows nothing.
    std::fs::write(object(&site, &device, &format!("deleted/{hidden}")), "broken").unwrap();
    assert_eq!(status(&site, CLEANUP), 0);
    let by = |name: &str| Some(name.to_owned());
    let rows =
        [(kept.to_string(), None), (hidden.to_string(), by("unknown")), (deleted.to_string(), by("console"))];
    assert_eq!(listed(&site), rows);
    assert_eq!(status(&site, Command::Check), 0);
    // Their time ends in the store and in the database.
    site.clock.advance(DAY * 8);
    assert_eq!(status(&site, CLEANUP), 0);
    assert_eq!(listed(&site), rows[..1]);
    assert_eq!(device.snapshots(), [kept]);
}

#[test]
fn a_deleted_snapshot_that_is_lost_before_its_time_is_named() {
    let site = Site::new();
    let device = site.device("anna");
    let (lost, kept) = (back_up(&device, 1), back_up(&device, 2));
    delete(&site, lost);
    std::fs::remove_file(object(&site, &device, &format!("snapshots/{lost}"))).unwrap();
    let view = site.json(Command::Check);
    assert_eq!(problems(&view), ["store_disagrees"]);
    assert!(view.to_string().contains(&lost.to_string()), "{view}");
    assert_eq!(status(&site, CLEANUP), Code::StoreDisagrees.exit_status());
    // Nobody could bring it back any more.
    site.clock.advance(DAY * 8);
    assert_eq!(status(&site, Command::Check), 0);
    assert_eq!(status(&site, CLEANUP), 0);
    assert_eq!(listed(&site), [(kept.to_string(), None)]);
}

#[test]
fn a_lost_snapshot_can_be_given_up() {
    let mut site = Site::new();
    let device = site.device("anna");
    let (lost, hidden, kept) = (back_up(&device, 1), back_up(&device, 2), back_up(&device, 3));
    delete(&site, hidden);
    for id in [lost, hidden] {
        std::fs::remove_file(object(&site, &device, &format!("snapshots/{id}"))).unwrap();
    }
    // While the store is not at its place nothing is given up.
    let (store, aside) = (site.data().store(), site.path("aside"));
    std::fs::rename(&store, &aside).unwrap();
    assert!(site.run(Command::SnapshotDelete { ids: vec![lost.to_string()] }).is_err());
    std::fs::rename(&aside, &store).unwrap();
    assert_eq!(status(&site, CLEANUP), Code::StoreDisagrees.exit_status());
    for id in [lost, hidden] {
        let done = delete(&site, id);
        assert_eq!(done["forgotten"][0].as_str(), Some(id.to_string().as_str()));
        assert!(done["snapshots"].as_array().unwrap().is_empty() && done["undo_until"].is_null(), "{done}");
    }
    assert_eq!(
        site.refusal(Command::SnapshotUndelete { ids: vec![lost.to_string()] }),
        Code::SnapshotUnknown
    );
    assert_eq!(listed(&site), [(kept.to_string(), None)]);
    assert_eq!(status(&site, CLEANUP), 0);
    assert_eq!(status(&site, Command::Check), 0);
    site.restart();
    assert_eq!(listed(&site), [(kept.to_string(), None)]);
}

#[test]
fn a_snapshot_whose_record_cannot_be_read_goes_when_it_is_deleted() {
    let mut site = Site::new();
    let device = site.device("anna");
    let (broken, kept) = (back_up(&device, 1), back_up(&device, 2));
    std::fs::write(object(&site, &device, &format!("snapshots/{broken}")), "broken").unwrap();
    // A later process has read nothing yet.
    site.restart();
    assert_eq!(status(&site, CLEANUP), exit::DAMAGED);
    assert_eq!(delete(&site, broken)["snapshots"][0].as_str(), Some(broken.to_string().as_str()));
    assert_eq!(status(&site, CLEANUP), exit::DAMAGED, "it may be repaired and brought back");
    site.clock.advance(DAY * 8);
    assert_eq!(status(&site, CLEANUP), 0);
    assert_eq!(status(&site, Command::Check), 0);
    assert_eq!(listed(&site), [(kept.to_string(), None)]);
}

#[test]
fn one_broken_vault_keeps_nothing_of_the_others() {
    let mut site = Site::new();
    let (anna, bert) = (site.device("anna"), site.device("bert"));
    let (hers, his) = (back_up(&anna, 1), back_up(&bert, 2));
    site.stop();
    for copy in ["format", "format.copy"] {
        std::fs::write(object(&site, &anna, copy), "broken").unwrap();
    }
    site.start();
    let list = Command::SnapshotList { user: None, deleted: false };
    let answer = site.run(list.clone()).unwrap();
    assert_eq!(answer.exit_status(), exit::DAMAGED);
    assert!(answer.remark().unwrap().contains(&anna.vault().to_string()));
    let mut ids: Vec<_> = listed(&site).into_iter().map(|(id, _)| id).collect();
    let mut expected = [hers, his].map(|id| id.to_string());
    ids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ids, expected);
    // All or none.
    let both = vec![his.to_string(), hers.to_string()];
    assert_eq!(site.refusal(Command::SnapshotDelete { ids: both }), Code::DataDamaged);
    assert!(listed(&site).iter().all(|(_, deleted_by)| deleted_by.is_none()));

    let stats = site.run(Command::Stats).unwrap();
    assert_eq!(stats.exit_status(), exit::DAMAGED);
    let vaults = stats.to_json().unwrap()["vaults"].clone();
    for vault in vaults.as_array().unwrap() {
        let is_hers = vault["vault"].as_str() == Some(anna.vault().to_string().as_str());
        let counted = (vault["problem"].is_string(), vault["packs"].as_u64());
        assert_eq!(counted, if is_hers { (true, Some(0)) } else { (false, Some(2)) }, "{vault}");
    }
    let view = site.json(Command::Check);
    assert_eq!((view["vaults"].as_u64(), problems(&view)), (Some(2), vec!["data_damaged".to_owned()]));
}

#[test]
fn a_check_that_fails_half_way_in_a_vault_says_so_and_goes_on() {
    let site = Site::new();
    let (anna, bert) = (site.device("anna"), site.device("bert"));
    let checkpoint = Shape { complete: false, ..DEFAULT };
    anna.back_up(&anna.agent.tree(&[noise(1, 1_000)], checkpoint), checkpoint);
    back_up(&anna, 2);
    // Both are open already. The deletion record of the replaced checkpoint can neither be found nor written.
    let folder = object(&site, &anna, "deleted");
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "a file").unwrap();
    std::fs::remove_dir_all(object(&site, &bert, "keys")).unwrap();
    let view = site.json(Command::Check);
    let mut codes = problems(&view);
    codes.sort_unstable();
    assert_eq!(codes, ["key_missing", "local_failed"], "{view}");
    assert_eq!(view["vaults"].as_u64(), Some(2));
}

#[test]
fn a_vault_whose_index_cannot_be_rebuilt_can_be_read() {
    let mut site = Site::new();
    let device = site.device("anna");
    let tree = device.agent.tree(&[noise(1, 1_000)], DEFAULT);
    device.back_up(&tree, DEFAULT);
    site.stop();
    let index = object(&site, &device, "index");
    std::fs::remove_dir_all(&index).unwrap();
    // Where the first segment should be written lies something else.
    let blocked = index.join("0000000000000001-0000000000000001");
    std::fs::create_dir_all(&blocked).unwrap();
    std::fs::write(blocked.join("other"), "").unwrap();
    site.start();
    let device = site.again(&device, device.counter.clone());
    assert_eq!(device.snapshots(), [tree.snapshot]);
    assert!(device.unreadable(&tree).is_empty());
    assert!(site.json(Command::Check).to_string().contains("the index cannot be used"));
    assert_eq!(status(&site, Command::Stats), exit::DAMAGED);
    assert_ne!(status(&site, CLEANUP), 0);
    // When the place is free the next cleanup rebuilds it.
    std::fs::remove_dir_all(&blocked).unwrap();
    assert_eq!(status(&site, CLEANUP), 0);
    assert_eq!(status(&site, Command::Check), 0);
    back_up(&device, 2);
}

#[test]
fn a_deletion_and_its_end_wait_for_a_comparison() {
    let site = Site::new();
    let device = site.device("anna");
    let id = back_up(&device, 1);
    let ids = || vec![id.to_string()];
    for command in [Command::SnapshotDelete { ids: ids() }, Command::SnapshotUndelete { ids: ids() }] {
        site.block_on(async {
            let open = site.instance().vault(device.vault()).await.unwrap();
            let comparison = open.commits.lock().await;
            let watch = Watch::silent();
            let mut work = pin!(admin::run(site.instance(), command, &watch));
            assert!(tokio::time::timeout(Duration::from_millis(300), &mut work).await.is_err());
            drop(comparison);
            work.await.unwrap();
        });
    }
    assert_eq!(device.snapshots(), [id]);
}

#[test]
fn a_key_of_the_organisation_that_opens_nothing_is_found_before_it_is_needed() {
    let site = Site::new();
    let (anna, bert) = (site.device("anna"), site.device("bert"));
    let key = |device| object(&site, device, "keys/org");
    let good = std::fs::read(key(&anna)).unwrap();
    for bad in [b"broken".to_vec(), std::fs::read(key(&bert)).unwrap()] {
        std::fs::write(key(&anna), bad).unwrap();
        let view = site.json(Command::Check);
        assert_eq!(problems(&view), ["data_damaged"]);
        assert!(view.to_string().contains(&anna.vault().to_string()), "{view}");
    }
    std::fs::write(key(&anna), good).unwrap();
    assert_eq!(status(&site, Command::Check), 0);
}

#[test]
fn a_user_whose_custody_cannot_be_kept_is_not_added() {
    let site = Site::new();
    let add = || site.run(Command::UserAdd { name: "anna".into(), custody: Some(model::Custody::Private) });
    // Where the settings are to be written lies something else.
    let record = site.object_path("server/record");
    std::fs::remove_file(&record).unwrap();
    std::fs::create_dir(&record).unwrap();
    assert!(add().is_err());
    assert_eq!(site.json(Command::UserList), serde_json::json!([]));
    std::fs::remove_dir(&record).unwrap();
    assert_eq!(add().unwrap().to_json().unwrap()["custody"].as_str(), Some("private"));
}

#[test]
fn another_authority_in_the_store_is_found() {
    let site = Site::new();
    let other = site.instance().org.recipient().wrap_bytes(b"another").unwrap();
    let object = site.object_path("server/ca.age");
    let own = std::fs::read(&object).unwrap();
    std::fs::write(&object, other).unwrap();
    assert_eq!(problems(&site.json(Command::Check)), ["data_damaged"]);
    std::fs::write(&object, own).unwrap();
    assert_eq!(status(&site, Command::Check), 0);
}

#[test]
fn a_store_that_cannot_be_written_is_told_and_can_be_read() {
    let site = Site::new();
    let device = site.device("anna");
    let tree = device.agent.tree(&[noise(1, 1_000)], DEFAULT);
    let snapshot = device.back_up(&tree, DEFAULT);
    let (temporary, aside) = (site.data().store().join("tmp"), site.path("aside"));
    std::fs::rename(&temporary, &aside).unwrap();
    std::fs::write(&temporary, "no folder").unwrap();
    let view = site.json(Command::Check);
    assert_eq!(problems(&view), ["local_failed"]);
    assert!(view.to_string().contains("cannot be written"), "{view}");
    // No defect of ours.
    assert_eq!(site.refusal(Command::SnapshotDelete { ids: vec![snapshot.to_string()] }), Code::LocalFailed);
    assert!(device.unreadable(&tree).is_empty());
    std::fs::remove_file(&temporary).unwrap();
    std::fs::rename(&aside, &temporary).unwrap();
    let before = site.objects("");
    assert_eq!(status(&site, Command::Check), 0);
    assert_eq!((site.objects(""), std::fs::read_dir(&temporary).unwrap().count()), (before, 0));
}
