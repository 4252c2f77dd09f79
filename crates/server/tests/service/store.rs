//! Database and store compared: what a cut-off step, an older database or a lost object leave, and what is made of it.

use crate::support::agent::{DEFAULT, noise};
use crate::support::{DAY, Site};
use engine::remote::{IndexIds, Remote};
use model::{Code, SnapshotId};
use server::admin::{Command, SettingsChange};
use std::path::Path;

fn copy_database(site: &Site, to: &Path) {
    std::fs::copy(site.data().database(), to).unwrap();
}

#[test]
fn an_older_database_adopts_what_it_does_not_know() {
    let mut site = Site::new();
    let anna = site.device("anna");
    let first = anna.back_up(&anna.agent.tree(&[noise(1, 100)], DEFAULT), DEFAULT);
    site.stop();
    let old = site.path("old.db");
    copy_database(&site, &old);
    site.start();
    let anna = site.again(&anna, anna.counter.clone());
    let second = anna.back_up(&anna.agent.tree(&[noise(2, 100)], DEFAULT), DEFAULT);
    site.run(Command::SnapshotDelete { ids: vec![first.to_string()] }).unwrap();
    let sister = site.device("anna");
    let third = sister.back_up(&sister.agent.tree(&[noise(3, 100)], DEFAULT), DEFAULT);
    let bert = site.device("bert");
    let theirs = bert.back_up(&bert.agent.tree(&[noise(4, 100)], DEFAULT), DEFAULT);
    let gone = site.device("anna");
    gone.remote.connection().deactivate().unwrap();
    site.stop();
    std::fs::copy(&old, site.data().database()).unwrap();
    site.start();
    // Agents go on as if nothing had happened: users, devices, vaults, snapshots and deletions are there.
    let [anna, sister, bert, gone] =
        [&anna, &sister, &bert, &gone].map(|device| site.again(device, device.counter.clone()));
    assert_eq!(anna.snapshots(), [third, second]);
    assert_eq!(bert.snapshots(), [theirs]);
    assert_eq!(gone.remote.snapshot_rows().unwrap_err().code, Code::DeviceDeactivated);
    let fourth = anna.back_up(&anna.agent.tree(&[noise(5, 100)], DEFAULT), DEFAULT);
    let fifth = sister.back_up(&sister.agent.tree(&[noise(6, 100)], DEFAULT), DEFAULT);
    assert_eq!(anna.snapshots(), [fifth, fourth, third, second]);
    bert.back_up(&bert.agent.tree(&[noise(7, 100)], DEFAULT), DEFAULT);
    assert_eq!(site.run(Command::Verify { read_data: true }).unwrap().exit_status(), 0);
    assert_eq!(site.run(Command::Cleanup { dry_run: false }).unwrap().exit_status(), 0);
}

#[test]
fn a_lost_index_is_rebuilt_from_the_packs() {
    let mut site = Site::new();
    let device = site.device("anna");
    let tree = device.agent.tree(&[noise(1, 1_000), noise(2, 1_000)], DEFAULT);
    device.back_up(&tree, DEFAULT);
    let before = device.grant("default").position;
    site.stop();
    std::fs::remove_dir_all(site.object_path(&format!("vaults/{}/index", device.vault()))).unwrap();
    site.start();
    let device = site.again(&device, device.counter.clone());
    let lease = device.grant("default");
    assert_ne!(lease.position.incarnation, before.incarnation);
    let ids = [noise(1, 1_000), noise(2, 1_000)].map(|chunk| device.agent.keys.chunk_id(&chunk));
    assert_eq!(
        device.remote.look_up(lease.id, &ids).unwrap(),
        [Some(tree.data.at(0, 0)), Some(tree.data.at(1, 0))]
    );
    assert!(device.unreadable(&tree).is_empty());
    let refused = device.remote.index(Some(before), IndexIds::All, &mut |_| Ok(()));
    assert_eq!(refused.unwrap_err().code, Code::IndexGap);
}

