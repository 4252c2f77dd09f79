//! An activated device: its credentials, its key, and the agents' client on it.

use super::Site;
use super::agent::{Agent, BuiltPack, Shape, Tree};
use api::activation::{ActivateAnswer, ActivateRequest, NewDevice};
use api::vaults::{CreateVaultRequest, Holder, WrappedKey};
use api::{Blob, Credential, Secret};
use client::{Connection, CounterStore, Options, RemoteError, RemoteVault, VaultCreation};
use engine::remote::{Lease, Remote};
use format::keys::Keyring;
use format::record::FormatRecord;
use format::snapshot::ClearPart;
use format::wrap::{Identity, Recipient};
use model::{Code, Custody, SetId, SnapshotId, VaultId};
use std::sync::{Arc, Mutex};

/// The clone counter as an identity would keep it.
#[derive(Clone, Default)]
pub(crate) struct Counter(pub(crate) Arc<Mutex<Option<u64>>>);

impl CounterStore for Counter {
    fn load(&self) -> Result<Option<u64>, RemoteError> {
        Ok(*self.0.lock().unwrap())
    }

    fn save(&self, counter: u64) -> Result<(), RemoteError> {
        *self.0.lock().unwrap() = Some(counter);
        Ok(())
    }
}

/// A device with access to its user's vault.
pub(crate) struct Device {
    pub(crate) answer: ActivateAnswer,
    pub(crate) credential: Credential,
    pub(crate) identity: Identity,
    pub(crate) agent: Agent,
    pub(crate) counter: Counter,
    pub(crate) remote: RemoteVault,
}

/// The body of an activation with new keys.
pub(crate) fn request(token_secret: &Secret, identity: &Identity, secret: &Secret) -> ActivateRequest {
    let device = NewDevice {
        name: "laptop".to_owned(),
        os: "Debian".to_owned(),
        recipient: identity.recipient().to_string(),
        secret_hash: secret.hash(),
    };
    ActivateRequest { token_secret: token_secret.clone(), device }
}

/// The body that creates a vault as an agent would.
pub(crate) fn new_vault(
    answer: &ActivateAnswer,
    identity: &Identity,
    keyring: &Keyring,
) -> CreateVaultRequest {
    let (vault, custody) = (keyring.vault(), keyring.custody());
    let record = FormatRecord::new(vault, answer.user_id, custody, answer.server_time);
    let wrap = |recipient: &Recipient| Blob(recipient.wrap_keyring(keyring).unwrap());
    let other = match custody {
        Custody::Managed => {
            WrappedKey { holder: Holder::Org, bytes: wrap(&Recipient::parse(&answer.org_recipient).unwrap()) }
        }
        Custody::Private => {
            WrappedKey { holder: Holder::Recovery, bytes: wrap(&Identity::generate().recipient()) }
        }
    };
    let own = WrappedKey { holder: Holder::Device(answer.device_id), bytes: wrap(&identity.recipient()) };
    CreateVaultRequest { vault, custody, format_record: Blob(record.encode()), keys: vec![other, own] }
}

impl Site {
    /// A connection with or without credentials.
    pub(crate) fn connect(&self, credential: Option<Credential>) -> Connection {
        Connection::open(Options { credential, ..self.options() }).unwrap()
    }

    /// Activates a device of this user, and makes the vault when there is none.
    pub(crate) fn device(&self, user: &str) -> Device {
        let (identity, secret) = (Identity::generate(), Secret::random());
        let body = request(self.token(user).secret(), &identity, &secret);
        let answer = self.connect(None).activate(&body).unwrap();
        let credential = Credential { device: answer.device_id, secret };
        let connection = self.connect(Some(credential.clone()));
        let keyring = match &answer.vault {
            Some(open) => {
                let wrapped = connection.key(open.id, Holder::Device(answer.device_id)).unwrap();
                identity.unwrap_keyring(&wrapped).unwrap()
            }
            None => {
                let keyring = Keyring::create(VaultId::random(), answer.custody_default);
                let made = connection.create_vault(&new_vault(&answer, &identity, &keyring)).unwrap();
                assert_eq!(made, VaultCreation::Created);
                keyring
            }
        };
        self.device_with(answer, credential, identity, keyring, Counter::default())
    }

    fn device_with(
        &self,
        answer: ActivateAnswer,
        credential: Credential,
        identity: Identity,
        keyring: Keyring,
        counter: Counter,
    ) -> Device {
        let agent = Agent::new(keyring, answer.device_id);
        let connection = Arc::new(self.connect(Some(credential.clone())));
        let remote = RemoteVault::new(connection, agent.vault, Box::new(counter.clone()));
        Device { answer, credential, identity, agent, counter, remote }
    }

    /// The same device again: after a restart of the server, or as a copy with a counter of its own.
    pub(crate) fn again(&self, device: &Device, counter: Counter) -> Device {
        let keyring = Keyring::decode(&device.agent.keyring.encode()).unwrap();
        let (answer, credential) = (device.answer.clone(), device.credential.clone());
        self.device_with(answer, credential, device.identity.clone(), keyring, counter)
    }
}

impl Device {
    pub(crate) fn vault(&self) -> VaultId {
        self.agent.vault
    }

    pub(crate) fn set(&self, name: &str) -> SetId {
        ClearPart::set_id(self.agent.device, name.as_bytes())
    }

    pub(crate) fn grant(&self, set: &str) -> Lease {
        self.remote.grant(self.set(set)).unwrap()
    }

    pub(crate) fn send(&self, lease: &Lease, pack: &BuiltPack) -> bool {
        self.remote.send_pack(lease.id, pack.id, pack.bytes.clone().into()).unwrap().stored
    }

    /// Sends what a snapshot needs and commits it.
    pub(crate) fn back_up(&self, tree: &Tree, shape: Shape<'_>) -> SnapshotId {
        let lease = self.grant(shape.set);
        self.send(&lease, &tree.data);
        self.send(&lease, &tree.hunks);
        self.remote.commit(lease.id, tree.snapshot, &tree.record).unwrap();
        tree.snapshot
    }

    /// The ids of the snapshots that the device sees, newest first.
    pub(crate) fn snapshots(&self) -> Vec<SnapshotId> {
        self.remote.snapshot_rows().unwrap().iter().map(|row| row.id).collect()
    }

    /// Reads the data frames of a snapshot; gives what failed.
    pub(crate) fn unreadable(&self, tree: &Tree) -> Vec<Code> {
        let wanted: Vec<_> = tree.data.table.frames.iter().map(|row| (tree.data.id, row.number)).collect();
        let mut failed = Vec::new();
        self.remote
            .frames(tree.snapshot, &wanted, &mut |_, frame| {
                failed.extend(frame.err().map(|error| error.code));
                Ok(())
            })
            .unwrap();
        failed
    }
}
