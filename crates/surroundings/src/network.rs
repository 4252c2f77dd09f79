//! The networks by which a server is reached, and how one is known again.

use platform::network::{InterfaceKind, Prefix, Route};
use serde::{Deserialize, Serialize};

/// A network that a device is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// What people know it by: the name of the wireless network, else of the connection, else of the interface.
    pub name: String,
    /// What it is.
    pub kind: NetworkKind,
    /// The interface that leads to it.
    pub interface: String,
    /// The name that a wireless network gives itself; bytes that are no UTF-8 are replaced.
    pub ssid: Option<String>,
    /// The connection of NetworkManager, where that manages the interface.
    pub connection: Option<Connection>,
    /// The hardware address of the router to the server, as `02:00:00:00:00:01`.
    pub gateway_mac: Option<String>,
    /// The interface's own network.
    #[serde(with = "prefix_text")]
    pub prefix: Option<Prefix>,
}

/// A connection of NetworkManager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its name, which the user may change.
    pub id: String,
    /// Its name for programs.
    pub uuid: String,
}

/// What a network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkKind {
    /// A wire, or what looks like one.
    Ethernet,
    /// A wireless local network.
    Wifi,
    /// A mobile network.
    Mobile,
    /// A way through another network.
    Vpn,
    /// The device itself: the server runs on it.
    Loopback,
    /// Anything else.
    Other,
}

/// Whether what is sent costs money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metered {
    /// The user or the network says so, or the system has reasons to believe so.
    Yes,
    /// It does not.
    No,
    /// Nobody knows.
    Unknown,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The network that the device hands its packets to.
    pub network: Network,
    /// For a VPN: the network that its own packets leave by.
    pub underlay: Option<Network>,
    /// Whether either is metered.
    pub metered: Metered,
}

impl Network {
    /// From what the kernel knows. NetworkManager may know better.
    pub(crate) fn of(route: &Route) -> Self {
        Self {
            name: route.interface.clone(),
            kind: route.kind.into(),
            interface: route.interface.clone(),
            ssid: None,
            connection: None,
            gateway_mac: route.gateway_mac.map(|mac| mac.to_string()),
            prefix: route.network,
        }
    }

    /// Whether it is the same network as one that was met before, perhaps when less or more was known of it.
    ///
    /// A wireless network is known by the name that it gives itself, a VPN or mobile network by its connection, a wire
    /// by its router: one connection of NetworkManager often serves for every wire that is plugged in.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let same = |own: Option<&String>, other: Option<&String>| Some(own? == other?);
        let ssid = same(self.ssid.as_ref(), other.ssid.as_ref());
        let mac = same(self.gateway_mac.as_ref(), other.gateway_mac.as_ref());
        let uuid = |network: &Self| network.connection.as_ref().map(|connection| connection.uuid.clone());
        let connection = same(uuid(self).as_ref(), uuid(other).as_ref());
        let first = match self.kind {
            NetworkKind::Vpn | NetworkKind::Mobile => connection.or(mac),
            _ => ssid.or(mac).or(connection),
        };
        let place = || self.interface == other.interface && self.prefix == other.prefix;
        self.kind == other.kind && first.unwrap_or_else(place)
    }

    /// Every name that it has, for rules that look for a part of one.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let connection = self.connection.as_ref().map(|connection| &connection.id[..]);
        [Some(&self.name[..]), self.ssid.as_deref(), connection, Some(&self.interface)].into_iter().flatten()
    }
}

impl Metered {
    /// Of a way that leads over both.
    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Unknown, known) | (known, Self::Unknown) => known,
            (Self::No, Self::No) => Self::No,
        }
    }
}

impl From<InterfaceKind> for NetworkKind {
    fn from(kind: InterfaceKind) -> Self {
        match kind {
            InterfaceKind::Ethernet => Self::Ethernet,
            InterfaceKind::Wifi => Self::Wifi,
            InterfaceKind::Mobile => Self::Mobile,
            InterfaceKind::Tunnel => Self::Vpn,
            InterfaceKind::Loopback => Self::Loopback,
            InterfaceKind::Other => Self::Other,
        }
    }
}

