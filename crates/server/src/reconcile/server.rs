//! Users, devices and vaults: what the objects say and the database does not know, and the other way round.

use crate::data::authority_file;
use crate::instance::Instance;
use crate::mirror::{Mirror, RecordObject, StoredDevice, Unreadable};
use crate::settings::Settings;
use crate::tls::Authority;
use crate::{Result, blocking};
use blobs::Key;
use format::record::FormatRecord;
use meta::{Adopted, Adoption, Device, Group, Standing, State, User, Vault, VaultState};
use model::{GroupId, UserId, VaultId};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What the objects say.
struct Stored {
    groups: Vec<Group>,
    users: Vec<User>,
    devices: Vec<StoredDevice>,
    /// Vaults that the database does not know.
    vaults: Vec<FormatRecord>,
    record: Option<RecordObject>,
    unreadable: Vec<Unreadable>,
}

/// What came of it.
#[derive(Debug)]
pub struct Together {
    /// What the database did not know.
    pub adopted: Adopted,
    /// Objects that say nothing. Those of which the database knows have been written anew.
    pub unreadable: Vec<Unreadable>,
}

/// Brings users, devices and vaults together. Each vault's snapshots follow when it is opened.
pub async fn run(instance: &Arc<Instance>) -> Result<Adopted> {
    bring_together(instance).await.map(|together| together.adopted)
}

/// Objects that say nothing. Nothing is changed.
pub async fn unreadable(instance: &Arc<Instance>) -> Result<Vec<Unreadable>> {
    let known = known_vaults(instance).await?;
    Ok(stored(instance, &known).await?.unreadable)
}

/// As [`run`]; tells which objects are unreadable too.
pub async fn bring_together(instance: &Arc<Instance>) -> Result<Together> {
    let meta = &instance.meta;
    let known_vaults = known_vaults(instance).await?;
    let mut stored = stored(instance, &known_vaults).await?;
    let unreadable = std::mem::take(&mut stored.unreadable);
    for Unreadable { key, error } in &unreadable {
        tracing::error!(key, %error, "an object cannot be read; the server goes on without it");
    }
    let groups: Vec<Group> = meta.groups().await?.into_iter().map(|(group, _)| group).collect();
    let users = meta.users().await?;
    let devices = meta.devices(None).await?;
    let mut adoption = adoption(&stored, &users, &devices, &known_vaults);
    adoption.groups = unknown_groups(&stored, &groups);
    let adopted = meta.adopt(&adoption).await?;
    if adopted != Adopted::default() {
        tracing::warn!(?adopted, "the database did not know all that the object store has; it was adopted");
    }
    take_over_states(instance, &stored, &users, &devices).await?;
    take_over_policies(instance, &stored, &groups).await?;
    align_record(instance, stored.record.take()).await;
    write_missing(instance, stored).await?;
    mend_authority(instance).await?;
    Ok(Together { adopted, unreadable })
}

async fn known_vaults(instance: &Arc<Instance>) -> Result<HashMap<VaultId, Vault>> {
    Ok(instance.meta.vaults(None).await?.into_iter().map(|vault| (vault.id, vault)).collect())
}

async fn stored(instance: &Arc<Instance>, known_vaults: &HashMap<VaultId, Vault>) -> Result<Stored> {
    let ids = instance.vaults.list().await?;
    let unknown: Vec<VaultId> = ids.into_iter().filter(|id| !known_vaults.contains_key(id)).collect();
    let instance = instance.clone();
    blocking(move || read(&instance, &unknown)).await
}

fn read(instance: &Instance, unknown: &[VaultId]) -> Result<Stored> {
    let mirror = Mirror(&instance.store);
    let (mut vaults, mut unreadable) = (Vec::new(), Vec::new());
    for id in unknown {
        let key = Key::parse(&format!("vaults/{id}/format"))?;
        match read_format(instance, *id) {
            Ok(record) => vaults.push(record),
            Err(error) => unreadable.push(Unreadable::of(&key, error)?),
        }
    }
    let mut record = mirror.any_record()?;
    let users = mirror.users()?;
    let groups = mirror.groups()?;
    let devices = mirror.devices()?;
    unreadable.extend(record.unreadable);
    unreadable.extend(groups.unreadable);
    unreadable.extend(users.unreadable);
    unreadable.extend(devices.unreadable);
    Ok(Stored {
        groups: groups.found,
        users: users.found,
        devices: devices.found,
        vaults,
        record: record.found.pop(),
        unreadable,
    })
}

