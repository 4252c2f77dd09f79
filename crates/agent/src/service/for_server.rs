//! The log of this device in the words of the server.

use crate::state::told::Told;
use api::events::Event;
use api::limits;
use model::Custody;
use notices::Value;
use serde_json::{Map, json};
use status::Transition;
use std::collections::BTreeMap;

/// Tells of changes that are in no log any more.
pub(super) const DROPPED: &str = "events_dropped";

/// Details that name nothing of the user's. Errors may name paths.
const NAMELESS: [&str; 6] = ["incident", "snapshot", "missed", "retry_at", "replaced", "device_only"];

/// The longest text of an event.
const TEXT_MAX: usize = 1024;

/// The next events for the server: those of `log` after what it has, below `until`, and no more than it takes at once.
/// Those that the log has lost meanwhile are counted in one.
pub(super) fn next_events(log: &[Transition], told: Told, until: u64, custody: Custody) -> Vec<Event> {
    let news = log.iter().filter(|change| (told.acknowledged + 1..until).contains(&change.sequence));
    let mut events = Vec::new();
    let mut last = told.acknowledged;
    for change in news {
        let lost = change.sequence - last - 1;
        if lost > 0 {
            let params = Map::from_iter([("count".to_owned(), json!(lost))]);
            let sequence = told.offset + change.sequence - 1;
            events.push(Event { sequence, time: change.time, code: DROPPED.to_owned(), params });
        }
        events.push(event(change, told.offset, custody));
        last = change.sequence;
        if events.len() + 2 > limits::EVENTS {
            break;
        }
    }
    events
}

fn event(change: &Transition, offset: u64, custody: Custody) -> Event {
    let sequence = offset + change.sequence;
    let with = |longest| {
        let params = params(change, custody, longest);
        Event { sequence, time: change.time, code: change.code.clone(), params }
    };
    let lengths = std::iter::successors(Some(TEXT_MAX), |length| Some(length / 4)).take(5);
    // Texts of nothing but escapes are longer than they look; without any text everything fits.
    lengths.map(with).find(|event| event.check().is_ok()).unwrap_or_else(|| with(0))
}

fn params(change: &Transition, custody: Custody, longest: usize) -> Map<String, serde_json::Value> {
    let is_open = custody == Custody::Managed;
    let mut values = BTreeMap::new();
    for (name, value) in &change.values {
        let value = match value {
            Value::Text(_) if !is_open => continue,
            Value::Text(text) => json!(cut(text, longest)),
            Value::TimeOfDay(time) => json!(time),
            Value::Days(days) => json!(days),
            Value::Count(count) => json!(count),
            Value::Percent(percent) => json!(percent),
        };
        values.insert(name.as_ref(), value);
    }
    let tells = |name: &str| is_open || NAMELESS.contains(&name);
    let details = change.details.iter().filter(|(name, _)| tells(name));
    let details: BTreeMap<&str, &str> =
        details.map(|(name, text)| (name.as_str(), cut(text, longest))).collect();
    let mut params = Map::new();
    params.insert("change".to_owned(), json!(change.change));
    params.insert("episode".to_owned(), json!(change.episode));
    if !values.is_empty() {
        params.insert("values".to_owned(), json!(values));
    }
    if !details.is_empty() {
        params.insert("details".to_owned(), json!(details));
    }
    params
}

/// The beginning of a text, at most so many bytes.
fn cut(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;
    use status::Change;

    fn change(sequence: u64) -> Transition {
        Transition {
            sequence,
            time: Timestamp::from_secs(9),
            change: Change::Raised,
            code: "folder_misconfigured".into(),
            values: [("folder".into(), Value::Text("/secret".into()))].into(),
            episode: 4,
            details: [("error", "/secret: no"), ("incident", "ab12")]
                .map(|(name, text)| (name.to_owned(), text.to_owned()))
                .into(),
        }
    }

    fn numbers(log: &[Transition], told: Told, until: u64) -> Vec<(u64, String)> {
        let events = next_events(log, told, until, Custody::Managed);
        events.into_iter().map(|event| (event.sequence, event.code)).collect()
    }

    #[test]
    fn what_the_server_lacks_is_told_in_order_and_a_gap_is_counted() {
        let log: Vec<_> = (1..=5).map(change).collect();
        let told = |offset, acknowledged| Told { offset, acknowledged };
        let code = || "folder_misconfigured".to_owned();
        assert_eq!(numbers(&log, told(0, 3), 6), [(4, code()), (5, code())]);
        assert_eq!(numbers(&log, told(0, 3), 5), [(4, code())], "what is not written down is not told");
        assert_eq!(numbers(&log, told(0, 5), 6), []);
        // The second to the fourth are gone.
        assert_eq!(numbers(&log[4..], told(10, 1), 6), [(14, DROPPED.to_owned()), (15, code())]);
        let lost = &next_events(&log[4..], told(10, 1), 6, Custody::Managed)[0];
        assert_eq!(lost.params["count"], 3);
        let many: Vec<_> = (1..=1000).map(change).collect();
        let first = next_events(&many, told(0, 0), 1001, Custody::Managed);
        assert!((200..=limits::EVENTS).contains(&first.len()), "{}", first.len());
    }

    #[test]
    fn the_server_of_a_private_vault_learns_no_names() {
        let open = next_events(&[change(1)], Told::default(), 2, Custody::Managed);
        let params = serde_json::to_string(&open[0].params).unwrap();
        assert!(params.contains("/secret\"") && params.contains("/secret: no"), "{params}");
        let closed = next_events(&[change(1)], Told::default(), 2, Custody::Private);
        let params = serde_json::to_string(&closed[0].params).unwrap();
        assert!(!params.contains("secret") && params.contains("ab12"), "{params}");
        assert_eq!(
            (&closed[0].params["change"], &closed[0].params["episode"]),
            (&json!("raised"), &json!(4))
        );
    }

    #[test]
    fn every_event_is_one_that_the_server_takes() {
        let mut change = change(1);
        for text in ["x".repeat(10_000), "\u{1}".repeat(10_000), "ä".repeat(10_000)] {
            change.values.insert("folder".into(), Value::Text(text.clone()));
            change.details.insert("error".into(), text);
            let events = next_events(&[change.clone()], Told::default(), 2, Custody::Managed);
            assert_eq!(events[0].check(), Ok(()));
            assert!(
                events[0].params["details"]["error"].as_str().unwrap().len() > 50,
                "not more than needed"
            );
        }
    }
}