#[test]
fn a_commit_whose_row_was_lost_is_adopted_and_repeats() {
    let mut site = Site::new();
    let device = site.device("anna");
    site.stop();
    let old = site.path("old.db");
    copy_database(&site, &old);
    site.start();
    let device = site.again(&device, device.counter.clone());
    let tree = device.agent.tree(&[noise(1, 100)], DEFAULT);
    let lease = device.grant("default");
    device.send(&lease, &tree.data);
    device.send(&lease, &tree.hunks);
    let first = device.remote.commit(lease.id, tree.snapshot, &tree.record).unwrap();
    // As if the process had died between the store and the database.
    site.stop();
    std::fs::copy(&old, site.data().database()).unwrap();
    site.start();
    let device = site.again(&device, device.counter.clone());
    assert_eq!(device.snapshots(), [tree.snapshot]);
    let again = device.remote.commit(lease.id, tree.snapshot, &tree.record).unwrap();
    assert_eq!((again.sequence, again.time), (first.sequence, first.time));
}

#[test]
fn a_checkpoint_is_replaced_also_by_an_adopted_snapshot() {
    let mut site = Site::new();
    let device = site.device("anna");
    let checkpoint = crate::support::agent::Shape { complete: false, ..DEFAULT };
    let early = device.back_up(&device.agent.tree(&[noise(1, 100)], checkpoint), checkpoint);
    site.stop();
    let old = site.path("old.db");
    copy_database(&site, &old);
    site.start();
    let device = site.again(&device, device.counter.clone());
    assert_eq!(device.snapshots(), [early]);
    let complete = device.back_up(&device.agent.tree(&[noise(1, 100)], DEFAULT), DEFAULT);
    // The deletion record of the checkpoint is lost too, as after a kill right behind the commit.
    site.stop();
    std::fs::remove_file(site.object_path(&format!("vaults/{}/deleted/{early}", device.vault()))).unwrap();
    std::fs::copy(&old, site.data().database()).unwrap();
    site.start();
    let device = site.again(&device, device.counter.clone());
    assert_eq!(device.snapshots(), [complete]);
    assert_eq!(site.objects(&format!("vaults/{}/deleted/", device.vault())).len(), 1);
}

/// A kill between the database and the store: what is written later must not end later.
#[test]
fn the_time_of_a_replaced_checkpoint_ends_at_once_in_database_and_store() {
    let mut site = Site::new();
    let device = site.device("anna");
    let checkpoint = crate::support::agent::Shape { complete: false, ..DEFAULT };
    let early = device.back_up(&device.agent.tree(&[noise(1, 100)], checkpoint), checkpoint);
    device.back_up(&device.agent.tree(&[noise(1, 100)], DEFAULT), DEFAULT);
    let deletion = site.object_path(&format!("vaults/{}/deleted/{early}", device.vault()));
    site.stop();
    std::fs::remove_file(&deletion).unwrap();
    site.clock.advance(DAY);
    site.start();
    let status = || site.run(Command::Cleanup { dry_run: false }).unwrap().exit_status();
    assert_eq!(status(), 0);
    assert!(deletion.exists());
    site.clock.advance(DAY * 6);
    assert_eq!(status(), 0);
    assert!(!deletion.exists());
}

#[test]
fn an_older_database_learns_when_a_snapshot_was_deleted_again() {
    let mut site = Site::new();
    let device = site.device("anna");
    let ids = || vec![snapshot_of(&device).to_string()];
    fn snapshot_of(device: &crate::support::device::Device) -> SnapshotId {
        device.back_up(&device.agent.tree(&[noise(1, 100)], DEFAULT), DEFAULT)
    }
    let deleted = ids();
    site.run(Command::SnapshotDelete { ids: deleted.clone() }).unwrap();
    site.stop();
    let old = site.path("old.db");
    copy_database(&site, &old);
    site.start();
    site.run(Command::SnapshotUndelete { ids: deleted.clone() }).unwrap();
    site.clock.advance(DAY);
    site.run(Command::SnapshotDelete { ids: deleted.clone() }).unwrap();
    site.stop();
    std::fs::copy(&old, site.data().database()).unwrap();
    site.start();
    let cleanup = || site.run(Command::Cleanup { dry_run: false }).unwrap().exit_status();
    // The time of the first deletion is over, that of the second one is not.
    site.clock.advance(DAY * 6 + DAY / 2);
    assert_eq!(cleanup(), 0);
    site.run(Command::SnapshotUndelete { ids: deleted }).unwrap();
    assert_eq!(cleanup(), 0);
}

