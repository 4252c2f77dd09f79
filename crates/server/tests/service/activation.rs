//! Tokens, activation, vaults and keys.

use crate::support::Site;
use crate::support::device::{Counter, new_vault, request};
use crate::support::raw::head;
use api::vaults::Holder;
use api::{Blob, Credential, Secret};
use client::VaultCreation;
use engine::remote::Remote;
use format::keys::Keyring;
use format::record::FormatRecord;
use format::wrap::Identity;
use model::{ChunkId, Code, Custody, DeviceId, VaultId};
use server::admin::{Command, SettingsChange};
use std::time::Duration;

#[test]
fn a_token_serves_one_device_and_the_same_device_again() {
    let site = Site::new();
    let token = site.token("anna");
    let (identity, secret) = (Identity::generate(), Secret::random());
    let body = request(token.secret(), &identity, &secret);
    let first = site.connect(None).activate(&body).unwrap();
    assert_eq!((first.user.as_str(), first.vault, first.custody_default), ("anna", None, Custody::Managed));
    assert_eq!(first.server_id, site.made.server_id);
    let again = site.connect(None).activate(&body).unwrap();
    assert_eq!(again.device_id, first.device_id);
    let other = request(token.secret(), &Identity::generate(), &secret);
    assert_eq!(site.connect(None).activate(&other).unwrap_err().code, Code::TokenUsed);
    let unknown = request(&Secret::random(), &identity, &secret);
    assert_eq!(site.connect(None).activate(&unknown).unwrap_err().code, Code::TokenUnknown);
}

#[test]
fn a_token_expires() {
    let site = Site::new();
    site.token("anna");
    let token = site.token_of("anna", 60);
    let body = request(token.secret(), &Identity::generate(), &Secret::random());
    site.clock.advance(Duration::from_secs(61));
    assert_eq!(site.connect(None).activate(&body).unwrap_err().code, Code::TokenExpired);
    let at_once = Command::TokenCreate { user: "anna".to_owned(), expires_seconds: 0 };
    assert_eq!(site.refusal(at_once), Code::Usage);
}

#[test]
fn a_device_is_known_by_its_secret() {
    let site = Site::new();
    let device = site.device("anna");
    assert!(device.snapshots().is_empty());
    let wrong = Credential { secret: Secret::random(), ..device.credential.clone() };
    let stranger = Credential { device: DeviceId::random(), secret: Secret::random() };
    for credential in [Some(wrong), Some(stranger), None] {
        let error = site.connect(credential).vault(device.vault()).unwrap_err();
        assert_eq!(error.code, Code::DeviceUnknown);
    }
}

#[test]
fn a_second_device_of_a_managed_vault_gets_its_key() {
    let site = Site::new();
    let first = site.device("anna");
    let second = site.device("anna");
    assert_eq!(second.vault(), first.vault());
    assert_eq!(second.answer.vault.map(|open| open.custody), Some(Custody::Managed));
    assert!(second.agent.keyring == first.agent.keyring);
    // Nobody reads the key of another device or of the organisation.
    let connection = second.remote.connection();
    for holder in [Holder::Device(first.answer.device_id), Holder::Org] {
        assert_eq!(connection.key(second.vault(), holder).unwrap_err().code, Code::KeyMissing);
    }
    let own = Holder::Device(second.answer.device_id);
    let record = connection.vault(second.vault()).unwrap().format_record;
    assert_eq!(FormatRecord::decode(&record.0).unwrap().user, first.answer.user_id);
    connection.put_key(second.vault(), own, b"another".to_vec()).unwrap();
    assert_eq!(connection.key(second.vault(), own).unwrap(), b"another");
    let foreign = connection.put_key(second.vault(), Holder::Device(first.answer.device_id), b"x".to_vec());
    assert_eq!(foreign.unwrap_err().code, Code::RequestInvalid);
}

#[test]
fn the_key_of_a_private_vault_never_reaches_the_server() {
    let site = Site::new();
    let add = Command::UserAdd { name: "paula".into(), custody: Some(Custody::Private) };
    site.run(add).unwrap();
    let first = site.device("paula");
    assert_eq!(first.answer.custody_default, Custody::Private);
    let token = site.token("paula");
    let (identity, secret) = (Identity::generate(), Secret::random());
    let answer = site.connect(None).activate(&request(token.secret(), &identity, &secret)).unwrap();
    let open = answer.vault.unwrap();
    assert_eq!((open.id, open.custody), (first.vault(), Custody::Private));
    let second = site.connect(Some(Credential { device: answer.device_id, secret }));
    let own = Holder::Device(answer.device_id);
    assert_eq!(second.key(open.id, own).unwrap_err().code, Code::KeyMissing);
    assert!(!second.key(open.id, Holder::Recovery).unwrap().is_empty());
    let keys = site.objects(&format!("vaults/{}/keys/", open.id));
    assert!(keys.iter().all(|key| !key.ends_with("/org")), "{keys:?}");
    // It joins by what it made of the recovery file.
    let wrapped = identity.recipient().wrap_keyring(&first.agent.keyring).unwrap();
    second.put_key(open.id, own, wrapped).unwrap();
    assert!(identity.unwrap_keyring(&second.key(open.id, own).unwrap()).unwrap() == first.agent.keyring);
}

