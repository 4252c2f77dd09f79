//! The way to an address as the kernel knows it: over which interface and gateway, and when that may have changed.

use crate::{Result, sys};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// How packets to an address leave this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The name of the interface.
    pub interface: String,
    /// What the interface is.
    pub kind: InterfaceKind,
    /// The interface's own network: that of the address that packets are sent from. None where they have none of their
    /// own, as on some tunnels.
    pub network: Option<Prefix>,
    /// The router that they are handed to; none for an address of the interface's own network.
    pub gateway: Option<IpAddr>,
    /// The router's hardware address; none where it has none, or does not answer.
    pub gateway_mac: Option<Mac>,
}

/// What an interface is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InterfaceKind {
    /// A wire, or what looks like one.
    Ethernet,
    /// A wireless local network.
    Wifi,
    /// A modem for a mobile network.
    Mobile,
    /// A way through another network: a VPN.
    Tunnel,
    /// The machine itself.
    Loopback,
    /// Anything else.
    Other,
}

/// A network: an address, and how many of its leading bits all its members share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

/// The hardware address of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mac(pub [u8; 6]);

/// Tells when interfaces, addresses or routes of this machine change.
#[derive(Debug)]
pub struct NetworkChanges(sys::NetworkChanges);

/// The way to this address now; none when there is none.
///
/// A router of which the kernel does not know the hardware address is sent one datagram, so that the kernel asks for
/// it, and the answer is waited for up to half a second.
pub fn route_to(address: IpAddr) -> Result<Option<Route>> {
    sys::route_to(address.to_canonical())
}

/// The way by which a tunnel's own packets most likely leave: the best default route over an interface that is none.
pub fn route_below_tunnels() -> Result<Option<Route>> {
    sys::route_below_tunnels()
}

impl NetworkChanges {
    /// Listens from now on.
    pub fn watch() -> Result<Self> {
        sys::NetworkChanges::watch().map(Self)
    }

    /// Waits until something changes, at most this long. Answers whether it did. What changes while nobody waits is
    /// told at the next call.
    pub fn wait(&self, longest: Duration) -> Result<bool> {
        self.0.wait(longest)
    }
}

impl Prefix {
    /// The network that this address lies in; none when the length is greater than that of the address.
    pub fn new(address: IpAddr, length: u8) -> Option<Self> {
        let address = match address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32_u32.checked_sub(length.into())?).unwrap_or(0);
                IpAddr::V4((v4.to_bits() & mask).into())
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128_u32.checked_sub(length.into())?).unwrap_or(0);
                IpAddr::V6((v6.to_bits() & mask).into())
            }
        };
        Some(Self { address, length })
    }

    /// Its first address.
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// How many leading bits its members share: the more, the smaller it is.
    pub const fn length(&self) -> u8 {
        self.length
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_keeps_the_shared_bits_alone() {
        for (address, length, shown) in [
            ("192.0.2.77", 24, "192.0.2.0/24"),
            ("192.0.2.77", 30, "192.0.2.76/30"),
            ("192.0.2.77", 32, "192.0.2.77/32"),
            ("192.0.2.77", 0, "0.0.0.0/0"),
            ("2001:db8:1:2:3::4", 64, "2001:db8:1:2::/64"),
            ("2001:db8::1", 128, "2001:db8::1/128"),
            ("2001:db8::1", 0, "::/0"),
        ] {
            let prefix = Prefix::new(address.parse().unwrap(), length).unwrap();
            assert_eq!(prefix.to_string(), shown);
            assert_eq!((prefix.length(), Prefix::new(prefix.address(), length)), (length, Some(prefix)));
        }
        assert_eq!(Prefix::new("192.0.2.1".parse().unwrap(), 33), None);
        assert_eq!(Prefix::new("2001:db8::1".parse().unwrap(), 129), None);
        assert_eq!(Mac([2, 0, 0, 0, 0xab, 9]).to_string(), "02:00:00:00:ab:09");
    }
}
