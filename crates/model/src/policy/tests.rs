//! Layers, bounds, and what a user may choose.

use super::*;

fn part(json: &str) -> Result<PolicyPart, String> {
    let part: PolicyPart = serde_json::from_str(json).map_err(|error| error.to_string())?;
    part.check().map_err(|error| error.to_string())?;
    Ok(part)
}

#[test]
fn what_is_built_in_is_allowed_and_every_field_says_what_it_is() {
    let json = serde_json::to_value(Policy::default()).unwrap();
    let all: PolicyPart = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(all.check(), Ok(()));
    let names: Vec<&str> = Policy::FIELDS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), json.as_object().unwrap().len());
    for (name, words) in Policy::FIELDS {
        assert!(json.get(name).is_some() && words.ends_with('.'), "{name}: {words}");
    }
}

#[test]
fn a_later_layer_wins_and_is_named() {
    let server = part(r#"{"quota_bytes": 5, "low_priority": false}"#).unwrap();
    let group = part(r#"{"quota_bytes": 7}"#).unwrap();
    let (policy, origins) = Policy::of_layers([
        (Origin::Server, server),
        (Origin::Group, group),
        (Origin::User, PolicyPart::default()),
    ]);
    assert_eq!((policy.quota_bytes, origins.quota_bytes), (7, Origin::Group));
    assert_eq!((policy.low_priority, origins.low_priority), (false, Origin::Server));
    assert_eq!((policy.not_backed_up_days, origins.not_backed_up_days), (7, Origin::BuiltIn));
}

#[test]
fn errors_name_the_field_the_value_and_what_is_allowed() {
    for (json, expected) in [
        (r#"{"user_block_min_prefix": 33}"#, "user_block_min_prefix is 33; allowed are 0 to 32"),
        (r#"{"not_backed_up_days": 0}"#, "not_backed_up_days is 0; allowed are 1 to 365"),
        (r#"{"battery_min_percent": 101}"#, "battery_min_percent is 101; allowed are 0 to 100"),
        (
            r#"{"schedule": {"interval_minutes": 1}}"#,
            "schedule cannot be used: interval_minutes is 1; allowed are 5 to 525600",
        ),
        (r#"{"folders": ["Documents"]}"#, r#"folders has "Documents"; folders begin with / or ~/"#),
        (
            r#"{"networks_allowed": [{"prefix": "10.0.0.0/33"}]}"#,
            r#"networks_allowed has the prefix "10.0.0.0/33"; it is an address and a length such as 192.168.178.0/24"#,
        ),
        (
            r#"{"networks_restricted": [{"gateway": "00:1a"}]}"#,
            r#"networks_restricted has the gateway "00:1a"; it is six bytes such as 00:1a:2b:3c:4d:5e"#,
        ),
        (
            r#"{"networks_restricted": [{"name": " "}]}"#,
            r#"networks_restricted has the name " "; a name is not empty"#,
        ),
    ] {
        assert_eq!(part(json), Err(expected.to_owned()), "{json}");
    }
    assert!(
        part(r#"{"exclusions": ["a\nb"]}"#).unwrap_err().starts_with("exclusions has an entry, number 1,")
    );
    let many = format!(r#"{{"exclusions": {:?}}}"#, vec!["x"; ENTRIES_MAX + 1]);
    assert_eq!(part(&many), Err("exclusions has 257 entries; allowed are up to 256".to_owned()));
    assert!(part(r#"{"colour": 1}"#).unwrap_err().contains("unknown field `colour`"));
    assert!(part(r#"{"snapshot": "maybe"}"#).unwrap_err().contains("unknown variant `maybe`"));
}

#[test]
fn a_policy_of_another_version_is_read() {
    let policy: Policy = serde_json::from_str(r#"{"quota_bytes": 3, "of_a_newer_server": true}"#).unwrap();
    assert_eq!(policy, Policy { quota_bytes: 3, ..Policy::default() });
}

#[test]
fn networks_are_told_apart() {
    let network: NetworkMatch = serde_json::from_str(r#"{"name": "guest"}"#).unwrap();
    assert!(network.matches(Some("Hotel Guest 5"), None, &[]));
    assert!(!network.matches(Some("office"), None, &[]) && !network.matches(None, None, &[]));
    let gateway = NetworkMatch::Gateway("00:1A:2b:3c:4d:5e".into());
    assert!(gateway.matches(None, Some("00:1a:2b:3c:4d:5e"), &[]));
    assert!(!gateway.matches(None, Some("00:1a:2b:3c:4d:5f"), &[]));
    let prefix = |text: &str, address: &str| {
        NetworkMatch::Prefix(text.to_owned()).matches(None, None, &[address.parse().unwrap()])
    };
    assert!(prefix("10.1.0.0/16", "10.1.255.3") && !prefix("10.1.0.0/16", "10.2.0.1"));
    assert!(prefix("0.0.0.0/0", "192.0.2.1") && !prefix("0.0.0.0/0", "2001:db8::1"));
    assert!(prefix("10.1.0.0/16", "::ffff:10.1.2.3"));
    assert!(prefix("2001:db8::/32", "2001:db8:1::9") && !prefix("2001:db8::/32", "2001:db9::1"));
    assert!(prefix("192.0.2.1/32", "192.0.2.1") && !prefix("192.0.2.1/32", "192.0.2.0"));
}

fn chosen(policy: Policy, choices: UserChoices) -> (Policy, Origins) {
    let (_, origins) = Policy::of_layers([]);
    policy.with_choices(origins, &choices)
}

#[test]
fn a_user_chooses_an_interval_within_bounds() {
    let policy =
        Policy { user_interval_min_minutes: 60, user_interval_max_minutes: 120, ..Policy::default() };
    let interval = |policy: &Policy, minutes| {
        let choices = UserChoices { interval_minutes: Some(minutes), ..UserChoices::default() };
        let (policy, origins) = chosen(policy.clone(), choices);
        (policy.schedule.interval_minutes, origins.schedule)
    };
    assert_eq!(interval(&policy, 90), (90, Origin::User));
    assert_eq!(interval(&policy, 5), (60, Origin::User));
    assert_eq!(interval(&policy, 9_999), (120, Origin::User));
    let crossed = Policy { user_interval_min_minutes: 60, user_interval_max_minutes: 30, ..policy.clone() };
    assert_eq!(interval(&crossed, 5), (60, Origin::User));
    let fixed = Policy { user_may_change_interval: false, ..policy };
    assert_eq!(interval(&fixed, 90), (240, Origin::BuiltIn));
}

#[test]
fn the_lower_ceiling_wins() {
    for (policy, user, expected) in [(0, 0, 0), (0, 5, 5), (5, 0, 5), (5, 9, 5), (9, 5, 5), (5, 5, 5)] {
        let choices = UserChoices { bandwidth_ceiling_kib: Some(user), ..UserChoices::default() };
        let (chosen, origins) =
            chosen(Policy { bandwidth_ceiling_kib: policy, ..Policy::default() }, choices);
        let origin = if expected == policy { Origin::BuiltIn } else { Origin::User };
        assert_eq!((chosen.bandwidth_ceiling_kib, origins.bandwidth_ceiling_kib), (expected, origin));
    }
}

#[test]
fn critical_notices_are_silenced_only_where_the_policy_says_so() {
    let silent = Notifications { critical: false, high: false, warning: false, informative: false };
    let choices = UserChoices { notifications: Some(silent), ..UserChoices::default() };
    let (policy, origins) = chosen(Policy::default(), choices);
    assert_eq!(policy.notifications, Notifications { critical: true, ..silent });
    assert_eq!(origins.notifications, Origin::User);
    let lenient = Policy { user_may_silence_critical: true, ..Policy::default() };
    assert_eq!(chosen(lenient, choices).0.notifications, silent);
    let strict = Policy { user_may_change_notifications: false, ..Policy::default() };
    assert_eq!(chosen(strict, choices).0.notifications, Notifications::default());
}