#[test]
fn another_store_or_none_is_refused() {
    let mut site = Site::new();
    site.stop();
    let store = site.data().store();
    let aside = site.path("aside");
    std::fs::rename(&store, &aside).unwrap();
    assert_eq!(site.try_start().unwrap_err().code(), Code::StoreMissing);
    // An empty mount point.
    std::fs::create_dir(&store).unwrap();
    assert_eq!(site.try_start().unwrap_err().code(), Code::StoreMissing);
    blobs::FolderStore::init(&store).unwrap();
    assert_eq!(site.try_start().unwrap_err().code(), Code::StoreMissing);
    std::fs::remove_dir_all(&store).unwrap();
    std::fs::rename(&aside, &store).unwrap();
    site.start();
}

#[test]
fn lost_objects_of_the_server_are_written_again() {
    let mut site = Site::new();
    let device = site.device("anna");
    site.stop();
    let server = site.object_path("server");
    for name in ["record", "users", "devices"] {
        let path = server.join(name);
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
    }
    site.start();
    let objects = site.objects("server/");
    assert!(objects.contains(&"server/record".to_owned()));
    assert!(objects.contains(&format!("server/devices/{}", device.answer.device_id)));
    assert!(objects.contains(&format!("server/users/{}", device.answer.user_id)));
    let unknown = SnapshotId::random();
    let device = site.again(&device, device.counter.clone());
    assert_eq!(device.remote.snapshot(unknown).unwrap_err().code, Code::SnapshotUnknown);
}

#[test]
fn a_vault_opens_although_a_snapshot_has_the_id_of_another() {
    let mut site = Site::new();
    let (anna, bert) = (site.device("anna"), site.device("bert"));
    site.stop();
    let old = site.path("old.db");
    copy_database(&site, &old);
    site.start();
    let id = SnapshotId::random();
    let checkpoint = crate::support::agent::Shape { complete: false, ..DEFAULT };
    let commit = |device: &crate::support::device::Device, shape| {
        let record = device.agent.record(id, format::ranges::RangeList::new(), &[], shape);
        device.remote.commit(device.grant("default").id, id, &record).unwrap();
    };
    commit(&site.again(&bert, bert.counter.clone()), checkpoint);
    site.stop();
    // The older database does not know of it, and his vault is not opened before she commits.
    std::fs::copy(&old, site.data().database()).unwrap();
    site.start();
    let [anna, bert] = [&anna, &bert].map(|device| site.again(device, device.counter.clone()));
    commit(&anna, checkpoint);
    let tree = bert.agent.tree(&[noise(1, 100)], DEFAULT);
    bert.back_up(&tree, DEFAULT);
    assert_eq!(bert.snapshots(), [tree.snapshot]);
    assert_eq!(anna.snapshots(), [id]);
    let codes = crate::support::problems(&site.json(Command::Check));
    assert_eq!(codes, ["snapshot_conflict"]);
    // Also when more is adopted at the same time.
    site.stop();
    std::fs::copy(&old, site.data().database()).unwrap();
    site.start();
    let [anna, bert] = [&anna, &bert].map(|device| site.again(device, device.counter.clone()));
    assert_eq!(anna.snapshots(), [id]);
    assert_eq!(bert.snapshots(), [tree.snapshot]);
    assert_eq!(anna.snapshots(), [id]);
}

