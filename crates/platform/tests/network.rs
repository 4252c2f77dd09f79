//! The way to an address, in a namespace whose routes are known.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

use platform::network::{InterfaceKind, NetworkChanges, Route, route_below_tunnels, route_to};
use std::time::Duration;
use testkit::network::{GATEWAY, GATEWAY_MAC, INTERFACE, ip};
use testkit::{Apart, wait_until};

/// Behind the gateway, which leads nowhere further.
const SERVER: &str = "198.51.100.7";

fn to(address: &str) -> Option<Route> {
    route_to(address.parse().unwrap()).unwrap()
}

#[test]
fn root_the_way_to_a_server_is_told_with_its_gateway() {
    Apart::new("root_the_way_to_a_server_is_told_with_its_gateway").with_network().run(|_| {
        let route = to(SERVER).unwrap();
        assert_eq!((&route.interface[..], route.kind), (INTERFACE, InterfaceKind::Ethernet));
        assert_eq!(route.network.unwrap().to_string(), "192.0.2.0/24");
        assert_eq!(route.gateway, Some(GATEWAY.parse().unwrap()));
        // Nobody had asked for it before.
        assert_eq!(route.gateway_mac.unwrap().to_string(), GATEWAY_MAC);
        assert_eq!(to(&format!("::ffff:{SERVER}")), Some(route));

        let neighbour = to(GATEWAY).unwrap();
        assert_eq!((&neighbour.interface[..], neighbour.gateway), (INTERFACE, None));
        assert_eq!(to("127.0.0.1").unwrap().kind, InterfaceKind::Loopback);
        assert_eq!(to("2001:db8::1"), None);
    });
}

#[test]
fn root_where_no_way_leads_there_is_none() {
    Apart::new("root_where_no_way_leads_there_is_none").with_network().run(|_| {
        for kind in ["unreachable", "prohibit", "blackhole"] {
            ip(&format!("route replace {kind} {SERVER}"));
            assert_eq!(to(SERVER), None, "{kind}");
            ip(&format!("route delete {kind} {SERVER}"));
        }
        assert!(to(SERVER).is_some());
        ip("route delete default");
        assert_eq!((to(SERVER), route_below_tunnels().unwrap()), (None, None));
    });
}

#[test]
fn root_a_gateway_that_does_not_answer_has_no_hardware_address() {
    Apart::new("root_a_gateway_that_does_not_answer_has_no_hardware_address").with_network().run(|_| {
        ip("route replace default via 192.0.2.99");
        let route = to(SERVER).unwrap();
        assert_eq!((route.gateway, route.gateway_mac), (Some("192.0.2.99".parse().unwrap()), None));
    });
}

#[test]
fn root_a_gateway_of_ipv6_is_told_too() {
    Apart::new("root_a_gateway_of_ipv6_is_told_too").with_network().run(|_| {
        ip(&format!("address add 2001:db8:1::2/64 dev {INTERFACE} nodad"));
        // The address of its link that the kernel made of the gateway's hardware address.
        ip(&format!("route add default via fe80::ff:fe00:1 dev {INTERFACE}"));
        wait_until("the gateway has made its address sure and answers", || {
            to("2001:db8:2::7").is_some_and(|route| route.gateway_mac.is_some())
        });
        let route = to("2001:db8:2::7").unwrap();
        assert_eq!(route.gateway_mac.unwrap().to_string(), GATEWAY_MAC);
        assert_eq!(route.network.unwrap().to_string(), "2001:db8:1::/64");
    });
}

#[test]
fn root_a_tunnel_is_told_with_the_way_below_it() {
    Apart::new("root_a_tunnel_is_told_with_the_way_below_it").with_network().run(|_| {
        let below = to(SERVER);
        ip("tuntap add vpn0 mode tun");
        ip("address add 10.8.0.2/32 dev vpn0");
        ip("link set vpn0 up");
        ip("route add default dev vpn0 metric 50");
        let route = to(SERVER).unwrap();
        assert_eq!((&route.interface[..], route.kind), ("vpn0", InterfaceKind::Tunnel));
        assert_eq!((route.gateway, route.gateway_mac), (None, None));
        assert_eq!(route.network.unwrap().to_string(), "10.8.0.2/32");
        assert_eq!(route_below_tunnels().unwrap(), below);
    });
}

#[test]
fn root_each_change_is_heard_once_it_happens() {
    Apart::new("root_each_change_is_heard_once_it_happens").with_network().run(|_| {
        let changes = NetworkChanges::watch().unwrap();
        assert!(!changes.wait(Duration::from_millis(50)).unwrap(), "nothing has happened");
        for change in [
            format!("address add 192.0.2.3/24 dev {INTERFACE}"),
            "route add 203.0.113.0/24 via 192.0.2.1".to_owned(),
            "route delete default".to_owned(),
            format!("link set {INTERFACE} down"),
        ] {
            ip(&change);
            assert!(changes.wait(Duration::from_mins(1)).unwrap(), "{change}");
            // One change is said in several messages, the last some time later.
            while changes.wait(Duration::from_millis(200)).unwrap() {}
        }
    });
}
