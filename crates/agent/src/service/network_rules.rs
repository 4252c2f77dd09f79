//! Whether a backup may run where the device is: what the policy says of networks and batteries, and what the user
//! blocked.

use model::policy::{NetworkMatch, Policy};
use surroundings::{Metered, Network, NetworkKind, NetworkRules, Power, Verdict, Way};

/// The network on which no backup may run, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blocked {
    /// What people call it.
    pub(super) network: String,
    /// Why, for the log.
    pub(super) why: &'static str,
}

/// Looks whether a backup may run over this way.
pub(super) fn judge(policy: &Policy, way: &Way, blocked: &[Network]) -> Option<Blocked> {
    // The device itself is no network that anybody could mean.
    if way.network.kind == NetworkKind::Loopback {
        return None;
    }
    let blocked_on = |network: &Network, why| Some(Blocked { network: network.name.clone(), why });
    let mut networks = std::iter::once(&way.network).chain(&way.underlay);
    if let Some(network) = networks.find(|network| is_named(&policy.networks_restricted, network)) {
        return blocked_on(network, "the policy restricts it");
    }
    if !policy.networks_allowed.is_empty() && !is_named(&policy.networks_allowed, &way.network) {
        return blocked_on(&way.network, "the policy allows others alone");
    }
    if let Verdict::Disabled { network, .. } = of_users(policy).judge(way, blocked) {
        return blocked_on(network, "the user blocked it");
    }
    if way.metered == Metered::Yes && !policy.metered_networks {
        return blocked_on(&way.network, "it is metered");
    }
    None
}

/// The charge below which no backup runs, where the battery is below it. A machine of which nobody knows what it runs on
/// has power.
pub(super) fn battery_limit(policy: &Policy, power: Power) -> Option<u8> {
    const NEVER: u8 = 100;
    let limit = policy.battery_min_percent.min(NEVER.into()) as u8;
    let is_low = power.percent.is_some_and(|percent| percent < limit) || limit == NEVER;
    (power.on_battery == Some(true) && is_low && limit > 0).then_some(limit)
}

/// Which networks users may block.
pub(crate) fn of_users(policy: &Policy) -> NetworkRules {
    NetworkRules {
        user_may_block: policy.user_may_block_networks,
        user_block_min_prefix: policy.user_block_min_prefix.try_into().unwrap_or(u8::MAX),
        ..NetworkRules::default()
    }
}

fn is_named(matches: &[NetworkMatch], network: &Network) -> bool {
    let connection = network.connection.as_ref().map(|connection| &connection.id[..]);
    let names = [Some(&network.name[..]), network.ssid.as_deref(), connection, Some(&network.interface)];
    let addresses: Vec<_> = network.prefix.iter().map(platform::network::Prefix::address).collect();
    let gateway = network.gateway_mac.as_deref();
    matches
        .iter()
        .any(|matched| names.iter().flatten().any(|name| matched.matches(Some(name), gateway, &addresses)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform::network::Prefix;

    fn wire(name: &str, mac: &str, length: u8) -> Network {
        Network {
            name: name.into(),
            kind: NetworkKind::Ethernet,
            interface: "eth0".into(),
            ssid: None,
            connection: None,
            gateway_mac: Some(mac.into()),
            prefix: Prefix::new("192.0.2.2".parse().unwrap(), length),
        }
    }

    fn over(network: Network) -> Way {
        Way { network, underlay: None, metered: Metered::Unknown }
    }

    fn why(policy: &Policy, way: &Way, blocked: &[Network]) -> Option<&'static str> {
        judge(policy, way, blocked).map(|blocked| blocked.why)
    }

    #[test]
    fn a_battery_holds_back_below_the_limit_alone() {
        let limit = |battery_min_percent, on_battery, percent| {
            let policy = Policy { battery_min_percent, ..Policy::default() };
            battery_limit(&policy, Power { on_battery, percent })
        };
        assert_eq!(limit(20, Some(true), Some(19)), Some(20));
        assert_eq!(limit(20, Some(true), Some(20)), None);
        assert_eq!(limit(20, Some(false), Some(5)), None, "it is being charged");
        assert_eq!(limit(20, None, Some(5)), None);
        assert_eq!(limit(20, Some(true), None), None);
        assert_eq!(limit(0, Some(true), Some(0)), None, "always");
        assert_eq!(limit(100, Some(true), Some(100)), Some(100), "never");
    }

    #[test]
    fn each_rule_is_named() {
        let (usual, hotel) = (Policy::default(), wire("Hotel", "02:00:00:00:00:01", 24));
        let way = over(hotel.clone());
        assert_eq!(judge(&usual, &way, &[]), None);
        assert_eq!(why(&usual, &way, std::slice::from_ref(&hotel)), Some("the user blocked it"));
        let office = wire("Office", "02:00:00:00:00:01", 16);
        assert_eq!(judge(&usual, &over(office.clone()), &[office]), None, "too large to be blocked");
        for matched in [
            NetworkMatch::Name("hot".into()),
            NetworkMatch::Gateway("02:00:00:00:00:01".into()),
            NetworkMatch::Prefix("192.0.2.0/24".into()),
        ] {
            let restricted = Policy { networks_restricted: vec![matched.clone()], ..Policy::default() };
            assert_eq!(why(&restricted, &way, &[]), Some("the policy restricts it"), "{matched:?}");
            let allowed = Policy { networks_allowed: vec![matched], ..Policy::default() };
            assert_eq!(judge(&allowed, &way, &[]), None);
        }
        let elsewhere = vec![NetworkMatch::Name("Office".into())];
        let allowed = Policy { networks_allowed: elsewhere, ..Policy::default() };
        assert_eq!(why(&allowed, &way, &[]), Some("the policy allows others alone"));

        let metered = Way { metered: Metered::Yes, ..way.clone() };
        let named = judge(&usual, &metered, &[]);
        assert_eq!(named, Some(Blocked { network: "Hotel".into(), why: "it is metered" }));
        let paid = Policy { metered_networks: true, ..Policy::default() };
        assert_eq!(judge(&paid, &metered, &[]), None);
        let itself = Way { network: Network { kind: NetworkKind::Loopback, ..hotel }, ..metered };
        assert_eq!(judge(&usual, &itself, &[]), None);
    }
}
