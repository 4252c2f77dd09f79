//! Activations under way, a file for each token: all secrets that it will use, written before the first request, so that
//! a lost answer or a kill at any point can be repeated with the same token and gives the same device and the same
//! vault. A wrong token in between costs another one nothing.

use super::State;
use super::checked::CheckedFile;
use super::identity::PinnedVault;
use super::secrets::{age_key, path};
use crate::AgentError;
use api::{Hash, Secret};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

const PREFIX: &str = "pending-";
const KIND: &str = "activation";

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
    /// No request has used them yet.
    #[serde(skip)]
    pub is_new: bool,
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
    /// The activation with this token that was begun before, or a new one, durable on return.
    pub fn resume(state: &State, token: &Secret) -> Result<Self, AgentError> {
        let token = token.hash();
        // A damaged one stands for a device that nobody has used: it is drawn anew.
        let earlier = match file(state, &token).read::<Self>() {
            Err(AgentError::StateFileDamaged { .. }) => None,
            other => other?,
        };
        if let Some(pending) = earlier.filter(|pending| pending.token == token) {
            return Ok(pending);
        }
        let key_pair = format::wrap::Identity::generate();
        let pending = Self { token, secret: Secret::random(), key_pair, is_new: true, plan: None };
        pending.write(state)?;
        Ok(pending)
    }

    /// Keeps what was drawn since, durably.
    pub fn write(&self, state: &State) -> Result<(), AgentError> {
        file(state, &self.token).write(self)
    }

    /// The server refused the token for good and knows nothing of this device.
    pub fn give_up(&self, state: &State) -> Result<(), AgentError> {
        file(state, &self.token).remove()
    }
}

/// Ends all activations under way: the machine is a device.
pub fn forget(state: &State) -> Result<(), AgentError> {
    let folder = state.identity_folder();
    let failed = |source| AgentError::state(&folder, source);
    let names = match platform::Dir::open_root(&folder).and_then(|dir| dir.names()) {
        Err(error) if error.is_not_found() => return Ok(()),
        names => names.map_err(failed)?,
    };
    for entry in &names {
        if entry.name.starts_with(PREFIX.as_bytes()) {
            let path = folder.join(platform::path::from_bytes(entry.name));
            CheckedFile::new(path, KIND).remove()?;
        }
    }
    Ok(())
}

/// Named after the beginning of the token's hash.
fn file(state: &State, token: &Hash) -> CheckedFile {
    let mut name = PREFIX.to_owned();
    token.0[..8].iter().for_each(|byte| name.push_str(&format!("{byte:02x}")));
    CheckedFile::new(state.identity_folder().join(name), KIND)
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
        assert_eq!(
            Pending::resume(&state, &token).unwrap().secret,
            first.secret,
            "another one costs it nothing"
        );
        std::fs::write(file(&state, &other.hash()).path(), b"half").unwrap();
        let drawn = Pending::resume(&state, &other).unwrap();
        assert_ne!(drawn.secret, changed.secret);
        drawn.give_up(&state).unwrap();
        assert_eq!(Pending::resume(&state, &token).unwrap().secret, first.secret);
        forget(&state).unwrap();
        assert_eq!(std::fs::read_dir(state.identity_folder()).unwrap().count(), 0);
    }
}