#[test]
fn the_first_vault_of_a_user_wins() {
    let site = Site::new();
    let first = site.device("anna");
    let token = site.token("anna");
    let (identity, secret) = (Identity::generate(), Secret::random());
    let answer = site.connect(None).activate(&request(token.secret(), &identity, &secret)).unwrap();
    let second = site.connect(Some(Credential { device: answer.device_id, secret }));
    let keyring = Keyring::create(VaultId::random(), Custody::Managed);
    let made = second.create_vault(&new_vault(&answer, &identity, &keyring)).unwrap();
    assert_eq!(made, VaultCreation::Exists(first.vault()));
    assert!(site.objects(&format!("vaults/{}/", keyring.vault())).is_empty());
    // The same vault again is answered as the first time.
    let again = new_vault(&first.answer, &first.identity, &first.agent.keyring);
    let made = first.remote.connection().create_vault(&again).unwrap();
    assert_eq!(made, VaultCreation::Created);
    // The id of a vault that somebody else has is refused without saying whose it is.
    let stranger = site.token("bert");
    let (identity, secret) = (Identity::generate(), Secret::random());
    let answer = site.connect(None).activate(&request(stranger.secret(), &identity, &secret)).unwrap();
    let bert = site.connect(Some(Credential { device: answer.device_id, secret }));
    let taken = Keyring::create(first.vault(), Custody::Managed);
    let made = bert.create_vault(&new_vault(&answer, &identity, &taken)).unwrap();
    assert_eq!(made, VaultCreation::Exists(first.vault()));
    assert_eq!(bert.vault(first.vault()).unwrap_err().code, Code::VaultUnknown);
}

#[test]
fn a_vault_that_the_organisation_could_not_open_is_refused() {
    let site = Site::new();
    let token = site.token("anna");
    let (identity, secret) = (Identity::generate(), Secret::random());
    let answer = site.connect(None).activate(&request(token.secret(), &identity, &secret)).unwrap();
    let connection = site.connect(Some(Credential { device: answer.device_id, secret }));
    let keyring = Keyring::create(VaultId::random(), Custody::Managed);
    let good = new_vault(&answer, &identity, &keyring);
    let code = |change: &dyn Fn(&mut api::vaults::CreateVaultRequest)| {
        let mut body = good.clone();
        change(&mut body);
        connection.create_vault(&body).unwrap_err().code
    };
    let strange = Identity::generate().recipient().wrap_keyring(&keyring).unwrap();
    assert_eq!(code(&|body| body.keys[0].bytes = Blob(strange.clone())), Code::RequestInvalid);
    let org = format::wrap::Recipient::parse(&answer.org_recipient).unwrap();
    let other = org.wrap_keyring(&Keyring::create(VaultId::random(), Custody::Managed)).unwrap();
    assert_eq!(code(&|body| body.keys[0].bytes = Blob(other.clone())), Code::RequestInvalid);
    assert_eq!(code(&|body| body.format_record = Blob(b"HOLD".to_vec())), Code::RequestInvalid);
    assert_eq!(code(&|body| body.vault = VaultId::random()), Code::RequestInvalid);
    let private = Keyring::create(VaultId::random(), Custody::Private);
    let body = new_vault(&answer, &identity, &private);
    assert_eq!(connection.create_vault(&body).unwrap_err().code, Code::RequestInvalid);
    assert!(site.objects("vaults/").is_empty());
    assert_eq!(connection.create_vault(&good).unwrap(), VaultCreation::Created);
}

#[test]
fn a_deactivated_device_is_out_and_its_repeat_is_answered() {
    let site = Site::new();
    let device = site.device("anna");
    let lease = device.grant("default");
    device.remote.connection().deactivate().unwrap();
    device.remote.connection().deactivate().unwrap();
    assert_eq!(device.remote.snapshot_rows().unwrap_err().code, Code::DeviceDeactivated);
    assert_eq!(device.remote.release(lease.id).unwrap_err().code, Code::DeviceDeactivated);
    let users = site.json(Command::UserList);
    assert_eq!((users[0]["devices"].as_u64(), users[0]["has_vault"].as_bool()), (Some(0), Some(true)));
}

#[test]
fn versions_are_checked_before_credentials() {
    let site = Site::new();
    let device = site.device("anna");
    let line = format!("GET /v1/vaults/{}", device.vault());
    let head = head(&device, &line, "", 0);
    let code = |with: &str| site.send(&head.replace("holdfast-protocol: 1\r\n", with), b"").code();
    assert_eq!(code(""), "protocol_too_old");
    assert_eq!(code("holdfast-protocol: 0\r\n"), "protocol_too_old");
    assert_eq!(code("holdfast-protocol: 2\r\n"), "protocol_too_new");
    assert_eq!(code("holdfast-protocol: one\r\n"), "request_invalid");
    assert_eq!(site.send(&head, b"").status, 200);
}

#[test]
fn custody_is_the_users_own_setting_or_the_servers() {
    let site = Site::new();
    let custody = |user: &str| {
        let body = request(site.token(user).secret(), &Identity::generate(), &Secret::random());
        site.connect(None).activate(&body).unwrap().custody_default
    };
    assert_eq!(custody("anna"), Custody::Managed);
    site.set(SettingsChange { custody: Some(Custody::Private), ..SettingsChange::default() });
    assert_eq!(custody("anna"), Custody::Private);
    site.run(Command::UserAdd { name: "bert".into(), custody: Some(Custody::Managed) }).unwrap();
    assert_eq!(custody("bert"), Custody::Managed);
}

#[test]
fn a_copy_of_a_device_is_stopped_at_its_next_lease() {
    let site = Site::new();
    let device = site.device("anna");
    device.grant("default");
    let old = Counter::default();
    *old.0.lock().unwrap() = *device.counter.0.lock().unwrap();
    device.grant("default");
    let lease = device.grant("default");
    let copy = site.again(&device, old);
    assert_eq!(copy.remote.grant(copy.set("default")).unwrap_err().code, Code::DeviceCloned);
    // The one that went on first is not disturbed.
    assert_eq!(device.remote.look_up(lease.id, &[ChunkId::from_bytes([1; 16])]).unwrap(), [None]);
    device.grant("default");
}
