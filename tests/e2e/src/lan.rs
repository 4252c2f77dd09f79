//! A device in a network of its own, with its server behind the router, and a second network to move to.

use crate::command::program;
use crate::{Agent, Server, Site};
use std::ffi::OsString;
use std::path::Path;
use testkit::network::{INTERFACE, Network, ip};

/// The server's address, which is in neither of the device's networks.
const SERVER: &str = "203.0.113.1";

/// The interface of the second network.
pub const SECOND: &str = "lan1";

/// The networks, which exist until this is dropped.
pub struct Lan(Network);

impl Lan {
    /// None where namespaces cannot be made.
    pub fn begin() -> Option<Self> {
        let network = Network::begin()?;
        let (device, gateway) = (network.device().to_owned(), network.gateway().to_owned());
        for arguments in [
            format!("-n {gateway} link set lo up"),
            format!("-n {gateway} address add {SERVER}/32 dev lo"),
            format!("-n {device} link add {SECOND} type veth peer name gate1 netns {gateway}"),
            format!("-n {gateway} link set gate1 address 02:00:00:00:00:02 up"),
            format!("-n {gateway} address add 198.51.100.1/24 dev gate1"),
            format!("-n {device} link set {SECOND} up"),
            format!("-n {device} address add 198.51.100.2/24 dev {SECOND}"),
        ] {
            ip(&arguments);
        }
        Some(Self(network))
    }

    /// A server behind the router.
    pub fn site(&self) -> Site {
        let launcher = in_namespace(self.0.gateway());
        Site::of(|data: &Path| Server::init_at(data, SERVER, launcher, &[]))
    }

    /// A device of `anna`, activated.
    pub fn device(&self, site: &Site, name: &str) -> Agent {
        let mut agent = Agent::at(&site.path(&format!("state-{name}")));
        let mut launcher = in_namespace(self.0.device());
        launcher.push(program("holdfast").into());
        agent.launch_with(launcher);
        agent.activate(&site.server.token("anna"), &["--name", name]);
        agent
    }

    /// Lets the device send this much over its first network, such as `8mbit`.
    pub fn slow_down(&self, rate: &str) {
        let device = self.0.device();
        ip(&format!(
            "netns exec {device} tc qdisc add dev {INTERFACE} root tbf rate {rate} burst 64k latency 400ms"
        ));
    }

    /// The device moves to the second network.
    pub fn move_to_second(&self) {
        self.ip("route replace default via 198.51.100.1 metric 100");
    }

    /// The first network becomes one of the length `/16`.
    pub fn widen(&self) {
        self.ip(&format!("address delete 192.0.2.2/24 dev {INTERFACE}"));
        self.ip(&format!("address add 192.0.2.2/16 dev {INTERFACE}"));
        self.ip("route replace default via 192.0.2.1 metric 100");
    }

    /// Runs `ip` on the device.
    fn ip(&self, arguments: &str) {
        ip(&format!("-n {} {arguments}", self.0.device()));
    }
}

fn in_namespace(name: &str) -> Vec<OsString> {
    ["ip", "netns", "exec", name].map(OsString::from).into()
}