/// A prefix as `192.0.2.0/24`.
mod prefix_text {
    use super::Prefix;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[allow(clippy::ref_option, reason = "the form that serde asks for")]
    pub(super) fn serialize<S: Serializer>(prefix: &Option<Prefix>, to: S) -> Result<S::Ok, S::Error> {
        match prefix {
            Some(prefix) => to.collect_str(prefix),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Prefix>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        let parse = || {
            let (address, length) = text.split_once('/')?;
            Prefix::new(address.parse().ok()?, length.parse().ok()?)
        };
        parse().map(Some).ok_or_else(|| D::Error::custom("not a network such as 192.0.2.0/24"))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A wire whose router has this hardware address.
    pub(crate) fn wire(prefix: &str, mac: &str) -> Network {
        let (address, length) = prefix.split_once('/').unwrap();
        Network {
            name: "eth0".into(),
            kind: NetworkKind::Ethernet,
            interface: "eth0".into(),
            ssid: None,
            connection: None,
            gateway_mac: Some(mac.into()),
            prefix: Prefix::new(address.parse().unwrap(), length.parse().unwrap()),
        }
    }

    pub(crate) fn wifi(ssid: &str, mac: &str) -> Network {
        Network {
            name: ssid.into(),
            kind: NetworkKind::Wifi,
            interface: "wlan0".into(),
            ssid: Some(ssid.into()),
            connection: Some(Connection { id: format!("{ssid} 1"), uuid: format!("uuid of {ssid}") }),
            ..wire("192.0.2.2/24", mac)
        }
    }

    #[test]
    fn a_network_is_known_again_by_what_does_not_change() {
        let managed = |network: Network| Network {
            connection: Some(Connection { id: "Wired connection 1".into(), uuid: "u1".into() }),
            ..network
        };
        // One connection for every wire: the router tells them apart.
        let (home, office) = (managed(wire("192.0.2.2/24", "a")), managed(wire("192.0.2.2/24", "b")));
        assert!(!home.is_same_as(&office));
        assert!(home.is_same_as(&managed(wire("192.0.2.9/24", "a"))));
        // NetworkManager was not there yet, or the router not yet known.
        assert!(home.is_same_as(&wire("192.0.2.2/24", "a")));
        assert!(home.is_same_as(&Network { gateway_mac: None, ..home.clone() }));
        // A large wireless network has many routers.
        assert!(wifi("campus", "a").is_same_as(&wifi("campus", "b")));
        assert!(!wifi("campus", "a").is_same_as(&wifi("hotel", "a")));
        assert!(!wifi("campus", "a").is_same_as(&wire("192.0.2.2/24", "a")), "another kind");
        // A VPN whose addresses change.
        let vpn = |uuid: &str, prefix| Network {
            kind: NetworkKind::Vpn,
            gateway_mac: None,
            connection: Some(Connection { id: "work".into(), uuid: uuid.into() }),
            ..wire(prefix, "")
        };
        assert!(vpn("u1", "10.8.0.2/32").is_same_as(&vpn("u1", "10.8.0.9/32")));
        assert!(!vpn("u1", "10.8.0.2/32").is_same_as(&vpn("u2", "10.8.0.2/32")));
        let unmanaged = |prefix| Network { connection: None, ..vpn("", prefix) };
        assert!(unmanaged("10.8.0.2/32").is_same_as(&unmanaged("10.8.0.2/32")));
        assert!(!unmanaged("10.8.0.2/32").is_same_as(&unmanaged("10.9.0.2/32")));
    }

    #[test]
    fn a_network_comes_back_from_json() {
        for network in [wire("10.1.2.3/16", "a"), Network { prefix: None, ..wifi("ä", "b") }] {
            let text = serde_json::to_string(&network).unwrap();
            assert_eq!(serde_json::from_str::<Network>(&text).unwrap(), network);
        }
        let wrong = serde_json::to_string(&wire("10.1.2.3/16", "a")).unwrap().replace("/16", "/33");
        assert!(serde_json::from_str::<Network>(&wrong).is_err());
    }

    #[test]
    fn one_metered_part_makes_the_way_metered() {
        assert_eq!(Metered::No.or(Metered::Yes), Metered::Yes);
        assert_eq!(Metered::Unknown.or(Metered::Yes), Metered::Yes);
        assert_eq!(Metered::Unknown.or(Metered::No), Metered::No);
        assert_eq!(Metered::Unknown.or(Metered::Unknown), Metered::Unknown);
    }
}