fn read_format(instance: &Instance, id: VaultId) -> Result<FormatRecord> {
    vault::read_record(Arc::new(instance.store.clone()), id).map_err(|error| match error {
        vault::Error::Store(error) => error.into(),
        error => error.into(),
    })
}

fn adoption(
    stored: &Stored,
    users: &[User],
    devices: &[Device],
    known_vaults: &HashMap<VaultId, Vault>,
) -> Adoption {
    let known_users: HashSet<UserId> = users.iter().map(|user| user.id).collect();
    let known_devices: HashSet<_> = devices.iter().map(|device| device.id).collect();
    let mut names: HashSet<String> = users.iter().map(|user| user.name.to_lowercase()).collect();
    let mut adoption = Adoption::default();
    for user in stored.users.iter().filter(|user| !known_users.contains(&user.id)) {
        // The name of somebody else must keep neither the server from its start nor this user out.
        let is_free = names.insert(user.name.to_lowercase());
        let name = if is_free { user.name.clone() } else { substitute_name(user.id) };
        adoption.users.push(User { name, ..user.clone() });
    }
    let mut all_users: HashSet<UserId> =
        known_users.iter().copied().chain(adoption.users.iter().map(|user| user.id)).collect();
    // The newest vault of a user is the open one, unless the database has one that is.
    let mut has_open: HashSet<UserId> =
        known_vaults.values().filter(|v| v.state == VaultState::Open).map(|v| v.user).collect();
    let mut newest_first: Vec<_> = stored.vaults.iter().collect();
    newest_first.sort_by_key(|record| std::cmp::Reverse((record.created, record.vault)));
    for record in newest_first {
        let FormatRecord { vault: id, user, custody, created, .. } = *record;
        if all_users.insert(user) {
            // Its object was lost. The vault is not lost with it.
            adoption.users.push(User::new(user, &substitute_name(user), created));
        }
        let state = if has_open.insert(user) { VaultState::Open } else { VaultState::Closed };
        adoption.vaults.push(Vault { id, user, custody, state, created });
    }
    let all_vaults: HashSet<VaultId> =
        known_vaults.keys().copied().chain(adoption.vaults.iter().map(|vault| vault.id)).collect();
    let devices = stored.devices.iter().map(|stored| &stored.device);
    for device in devices.filter(|device| !known_devices.contains(&device.id)) {
        if all_users.contains(&device.user) {
            let vault = device.vault.filter(|vault| all_vaults.contains(vault));
            adoption.devices.push(Device { vault, ..device.clone() });
        }
    }
    adoption
}

/// The groups that the database does not know. A name that is taken must keep neither the server nor the group out.
fn unknown_groups(stored: &Stored, groups: &[Group]) -> Vec<Group> {
    let mut names: HashSet<String> = groups.iter().map(|group| group.name.to_lowercase()).collect();
    let unknown = stored.groups.iter().filter(|group| !groups.iter().any(|known| known.id == group.id));
    let named = unknown.map(|group| {
        let is_free = names.insert(group.name.to_lowercase());
        let name =
            if is_free { group.name.clone() } else { format!("recovered-{}", &group.id.to_string()[..8]) };
        Group { name, ..group.clone() }
    });
    named.collect()
}

/// What groups set, when the objects have it from a later change than the database, which may be an older copy.
async fn take_over_policies(instance: &Arc<Instance>, stored: &Stored, groups: &[Group]) -> Result<()> {
    for Group { id, changed, policy, .. } in &stored.groups {
        if groups.iter().any(|known| known.id == *id && known.changed < *changed) {
            tracing::warn!(group = %id, "the object store knows a later policy of a group");
            instance.meta.set_group_policy(*id, policy, *changed).await?;
        }
    }
    Ok(())
}

fn substitute_name(user: UserId) -> String {
    format!("recovered-{}", &user.to_string()[..8])
}

/// Where users and devices stand, and which machine a device is, when the objects have it from a later change than the
/// database, which may be an older copy. A word that is not known changes nothing.
async fn take_over_states(
    instance: &Arc<Instance>,
    stored: &Stored,
    users: &[User],
    devices: &[Device],
) -> Result<()> {
    for StoredDevice { device, .. } in stored.devices.iter().filter(|stored| stored.is_state_known) {
        let known = devices.iter().find(|known| known.id == device.id);
        if known.is_some_and(|known| is_newer(device.standing, known.standing)) {
            tracing::warn!(device = %device.id, state = %device.standing.state, "the object store knows a later state of a device");
            instance.meta.take_over_device(device).await?;
        }
    }
    for user in &stored.users {
        let known = users.iter().find(|known| known.id == user.id);
        if known.is_some_and(|known| is_newer(user.standing, known.standing)) {
            tracing::warn!(user = %user.id, state = %user.standing.state, "the object store knows a later state of a user");
            instance.meta.set_user_standing(user.id, user.standing).await?;
        }
    }
    Ok(())
}