#[test]
fn one_damaged_object_of_the_server_stops_nothing() {
    let mut site = Site::new();
    let (anna, bert) = (site.device("anna"), site.device("bert"));
    let tree = anna.agent.tree(&[noise(1, 100)], DEFAULT);
    anna.back_up(&tree, DEFAULT);
    let unknown = format!("server/users/{}", model::UserId::random());
    let format_of_none = format!("vaults/{}/format", model::VaultId::random());
    let user = format!("server/users/{}", anna.answer.user_id);
    let device = format!("server/devices/{}", anna.answer.device_id);
    let damaged = ["server/record", &user, &device, &unknown, &format_of_none];
    let whole: Vec<_> =
        damaged[..3].iter().map(|key| std::fs::read(site.object_path(key)).unwrap()).collect();
    site.stop();
    for (key, bytes) in damaged.iter().zip(["", "", "{", "", "no format"]) {
        let path = site.object_path(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    site.start();
    let [anna, bert] = [&anna, &bert].map(|device| site.again(device, device.counter.clone()));
    assert!(anna.unreadable(&tree).is_empty());
    assert!(bert.snapshots().is_empty());
    // What the database knows is whole again; the rest is told of, and nobody touches it.
    for (key, bytes) in damaged.iter().zip(&whole) {
        assert_eq!(&std::fs::read(site.object_path(key)).unwrap(), bytes, "{key}");
    }
    let check = site.json(Command::Check);
    let messages: Vec<_> =
        check["problems"].as_array().unwrap().iter().map(|problem| problem["message"].to_string()).collect();
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert!(messages.iter().any(|message| message.contains(&unknown)), "{messages:?}");
    assert!(messages.iter().any(|message| message.contains(&format_of_none)), "{messages:?}");
    assert_eq!(std::fs::read(site.object_path(&unknown)).unwrap(), b"");
    assert_eq!(site.run(Command::Verify { read_data: true }).unwrap().exit_status(), 0);
}

#[test]
fn a_changed_digit_in_an_object_of_the_server_stops_nothing() {
    let mut site = Site::new();
    let (anna, bert) = (site.device("anna"), site.device("bert"));
    let user = format!("server/users/{}", anna.answer.user_id);
    let device = format!("server/devices/{}", bert.answer.device_id);
    let whole = [&user, &device].map(|key| std::fs::read(site.object_path(key)).unwrap());
    let change = |site: &Site, key: &str, id: String| {
        let path = site.object_path(key);
        let text = std::fs::read_to_string(&path).unwrap();
        let last = id.chars().last().unwrap();
        let other = format!("{}{}", &id[..31], if last == '0' { '1' } else { '0' });
        assert!(text.contains(&id));
        std::fs::write(path, text.replacen(&id, &other, 1)).unwrap();
    };
    change(&site, &user, anna.answer.user_id.to_string());
    change(&site, &device, bert.answer.device_id.to_string());
    let check = site.json(Command::Check);
    assert_eq!(crate::support::problems(&check), ["data_damaged", "data_damaged"], "{check}");
    assert!(check.to_string().contains(&user) && check.to_string().contains(&device), "{check}");
    site.restart();
    for (key, whole) in [&user, &device].into_iter().zip(whole) {
        assert_eq!(std::fs::read(site.object_path(key)).unwrap(), whole, "{key}");
    }
    assert_eq!(site.json(Command::UserList).as_array().unwrap().len(), 2);
    assert_eq!(site.run(Command::Check).unwrap().exit_status(), 0);
    // One that is whole and has the name of somebody else is taken in under another one.
    let stranger = model::UserId::random();
    let path = site.object_path(&user);
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace(&anna.answer.user_id.to_string(), &stranger.to_string());
    std::fs::write(path.with_file_name(stranger.to_string()), text).unwrap();
    site.restart();
    let users = site.json(Command::UserList).to_string();
    assert!(users.contains(&format!("recovered-{}", &stranger.to_string()[..8])), "{users}");
    assert_eq!(site.run(Command::Check).unwrap().exit_status(), 0);
}

#[test]
fn a_state_of_a_device_that_only_a_newer_server_knows_ends_nothing_and_stays() {
    let mut site = Site::new();
    let anna = site.device("anna");
    let path = site.object_path(&format!("server/devices/{}", anna.answer.device_id));
    let newer = std::fs::read_to_string(&path).unwrap().replace("\"active\"", "\"asleep\"");
    assert!(newer.contains("asleep"));
    std::fs::write(&path, &newer).unwrap();
    site.restart();
    assert!(site.again(&anna, anna.counter.clone()).snapshots().is_empty());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), newer);
}

/// As when the store was full, or the server was killed, between the two.
#[test]
fn settings_that_did_not_reach_the_store_do_so_at_the_next_start() {
    let mut site = Site::new();
    let record = site.object_path("server/record");
    let old = std::fs::read(&record).unwrap();
    site.set(SettingsChange { leases_max: Some(7), ..SettingsChange::default() });
    let new = std::fs::read(&record).unwrap();
    assert_ne!(new, old);
    std::fs::write(&record, &old).unwrap();
    site.restart();
    assert_eq!(std::fs::read(&record).unwrap(), new);
    // One that cannot be written stops nothing.
    std::fs::remove_file(&record).unwrap();
    std::fs::create_dir_all(record.join("in-the-way")).unwrap();
    site.restart();
    std::fs::remove_dir_all(&record).unwrap();
    site.restart();
    assert_eq!(std::fs::read(&record).unwrap(), new);
}

