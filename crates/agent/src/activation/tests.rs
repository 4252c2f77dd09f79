//! Activations against a server in memory: both custodies, further devices, races, lost answers and lies.

use super::*;
use api::vaults::{CreateVaultRequest, Holder, VaultAnswer};
use api::{Hash, Secret};
use client::{RemoteError, VaultCreation};
use format::keys::Keyring;
use format::record::FormatRecord;
use format::wrap::Recipient;
use model::{Code, Custody, DeviceId, ServerId, Timestamp, UserId, VaultId};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// A server with one user.
struct Server {
    custody: Custody,
    organisation: format::wrap::Identity,
    user: UserId,
    id: ServerId,
    inner: RefCell<Inner>,
    /// Calls that still succeed; the next one is done, but its answer is lost.
    answers: Cell<u32>,
    /// Another device creates a vault just before this one does.
    race: Cell<bool>,
}

#[derive(Default)]
struct Inner {
    devices: HashMap<String, (DeviceId, Hash)>,
    /// The recipient that each token was used for.
    tokens: HashMap<[u8; 32], String>,
    vault: Option<(VaultId, Custody, Vec<u8>)>,
    keys: HashMap<Holder, Vec<u8>>,
}

fn refused(code: Code) -> AgentError {
    RemoteError::new(code, "").into()
}

impl Server {
    fn new(custody: Custody) -> Self {
        Self {
            custody,
            organisation: format::wrap::Identity::generate(),
            user: UserId::random(),
            id: ServerId::random(),
            inner: RefCell::default(),
            answers: Cell::new(u32::MAX),
            race: Cell::new(false),
        }
    }

    /// The answer, unless it is lost on its way.
    fn answer<T>(&self, answer: T) -> Result<T, AgentError> {
        let left = self.answers.get();
        self.answers.set(left.saturating_sub(1));
        if left == 0 { Err(refused(Code::ServerUnreachable)) } else { Ok(answer) }
    }

    /// Puts the vault of another device of the user in place.
    fn create_by_other(&self) -> Keyring {
        let vault = VaultId::random();
        let keyring = Keyring::create(vault, self.custody);
        let format = FormatRecord::new(vault, self.user, self.custody, Timestamp::from_secs(5));
        let mut inner = self.inner.borrow_mut();
        inner.vault = Some((vault, self.custody, format.encode()));
        if self.custody == Custody::Managed {
            let wrapped = self.organisation.recipient().wrap_keyring(&keyring).unwrap();
            inner.keys.insert(Holder::Org, wrapped);
        }
        keyring
    }

    fn check(&self, by: &Credential) {
        let inner = self.inner.borrow();
        let known = inner.devices.values().any(|(id, hash)| (*id, *hash) == (by.device, by.secret.hash()));
        assert!(known, "the device proves itself");
    }
}

impl Registrar for Server {
    fn activate(&self, request: &ActivateRequest) -> Result<ActivateAnswer, AgentError> {
        let mut inner = self.inner.borrow_mut();
        let recipient = request.device.recipient.clone();
        let owner = inner.tokens.entry(*request.token_secret.as_bytes()).or_insert_with(|| recipient.clone());
        if *owner != recipient {
            return Err(refused(Code::TokenUsed));
        }
        let device = (DeviceId::random(), request.device.secret_hash);
        let (device_id, hash) = *inner.devices.entry(recipient.clone()).or_insert(device);
        assert_eq!(hash, request.device.secret_hash, "a repeated activation has the same secret");
        let vault = inner.vault.as_ref().map(|(id, custody, _)| (*id, *custody));
        if vault.is_some_and(|(_, custody)| custody == Custody::Managed) {
            let keyring = self.organisation.unwrap_keyring(&inner.keys[&Holder::Org]).unwrap();
            let wrapped = Recipient::parse(&recipient).unwrap().wrap_keyring(&keyring).unwrap();
            inner.keys.insert(Holder::Device(device_id), wrapped);
        }
        self.answer(ActivateAnswer {
            device_id,
            user_id: self.user,
            user: "ada".into(),
            vault: vault.map(|(id, custody)| api::activation::OpenVault { id, custody }),
            custody_default: self.custody,
            org_recipient: self.organisation.recipient().to_string(),
            server_id: self.id,
            server_time: Timestamp::from_secs(9),
        })
    }

