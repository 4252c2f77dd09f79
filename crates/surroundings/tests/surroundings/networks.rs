//! Which networks lead to a server.

use crate::{Watched, bus};
use surroundings::{Change, Metered, NetworkKind, NetworkRules, Verdict, Way};
use testkit::doubles::{Managed, NetworkManager};
use testkit::network::{GATEWAY_MAC, INTERFACE, ip};
use testkit::{Apart, wait_until};

/// Behind the gateway.
const SERVER: &str = "198.51.100.7";

const DEVICE: &str = "org.freedesktop.NetworkManager.Device";

fn way(watched: &Watched) -> Option<Way> {
    watched.surroundings.way_to(SERVER.parse().unwrap()).unwrap()
}

fn wireless() -> Managed {
    Managed {
        interface: INTERFACE,
        device_type: 2,
        metered: 3,
        ssid: b"Hotel WiFi".into(),
        connection: ("Hotel WiFi 1", "8f2d-1"),
        vpn: None,
    }
}

#[test]
fn root_without_services_the_kernel_tells() {
    Apart::new("networks::root_without_services_the_kernel_tells").with_network().run(|around| {
        let watched = Watched::start();
        let told = way(&watched).unwrap();
        let network = &told.network;
        assert_eq!((&network.name[..], network.kind), (INTERFACE, NetworkKind::Ethernet));
        assert_eq!(network.gateway_mac.as_deref(), Some(GATEWAY_MAC));
        assert_eq!(network.prefix.unwrap().to_string(), "192.0.2.0/24");
        assert_eq!((&network.ssid, &network.connection), (&None, &None));
        assert_eq!((&told.underlay, told.metered), (&None, Metered::Unknown));
        assert_eq!(NetworkRules::default().may_block(network), Ok(()));

        around.start_bus();
        watched.wait_for(Change::Network);
        assert_eq!(way(&watched), Some(told), "a bus without services tells no more");
        watched.settle();

        // The same place in a larger network.
        ip("route delete default");
        watched.wait_for(Change::Network);
        assert_eq!(way(&watched), None);
        watched.settle();
        ip(&format!("address delete 192.0.2.2/24 dev {INTERFACE}"));
        ip(&format!("address add 192.0.2.2/16 dev {INTERFACE}"));
        ip("route add default via 192.0.2.1");
        watched.wait_for(Change::Network);
        wait_until("the new way is there", || way(&watched).is_some());
        let refused = NetworkRules::default().may_block(&way(&watched).unwrap().network).unwrap_err();
        assert!(refused.to_string().starts_with("192.0.0.0/16 is too large"), "{refused}");
    });
}

#[test]
fn root_network_manager_names_what_the_kernel_cannot() {
    Apart::new("networks::root_network_manager_names_what_the_kernel_cannot").with_network().run(|around| {
        around.start_bus();
        let watched = Watched::start();
        watched.wait_for(Change::Network);
        let unnamed = way(&watched).unwrap().network;
        watched.settle();

        let manager = NetworkManager::start(&bus(), wireless());
        watched.wait_for(Change::Network);
        let told = way(&watched).unwrap();
        let network = told.network.clone();
        assert_eq!((&network.name[..], network.kind), ("Hotel WiFi", NetworkKind::Wifi));
        assert_eq!(network.ssid.as_deref(), Some("Hotel WiFi"));
        assert_eq!(network.connection.as_ref().unwrap().id, "Hotel WiFi 1");
        assert_eq!(network.gateway_mac, unnamed.gateway_mac);
        assert_eq!(told.metered, Metered::Yes, "a guess counts");
        let rules = NetworkRules { restrict: vec!["tel Wi".into()], ..NetworkRules::default() };
        assert!(matches!(rules.judge(&told, &[]), Verdict::Disabled { .. }));
        assert_eq!(NetworkRules::default().judge(&told, &[]), Verdict::Allowed);
        assert!(matches!(NetworkRules::default().judge(&told, &[network]), Verdict::Disabled { .. }));

        watched.settle();
        manager.change(|managed| managed.metered = 2, DEVICE, "Metered");
        watched.wait_for(Change::Network);
        assert_eq!(way(&watched).unwrap().metered, Metered::No);
        watched.settle();
        let other = |managed: &mut Managed| managed.ssid = b"Caf\xff".into();
        manager.change(other, "org.freedesktop.NetworkManager.Device.Wireless", "ActiveAccessPoint");
        watched.wait_for(Change::Network);
        assert_eq!(way(&watched).unwrap().network.name, "Caf\u{fffd}");
        watched.settle();

        // What changes all the time says nothing, and the next change is still told.
        manager.change(|_| {}, "org.freedesktop.NetworkManager.Device.Wireless", "LastScan");
        let quiet = std::time::Duration::from_millis(500);
        assert!(watched.changes.recv_timeout(quiet).is_err());
        let wired =
            |managed: &mut Managed| (managed.device_type, managed.connection) = (1, ("Office LAN", "u"));
        manager.change(wired, DEVICE, "ActiveConnection");
        watched.wait_for(Change::Network);
        let network = way(&watched).unwrap().network;
        assert_eq!((&network.name[..], network.kind), ("Office LAN", NetworkKind::Ethernet));
    });
}

#[test]
fn root_a_vpn_is_a_network_with_another_below_it() {
    Apart::new("networks::root_a_vpn_is_a_network_with_another_below_it").with_network().run(|around| {
        around.start_bus();
        let watched = Watched::start();
        watched.wait_for(Change::Network);
        let manager = NetworkManager::start(&bus(), wireless());
        ip("tuntap add vpn0 mode tun");
        ip("address add 10.8.0.2/32 dev vpn0");
        ip("link set vpn0 up");
        ip("route add default dev vpn0 metric 50");
        let told = way(&watched).unwrap();
        assert_eq!((&told.network.name[..], told.network.kind), ("vpn0", NetworkKind::Vpn));
        let below = told.underlay.clone().unwrap();
        assert_eq!((&below.name[..], below.kind), ("Hotel WiFi", NetworkKind::Wifi));
        assert_eq!(told.metered, Metered::Yes, "what is below costs money");
        assert!(matches!(NetworkRules::default().judge(&told, &[below]), Verdict::Disabled { .. }));

        // A VPN that NetworkManager made; its interface is one that it manages.
        let vpn = |managed: &mut Managed| {
            (managed.interface, managed.device_type, managed.vpn) = ("vpn0", 16, Some(("Work", "8f2d-2")));
        };
        manager.change(vpn, "org.freedesktop.NetworkManager", "ActiveConnections");
        let told = way(&watched).unwrap();
        assert_eq!((&told.network.name[..], told.network.kind), ("Work", NetworkKind::Vpn));
        assert_eq!(told.underlay.unwrap().name, INTERFACE);
    });
}
