//! Who this device is and what it pins: its id, secret and key pair, the server and its authority, the vault and its
//! keyring. Written once at activation and never changed after that.

use super::checked::CheckedFile;
use super::secrets::{age_key, format_record, keyring};
use super::{State, remove};
use crate::AgentError;
use api::{Blob, Credential, Hash, Secret};
use client::Trust;
use format::keys::Keyring;
use format::record::FormatRecord;
use model::{DeviceId, ServerId};
use serde::{Deserialize, Serialize};

/// The device as the server and the vault know it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Identity {
    /// Its id.
    pub device: DeviceId,
    /// Its name.
    pub device_name: String,
    /// The name of its user.
    pub user: String,
    /// What it proves itself with.
    pub secret: Secret,
    /// The key pair that keys are wrapped for.
    #[serde(with = "age_key")]
    pub key_pair: format::wrap::Identity,
    /// The server that it belongs to.
    pub server: PinnedServer,
    /// The vault that it writes to.
    pub vault: PinnedVault,
    /// BLAKE3 of the token that it was activated with: the same token again is the same activation.
    pub token: Hash,
}

/// The server as it was at activation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PinnedServer {
    /// Its installation.
    pub id: ServerId,
    /// Its addresses, in the order of the token.
    pub urls: Vec<String>,
    /// The certificate (DER) of its authority; none when the operating system's store decides.
    pub authority: Option<Blob>,
}

impl PinnedServer {
    /// What connections trust.
    pub fn trust(&self) -> Trust {
        self.authority.as_ref().map_or(Trust::Os, |certificate| Trust::Authority(certificate.0.clone()))
    }
}

/// The vault's secrets and what was fixed when it was created. The custody lies in both, and they agree.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PinnedVault {
    /// Its keys.
    #[serde(with = "keyring")]
    pub keyring: Keyring,
    /// Its format record.
    #[serde(with = "format_record")]
    pub format: FormatRecord,
}

impl Identity {
    /// The identity of this state.
    pub fn read(state: &State) -> Result<Self, AgentError> {
        Self::find(state)?.ok_or_else(|| AgentError::NotActivated { state: state.root().to_owned() })
    }

    /// The same; `None` when this machine is not activated.
    pub fn find(state: &State) -> Result<Option<Self>, AgentError> {
        file(state).read()
    }

    /// Makes this the identity of the state, durably. The caller holds the state's lock.
    pub fn write(&self, state: &State) -> Result<(), AgentError> {
        file(state).write(self)
    }

    /// What the device proves itself with.
    pub fn credential(&self) -> Credential {
        Credential { device: self.device, secret: self.secret.clone() }
    }
}

/// Removes the identity, its counter, and everything that belongs to this device alone.
pub fn forget(state: &State) -> Result<(), AgentError> {
    // The keys first: what is left of the rest after a kill stands for no device.
    file(state).remove()?;
    super::counter::forget(state)?;
    remove(&cloned_mark(state))
}

/// Puts an identity of which a file is damaged aside, so that the machine can be activated again. What it still holds is not lost.
pub fn set_aside(state: &State) -> Result<(), AgentError> {
    let path = file(state).path().to_owned();
    let moved = platform::Dir::open_parent_of(&path).and_then(|(dir, name)| {
        let aside = platform::temp_name(b"damaged-")?;
        dir.rename_noreplace(&name, &aside)?;
        dir.sync()
    });
    moved.map_err(|error| AgentError::state(&path, error))?;
    super::counter::forget(state)?;
    remove(&cloned_mark(state))
}

/// Notes that the server takes another machine for this device: ending the device would end that one's.
pub fn mark_cloned(state: &State) -> Result<(), AgentError> {
    let path = cloned_mark(state);
    platform::durable::write_file(&path, b"", super::FILE_MODE)
        .map_err(|error| AgentError::state(&path, error))
}

/// Whether the server has said that another machine uses a copy of this state.
pub fn is_cloned(state: &State) -> bool {
    cloned_mark(state).exists()
}

fn cloned_mark(state: &State) -> std::path::PathBuf {
    state.identity_folder().join("cloned")
}

fn file(state: &State) -> CheckedFile {
    CheckedFile::new(state.identity_folder().join("device"), "identity")
}

#[cfg(test)]
mod tests;
