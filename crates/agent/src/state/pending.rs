//! An activation under way: all secrets that it will use, written before the first request, so that a lost answer or
//! a kill at any point can be repeated with the same token and gives the same device and the same vault.

use super::State;
use super::checked::CheckedFile;
use super::identity::PinnedVault;
use super::secrets::{age_key, path};
use crate::AgentError;
use api::{Hash, Secret};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What the activation with one token has drawn so far.
#[derive(Debug, Serialize, Deserialize)]
pub struct Pending {
    /// BLAKE3 of the token's secret.
    pub token: Hash,
    /// The device's secret.
    pub secret: Secret,
    /// The device's key pair.
    #[serde(with = "age_key")]
    pub key_pair: format::wrap::Identity,
    /// The vault that this device wanted to create, once it came that far.
    pub plan: Option<VaultPlan>,
}

/// A vault of our own making, which the server may or may not know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VaultPlan {
    /// Its keys and format.
    pub vault: PinnedVault,
    /// With private custody, its recovery file.
    pub recovery: Option<RecoveryPlan>,
}

/// A recovery file, which is written before the vault is created.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecoveryPlan {
    /// The key pair in it.
    #[serde(with = "age_key")]
    pub key_pair: format::wrap::Identity,
    /// Where it is.
    #[serde(with = "path")]
    pub path: PathBuf,
}

impl Pending {
    /// The activation with this token that was begun before, or a new one, durable on return. Secrets that an
    /// activation with another token has drawn are dropped: the server knows that device by another recipient.
    pub fn resume(state: &State, token: &Secret) -> Result<Self, AgentError> {
        let token = token.hash();
        // A damaged one stands for a device that nobody has used: it is drawn anew.
        let earlier = match file(state).read::<Self>() {
            Err(AgentError::IdentityDamaged { .. }) => None,
            other => other?,
        };
        if let Some(pending) = earlier.filter(|pending| pending.token == token) {
            return Ok(pending);
        }
        let key_pair = format::wrap::Identity::generate();
        let pending = Self { token, secret: Secret::random(), key_pair, plan: None };
        pending.write(state)?;
        Ok(pending)
    }

    /// Keeps what was drawn since, durably.
    pub fn write(&self, state: &State) -> Result<(), AgentError> {
        file(state).write(self)
    }
}

/// Ends the activation under way.
pub fn forget(state: &State) -> Result<(), AgentError> {
    file(state).remove()
}

fn file(state: &State) -> CheckedFile {
    CheckedFile::new(state.identity_folder().join("pending"), "activation")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_token_finds_the_same_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path().to_owned());
        state.prepare().unwrap();
        let (token, other) = (Secret::random(), Secret::random());
        let first = Pending::resume(&state, &token).unwrap();
        let again = Pending::resume(&state, &token).unwrap();
        assert_eq!((&first.secret, first.key_pair.recipient()), (&again.secret, again.key_pair.recipient()));
        let changed = Pending::resume(&state, &other).unwrap();
        assert_ne!(first.secret, changed.secret);
        std::fs::write(state.identity_folder().join("pending"), b"half").unwrap();
        assert_ne!(Pending::resume(&state, &other).unwrap().secret, changed.secret);
        forget(&state).unwrap();
        assert_eq!(std::fs::read_dir(state.identity_folder()).unwrap().count(), 0);
    }
}
