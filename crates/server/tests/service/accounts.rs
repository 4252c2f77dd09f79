//! Devices and users that are disabled, deleted, brought back and replaced.

use crate::support::agent::{DEFAULT, noise};
use crate::support::device::{Counter, Device, request};
use crate::support::{DAY, Site};
use api::{Credential, Secret, Token};
use engine::remote::Remote;
use format::wrap::Identity;
use model::{Code, Custody};
use server::admin::{Command, Deed, SettingsChange};
use std::time::Duration;

fn of_device(device: &Device, deed: Deed) -> Command {
    Command::DeviceChange { device: device.answer.device_id.to_string(), deed }
}

fn of_user(name: &str, deed: Deed) -> Command {
    Command::UserChange { name: name.to_owned(), deed }
}

/// What every kind of request of a device is refused with.
fn refused_with(device: &Device, lease: &engine::remote::Lease) -> Code {
    let pack = device.agent.data_pack(&[vec![noise(9, 100)]]);
    let codes = [
        device.remote.snapshot_rows().unwrap_err().code,
        device.remote.grant(device.set("default")).unwrap_err().code,
        device.remote.send_pack(lease.id, pack.id, pack.bytes.into()).unwrap_err().code,
        device.remote.commit(lease.id, model::SnapshotId::random(), b"x").unwrap_err().code,
        device.remote.release(lease.id).unwrap_err().code,
        device.remote.connection().deactivate().unwrap_err().code,
    ];
    assert!(codes.iter().all(|code| *code == codes[0]), "{codes:?}");
    codes[0]
}

#[test]
fn a_disabled_device_stops_at_its_next_request_and_goes_on_when_it_is_enabled() {
    let site = Site::new();
    let (device, sister) = (site.device("anna"), site.device("anna"));
    let snapshot = device.back_up(&device.agent.tree(&[noise(1, 100)], DEFAULT), DEFAULT);
    let lease = device.grant("default");
    let tree = device.agent.tree(&[noise(2, 100)], DEFAULT);
    assert!(device.send(&lease, &tree.data));
    let view = site.json(of_device(&device, Deed::Disable));
    assert_eq!(
        (view["state"].as_str(), view["refused_with"].as_str()),
        (Some("disabled"), Some("device_disabled"))
    );
    assert_eq!(refused_with(&device, &lease), Code::DeviceDisabled);
    assert_eq!(sister.snapshots(), [snapshot], "the others of the user go on");
    assert_eq!(site.json(Command::Stats)["active_leases"], 0, "its place is free");
    let wrong = Credential { secret: Secret::random(), ..device.credential.clone() };
    let guessed = site.connect(Some(wrong)).vault(device.vault()).unwrap_err();
    assert_eq!(guessed.code, Code::DeviceUnknown, "who does not have the secret learns nothing");

    let view = site.json(of_device(&device, Deed::Enable));
    assert_eq!((view["state"].as_str(), view["refused_with"].is_null()), (Some("active"), true));
    let pack = device.remote.send_pack(lease.id, tree.hunks.id, tree.hunks.bytes.clone().into());
    assert_eq!(pack.unwrap_err().code, Code::LeaseUnknown, "the old lease stays ended");
    let lease = device.grant("default");
    assert!(!device.send(&lease, &tree.data), "what was sent is there");
    device.send(&lease, &tree.hunks);
    device.remote.commit(lease.id, tree.snapshot, &tree.record).unwrap();
}

#[test]
fn a_disabled_user_stops_all_devices_and_no_token_makes_another() {
    let site = Site::new();
    let (device, sister, other) = (site.device("anna"), site.device("anna"), site.device("bert"));
    let lease = device.grant("default");
    let token = site.token("anna");
    site.run(of_user("ANNA", Deed::Disable)).unwrap();
    assert_eq!(refused_with(&device, &lease), Code::AccountDisabled);
    assert_eq!(sister.remote.snapshot_rows().unwrap_err().code, Code::AccountDisabled);
    let body = request(token.secret(), &Identity::generate(), &Secret::random());
    assert_eq!(site.connect(None).activate(&body).unwrap_err().code, Code::AccountDisabled);
    assert!(other.snapshots().is_empty());
    // The device itself is as it was; it is told what concerns it more.
    site.run(of_device(&sister, Deed::Delete)).unwrap();
    assert_eq!(sister.remote.snapshot_rows().unwrap_err().code, Code::DeviceDeleted);
    site.run(of_user("anna", Deed::Enable)).unwrap();
    device.grant("default");
    assert_eq!(site.connect(None).activate(&body).unwrap().user, "anna");
}

