//! The server's own objects in the store, from which `recover` rebuilds a lost database: who exists, which devices,
//! the settings, and the certificate authority sealed for the organisation. No vault's content, no usable secret.

use crate::settings::Settings;
use crate::{Error, Result};
use blobs::{BlobStore, Key, PutMode};
use meta::{Device, Group, ServerRecord, Standing, State, User};
use model::policy::PolicyPart;
use model::{Code, DeviceId, GroupId, ServerId, Timestamp, UserId, VaultId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const RECORD: &str = "server/record";
const AUTHORITY: &str = "server/ca.age";
const USERS: &str = "server/users/";
const GROUPS: &str = "server/groups/";
const DEVICES: &str = "server/devices/";
/// More than any of these objects has.
const LIMIT_BYTES: u64 = 1 << 20;

/// `server/record`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordObject {
    /// The server.
    pub id: ServerId,
    /// Its name.
    pub name: String,
    /// When `init` ran.
    pub created: Timestamp,
    /// The settings when it was written last.
    pub settings: Settings,
}

impl RecordObject {
    /// The object of this server.
    pub fn new(record: &ServerRecord, settings: &Settings) -> Self {
        let ServerRecord { id, name, created } = record.clone();
        Self { id, name, created, settings: settings.clone() }
    }

    /// The row that it stands for.
    pub fn to_record(&self) -> ServerRecord {
        ServerRecord { id: self.id, name: self.name.clone(), created: self.created }
    }
}

/// `server/users/<id>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct UserObject {
    id: UserId,
    name: String,
    created: Timestamp,
    #[serde(flatten)]
    standing: StandingFields,
    #[serde(default)]
    quota_bytes: Option<u64>,
    #[serde(default = "default_group")]
    group: GroupId,
}

const fn default_group() -> GroupId {
    GroupId::DEFAULT
}

/// `server/groups/<id>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct GroupObject {
    id: GroupId,
    name: String,
    created: Timestamp,
    changed: Timestamp,
    policy: serde_json::Map<String, serde_json::Value>,
}

impl GroupObject {
    fn into_group(self) -> Group {
        let Self { id, name, created, changed, policy } = self;
        let (policy, left_out) = PolicyPart::of_stored(policy);
        if !left_out.is_empty() {
            tracing::warn!(group = %id, ?left_out, "fields of the policy are not known to this server");
        }
        Group { id, name, created, changed, policy }
    }
}

impl UserObject {
    fn into_user(self) -> User {
        let Self { id, name, created, standing, quota_bytes, group } = self;
        // A word that only a newer server knows is no leave to work.
        let standing = standing.read(created).unwrap_or(Standing::of(State::Disabled, created));
        User { id, name, created, standing, quota_bytes, group }
    }
}

/// Where a user or device stands. Objects of older servers have no times, and those of users no state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StandingFields {
    #[serde(default = "active")]
    state: String,
    #[serde(default)]
    state_since: Option<Timestamp>,
    #[serde(default)]
    state_before: Option<String>,
}

fn active() -> String {
    State::Active.to_string()
}

impl StandingFields {
    fn new(standing: Standing) -> Self {
        let Standing { state, since, before } = standing;
        let state_before = before.map(|state| state.to_string());
        Self { state: state.to_string(), state_since: Some(since), state_before }
    }

    /// `None` when a word is not known here.
    fn read(&self, created: Timestamp) -> Option<Standing> {
        let before = match &self.state_before {
            Some(word) => Some(State::parse(word)?),
            None => None,
        };
        Some(Standing {
            state: State::parse(&self.state)?,
            since: self.state_since.unwrap_or(created),
            before,
        })
    }
}

/// A device as its object says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDevice {
    /// The device. One whose state is not known may not work.
    pub device: Device,
    /// False when the object has a word for the state that only a newer server knows.
    pub is_state_known: bool,
}

/// `server/devices/<id>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct DeviceObject {
    id: DeviceId,
    user: UserId,
    vault: Option<VaultId>,
    name: String,
    os: String,
    recipient: Option<String>,
    secret_hash: Option<api::Hash>,
    #[serde(default)]
    former_secrets: Vec<api::Hash>,
    #[serde(flatten)]
    standing: StandingFields,
    created: Timestamp,
}

impl DeviceObject {
    fn new(device: &Device) -> Self {
        let Device {
            id,
            user,
            vault,
            name,
            os,
            recipient,
            secret_hash,
            former_secrets,
            standing,
            created,
            ..
        } = device.clone();
        let secret_hash = secret_hash.map(api::Hash);
        let former_secrets = former_secrets.into_iter().map(api::Hash).collect();
        let standing = StandingFields::new(standing);
        Self { id, user, vault, name, os, recipient, secret_hash, former_secrets, standing, created }
    }

