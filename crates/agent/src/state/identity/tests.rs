//! The identity on disk: it comes back whole, is closed to others, and damage is named.

use super::*;
use model::{Code, Custody, Timestamp, UserId, VaultId};
use std::os::unix::fs::PermissionsExt;

fn identity() -> Identity {
    let vault = VaultId::random();
    Identity {
        device: DeviceId::random(),
        device_name: "laptop".into(),
        user: "ada".into(),
        secret: Secret::random(),
        key_pair: format::wrap::Identity::generate(),
        server: PinnedServer {
            id: ServerId::random(),
            urls: vec!["https://backup.example.org".into()],
            authority: Some(Blob(vec![1, 2, 3])),
        },
        vault: PinnedVault {
            keyring: Keyring::create(vault, Custody::Private),
            format: FormatRecord::new(vault, UserId::random(), Custody::Private, Timestamp::from_secs(1)),
        },
        token: Secret::random().hash(),
    }
}

fn state() -> (tempfile::TempDir, State) {
    let folder = tempfile::tempdir().unwrap();
    let state = State::at(folder.path().join("state"));
    state.prepare().unwrap();
    (folder, state)
}

#[test]
fn it_comes_back_and_is_closed_to_others() {
    let (_folder, state) = state();
    assert_eq!(Identity::read(&state).unwrap_err().code(), Code::NotActivated);
    let identity = identity();
    identity.write(&state).unwrap();
    let again = Identity::read(&state).unwrap();
    assert_eq!(again.credential(), identity.credential());
    assert_eq!(again.key_pair.recipient(), identity.key_pair.recipient());
    assert!(again.vault.keyring == identity.vault.keyring);
    assert_eq!(again.vault.format, identity.vault.format);
    assert_eq!(again.server.trust(), Trust::Authority(vec![1, 2, 3]));
    for (path, mode) in [("identity", 0o700), ("identity/device", 0o600)] {
        let found = std::fs::metadata(state.root().join(path)).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{path}");
    }
}

#[test]
fn a_damaged_one_is_named_and_can_be_put_aside() {
    let (_folder, state) = state();
    identity().write(&state).unwrap();
    let path = state.identity_folder().join("device");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = Identity::read(&state).unwrap_err();
    assert_eq!(error.code(), Code::IdentityDamaged);
    assert!(error.to_string().contains("identity/device"), "{error}");
    set_aside(&state).unwrap();
    assert!(Identity::find(&state).unwrap().is_none());
    let aside: Vec<_> = std::fs::read_dir(state.identity_folder()).unwrap().collect();
    assert_eq!(aside.len(), 1, "what is left of the keys is kept");
}

#[test]
fn forgetting_leaves_nothing_of_the_device() {
    let (_folder, state) = state();
    identity().write(&state).unwrap();
    mark_cloned(&state).unwrap();
    assert!(is_cloned(&state));
    forget(&state).unwrap();
    assert!(!is_cloned(&state) && Identity::find(&state).unwrap().is_none());
    assert_eq!(std::fs::read_dir(state.identity_folder()).unwrap().count(), 0);
}

#[test]
fn nothing_secret_is_shown() {
    let identity = identity();
    let shown = format!("{identity:?}");
    assert!(!shown.contains(&identity.secret.to_text()));
    assert!(!shown.contains("AGE-SECRET"), "{shown}");
}