#[test]
fn a_deleted_device_comes_back_without_being_activated_again() {
    let mut site = Site::new();
    let device = site.device("anna");
    let snapshot = device.back_up(&device.agent.tree(&[noise(1, 100)], DEFAULT), DEFAULT);
    let lease = device.grant("default");
    let view = site.json(of_device(&device, Deed::Delete));
    let until = site.clock.now().after(DAY * 7).to_string();
    assert_eq!(
        (view["state"].as_str(), view["undo_until"].as_str()),
        (Some("deleted"), Some(until.as_str()))
    );
    assert_eq!(refused_with(&device, &lease), Code::DeviceDeleted);
    assert_eq!(site.refusal(of_device(&device, Deed::Disable)), Code::StateConflict);
    let replace = Command::DeviceReplace { device: "laptop".to_owned(), expires_seconds: 60 };
    assert_eq!(site.refusal(replace), Code::StateConflict);

    site.clock.advance(DAY * 7 - Duration::from_secs(1));
    site.run(Command::Cleanup { dry_run: false }).unwrap();
    site.restart();
    let device = site.again(&device, device.counter.clone());
    assert_eq!(device.remote.snapshot_rows().unwrap_err().code, Code::DeviceDeleted);
    site.run(of_device(&device, Deed::Undelete)).unwrap();
    assert_eq!(device.snapshots(), [snapshot]);
    device.grant("default");
}