    fn into_stored(self) -> StoredDevice {
        let Self { id, user, vault, name, os, recipient, secret_hash, former_secrets, standing, created } =
            self;
        let known = standing.read(created);
        if known.is_none() {
            let word = standing.state;
            tracing::warn!(device = %id, state = word, "the state of a device is a word that this server does not know");
        }
        let device = Device {
            id,
            user,
            vault,
            name,
            os,
            recipient,
            secret_hash: secret_hash.map(|hash| hash.0),
            former_secrets: former_secrets.into_iter().map(|hash| hash.0).collect(),
            // A word that only a newer server knows is no leave to work.
            standing: known.unwrap_or(Standing::of(State::Deactivated, created)),
            created,
            last_seen: None,
            last_backup: None,
        };
        StoredDevice { device, is_state_known: known.is_some() }
    }
}

/// An object that is there and cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    /// Its key.
    pub key: String,
    /// Why.
    pub error: Error,
}

impl Unreadable {
    /// The object's own damage; an error that says nothing about this one object is given back.
    pub fn of(key: &Key, error: Error) -> Result<Self> {
        let is_damage = match &error {
            Error::Store(error) => error.is_of_blob(),
            Error::Format(_) => true,
            other => other.code() == Code::DataDamaged,
        };
        if is_damage { Ok(Self { key: key.as_str().to_owned(), error }) } else { Err(error) }
    }
}

/// All objects of one kind.
#[derive(Debug)]
pub struct Listed<T> {
    /// What they say.
    pub found: Vec<T>,
    /// Those that say nothing.
    pub unreadable: Vec<Unreadable>,
}

/// The objects below `server/`. Calls block.
#[derive(Clone, Copy)]
pub struct Mirror<'a>(pub &'a dyn BlobStore);

