//! A small network of namespaces: a device, and a gateway that leads on.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// The device's interface on its local network.
pub const INTERFACE: &str = "lan0";
/// Its address there.
pub const ADDRESS: &str = "192.0.2.2";
/// The gateway's address and hardware address.
pub const GATEWAY: &str = "192.0.2.1";
/// The same, of the wire.
pub const GATEWAY_MAC: &str = "02:00:00:00:00:01";

static COUNT: AtomicU32 = AtomicU32::new(0);

/// Two namespaces with a link between them, removed at the end. Needs root and `ip`.
pub struct Network {
    device: String,
    gateway: String,
}

impl Network {
    /// The device has [`ADDRESS`]/24 and a default route over [`GATEWAY`]. None where namespaces cannot be made.
    pub fn begin() -> Option<Self> {
        let id = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let network = Self { device: format!("holdfast-d{id}"), gateway: format!("holdfast-g{id}") };
        let (device, gateway) = (&network.device[..], &network.gateway[..]);
        if !run(&format!("netns add {device}")) {
            return None;
        }
        for arguments in [
            format!("netns add {gateway}"),
            format!("-n {device} link set lo up"),
            format!("-n {device} link add {INTERFACE} type veth peer name gate0 netns {gateway}"),
            format!("-n {gateway} link set gate0 address {GATEWAY_MAC} up"),
            format!("-n {gateway} address add {GATEWAY}/24 dev gate0"),
            format!("-n {device} link set {INTERFACE} up"),
            format!("-n {device} address add {ADDRESS}/24 dev {INTERFACE}"),
            format!("-n {device} route add default via {GATEWAY} metric 100"),
        ] {
            ip(&arguments);
        }
        Some(network)
    }

    /// The name of the gateway's namespace.
    pub fn gateway(&self) -> &str {
        &self.gateway
    }

    /// The name of the device's namespace.
    pub fn device(&self) -> &str {
        &self.device
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in [&self.device, &self.gateway] {
            // What was not made is not there to be removed.
            let _ = Command::new("ip").args(["netns", "delete", name]).status();
        }
    }
}

/// Runs `ip` with arguments between blanks, in the namespace of the caller.
///
/// # Panics
/// When `ip` fails.
pub fn ip(arguments: &str) {
    assert!(run(arguments), "ip {arguments}");
}

fn run(arguments: &str) -> bool {
    let status = Command::new("ip").args(arguments.split_whitespace()).status();
    status.expect("ip, of the package iproute2").success()
}