    fn authority(&self) -> Option<Vec<u8>> {
        Some(vec![4, 2])
    }

    fn create_vault(
        &self,
        by: &Credential,
        request: &CreateVaultRequest,
    ) -> Result<VaultCreation, AgentError> {
        self.check(by);
        request.check(by.device).unwrap();
        if self.race.take() {
            self.create_by_other();
        }
        let mut inner = self.inner.borrow_mut();
        match &inner.vault {
            Some((id, ..)) if *id == request.vault => {}
            Some((id, ..)) => return Ok(VaultCreation::Exists(*id)),
            None => {
                inner.vault = Some((request.vault, request.custody, request.format_record.0.clone()));
                inner.keys.extend(request.keys.iter().map(|key| (key.holder, key.bytes.0.clone())));
            }
        }
        self.answer(VaultCreation::Created)
    }

    fn vault(&self, by: &Credential, vault: VaultId) -> Result<VaultAnswer, AgentError> {
        self.check(by);
        let inner = self.inner.borrow();
        let (id, custody, record) = inner.vault.clone().filter(|(id, ..)| *id == vault).unwrap();
        self.answer(VaultAnswer { id, custody, format_record: Blob(record) })
    }

    fn key(&self, by: &Credential, _: VaultId, holder: Holder) -> Result<Vec<u8>, AgentError> {
        self.check(by);
        let key = self.inner.borrow().keys.get(&holder).cloned();
        self.answer(key)?.ok_or_else(|| refused(Code::KeyMissing))
    }

    fn put_key(&self, by: &Credential, _: VaultId, bytes: Vec<u8>) -> Result<(), AgentError> {
        self.check(by);
        self.inner.borrow_mut().keys.insert(Holder::Device(by.device), bytes);
        self.answer(())
    }
}

/// A machine with its state.
struct Machine {
    folder: tempfile::TempDir,
    state: State,
    token: Token,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path().join("state"));
        state.prepare().unwrap();
        Self { state, token: token(), folder }
    }

    fn recovery_file(&self) -> PathBuf {
        self.folder.path().join("recovery.txt")
    }

    fn activate(&self, server: &Server, recovery_file: Option<&Path>) -> Result<Activated, AgentError> {
        let activation = Activation {
            state: &self.state,
            token: &self.token,
            name: "laptop".into(),
            os: "Debian".into(),
            recovery_file,
            registrar: server,
        };
        activation.run()
    }
}

fn token() -> Token {
    Token::new(vec!["https://backup.example.org".into()], Pin::Authority([7; 32]), Secret::random()).unwrap()
}

fn code(result: Result<Activated, AgentError>) -> Code {
    result.map(|activated| activated.origin).unwrap_err().code()
}

#[test]
fn the_first_device_of_a_managed_vault_creates_it_and_others_join() {
    let server = Server::new(Custody::Managed);
    let (first, second) = (Machine::new(), Machine::new());
    let one = first.activate(&server, None).unwrap();
    assert_eq!(one.origin, Origin::Created { recovery_file: None });
    assert_eq!(one.identity.server.authority, Some(Blob(vec![4, 2])));
    let two = second.activate(&server, None).unwrap();
    assert_eq!(two.origin, Origin::Joined);
    assert!(one.identity.vault.keyring == two.identity.vault.keyring);
    assert_eq!(one.identity.vault.format, two.identity.vault.format);
    assert_ne!(one.identity.device, two.identity.device);
    // The organisation opens it too.
    let org = server.organisation.unwrap_keyring(&server.inner.borrow().keys[&Holder::Org]).unwrap();
    assert!(org == one.identity.vault.keyring);
    let kept = Identity::read(&first.state).unwrap();
    assert_eq!(kept.device, one.identity.device);
    let names = std::fs::read_dir(first.state.identity_folder()).unwrap();
    assert_eq!(names.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>(), ["device"]);
}