impl Mirror<'_> {
    /// Writes the server's record.
    pub fn put_record(&self, record: &RecordObject) -> Result<()> {
        self.put(RECORD, record)
    }

    /// Reads the server's record; `None` when the store never had a server.
    pub fn record(&self) -> Result<Option<RecordObject>> {
        self.get(&Key::parse(RECORD)?)
    }

    /// Reads the server's record where its damage stops nothing: it is found, missing, or unreadable.
    pub fn any_record(&self) -> Result<Listed<RecordObject>> {
        self.each([Key::parse(RECORD)?], |_, _| true)
    }

    /// Writes the authority, sealed for the organisation.
    pub fn put_authority(&self, sealed: &[u8]) -> Result<()> {
        Ok(self.0.put(&Key::parse(AUTHORITY)?, sealed, PutMode::Replace)?)
    }

    /// The name of the sealed authority.
    pub fn authority_key() -> Result<Key> {
        Ok(Key::parse(AUTHORITY)?)
    }

    /// Reads the sealed authority.
    pub fn authority(&self) -> Result<Option<Vec<u8>>> {
        self.read(&Key::parse(AUTHORITY)?)
    }

    /// Writes a user.
    pub fn put_user(&self, user: &User) -> Result<()> {
        let User { id, name, created, standing, quota_bytes, group } = user.clone();
        let standing = StandingFields::new(standing);
        self.put(&format!("{USERS}{id}"), &UserObject { id, name, created, standing, quota_bytes, group })
    }

    /// Reads all users.
    pub fn users(&self) -> Result<Listed<User>> {
        let Listed { found, unreadable } = self.all(USERS, |user: &UserObject| user.id.to_string())?;
        Ok(Listed { found: found.into_iter().map(UserObject::into_user).collect(), unreadable })
    }

    /// Writes a group.
    pub fn put_group(&self, group: &Group) -> Result<()> {
        let Group { id, name, created, changed, policy } = group.clone();
        let policy = policy.to_fields();
        self.put(&format!("{GROUPS}{id}"), &GroupObject { id, name, created, changed, policy })
    }

    /// Removes the object of a group. One that is not there is fine.
    pub fn remove_group(&self, id: GroupId) -> Result<()> {
        Ok(self.0.delete(&Key::parse(&format!("{GROUPS}{id}"))?)?)
    }

    /// Reads all groups.
    pub fn groups(&self) -> Result<Listed<Group>> {
        let Listed { found, unreadable } = self.all(GROUPS, |group: &GroupObject| group.id.to_string())?;
        Ok(Listed { found: found.into_iter().map(GroupObject::into_group).collect(), unreadable })
    }

    /// Writes a device.
    pub fn put_device(&self, device: &Device) -> Result<()> {
        self.put(&format!("{DEVICES}{}", device.id), &DeviceObject::new(device))
    }

    /// Reads all devices.
    pub fn devices(&self) -> Result<Listed<StoredDevice>> {
        let Listed { found, unreadable } =
            self.all(DEVICES, |device: &DeviceObject| device.id.to_string())?;
        Ok(Listed { found: found.into_iter().map(DeviceObject::into_stored).collect(), unreadable })
    }

    /// True when both would be the same object.
    pub fn is_same_device(one: &Device, other: &Device) -> bool {
        DeviceObject::new(one) == DeviceObject::new(other)
    }

    fn put<T: Serialize>(&self, key: &str, object: &T) -> Result<()> {
        let bytes = serde_json::to_vec_pretty(object)
            .map_err(|error| Error::Broken { problem: format!("{key}: {error}") })?;
        Ok(self.0.put(&Key::parse(key)?, &bytes, PutMode::Replace)?)
    }

    fn read(&self, key: &Key) -> Result<Option<Vec<u8>>> {
        match self.0.read_limited(key, LIMIT_BYTES) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(blobs::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>> {
        let Some(bytes) = self.read(key)? else { return Ok(None) };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| Error::refused(Code::DataDamaged, format!("{key}: {error}")))
    }

    /// All objects below a prefix, each named after the id in it.
    fn all<T: DeserializeOwned>(&self, prefix: &str, id: impl Fn(&T) -> String) -> Result<Listed<T>> {
        let keys = self.0.list(prefix)?.into_iter().map(|info| info.key);
        self.each(keys, |key, object| key.name() == id(object))
    }

    /// One damaged object must not keep the server from what the others say. One that does not fit its name is
    /// damaged: it would be taken for somebody else.
    fn each<T: DeserializeOwned>(
        &self,
        keys: impl IntoIterator<Item = Key>,
        fits: impl Fn(&Key, &T) -> bool,
    ) -> Result<Listed<T>> {
        let mut all = Listed { found: Vec::new(), unreadable: Vec::new() };
        for key in keys {
            match self.get(&key) {
                Ok(Some(object)) if !fits(&key, &object) => {
                    let error = Error::refused(Code::DataDamaged, format!("{key}: it holds another id"));
                    all.unreadable.push(Unreadable::of(&key, error)?);
                }
                Ok(object) => all.found.extend(object),
                Err(error) => all.unreadable.push(Unreadable::of(&key, error)?),
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mirrored_comes_back_without_what_is_not() {
        let store = blobs::MemoryStore::new();
        let mirror = Mirror(&store);
        assert_eq!(mirror.record().unwrap(), None);
        let created = Timestamp::from_secs(1_800_000_000);
        let user = User::new(UserId::random(), "anna", created);
        mirror.put_user(&user).unwrap();
        assert_eq!(mirror.users().unwrap().found, std::slice::from_ref(&user));
        let policy = PolicyPart { quota_bytes: Some(7), ..PolicyPart::default() };
        let group = Group { id: GroupId::random(), name: "sales".into(), created, changed: created, policy };
        mirror.put_group(&group).unwrap();
        assert_eq!(mirror.groups().unwrap().found, std::slice::from_ref(&group));
        mirror.remove_group(group.id).unwrap();
        mirror.remove_group(group.id).unwrap();
        assert!(mirror.groups().unwrap().found.is_empty());
        let device = Device {
            id: DeviceId::random(),
            user: user.id,
            vault: None,
            name: "laptop".into(),
            os: "Debian".into(),
            recipient: Some("age1x".into()),
            secret_hash: Some([7; 32]),
            former_secrets: vec![[8; 32], [9; 32]],
            standing: Standing { state: State::Deleted, since: created, before: Some(State::Disabled) },
            created,
            last_seen: Some(created),
            last_backup: Some(created),
        };
        mirror.put_device(&device).unwrap();
        let back = mirror.devices().unwrap().found;
        assert!(Mirror::is_same_device(&back[0].device, &device));
        let device = Device { last_seen: None, last_backup: None, ..device };
        assert_eq!(back, [StoredDevice { device, is_state_known: true }]);
    }

    #[test]
    fn one_damaged_object_hides_no_other() {
        let store = blobs::MemoryStore::new();
        let mirror = Mirror(&store);
        let created = Timestamp::from_secs(1_800_000_000);
        let user = User::new(UserId::random(), "anna", created);
        mirror.put_user(&user).unwrap();
        let keys = ["", "{", "null"].map(|bytes| {
            let key = Key::parse(&format!("{USERS}{}", UserId::random())).unwrap();
            store.put(&key, bytes.as_bytes(), PutMode::Replace).unwrap();
            key.as_str().to_owned()
        });
        let Listed { found, unreadable } = mirror.users().unwrap();
        assert_eq!(found, [user]);
        let mut damaged: Vec<_> = unreadable.iter().map(|object| object.key.clone()).collect();
        damaged.sort();
        let mut keys = keys.to_vec();
        keys.sort();
        assert_eq!(damaged, keys);
        assert!(unreadable.iter().all(|object| object.error.code() == Code::DataDamaged));
    }

    #[test]
    fn a_state_of_a_newer_server_is_no_leave_to_work() {
        let text = r#"{"id":"00000000000000000000000000000001","user":"00000000000000000000000000000002",
            "vault":null,"name":"n","os":"o","recipient":null,"secret_hash":null,"state":"asleep",
            "created":"2026-01-01T00:00:00Z"}"#;
        let object: DeviceObject = serde_json::from_str(text).unwrap();
        let StoredDevice { device, is_state_known } = object.into_stored();
        assert_eq!((device.standing.state, is_state_known), (State::Deactivated, false));
    }

    #[test]
    fn objects_of_an_older_server_are_read() {
        let text =
            r#"{"id":"00000000000000000000000000000001","name":"anna","created":"2026-01-01T00:00:00Z"}"#;
        let user = serde_json::from_str::<UserObject>(text).unwrap().into_user();
        assert_eq!((user.standing, user.group), (Standing::active(user.created), GroupId::DEFAULT));
    }
}
