//! How a machine becomes a device, and how its user's vault comes to be. Of a private vault the server never opens a
//! key; of a managed one it wraps the key for each further device.

use crate::events::ServerEvent;
use crate::instance::Instance;
use crate::vaults::OpenVault;
use crate::{Error, Result, blocking, events, policies};
use api::activation::{self, ActivateAnswer, ActivateRequest};
use api::vaults::CreateVaultRequest;
use format::keys::Keyring;
use format::record::FormatRecord;
use format::wrap::{Identity, Recipient};
use meta::{Activation, Device, NewDevice, NewVault, VaultState};
use model::{Code, Custody, VaultId};
use serde_json::json;
use std::sync::Arc;
use vault::Holder;

/// Turns a token into a device. Repeated, it gives the same device.
pub async fn activate(instance: &Arc<Instance>, request: &ActivateRequest) -> Result<ActivateAnswer> {
    let new = &request.device;
    new.check()?;
    let recipient = Recipient::parse(&new.recipient)
        .map_err(|_| Error::refused(Code::RequestInvalid, "device.recipient is no age recipient"))?;
    let device = NewDevice {
        recipient: recipient.to_string(),
        name: new.name.clone(),
        os: new.os.clone(),
        secret_hash: new.secret_hash.0,
    };
    let now = instance.clock.now();
    let activated = instance.meta.activate(&request.token_secret.hash().0, &device, now).await?;
    let Activation { device, user, vault, repeated } = activated;
    if let Some(vault) = &vault {
        if vault.custody == Custody::Managed {
            give_key(instance, vault.id, &device, recipient).await?;
        }
        instance.meta.set_device_vault(device.id, vault.id).await?;
    }
    tracing::info!(device = %device.id, user = %user.name, repeated, "device activated");
    instance.channels.wake(device.id);
    instance.mirror_device(device.id).await?;
    if !repeated {
        let replaces = !device.former_secrets.is_empty();
        let params = json!({"name": device.name, "replaces": replaces});
        events::note(instance, device.id, ServerEvent::Activated, params).await;
    }
    let custody_default = policies::of_user(instance, &user).await?.policy.custody;
    Ok(ActivateAnswer {
        device_id: device.id,
        user: user.name,
        user_id: user.id,
        vault: vault.map(|vault| activation::OpenVault { id: vault.id, custody: vault.custody }),
        custody_default,
        org_recipient: instance.org.recipient().to_string(),
        server_id: instance.record.id,
        server_time: now,
    })
}

/// Wraps the key of a managed vault for a device.
async fn give_key(
    instance: &Arc<Instance>,
    id: VaultId,
    device: &Device,
    recipient: Recipient,
) -> Result<()> {
    let open = instance.vault(id).await?;
    let (identity, device) = (instance.org.identity().clone(), device.id);
    blocking(move || {
        let keyring = org_keyring(&identity, open.vault())?.ok_or_else(|| damaged("keys/org is missing"))?;
        Ok::<_, Error>(open.vault().put_key(Holder::Device(device), &recipient.wrap_keyring(&keyring)?)?)
    })
    .await
}

/// The keys of a managed vault, as the organisation opens them; `None` when they are missing. Blocks.
pub fn org_keyring(identity: &Identity, vault: &vault::Vault) -> Result<Option<Keyring>> {
    let Some(wrapped) = vault.key(Holder::Org)? else { return Ok(None) };
    let keyring = identity.unwrap_keyring(&wrapped)?;
    if keyring.vault() != vault.id() {
        return Err(damaged("keys/org belongs to another vault"));
    }
    Ok(Some(keyring))
}

fn damaged(problem: &str) -> Error {
    Error::refused(Code::DataDamaged, problem)
}

