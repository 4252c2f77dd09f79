//! Routes, addresses and neighbours from the kernel by netlink; what an interface is from its folder in sysfs.

use crate::network::{InterfaceKind, Mac, Prefix, Route};
use crate::{Error, Result};
use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteVia};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV6, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{io, net};

const ROUTE: &str = "read routes";
const WATCH: &str = "watch the network";

/// How long a router's hardware address is waited for, and how often it is looked for meanwhile.
const NEIGHBOUR_WAIT: Duration = Duration::from_millis(500);
const NEIGHBOUR_STEP: Duration = Duration::from_millis(20);

/// The port for what nobody wants to have (RFC 863).
const DISCARD: u16 = 9;

pub(crate) fn route_to(address: IpAddr) -> Result<Option<Route>> {
    let mut message = RouteMessage::default();
    message.header.address_family = family(address);
    message.header.destination_prefix_length = if address.is_ipv4() { 32 } else { 128 };
    message.attributes.push(RouteAttribute::Destination(address.into()));
    match ask(RouteNetlinkMessage::GetRoute(message), 0) {
        Ok(answers) => match answers.into_iter().find_map(as_route) {
            Some(route) => describe(&Hop::of(&route)),
            None => Ok(None),
        },
        // No route leads there, or one says that none may.
        Err(error) => match error.raw_os_error() {
            Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EACCES | libc::EINVAL) => Ok(None),
            _ => Err(Error::from_io(ROUTE, &error)),
        },
    }
}

pub(crate) fn route_below_tunnels() -> Result<Option<Route>> {
    let mut defaults = Vec::new();
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let mut message = RouteMessage::default();
        message.header.address_family = family;
        let answers = ask(RouteNetlinkMessage::GetRoute(message), NLM_F_DUMP);
        let answers = answers.map_err(|error| Error::from_io(ROUTE, &error))?;
        let routes = answers.into_iter().filter_map(as_route);
        defaults.extend(routes.filter(|route| route.header.destination_prefix_length == 0));
    }
    // The sort keeps IPv4 before IPv6 where both are as good.
    defaults.sort_by_key(priority);
    for route in &defaults {
        let hop = Hop::of(route);
        let Some(interface) = hop.interface.and_then(interface_name) else { continue };
        if !matches!(kind(&interface), InterfaceKind::Tunnel | InterfaceKind::Loopback) {
            return describe(&hop);
        }
    }
    Ok(None)
}

/// Where a route leads next.
#[derive(Default)]
struct Hop {
    interface: Option<u32>,
    gateway: Option<IpAddr>,
    source: Option<IpAddr>,
    family: AddressFamily,
}

impl Hop {
    /// Of several ways that share the load the first one.
    fn of(route: &RouteMessage) -> Self {
        let mut hop = Self { family: route.header.address_family, ..Self::default() };
        for attribute in &route.attributes {
            match attribute {
                RouteAttribute::Oif(index) => hop.interface = Some(*index),
                RouteAttribute::PrefSource(address) => hop.source = ip(address),
                RouteAttribute::MultiPath(hops) => {
                    if let Some(first) = hops.first() {
                        hop.interface = Some(first.interface_index);
                        first.attributes.iter().for_each(|attribute| hop.take_gateway(attribute));
                    }
                }
                other => hop.take_gateway(other),
            }
        }
        hop
    }

    fn take_gateway(&mut self, attribute: &RouteAttribute) {
        match attribute {
            RouteAttribute::Gateway(address) => self.gateway = ip(address),
            RouteAttribute::Via(RouteVia::Inet(address)) => self.gateway = Some((*address).into()),
            RouteAttribute::Via(RouteVia::Inet6(address)) => self.gateway = Some((*address).into()),
            _ => {}
        }
    }
}

fn describe(hop: &Hop) -> Result<Option<Route>> {
    let Some(index) = hop.interface else { return Ok(None) };
    // An interface that vanished meanwhile leads nowhere.
    let Some(interface) = interface_name(index) else { return Ok(None) };
    let kind = kind(&interface);
    let gateway_mac = match hop.gateway {
        Some(gateway) => mac(index, gateway)?,
        None => None,
    };
    Ok(Some(Route { kind, network: network(index, hop)?, gateway: hop.gateway, gateway_mac, interface }))
}