#[test]
fn a_wrong_token_in_between_costs_the_right_one_nothing() {
    let server = Server::new(Custody::Private);
    let mut second = Machine::new();
    server.create_by_other();
    // It stops after the token made a device.
    assert_eq!(code(second.activate(&server, None)), Code::KeyMissing);
    let good = std::mem::replace(&mut second.token, token());
    let used = Machine { token: second.token.clone(), ..Machine::new() };
    assert_eq!(code(used.activate(&server, None)), Code::KeyMissing);
    assert_eq!(code(second.activate(&server, None)), Code::TokenUsed);
    second.token = good;
    assert_eq!(code(second.activate(&server, None)), Code::KeyMissing, "the same device again");
    let kept = std::fs::read_dir(second.state.identity_folder()).unwrap().count();
    assert_eq!(kept, 1, "nothing is kept for the refused token");
}

#[test]
fn a_private_vault_opens_with_its_recovery_file_only() {
    let server = Server::new(Custody::Private);
    let (first, second) = (Machine::new(), Machine::new());
    let file = first.recovery_file();
    let one = first.activate(&server, Some(&file)).unwrap();
    assert_eq!(one.origin, Origin::Created { recovery_file: Some(file.clone()) });
    assert!(!server.inner.borrow().keys.contains_key(&Holder::Org));

    assert_eq!(code(second.activate(&server, None)), Code::KeyMissing);
    let wrong = second.recovery_file();
    std::fs::write(&wrong, format::wrap::recovery_file(&format::wrap::Identity::generate(), &[]).as_bytes())
        .unwrap();
    assert_eq!(code(second.activate(&server, Some(&wrong))), Code::RecoveryWrong);
    // The token is still good: it made the same device each time.
    let two = second.activate(&server, Some(&file)).unwrap();
    assert_eq!(two.origin, Origin::Joined);
    assert!(one.identity.vault.keyring == two.identity.vault.keyring);
    assert_eq!(server.inner.borrow().devices.len(), 2);
}

#[test]
fn a_key_that_the_server_wrapped_itself_opens_no_private_vault() {
    let server = Server::new(Custody::Private);
    let machine = Machine::new();
    assert!(machine.activate(&server, Some(Path::new("/nowhere/to/write"))).is_err());
    // The server puts up a vault of its own making, with its own key for this device.
    let keyring = server.create_by_other();
    let recipient = server.inner.borrow().devices.keys().next().cloned().unwrap();
    let device = server.inner.borrow().devices[&recipient].0;
    let wrapped = Recipient::parse(&recipient).unwrap().wrap_keyring(&keyring).unwrap();
    server.inner.borrow_mut().keys.insert(Holder::Device(device), wrapped);
    assert_eq!(code(machine.activate(&server, None)), Code::KeyMissing);
}

#[test]
fn whoever_expects_a_private_vault_gets_no_managed_one() {
    let server = Server::new(Custody::Managed);
    let machine = Machine::new();
    let file = machine.recovery_file();
    assert_eq!(code(machine.activate(&server, Some(&file))), Code::RecoveryWrong);
    assert!(server.inner.borrow().vault.is_none() && !file.exists());
    assert!(machine.activate(&server, None).is_ok(), "the token is still good");
}

