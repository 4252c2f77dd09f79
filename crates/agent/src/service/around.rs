//! What is around the device: looked at on a thread of its own, whenever it may have changed.

use super::event_loop::Input;
use crate::AgentError;
use crate::session::server_addresses;
use crate::state::State;
use crate::state::identity::Identity;
use std::net::ToSocketAddrs;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;
use surroundings::{Change, Power, Surroundings, Way};

/// How often it is looked at though nothing was heard: a name may lead to another address by now.
const LOOK_EVERY: Duration = Duration::from_secs(5 * 60);

/// What is around the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Around {
    /// How the server is reached; none when it is not.
    pub(super) way: Option<Way>,
    /// What the machine runs on.
    pub(super) power: Power,
    /// The machine woke since the last look.
    pub(super) woke: bool,
}

/// Begins to look. What is found comes to the loop.
pub(super) fn watch(state: State, inputs: Sender<Input>) -> Result<(), AgentError> {
    let (sender, changes) = channel();
    let defect = |error: std::io::Error| AgentError::Defect(format!("no thread to look around: {error}"));
    let changed = move |change| {
        // Nobody looks any more: the service is about to end.
        let _ = sender.send(change);
    };
    let surroundings = Surroundings::watch(changed).map_err(defect)?;
    let work = move || look_again(&state, &surroundings, &changes, &inputs);
    thread::Builder::new().name("around".into()).spawn(work).map(drop).map_err(defect)
}

fn look_again(
    state: &State,
    surroundings: &Surroundings,
    changes: &Receiver<Change>,
    inputs: &Sender<Input>,
) {
    let mut woke = false;
    loop {
        let around = Around { way: way(state, surroundings), power: surroundings.power(), woke };
        if inputs.send(Input::Around(Box::new(around))).is_err() {
            return;
        }
        let first = match changes.recv_timeout(LOOK_EVERY) {
            Ok(change) => Some(change),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        // One look for all that came meanwhile.
        woke = first.into_iter().chain(changes.try_iter()).any(|change| change == Change::Woke);
    }
}

/// The way to the first of the server's addresses to which there is one.
fn way(state: &State, surroundings: &Surroundings) -> Option<Way> {
    let told = |error: &dyn std::fmt::Display| tracing::debug!(%error, "the way to the server is not known");
    let identity = Identity::read(state).inspect_err(|error| told(error)).ok()?;
    let urls = server_addresses(&identity.server.urls);
    let hosts = urls.iter().filter_map(|url| host_and_port(url));
    let addresses = hosts.filter_map(|host| host.to_socket_addrs().inspect_err(|error| told(error)).ok());
    addresses
        .flatten()
        .find_map(|address| surroundings.way_to(address.ip()).inspect_err(|error| told(error)).ok().flatten())
}

/// Host and port of a server's address.
fn host_and_port(url: &str) -> Option<(String, u16)> {
    const HTTPS: u16 = 443;
    let authority = url.split_once("://")?.1.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match authority.rsplit_once(':') {
        // A colon within brackets belongs to the address.
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
        _ => (authority, HTTPS),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_host() {
        for (url, host, port) in [
            ("https://backup.example.org", "backup.example.org", 443),
            ("https://backup.example.org:8443/", "backup.example.org", 8443),
            ("https://192.0.2.7:1", "192.0.2.7", 1),
            ("https://[2001:db8::7]", "2001:db8::7", 443),
            ("https://[2001:db8::7]:8443/x", "2001:db8::7", 8443),
        ] {
            assert_eq!(host_and_port(url), Some((host.to_owned(), port)), "{url}");
        }
        for url in ["backup.example.org", "https://", "https://a:b"] {
            assert_eq!(host_and_port(url), None, "{url}");
        }
    }
}