/// The network of the address that is sent from; without one that of the interface's first address.
fn network(index: u32, hop: &Hop) -> Result<Option<Prefix>> {
    let mut message = AddressMessage::default();
    message.header.family = hop.family;
    let answers = ask(RouteNetlinkMessage::GetAddress(message), NLM_F_DUMP);
    let answers = answers.map_err(|error| Error::from_io("read addresses", &error))?;
    let own = answers.into_iter().filter_map(|answer| match answer {
        RouteNetlinkMessage::NewAddress(message) if message.header.index == index => Some(message),
        _ => None,
    });
    let mut found = None;
    for message in own {
        // Both are the same but on point-to-point links, where the second is the other end. IPv6 has only the second.
        let (mut local, mut end) = (None, None);
        for attribute in &message.attributes {
            match attribute {
                AddressAttribute::Local(address) => local = Some(*address),
                AddressAttribute::Address(address) => end = Some(*address),
                _ => {}
            }
        }
        let Some(address) = local.or(end) else { continue };
        let prefix = Prefix::new(address, message.header.prefix_len);
        if hop.source == Some(address) {
            return Ok(prefix);
        }
        found = found.or(prefix);
    }
    Ok(found.filter(|_| hop.source.is_none()))
}

/// The hardware address of a neighbour, asked for when it is not known.
fn mac(index: u32, neighbour: IpAddr) -> Result<Option<Mac>> {
    let deadline = Instant::now() + NEIGHBOUR_WAIT;
    let mut is_asked = false;
    loop {
        let known = known_mac(index, neighbour)?;
        if known.is_some() || Instant::now() >= deadline {
            return Ok(known);
        }
        if !is_asked {
            // Where nothing can be sent there is no neighbour, as behind most tunnels.
            if send_to_nobody(index, neighbour).is_err() {
                return Ok(None);
            }
            is_asked = true;
        }
        std::thread::sleep(NEIGHBOUR_STEP);
    }
}

/// One empty datagram, for whose sake the kernel asks who the neighbour is.
fn send_to_nobody(index: u32, neighbour: IpAddr) -> io::Result<usize> {
    let (own, other): (net::SocketAddr, net::SocketAddr) = match neighbour {
        IpAddr::V4(v4) => ((Ipv4Addr::UNSPECIFIED, 0).into(), (v4, DISCARD).into()),
        // Routers have addresses of their link, which say nothing without it.
        IpAddr::V6(v6) => {
            ((Ipv6Addr::UNSPECIFIED, 0).into(), SocketAddrV6::new(v6, DISCARD, 0, index).into())
        }
    };
    UdpSocket::bind(own)?.send_to(&[], other)
}

fn known_mac(index: u32, neighbour: IpAddr) -> Result<Option<Mac>> {
    let mut message = NeighbourMessage::default();
    message.header.family = family(neighbour);
    let answers = ask(RouteNetlinkMessage::GetNeighbour(message), NLM_F_DUMP);
    let answers = answers.map_err(|error| Error::from_io("read neighbours", &error))?;
    Ok(answers.into_iter().find_map(|answer| {
        let RouteNetlinkMessage::NewNeighbour(message) = answer else { return None };
        let mut is_it = message.header.ifindex == index;
        is_it &= !matches!(message.header.state, NeighbourState::Incomplete | NeighbourState::Failed);
        let mut is_here = false;
        let mut mac = None;
        for attribute in &message.attributes {
            match attribute {
                NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) => is_here = neighbour == *v4,
                NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => is_here = neighbour == *v6,
                NeighbourAttribute::LinkLayerAddress(bytes) => mac = bytes[..].try_into().ok().map(Mac),
                _ => {}
            }
        }
        mac.filter(|_| is_it && is_here)
    }))
}

fn interface_name(index: u32) -> Option<String> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    rustix::net::netdevice::index_to_name(socket, index).ok()
}

/// From the interface's folder in sysfs, whose files each kind of driver adds to.
fn kind(interface: &str) -> InterfaceKind {
    let folder = PathBuf::from("/sys/class/net").join(interface);
    let read = |name| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let details = read("uevent");
    let device_type = details.lines().find_map(|line| line.strip_prefix("DEVTYPE=")).unwrap_or_default();
    kind_of(device_type, read("type").trim(), |name| exists(&folder, name))
}

fn exists(folder: &Path, name: &str) -> bool {
    folder.join(name).exists()
}

/// `hardware` is a number of the kernel's `if_arp.h`.
fn kind_of(device_type: &str, hardware: &str, has: impl Fn(&str) -> bool) -> InterfaceKind {
    match (device_type, hardware) {
        ("wlan", _) => InterfaceKind::Wifi,
        ("wwan", _) => InterfaceKind::Mobile,
        ("wireguard", _) => InterfaceKind::Tunnel,
        // Older drivers have no type.
        _ if has("phy80211") || has("wireless") => InterfaceKind::Wifi,
        _ if has("tun_flags") => InterfaceKind::Tunnel,
        // Loopback, Ethernet.
        (_, "772") => InterfaceKind::Loopback,
        (_, "1") => InterfaceKind::Ethernet,
        // PPP, which VPNs use more than modems; tunnels of IPv4, IPv6, SIT and GRE; no hardware at all.
        (_, "512" | "768" | "769" | "776" | "778" | "823" | "65534") => InterfaceKind::Tunnel,
        // Modems that carry packets without a frame.
        (_, "519" | "530") => InterfaceKind::Mobile,
        _ => InterfaceKind::Other,
    }
}

