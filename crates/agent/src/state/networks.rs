//! The networks that this device has been on, and on which of them the user wants no backups.

use super::{FILE_MODE, State, read};
use crate::AgentError;
use model::Timestamp;
use platform::durable;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use surroundings::Network;

const LIMIT_BYTES: u64 = 1 << 20;

/// Networks that are remembered, besides those that are blocked.
const REMEMBERED: usize = 20;

/// All of them, the one that the device was on last first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Networks {
    /// The networks.
    pub known: Vec<Known>,
}

/// A network that the device was on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The network, as it was last.
    pub network: Network,
    /// When the device came to it last.
    pub seen: Timestamp,
    /// The user wants no backups on it.
    pub is_blocked: bool,
    /// A backup has run on it.
    pub was_used: bool,
}

impl Networks {
    /// What was noted. Nothing where that cannot be read: no device must go without backups for it, and what the user
    /// blocked is asked for anew with the next backup on it.
    pub fn read(state: &State) -> Result<Self, AgentError> {
        let path = path(state);
        let too_long = |reason: String| AgentError::SettingsInvalid { path: path.clone(), reason };
        let Some(bytes) = read(&path, LIMIT_BYTES, too_long)? else { return Ok(Self::default()) };
        Ok(serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            tracing::error!(path = %path.display(), %error, "the networks are not known any more");
            Self::default()
        }))
    }

    /// Notes them, durably. The caller holds the state's lock.
    pub fn write(&self, state: &State) -> Result<(), AgentError> {
        let bytes = serde_json::to_vec(self).map_err(|error| AgentError::Defect(error.to_string()))?;
        let path = path(state);
        durable::write_file(&path, &bytes, FILE_MODE).map_err(|error| AgentError::state(&path, error))
    }

    /// The device came to this network, or more is known of the one that it is on. Answers whether that is to be noted.
    pub fn note(&mut self, network: &Network, now: Timestamp) -> bool {
        let place = self.known.iter().position(|known| known.network.is_same_as(network));
        let mut known = match place {
            Some(0) if self.known[0].network == *network => return false,
            Some(place) => self.known.remove(place),
            None => Known { network: network.clone(), seen: now, is_blocked: false, was_used: false },
        };
        (known.network, known.seen) = (network.clone(), now);
        self.known.insert(0, known);
        let mut count = 0;
        self.known.retain(|known| {
            count += usize::from(!known.is_blocked);
            known.is_blocked || count <= REMEMBERED
        });
        true
    }

    /// A backup runs on this network. Answers whether that is the first.
    pub fn note_used(&mut self, network: &Network) -> bool {
        let known = self.known.iter_mut().find(|known| known.network.is_same_as(network));
        known.is_some_and(|known| !std::mem::replace(&mut known.was_used, true))
    }

    /// The network that the user means by this name, or by the hardware address of its router; without either the one
    /// that the device was on last.
    pub fn find(&mut self, name: Option<&str>) -> Option<&mut Known> {
        let is_meant = |known: &Known| {
            let network = &known.network;
            name.is_none_or(|name| network.name == name || network.gateway_mac.as_deref() == Some(name))
        };
        self.known.iter_mut().find(|known| is_meant(known))
    }

    /// Those on which the user wants no backups.
    pub fn blocked(&self) -> Vec<Network> {
        let blocked = self.known.iter().filter(|known| known.is_blocked);
        blocked.map(|known| known.network.clone()).collect()
    }
}

fn path(state: &State) -> PathBuf {
    state.settings_folder().join("networks.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use surroundings::NetworkKind;

    fn wire(mac: &str) -> Network {
        Network {
            name: "eth0".into(),
            kind: NetworkKind::Ethernet,
            interface: "eth0".into(),
            ssid: None,
            connection: None,
            gateway_mac: Some(mac.into()),
            prefix: None,
        }
    }

    #[test]
    fn the_last_network_is_first_and_blocked_ones_are_never_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path().to_owned());
        state.prepare().unwrap();
        let mut networks = Networks::read(&state).unwrap();
        let now = Timestamp::from_secs(7);
        assert!(networks.note(&wire("a"), now));
        assert!(!networks.note(&wire("a"), now), "it is on it already");
        networks.find(None).unwrap().is_blocked = true;
        for number in 0..2 * REMEMBERED {
            networks.note(&wire(&format!("n{number}")), now);
        }
        assert_eq!(networks.known.len(), REMEMBERED + 1);
        assert_eq!(networks.blocked(), [wire("a")]);
        assert!(networks.note_used(&wire("n39")));
        assert!(!networks.note_used(&wire("n39")));
        assert!(!networks.note_used(&wire("never")), "it was not noted");
        assert!(networks.note(&Network { name: "Home".into(), ..wire("a") }, now));
        assert_eq!(networks.known[0].network.name, "Home");
        assert!(networks.find(Some("a")).unwrap().is_blocked && networks.find(Some("Home")).is_some());
        assert!(networks.find(Some("Nowhere")).is_none());
        networks.write(&state).unwrap();
        assert_eq!(Networks::read(&state).unwrap(), networks);
    }
}