#[test]
fn every_lost_answer_can_be_repeated() {
    for custody in [Custody::Managed, Custody::Private] {
        for answers in 0.. {
            let server = Server::new(custody);
            let machine = Machine::new();
            let file = machine.recovery_file();
            let recovery = (custody == Custody::Private).then_some(file.as_path());
            server.answers.set(answers);
            let lost = machine.activate(&server, recovery).is_err();
            server.answers.set(u32::MAX);
            let activated = machine.activate(&server, recovery).unwrap();
            let keyring = &activated.identity.vault.keyring;
            assert_eq!(server.inner.borrow().devices.len(), 1, "{custody} after {answers} answers");
            assert_eq!(server.inner.borrow().vault.as_ref().unwrap().0, keyring.vault());
            if custody == Custody::Private {
                let opened = recovery::read(&file).unwrap();
                let wrapped = server.inner.borrow().keys[&Holder::Recovery].clone();
                assert!(opened.unwrap_keyring(&wrapped).unwrap() == *keyring);
            }
            if !lost {
                assert_eq!(activated.origin, Origin::Repeated);
                assert!(answers > 1, "more than one call was interrupted");
                break;
            }
        }
    }
}

#[test]
fn the_second_of_two_first_devices_takes_the_vault_of_the_first() {
    let server = Server::new(Custody::Managed);
    let machine = Machine::new();
    server.race.set(true);
    let activated = machine.activate(&server, None).unwrap();
    assert_eq!(activated.origin, Origin::Joined);
    assert_eq!(server.inner.borrow().vault.as_ref().unwrap().0, activated.identity.vault.keyring.vault());

    let server = Server::new(Custody::Private);
    let machine = Machine::new();
    let file = machine.recovery_file();
    server.race.set(true);
    assert_eq!(code(machine.activate(&server, Some(&file))), Code::KeyMissing);
    assert!(!file.exists(), "the file of a vault that does not exist would mislead");
}

#[test]
fn an_activated_machine_takes_no_other_token() {
    let server = Server::new(Custody::Managed);
    let mut machine = Machine::new();
    let first = machine.activate(&server, None).unwrap().identity.device;
    let again = machine.activate(&server, None).unwrap();
    assert_eq!((again.identity.device, again.origin), (first, Origin::Repeated));
    machine.token = token();
    assert_eq!(code(machine.activate(&server, None)), Code::AlreadyActivated);
    // An identity with a damaged file is put aside, and a new token makes a new device.
    let mut known = vec![first];
    for file in ["device", "counter"] {
        std::fs::write(machine.state.identity_folder().join(file), b"damaged").unwrap();
        machine.token = token();
        let new = machine.activate(&server, None).unwrap();
        assert!(!known.contains(&new.identity.device), "{file}");
        assert_eq!(new.origin, Origin::Joined);
        known.push(new.identity.device);
    }
    // The device can still restore: the token that made it changes nothing.
    std::fs::write(machine.state.identity_folder().join("counter"), b"damaged").unwrap();
    assert_eq!(machine.activate(&server, None).unwrap().origin, Origin::Repeated);
}

#[test]
fn a_server_that_contradicts_itself_is_not_believed() {
    let server = Server::new(Custody::Managed);
    server.create_by_other();
    // The key is that of another vault.
    let other = Keyring::create(VaultId::random(), Custody::Managed);
    let wrapped = server.organisation.recipient().wrap_keyring(&other).unwrap();
    server.inner.borrow_mut().keys.insert(Holder::Org, wrapped);
    assert_eq!(code(Machine::new().activate(&server, None)), Code::ResponseInvalid);

    let server = Server::new(Custody::Managed);
    server.create_by_other();
    server.inner.borrow_mut().vault.as_mut().unwrap().2 = b"no record".to_vec();
    assert_eq!(code(Machine::new().activate(&server, None)), Code::ResponseInvalid);
}

#[test]
fn a_name_that_the_server_would_refuse_is_refused_here() {
    let server = Server::new(Custody::Managed);
    let machine = Machine::new();
    let name = "n".repeat(257);
    let activation = Activation {
        state: &machine.state,
        token: &machine.token,
        name,
        os: String::new(),
        recovery_file: None,
        registrar: &server,
    };
    assert_eq!(code(activation.run()), Code::Usage);
}
