//! The rules by examples, and against the same rules said in another way.

use super::*;
use crate::network::tests::{wifi, wire};
use crate::{Metered, NetworkKind};
use proptest::prelude::*;

fn over(network: Network) -> Way {
    Way { network, underlay: None, metered: Metered::Unknown }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn by(verdict: Verdict<'_>) -> Option<(&str, DisabledBy)> {
    match verdict {
        Verdict::Allowed => None,
        Verdict::Disabled { network, by } => Some((&network.name, by)),
    }
}

#[test]
fn users_block_a_hotspot_and_not_the_organisation() {
    let rules = NetworkRules::default();
    assert_eq!(rules.may_block(&wire("192.0.2.2/24", "a")), Ok(()));
    assert_eq!(rules.may_block(&wire("192.0.2.2/30", "a")), Ok(()));
    let large = wire("10.1.2.3/16", "a");
    let refused = rules.may_block(&large).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "10.1.0.0/16 is too large a network: only those of /24 or longer can be blocked"
    );
    assert_eq!(rules.may_block(&wire("2001:db8::2/64", "a")), Ok(()), "only IPv6");
    let looser = NetworkRules { user_block_min_prefix: 16, ..rules.clone() };
    assert_eq!(looser.may_block(&large), Ok(()));
    // A block that was set under another policy does not count under this one.
    let way = over(large.clone());
    assert_eq!(by(looser.judge(&way, std::slice::from_ref(&large))), Some(("eth0", DisabledBy::User)));
    assert_eq!(rules.judge(&way, &[large]), Verdict::Allowed);
    let none = NetworkRules { user_may_block: false, ..rules };
    assert_eq!(none.may_block(&wire("192.0.2.2/24", "a")), Err(CannotBlock::NotAllowed));
}

#[test]
fn the_server_on_the_device_itself_is_on_no_network() {
    let itself = Network { kind: NetworkKind::Loopback, name: "lo".into(), ..wire("127.0.0.1/8", "") };
    let rules = NetworkRules { restrict_others: true, restrict: texts(&["lo"]), ..NetworkRules::default() };
    assert_eq!(rules.may_block(&itself), Err(CannotBlock::NoNetwork));
    assert_eq!(rules.judge(&over(itself.clone()), &[itself]), Verdict::Allowed);
}

#[test]
fn administrators_name_parts_of_names() {
    let rules = |allow: &[&str], restrict: &[&str], restrict_others| NetworkRules {
        allow: texts(allow),
        restrict: texts(restrict),
        restrict_others,
        ..NetworkRules::default()
    };
    let hotel = over(wifi("Hotel WiFi", "a"));
    let disabled = Some(("Hotel WiFi", DisabledBy::Administrator));
    for (rules, expected) in [
        (rules(&[], &["tel W"], false), disabled),
        (rules(&[], &["HotelWiFi", "hotel"], false), None),
        (rules(&[], &["wlan"], false), disabled),
        (rules(&[], &["WiFi 1"], false), disabled),
        (rules(&[], &[""], false), None),
        (rules(&[], &[], true), disabled),
        (rules(&["Office", "Hotel"], &[], true), None),
        (rules(&["Hotel"], &["WiFi"], true), disabled),
        (rules(&[""], &[], true), disabled),
        (rules(&["Office"], &[], false), None),
    ] {
        assert_eq!(by(rules.judge(&hotel, &[])), expected, "{rules:?}");
    }
}

#[test]
fn a_vpn_does_not_hide_the_network_below_it() {
    let vpn = Network { kind: NetworkKind::Vpn, name: "Work".into(), ..wire("10.8.0.2/32", "") };
    let hotel = wifi("Hotel WiFi", "a");
    let way = Way { network: vpn, underlay: Some(hotel.clone()), metered: Metered::Unknown };
    let rules = NetworkRules::default();
    let blocked = [hotel];
    assert_eq!(by(rules.judge(&way, &blocked)), Some(("Hotel WiFi", DisabledBy::User)));
    let hidden = NetworkRules { underlay_counts: false, ..rules.clone() };
    assert_eq!(hidden.judge(&way, &blocked), Verdict::Allowed);
    // An administrator who allows the VPN alone wants it to be used from anywhere.
    let only_work = NetworkRules { allow: texts(&["Work"]), restrict_others: true, ..rules };
    assert_eq!(only_work.judge(&way, &[]), Verdict::Allowed);
    let but_not_there = NetworkRules { restrict: texts(&["Hotel"]), ..only_work };
    assert_eq!(by(but_not_there.judge(&way, &[])), Some(("Hotel WiFi", DisabledBy::Administrator)));
}

/// Short names of few letters, so that parts are often found.
fn name() -> impl Strategy<Value = String> {
    "[aB ]{0,4}"
}

fn network() -> impl Strategy<Value = Network> {
    let mac = proptest::sample::select(vec!["1", "2"]);
    (name(), mac, 8..=32_u8, any::<bool>()).prop_map(|(name, mac, length, is_wifi)| {
        let wire = Network { name: name.clone(), ..wire(&format!("10.1.2.3/{length}"), mac) };
        if is_wifi { Network { prefix: wire.prefix, ..wifi(&name, mac) } } else { wire }
    })
}

/// Whether the letters of `part` stand in `name` beside each other.
fn has_part(name: &str, part: &str) -> bool {
    !part.is_empty() && name.as_bytes().windows(part.len()).any(|window| window == part.as_bytes())
}

proptest! {
    #[test]
    fn a_backup_runs_where_every_rule_lets_it(
        network in network(),
        underlay in proptest::option::of(network()),
        blocked in proptest::collection::vec(network(), 0..4),
        allow in proptest::collection::vec(name(), 0..3),
        restrict in proptest::collection::vec(name(), 0..3),
        (restrict_others, underlay_counts, user_may_block) in any::<(bool, bool, bool)>(),
        user_block_min_prefix in 0..=33_u8,
    ) {
        let rules = NetworkRules {
            allow, restrict, restrict_others, underlay_counts, user_may_block, user_block_min_prefix,
        };
        let way = Way { network, underlay, metered: Metered::Unknown };
        let counting: Vec<&Network> =
            [Some(&way.network), way.underlay.as_ref().filter(|_| underlay_counts)].into_iter().flatten().collect();
        let named = |texts: &[String], network: &Network| texts.iter().any(|text| {
            let Network { name, interface, .. } = network;
            let id = network.connection.as_ref().map(|connection| &connection.id[..]).unwrap_or_default();
            [name, interface, id].into_iter().any(|name| has_part(name, text))
        });
        let restricted = counting.iter().any(|network| named(&rules.restrict, network))
            || (restrict_others && !named(&rules.allow, &way.network));
        let mut blocks = false;
        for network in &counting {
            let may = user_may_block && network.prefix.unwrap().length() >= user_block_min_prefix;
            prop_assert_eq!(rules.may_block(network).is_ok(), may);
            blocks |= may && blocked.iter().any(|other| match (&network.ssid, &other.ssid) {
                (Some(own), Some(other)) => own == other,
                (None, None) => network.gateway_mac == other.gateway_mac,
                _ => false,
            });
        }
        let expected = if restricted {
            Some(DisabledBy::Administrator)
        } else {
            blocks.then_some(DisabledBy::User)
        };
        let verdict = rules.judge(&way, &blocked);
        prop_assert_eq!(by(verdict).map(|(_, by)| by), expected);
        if let Verdict::Disabled { network, .. } = verdict {
            prop_assert!(counting.contains(&network));
        }
    }
}