fn family(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(v4) => Some((*v4).into()),
        RouteAddress::Inet6(v6) => Some((*v6).into()),
        _ => None,
    }
}

fn as_route(message: RouteNetlinkMessage) -> Option<RouteMessage> {
    match message {
        RouteNetlinkMessage::NewRoute(route) => Some(route),
        _ => None,
    }
}

/// The lower, the better; none is the best.
fn priority(route: &RouteMessage) -> u32 {
    let found = route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Priority(priority) => Some(*priority),
        _ => None,
    });
    found.unwrap_or(0)
}

/// Asks the kernel and takes its whole answer.
fn ask(request: RouteNetlinkMessage, flags: u16) -> io::Result<Vec<RouteNetlinkMessage>> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut message = NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::from(request));
    message.header.flags = NLM_F_REQUEST | flags;
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0)?;

    let mut answers = Vec::new();
    loop {
        let (datagram, _) = socket.recv_from_full()?;
        let mut rest = &datagram[..];
        while !rest.is_empty() {
            let parsed = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest);
            // Each message begins at a multiple of four.
            let length = rest.get(..4).and_then(|field| field.try_into().ok()).map_or(0, u32::from_ne_bytes);
            let length = (length as usize).next_multiple_of(4).min(rest.len());
            if length == 0 {
                return Err(io::ErrorKind::InvalidData.into());
            }
            rest = &rest[length..];
            match parsed.map(|message| message.payload) {
                Ok(NetlinkPayload::Done(_)) => return Ok(answers),
                Ok(NetlinkPayload::Error(error)) if error.code.is_some() => return Err(error.to_io()),
                Ok(NetlinkPayload::InnerMessage(answer)) => answers.push(answer),
                // A newer kernel may say what this library cannot read: the rest still counts.
                Ok(_) | Err(_) => {}
            }
        }
        if flags & NLM_F_DUMP == 0 {
            return Ok(answers);
        }
    }
}

/// A socket to which the kernel writes about each change.
pub(crate) struct NetworkChanges(Socket);

impl std::fmt::Debug for NetworkChanges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("NetworkChanges").finish()
    }
}

impl NetworkChanges {
    pub(crate) fn watch() -> Result<Self> {
        let groups = libc::RTMGRP_LINK
            | libc::RTMGRP_IPV4_IFADDR
            | libc::RTMGRP_IPV4_ROUTE
            | libc::RTMGRP_IPV6_IFADDR
            | libc::RTMGRP_IPV6_ROUTE;
        let open = || -> io::Result<Socket> {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind(&SocketAddr::new(0, groups as u32))?;
            socket.set_non_blocking(true)?;
            Ok(socket)
        };
        open().map(Self).map_err(|error| Error::from_io(WATCH, &error))
    }

    pub(crate) fn wait(&self, longest: Duration) -> Result<bool> {
        let timeout = Timespec::try_from(longest).ok();
        let mut fds = [PollFd::from_borrowed_fd(self.0.as_fd(), PollFlags::IN)];
        match poll(&mut fds, timeout.as_ref()) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(false),
            Ok(_) => {}
            Err(errno) => return Err(super::os(WATCH)(errno)),
        }
        // What is said matters less than that something is: all of it is taken. So much that the kernel had to drop
        // some is a change, too.
        loop {
            match self.0.recv_from_full() {
                Ok(_) => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(Error::from_io(WATCH, &error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_interfaces_are_told_by_what_drivers_say() {
        let none = |_: &str| false;
        assert_eq!(kind_of("wlan", "1", none), InterfaceKind::Wifi);
        assert_eq!(kind_of("", "1", |name| name == "phy80211"), InterfaceKind::Wifi);
        assert_eq!(kind_of("", "1", |name| name == "tun_flags"), InterfaceKind::Tunnel);
        assert_eq!(kind_of("", "65534", |name| name == "tun_flags"), InterfaceKind::Tunnel);
        assert_eq!(kind_of("wireguard", "65534", none), InterfaceKind::Tunnel);
        assert_eq!(kind_of("bridge", "1", none), InterfaceKind::Ethernet);
        assert_eq!(kind_of("wwan", "519", none), InterfaceKind::Mobile);
        assert_eq!(kind_of("", "772", none), InterfaceKind::Loopback);
        assert_eq!(kind_of("", "280", none), InterfaceKind::Other);
    }
}