/// Whether what an object says came after what the database says. What is removed stays so. Objects of older servers
/// have no times: that a device has ended counts in them.
fn is_newer(stored: Standing, known: Standing) -> bool {
    if known.state == State::Removed {
        return false;
    }
    let ended_by_an_older_server = stored.state == State::Deactivated && known.state == State::Active;
    stored.state == State::Removed
        || stored.since > known.since
        || (ended_by_an_older_server && stored.since == known.since)
}

/// Writes the server's object anew where it does not say what is in force: a change of the settings was cut off
/// before it, or the database is an older one. Custody of single users stands nowhere else, so what only the object
/// knows of it is taken over: a user who was added as private must not get a managed vault. A store that is full must
/// not keep the server from its start, so what cannot be written is left for the next one.
async fn align_record(instance: &Arc<Instance>, stored: Option<RecordObject>) {
    if stored.as_ref() == Some(&RecordObject::new(&instance.record, &instance.settings())) {
        return;
    }
    if stored.is_some() {
        tracing::warn!("server/record does not say what is in force; it is written anew");
    }
    let custody_of = stored.map(|record| record.settings.custody_of).unwrap_or_default();
    let take_over = |settings: &mut Settings| {
        for (user, custody) in custody_of {
            settings.custody_of.entry(user).or_insert(custody);
        }
        Ok(())
    };
    if let Err(error) = instance.change_settings(take_over).await {
        tracing::error!(%error, "server/record could not be written anew; the next start tries again");
    }
}

/// Writes objects that a cut-off step has left out.
async fn write_missing(instance: &Arc<Instance>, stored: Stored) -> Result<()> {
    let groups = instance.meta.groups().await?;
    let users = instance.meta.users().await?;
    let devices = instance.meta.devices(None).await?;
    let store = instance.store.clone();
    blocking(move || {
        let mirror = Mirror(&store);
        // The group that is always there has an object from its first change on.
        let has_object = |group: &Group| group.id != GroupId::DEFAULT || !group.policy.to_fields().is_empty();
        let groups = groups.iter().map(|(group, _)| group).filter(|group| has_object(group));
        for group in groups.filter(|group| !stored.groups.contains(group)) {
            mirror.put_group(group)?;
        }
        for user in users.iter().filter(|user| !stored.users.contains(user)) {
            mirror.put_user(user)?;
        }
        // What a newer server has written stays for it.
        let is_there = |device: &Device| {
            stored.devices.iter().any(|StoredDevice { device: other, is_state_known }| {
                if *is_state_known { Mirror::is_same_device(device, other) } else { device.id == other.id }
            })
        };
        for device in devices.iter().filter(|device| !is_there(device)) {
            mirror.put_device(device)?;
        }
        Ok::<_, crate::Error>(())
    })
    .await
}

/// `recover` needs the sealed copy of the authority, and only this server has what it is a copy of. One that opens and
/// holds another authority is left for somebody to look at.
async fn mend_authority(instance: &Arc<Instance>) -> Result<()> {
    let instance = instance.clone();
    blocking(move || {
        let mirror = Mirror(&instance.store);
        let problem = match mirror.authority() {
            Ok(Some(sealed)) => match instance.org.identity().unwrap_bytes(&sealed) {
                Ok(_) => return Ok(()),
                Err(error) => error.to_string(),
            },
            Ok(None) => "it is missing".to_owned(),
            Err(error) => Unreadable::of(&Mirror::authority_key()?, error)?.error.to_string(),
        };
        // Damage here is told by whoever serves with it, and nothing is made of it.
        if Authority::open(&instance.data.tls()).is_err() {
            return Ok(());
        }
        let own = authority_file(&instance.data)?;
        mirror.put_authority(&instance.org.recipient().wrap_bytes(&own)?)?;
        tracing::warn!(problem, "server/ca.age was written anew from the authority of this server");
        Ok::<_, crate::Error>(())
    })
    .await
}
