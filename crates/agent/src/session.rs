//! What a command works with: the state's identity, and the vault it belongs to over a connection to its server.

use crate::state::State;
use crate::state::counter::Counter;
use crate::state::identity::Identity;
use crate::{AgentError, Interrupts};
use api::Credential;
use client::{Connection, Options, RemoteVault, RetryPolicy, Sleep, Trust};
use engine::Gate;
use format::keys::Keyring;
use model::{Clock, Code};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

/// Overrides the addresses that the agent knows; what it trusts stays the same.
const ADDRESS_VARIABLE: &str = "HOLDFAST_SERVER";
/// Before its first answer a server is tried for this long.
const FIRST_CONTACT: Duration = Duration::from_secs(4);
/// A wait between two tries looks this often whether a signal came.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How a command speaks to a server.
#[derive(Clone)]
pub struct Dialling {
    /// How often to try.
    pub retry: RetryPolicy,
    /// Signals end the waits between two tries.
    pub interrupts: Arc<Interrupts>,
    /// The time by which certificates are judged.
    pub clock: Clock,
    /// What every byte passes that is sent or taken in; where it is stopped, waits between two tries end.
    pub gate: Gate,
}

impl Dialling {
    /// A connection to the server with these addresses, or the one that `HOLDFAST_SERVER` names.
    pub fn connect(
        &self,
        urls: &[String],
        trust: Trust,
        credential: Option<Credential>,
    ) -> Result<Arc<Connection>, AgentError> {
        let urls = server_addresses(urls);
        let (interrupts, gate) = (Arc::clone(&self.interrupts), self.gate.clone());
        let waits = Arc::new(Waits { interrupts, gate, ..Waits::default() });
        let options = Options {
            credential,
            retry: self.retry,
            sleep: Sleep::new({
                let waits = Arc::clone(&waits);
                move |pause| waits.wait(pause)
            }),
            clock: self.clock.clone(),
            gate: self.gate.clone(),
            ..Options::new(urls, trust)
        };
        let connection = Connection::open(options).map_err(|error| match error.code {
            Code::Usage => AgentError::Usage(error.detail),
            _ => error.into(),
        })?;
        let connection = Arc::new(connection);
        // Set once, here.
        let _ = waits.connection.set(Arc::downgrade(&connection));
        Ok(connection)
    }
}

/// The addresses that are tried: these, or the one that `HOLDFAST_SERVER` names.
pub(crate) fn server_addresses(urls: &[String]) -> Vec<String> {
    match std::env::var_os(ADDRESS_VARIABLE).filter(|url| !url.is_empty()) {
        // What is no text is refused as what is no address.
        Some(url) => vec![url.to_string_lossy().into_owned()],
        None => urls.to_vec(),
    }
}

/// The waits between two tries of a connection: not beyond a signal, and not for long before the server has answered
/// at all. A run that has begun is worth patience; a server that was never there is told at once.
#[derive(Debug, Default)]
struct Waits {
    interrupts: Arc<Interrupts>,
    gate: Gate,
    connection: OnceLock<Weak<Connection>>,
    began: OnceLock<Instant>,
}

impl Waits {
    /// Waits for `pause`; false when it is not worth it.
    fn wait(&self, pause: Duration) -> bool {
        let began = Instant::now();
        let waited = self.began.get_or_init(|| began).elapsed();
        if !self.was_reached() && waited + pause > FIRST_CONTACT {
            return false;
        }
        if pause > FIRST_CONTACT {
            tracing::warn!(seconds = pause.as_secs(), "the server does not answer and will be asked again");
        }
        while !self.interrupts.caught() && !self.gate.is_stopped() {
            let Some(left) = pause.checked_sub(began.elapsed()) else { return true };
            std::thread::sleep(left.min(LOOK_EVERY));
        }
        false
    }

    fn was_reached(&self) -> bool {
        let connection = self.connection.get().and_then(Weak::upgrade);
        connection.is_some_and(|connection| connection.traffic().received_bytes > 0)
    }
}

impl std::fmt::Debug for Dialling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialling").field("retry", &self.retry).finish_non_exhaustive()
    }
}

/// An activated device at its server. Nothing is sent before the first call.
#[derive(Debug)]
pub(crate) struct Session {
    /// The state.
    pub(crate) state: State,
    /// Who this device is.
    pub(crate) identity: Identity,
    /// Its vault.
    pub(crate) vault: RemoteVault,
}

impl Session {
    /// The session of this state's identity.
    pub(crate) fn open(state: State, dialling: &Dialling) -> Result<Self, AgentError> {
        let identity = Identity::read(&state)?;
        let server = &identity.server;
        let connection = dialling.connect(&server.urls, server.trust(), Some(identity.credential()))?;
        let counter = Box::new(Counter::of(&state));
        let vault = RemoteVault::new(connection, identity.vault.keyring.vault(), counter);
        Ok(Self { state, identity, vault })
    }

    /// The vault's keys.
    pub(crate) const fn keyring(&self) -> &Keyring {
        &self.identity.vault.keyring
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_never_answered_is_not_waited_for() {
        let waits = Waits::default();
        assert!(waits.wait(Duration::ZERO));
        assert!(!waits.wait(FIRST_CONTACT + Duration::from_secs(1)), "told at once");
    }
}
