//! The wrapped keys of a vault: whether those that are needed are there and open. A key that shows its damage only when
//! the last device is gone is the loss of the vault.

use crate::activation::org_keyring;
use crate::instance::Instance;
use crate::vaults::OpenVault;
use crate::{Error, Result, blocking};
use format::keys::Keyring;
use format::wrap::wrapped_len;
use meta::State;
use model::{Code, Custody};
use std::collections::HashSet;
use std::sync::Arc;
use vault::Holder;

/// What to do about a lost key of the organisation.
const ORG_LOST: &str = "no further device can join, and the server alone cannot read the vault: bring the object back \
                        from a copy of the store, and until then keep a device that has the vault, which can restore it";
/// What to do about a lost key of a recovery file.
const RECOVERY_LOST: &str = "the vault's recovery file opens nothing: bring the object back from a copy of the store, \
                             and until then keep a device that has the vault, which can restore it";
/// What to do about a lost key of a device.
const DEVICE_LOST: &str =
    "it goes on with what it keeps itself; to get rid of this, deactivate it and activate it again";

/// A wrapped key that is missing or damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFault {
    /// `key_missing` or `data_damaged`.
    pub code: Code,
    /// Which key, what is wrong, and what to do.
    pub message: String,
}

/// Looks at the organisation's key of a managed vault and the recovery key of a private one, and at the keys of the
/// devices that may work. The first is opened; the others can be opened by their holders alone, so only their form is
/// seen.
pub async fn key_faults(instance: &Arc<Instance>, open: &Arc<OpenVault>) -> Result<Vec<KeyFault>> {
    let devices = instance.meta.devices(None).await?;
    let active: HashSet<_> = devices
        .iter()
        .filter(|device| device.standing.state == State::Active)
        .map(|device| device.id)
        .collect();
    let (instance, open) = (instance.clone(), open.clone());
    blocking(move || {
        let vault = open.vault();
        let mut faults = Vec::new();
        let mut add = |holder: Holder, trouble: Trouble, advice: &str| {
            let (code, what) = match trouble {
                Trouble::Missing => (Code::KeyMissing, "is missing".to_owned()),
                Trouble::Damaged(error) => (Code::DataDamaged, format!("cannot be opened ({error})")),
            };
            faults.push(KeyFault { code, message: format!("the key keys/{holder} {what}; {advice}") });
        };
        let is_managed = vault.format().custody == Custody::Managed;
        // One key of the least size that a keyring has.
        let mut length = Keyring::create(vault.id(), vault.format().custody).encode().len()..=usize::MAX;
        if is_managed {
            match org_keyring(instance.org.identity(), vault) {
                Ok(Some(keyring)) => length = keyring.encode().len()..=keyring.encode().len(),
                Ok(None) => add(Holder::Org, Trouble::Missing, ORG_LOST),
                Err(error) => add(Holder::Org, Trouble::of(error)?, ORG_LOST),
            }
        }
        let holders = vault.key_holders()?;
        if !is_managed && !holders.contains(&Holder::Recovery) {
            add(Holder::Recovery, Trouble::Missing, RECOVERY_LOST);
        }
        for holder in holders {
            let advice = match holder {
                Holder::Recovery => RECOVERY_LOST,
                Holder::Device(device) if active.contains(&device) => DEVICE_LOST,
                Holder::Org | Holder::Device(_) => continue,
            };
            match look(vault, holder) {
                Ok(found) if length.contains(&found) => {}
                Ok(found) => {
                    let problem = format!("it holds {found} bytes, and no keyring has these");
                    let error = Error::refused(Code::DataDamaged, problem);
                    add(holder, Trouble::Damaged(error), advice);
                }
                Err(error) => add(holder, Trouble::of(error)?, advice),
            }
        }
        Ok::<_, Error>(faults)
    })
    .await
}

fn look(vault: &vault::Vault, holder: Holder) -> Result<usize> {
    Ok(wrapped_len(&vault.key(holder)?.unwrap_or_default())?)
}

enum Trouble {
    Missing,
    Damaged(Error),
}

impl Trouble {
    /// What says nothing about this one object is given back.
    fn of(error: Error) -> Result<Self> {
        match error {
            Error::Vault(vault::Error::Store(error)) if !error.is_of_blob() => Err(error.into()),
            error => Ok(Self::Damaged(error)),
        }
    }
}