#[test]
fn a_lost_copy_of_the_authority_is_written_again() {
    let mut site = Site::new();
    let path = site.object_path("server/ca.age");
    let whole = std::fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for damaged in [Some(flipped.as_slice()), Some(b""), None] {
        match damaged {
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let check = site.json(Command::Check);
        assert_eq!(crate::support::problems(&check), ["data_damaged"], "{check}");
        assert!(check.to_string().contains("next start"), "{check}");
        site.restart();
        assert_eq!(site.run(Command::Check).unwrap().exit_status(), 0);
        assert!(path.exists());
    }
}

#[test]
fn a_damaged_format_record_is_written_again_from_its_copy() {
    let mut site = Site::new();
    let device = site.device("anna");
    let tree = device.agent.tree(&[noise(1, 100)], DEFAULT);
    device.back_up(&tree, DEFAULT);
    let copies =
        ["format", "format.copy"].map(|name| site.object_path(&format!("vaults/{}/{name}", device.vault())));
    let whole = std::fs::read(&copies[0]).unwrap();
    for copy in &copies {
        for damaged in [Some(&whole[..whole.len() - 1]), Some(b"".as_slice()), None] {
            let damage = || match damaged {
                Some(bytes) => std::fs::write(copy, bytes).unwrap(),
                None => std::fs::remove_file(copy).unwrap(),
            };
            damage();
            site.restart();
            let device = site.again(&device, device.counter.clone());
            assert!(device.unreadable(&tree).is_empty(), "{}", copy.display());
            assert_eq!(std::fs::read(copy).unwrap(), whole);
            // Also while the vault is open.
            for command in [Command::Check, Command::Verify { read_data: false }] {
                damage();
                assert_eq!(site.run(command).unwrap().exit_status(), 0);
                assert_eq!(std::fs::read(copy).unwrap(), whole);
            }
        }
    }
    // A copy that cannot be written anew is told of; the vault works with the other one.
    std::fs::remove_file(&copies[1]).unwrap();
    std::fs::create_dir(&copies[1]).unwrap();
    std::fs::write(copies[1].join("x"), "").unwrap();
    let check = site.json(Command::Check);
    assert_eq!(crate::support::problems(&check), ["data_damaged"], "{check}");
    assert!(check.to_string().contains("format.copy"), "{check}");
    assert!(site.again(&device, device.counter.clone()).unreadable(&tree).is_empty());
}

#[test]
fn a_damaged_wrapped_key_is_found_before_it_is_needed() {
    let site = Site::new();
    let device = site.device("anna");
    let sister = site.device("anna");
    let key = |holder: &str| site.object_path(&format!("vaults/{}/keys/{holder}", device.vault()));
    let told = |name: &str| {
        let check = site.run(Command::Check).unwrap();
        let text = check.to_string();
        let verify = site.run(Command::Verify { read_data: true }).unwrap();
        let verified = verify.to_string();
        assert_eq!((check.exit_status(), verify.exit_status()), (7, 7), "{name}: {text} {verified}");
        assert!(text.contains(name) && verified.contains(name), "{text} {verified}");
        text
    };
    let all_is_well = || {
        site.run(Command::Check).unwrap().exit_status()
            + site.run(Command::Verify { read_data: false }).unwrap().exit_status()
    };
    assert_eq!(all_is_well(), 0);
    let org = std::fs::read(key("org")).unwrap();
    for at in [0, 40, org.len() / 2, org.len() - 1] {
        let mut flipped = org.clone();
        flipped[at] ^= 1;
        std::fs::write(key("org"), flipped).unwrap();
        assert!(told("keys/org").contains("copy of the store"));
    }
    for bytes in [&b""[..], &org[..org.len() - 1]] {
        std::fs::write(key("org"), bytes).unwrap();
        told("keys/org");
    }
    std::fs::remove_file(key("org")).unwrap();
    told("keys/org");
    std::fs::write(key("org"), &org).unwrap();
    assert_eq!(all_is_well(), 0);
    let name = format!("device-{}", sister.answer.device_id);
    let own = std::fs::read(key(&name)).unwrap();
    for bytes in [&b""[..], b"nonsense", &own[..own.len() - 1], &own[..100]] {
        std::fs::write(key(&name), bytes).unwrap();
        told(&name);
    }
    std::fs::write(key(&name), &own).unwrap();
    assert_eq!(all_is_well(), 0);
}
