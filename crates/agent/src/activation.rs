//! A token becomes a device with a vault. Every secret is on disk before the first request that uses it, so the same
//! token can be tried again after a lost answer or a kill at any point, and leads to the same device and vault.
//! It speaks to the server through [`Registrar`] and knows nothing of commands.

mod recovery;
mod registrar;
mod vault;

pub use registrar::{OverNetwork, Registrar};

use crate::AgentError;
use crate::state::identity::{self, Identity, PinnedServer};
use crate::state::pending::{self, Pending};
use crate::state::{State, counter};
use api::activation::{ActivateAnswer, ActivateRequest, NewDevice};
use api::{Blob, Credential, Pin, Token};
use model::{Code, failpoint};
use std::path::{Path, PathBuf};

/// Between the answer that there is no vault and the wish to create one, another device may create it. A third time
/// would need a user who is deleted and made again meanwhile.
const ATTEMPTS: u32 = 3;

/// One activation.
pub struct Activation<'a> {
    /// Where the identity goes. The caller holds its lock.
    pub state: &'a State,
    /// The token.
    pub token: &'a Token,
    /// The device's name.
    pub name: String,
    /// The operating system and its version.
    pub os: String,
    /// The recovery file: to be written by the first device of a private vault, to be read by a further one.
    pub recovery_file: Option<&'a Path>,
    /// The server.
    pub registrar: &'a dyn Registrar,
}

/// What an activation came to.
#[derive(Debug)]
pub struct Activated {
    /// The device.
    pub identity: Identity,
    /// How its vault came to it.
    pub origin: Origin,
}

/// Where a vault's key came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// This device created the vault; with private custody the recovery file is here.
    Created {
        /// The recovery file.
        recovery_file: Option<PathBuf>,
    },
    /// The vault was there.
    Joined,
    /// This token had activated this machine before.
    Repeated,
}

impl Activation<'_> {
    /// Does it. Refuses when the state holds another activation.
    pub fn run(&self) -> Result<Activated, AgentError> {
        if let Some(identity) = self.earlier()? {
            return Ok(Activated { identity, origin: Origin::Repeated });
        }
        let mut pending = Pending::resume(self.state, self.token.secret())?;
        let mut raced = false;
        for _ in 0..ATTEMPTS {
            failpoint::hit("agent.before_activate");
            let answer = self.registrar.activate(&self.request(&pending)?);
            let answer = answer.inspect_err(|error| self.give_up_refused(&pending, error))?;
            failpoint::hit("agent.after_activate");
            let credential = Credential { device: answer.device_id, secret: pending.secret.clone() };
            let found = vault::obtain(self, &mut pending, &answer, &credential, raced)?;
            if let Some((vault, origin)) = found {
                let identity = self.identity(pending, answer, vault)?;
                identity.write(self.state)?;
                pending::forget(self.state)?;
                return Ok(Activated { identity, origin });
            }
            raced = true;
        }
        Err(AgentError::Answer { what: "the vault is there and is not there".into() })
    }

    /// The identity that this very token has given before.
    fn earlier(&self) -> Result<Option<Identity>, AgentError> {
        let identity = match Identity::find(self.state) {
            Err(AgentError::StateFileDamaged { path, reason }) => {
                tracing::warn!(path = %path.display(), reason, "the damaged identity is put aside");
                identity::set_aside(self.state)?;
                None
            }
            other => other?,
        };
        let Some(identity) = identity else { return Ok(None) };
        if identity.token != self.token.secret().hash() {
            if counter::is_damaged(self.state) {
                tracing::warn!("the identity is put aside: its counter is damaged");
                identity::set_aside(self.state)?;
                return Ok(None);
            }
            return Err(AgentError::AlreadyActivated {
                device: identity.device_name,
                user: identity.user,
                server: identity.server.urls.first().cloned().unwrap_or_default(),
            });
        }
        pending::forget(self.state)?;
        Ok(Some(identity))
    }

    /// Secrets that were drawn for a token which then activates nothing are not kept; those of an earlier try may be
    /// a device's. Where they cannot be removed they lie there unused until this machine is a device.
    fn give_up_refused(&self, pending: &Pending, error: &AgentError) {
        if pending.is_new
            && matches!(error.code(), Code::TokenUnknown | Code::TokenUsed | Code::TokenExpired)
            && let Err(error) = pending.give_up(self.state)
        {
            tracing::info!(%error, "what was drawn for a refused token stays");
        }
    }

    fn request(&self, pending: &Pending) -> Result<ActivateRequest, AgentError> {
        let device = NewDevice {
            name: self.name.clone(),
            os: self.os.clone(),
            recipient: pending.key_pair.recipient().to_string(),
            secret_hash: pending.secret.hash(),
        };
        device.check().map_err(|error| AgentError::Usage(error.to_string()))?;
        Ok(ActivateRequest { token_secret: self.token.secret().clone(), device })
    }

    fn identity(
        &self,
        pending: Pending,
        answer: ActivateAnswer,
        vault: identity::PinnedVault,
    ) -> Result<Identity, AgentError> {
        let authority = match self.token.pin() {
            Pin::Os => None,
            Pin::Authority(_) => Some(self.registrar.authority().map(Blob).ok_or_else(|| {
                AgentError::Defect("the server answered without showing its authority".into())
            })?),
        };
        Ok(Identity {
            device: answer.device_id,
            device_name: self.name.clone(),
            user: answer.user,
            secret: pending.secret,
            key_pair: pending.key_pair,
            server: PinnedServer { id: answer.server_id, urls: self.token.urls().to_vec(), authority },
            vault,
            token: pending.token,
        })
    }
}

impl std::fmt::Debug for Activation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Activation").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