#[test]
fn after_seven_days_a_deleted_device_is_gone_and_its_snapshots_follow() {
    let site = Site::new();
    let (device, sister) = (site.device("anna"), site.device("anna"));
    let tree = device.agent.tree(&[noise(1, 100)], DEFAULT);
    device.back_up(&tree, DEFAULT);
    let kept = sister.back_up(&sister.agent.tree(&[noise(2, 100)], DEFAULT), DEFAULT);
    site.run(of_device(&device, Deed::Delete)).unwrap();
    site.clock.advance(DAY * 7);
    let dry = site.json(Command::Cleanup { dry_run: true });
    assert_eq!(dry["removed"]["devices"], 0);
    assert_eq!(
        site.refusal(of_device(&device, Deed::Undelete)),
        Code::StateConflict,
        "also before it is removed"
    );
    let cleanup = site.json(Command::Cleanup { dry_run: false });
    assert_eq!(cleanup["removed"], serde_json::json!({"users": 0, "devices": 1, "snapshots": 1}));
    let listed = site.json(Command::DeviceList { user: None });
    let ids: Vec<_> = listed.as_array().unwrap().iter().map(|view| view["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [sister.answer.device_id.to_string()]);
    assert_eq!(site.refusal(of_device(&device, Deed::Undelete)), Code::NotFound);
    // The agent is told the same as before, not that nobody knows it.
    assert_eq!(device.remote.snapshot_rows().unwrap_err().code, Code::DeviceDeleted);
    assert_eq!(sister.snapshots(), [kept]);
    let hidden = site.json(Command::SnapshotList { user: None, deleted: true });
    let by = |id: &str| {
        let rows = hidden.as_array().unwrap();
        rows.iter().find(|row| row["id"] == id).unwrap()["deleted_by"].clone()
    };
    assert_eq!(by(&tree.snapshot.to_string()), "removal");
    assert!(by(&kept.to_string()).is_null());

    // Then what holds for every deleted snapshot.
    site.set(SettingsChange { grace_seconds: Some(0), ..SettingsChange::default() });
    site.clock.advance(DAY * 7);
    site.run(Command::Cleanup { dry_run: false }).unwrap();
    let objects = site.objects(&format!("vaults/{}/snapshots/", device.vault()));
    assert!(objects.len() == 1 && objects[0].contains(&kept.to_string()), "{objects:?}");
    let packs = site.objects(&format!("vaults/{}/packs/", device.vault()));
    assert!(packs.iter().all(|pack| !pack.contains(&tree.data.id.to_string())), "{packs:?}");
    assert_eq!(site.json(Command::Check)["problems"].as_array().unwrap().len(), 0);
}

#[test]
fn a_deleted_user_comes_back_or_goes_with_all_devices() {
    let site = Site::new();
    let (device, sister) = (site.device("anna"), site.device("anna"));
    let snapshot = device.back_up(&device.agent.tree(&[noise(1, 100)], DEFAULT), DEFAULT);
    site.run(of_user("anna", Deed::Delete)).unwrap();
    assert_eq!(device.remote.snapshot_rows().unwrap_err().code, Code::DeviceDeleted);
    let token = Command::TokenCreate { user: "anna".to_owned(), expires_seconds: 60 };
    assert_eq!(site.refusal(token), Code::StateConflict);
    site.run(of_user("anna", Deed::Undelete)).unwrap();
    assert_eq!(sister.snapshots(), [snapshot]);

    site.run(of_user("anna", Deed::Delete)).unwrap();
    site.clock.advance(DAY * 7);
    let cleanup = site.json(Command::Cleanup { dry_run: false });
    assert_eq!(cleanup["removed"], serde_json::json!({"users": 1, "devices": 2, "snapshots": 1}));
    assert_eq!(site.json(Command::UserList), serde_json::json!([]));
    assert_eq!(site.json(Command::DeviceList { user: None }), serde_json::json!([]));
    assert_eq!(site.refusal(of_user("anna", Deed::Undelete)), Code::UserUnknown);
    // Somebody else may have the name, and has nothing of the one before.
    let new = site.device("anna");
    assert_ne!(new.vault(), device.vault());
    assert_eq!(device.remote.snapshot_rows().unwrap_err().code, Code::DeviceDeleted);
}

/// Activates a machine with this token.
fn activate(site: &Site, token: &Token) -> (api::activation::ActivateAnswer, Credential, Identity) {
    let (identity, secret) = (Identity::generate(), Secret::random());
    let answer = site.connect(None).activate(&request(token.secret(), &identity, &secret)).unwrap();
    let credential = Credential { device: answer.device_id, secret };
    (answer, credential, identity)
}

fn replacement(site: &Site, device: &Device) -> Token {
    let command =
        Command::DeviceReplace { device: device.answer.device_id.to_string(), expires_seconds: 3_600 };
    Token::parse(site.json(command)["token"].as_str().unwrap()).unwrap()
}

#[test]
fn a_replaced_device_keeps_vault_and_history_on_another_machine() {
    let site = Site::new();
    let old = site.device("anna");
    let snapshot = old.back_up(&old.agent.tree(&[noise(1, 100)], DEFAULT), DEFAULT);
    let lease = old.grant("default");
    let token = replacement(&site, &old);
    old.grant("default");
    let (answer, credential, identity) = activate(&site, &token);
    assert_eq!(answer.device_id, old.answer.device_id);
    assert_eq!(answer.vault.map(|open| open.id), Some(old.vault()));
    assert_eq!(refused_with(&old, &lease), Code::DeviceReplaced);
    let wrong = Credential { secret: Secret::random(), ..old.credential.clone() };
    let guessed = site.connect(Some(wrong)).vault(old.vault()).unwrap_err();
    assert_eq!(guessed.code, Code::DeviceUnknown);

    // The key is wrapped for the new machine, and its first run goes on from the last snapshot.
    let wrapped = site
        .connect(Some(credential.clone()))
        .key(old.vault(), api::vaults::Holder::Device(answer.device_id))
        .unwrap();
    assert!(identity.unwrap_keyring(&wrapped).unwrap() == old.agent.keyring);
    let again = Device { answer, credential, identity, ..site.again(&old, Counter::default()) };
    let new = site.again(&again, Counter::default());
    assert_eq!(new.grant("default").newest, [snapshot]);
    let listed = site.json(Command::DeviceList { user: Some("anna".to_owned()) });
    assert_eq!(listed.as_array().unwrap().len(), 1);

    // And once more, while it is deactivated.
    new.remote.connection().deactivate().unwrap();
    let (answer, ..) = activate(&site, &replacement(&site, &new));
    assert_eq!(answer.device_id, old.answer.device_id);
    for former in [&old, &new] {
        assert_eq!(former.remote.snapshot_rows().unwrap_err().code, Code::DeviceReplaced);
    }
}

#[test]
fn a_private_vault_is_joined_by_the_replacement_with_its_recovery_file() {
    let site = Site::new();
    site.run(Command::UserAdd { name: "paula".into(), custody: Some(Custody::Private) }).unwrap();
    let old = site.device("paula");
    let (answer, credential, identity) = activate(&site, &replacement(&site, &old));
    let own = api::vaults::Holder::Device(answer.device_id);
    let connection = site.connect(Some(credential));
    // What lies there opens for the old machine alone, until the new one has brought its own.
    assert!(identity.unwrap_keyring(&connection.key(old.vault(), own).unwrap()).is_err());
    let wrapped = identity.recipient().wrap_keyring(&old.agent.keyring).unwrap();
    connection.put_key(old.vault(), own, wrapped).unwrap();
    assert!(
        identity.unwrap_keyring(&connection.key(old.vault(), own).unwrap()).unwrap() == old.agent.keyring
    );
}

#[test]
fn the_object_store_remembers_who_may_not_work() {
    let mut site = Site::new();
    let (disabled, deleted, enabled, replaced) =
        (site.device("anna"), site.device("bert"), site.device("carl"), site.device("dora"));
    site.run(of_device(&enabled, Deed::Disable)).unwrap();
    site.stop();
    let older = site.data().database_files().map(|path| (std::fs::read(&path).ok(), path));
    site.start();
    site.clock.advance(DAY);
    site.run(of_device(&disabled, Deed::Disable)).unwrap();
    site.run(of_user("bert", Deed::Delete)).unwrap();
    site.run(of_device(&enabled, Deed::Enable)).unwrap();
    let (_, credential, _) = activate(&site, &replacement(&site, &replaced));
    site.stop();
    // The database is put back from a copy that knows nothing of it.
    for (bytes, path) in older {
        match bytes {
            Some(bytes) => std::fs::write(path, bytes).unwrap(),
            None => drop(std::fs::remove_file(path)),
        }
    }
    site.start();
    let code = |device: &Device| {
        let device = site.again(device, device.counter.clone());
        device.remote.snapshot_rows().map_err(|error| error.code).map(|rows| rows.len())
    };
    assert_eq!(code(&disabled), Err(Code::DeviceDisabled));
    assert_eq!(code(&deleted), Err(Code::DeviceDeleted));
    assert_eq!(code(&enabled), Ok(0), "what came later counts");
    assert_eq!(code(&replaced), Err(Code::DeviceReplaced));
    assert!(site.connect(Some(credential)).vault(replaced.vault()).is_ok());
}

#[test]
fn a_device_may_be_named_in_several_ways() {
    let site = Site::new();
    let (anna, bert) = (site.device("anna"), site.device("bert"));
    let disable = |device: &str| Command::DeviceChange { device: device.to_owned(), deed: Deed::Disable };
    assert_eq!(site.refusal(disable("laptop")), Code::NotFound, "both have the name");
    assert_eq!(site.refusal(disable("tablet")), Code::NotFound);
    site.run(disable("Anna/laptop")).unwrap();
    site.run(disable(&bert.answer.device_id.to_string()[..12])).unwrap();
    for device in [&anna, &bert] {
        assert_eq!(device.remote.snapshot_rows().unwrap_err().code, Code::DeviceDisabled);
    }
}