/// Makes the vault of the device's user, or finds that this very vault is there.
pub async fn create_vault(
    instance: &Arc<Instance>,
    device: &Device,
    request: &CreateVaultRequest,
) -> Result<()> {
    request.check(device.id)?;
    let wanted = policies::of_user_id(instance, device.user).await?.policy.custody;
    if wanted == Custody::Managed && request.custody == Custody::Private {
        return Err(Error::refused(Code::RequestInvalid, "the vaults of this user are managed"));
    }
    let record = read_record(request, device)?;
    if request.custody == Custody::Managed {
        check_org_key(instance.org.identity(), request)?;
    }
    // One at a time: whoever finds no vault is the one to make it.
    let _creating = instance.vaults.creating().await;
    let found = instance.meta.open_vault(device.user).await?;
    match found {
        Some(found) if found.id != request.vault => {
            return Err(meta::Error::VaultExists { vault: found.id }.into());
        }
        Some(found) if found.custody != request.custody => {
            return Err(meta::Error::VaultExists { vault: found.id }.into());
        }
        Some(_) => {}
        None => {
            if let Some(other) = instance.meta.vault(request.vault).await? {
                return Err(meta::Error::VaultExists { vault: other.id }.into());
            }
            make_vault(instance, device, request, record).await?;
        }
    }
    instance.meta.set_device_vault(device.id, request.vault).await?;
    instance.mirror_device(device.id).await
}

/// Objects first, so that a vault in the database is always there: what a crash leaves is adopted at the next start.
async fn make_vault(
    instance: &Arc<Instance>,
    device: &Device,
    request: &CreateVaultRequest,
    record: FormatRecord,
) -> Result<()> {
    let now = instance.clock.now();
    let record = FormatRecord { created: now, ..record };
    let keys: Vec<_> = request.keys.iter().map(|key| (holder(key.holder), key.bytes.0.clone())).collect();
    let new = NewVault { id: record.vault, user: device.user, custody: record.custody, created: now };
    instance.vaults.create(record, keys).await?;
    let made = instance.meta.create_vault(&new).await?;
    debug_assert_eq!(made.state, VaultState::Open);
    tracing::info!(vault = %new.id, device = %device.id, custody = %new.custody, "vault made");
    Ok(())
}

/// The agent's record with the user that the server knows; the agent knows a name only.
fn read_record(request: &CreateVaultRequest, device: &Device) -> Result<FormatRecord> {
    let invalid = |detail: &str| Error::refused(Code::RequestInvalid, detail);
    let record = FormatRecord::decode(&request.format_record.0)
        .map_err(|error| invalid(&format!("format_record: {error}")))?;
    if record.vault != request.vault || record.custody != request.custody {
        return Err(invalid("format_record belongs to another vault or custody"));
    }
    Ok(FormatRecord { user: device.user, ..record })
}

/// A managed vault that the organisation cannot open would show only when it is needed.
fn check_org_key(identity: &Identity, request: &CreateVaultRequest) -> Result<()> {
    let wrapped = request.keys.iter().find(|key| key.holder == api::vaults::Holder::Org);
    let opens = wrapped.and_then(|key| identity.unwrap_keyring(&key.bytes.0).ok());
    if opens.is_some_and(|keyring| keyring.vault() == request.vault && keyring.custody() == Custody::Managed)
    {
        return Ok(());
    }
    Err(Error::refused(Code::RequestInvalid, "the key for org does not open for the organisation"))
}

/// The same holder in the words of the vault.
pub fn holder(holder: api::vaults::Holder) -> Holder {
    match holder {
        api::vaults::Holder::Org => Holder::Org,
        api::vaults::Holder::Recovery => Holder::Recovery,
        api::vaults::Holder::Device(device) => Holder::Device(device),
    }
}

/// The vault, if it is one of the device's user.
pub async fn vault_of(instance: &Arc<Instance>, device: &Device, id: VaultId) -> Result<Arc<OpenVault>> {
    match instance.meta.vault(id).await? {
        Some(vault) if vault.user == device.user => instance.vault(id).await,
        _ => Err(meta::Error::VaultUnknown { vault: id }.into()),
    }
}
