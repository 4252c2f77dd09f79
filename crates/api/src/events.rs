//! The log of a device: what it tells the server, in its own numbers.

use crate::{Error, limits};
use model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Something that happened on a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The device's number of it, greater than that of every event before.
    pub sequence: u64,
    /// When it happened, by the device's clock.
    pub time: Timestamp,
    /// What happened: a stable word of 1 to 64 lower-case letters, digits, underscores and dots.
    pub code: String,
    /// More about it; at most 4 KiB as JSON. Of a private vault it names no paths.
    #[serde(default)]
    pub params: Map<String, Value>,
}

impl Event {
    /// Checks lengths and characters.
    pub fn check(&self) -> Result<(), Error> {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.".contains(&byte);
        Error::limit("code", self.code.len(), limits::EVENT_CODE)?;
        if self.code.is_empty() || !self.code.bytes().all(is_word) {
            return Err(Error::malformed("code", "lower-case letters, digits, underscores and dots"));
        }
        if self.sequence == 0 || self.sequence > limits::EVENT_SEQUENCE {
            return Err(Error::malformed("sequence", "1 to 2^63 - 1"));
        }
        // Plain values with text keys: they always have a JSON form.
        let size = serde_json::to_vec(&self.params).map_or(usize::MAX, |json| json.len());
        Error::limit("params", size, limits::EVENT_PARAMS)
    }
}

/// Body of `POST /device/events`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EventsRequest {
    /// The events, at most [`limits::EVENTS`]; none to ask which the server has.
    pub events: Vec<Event>,
}

impl EventsRequest {
    /// Checks their number and each of them.
    pub fn check(&self) -> Result<(), Error> {
        Error::limit("events", self.events.len(), limits::EVENTS)?;
        self.events.iter().try_for_each(Event::check)
    }
}

/// Answer of `POST /device/events`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsAnswer {
    /// How many of them are new to the server.
    pub stored: u64,
    /// The greatest number that the server has of this device; 0 when it has none. A device that counts below it has
    /// lost its own numbers, and goes on above.
    pub last_sequence: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Code;
    use serde_json::json;

    fn event() -> Event {
        let params = json!({"files": 3});
        let params = params.as_object().unwrap().clone();
        Event { sequence: 1, time: Timestamp::from_secs(5), code: "backup_complete".to_owned(), params }
    }

    #[test]
    fn events_are_bounded() {
        assert_eq!(event().check(), Ok(()));
        let code = |change: fn(&mut Event)| {
            let mut event = event();
            change(&mut event);
            event.check().map_err(|error| error.code())
        };
        assert_eq!(code(|e| e.code = String::new()), Err(Code::RequestInvalid));
        assert_eq!(code(|e| e.code = "Backup".to_owned()), Err(Code::RequestInvalid));
        assert_eq!(code(|e| e.code = "x".repeat(65)), Err(Code::RequestTooLarge));
        assert_eq!(code(|e| e.sequence = 0), Err(Code::RequestInvalid));
        assert_eq!(code(|e| e.sequence = 1 << 63), Err(Code::RequestInvalid));
        assert_eq!(
            code(|e| drop(e.params.insert("x".into(), json!("x".repeat(4_096))))),
            Err(Code::RequestTooLarge)
        );
        let many = EventsRequest { events: vec![event(); limits::EVENTS + 1] };
        assert_eq!(many.check().unwrap_err().code(), Code::RequestTooLarge);
        assert_eq!(EventsRequest::default().check(), Ok(()));
    }

    #[test]
    fn params_may_be_left_out() {
        let text = r#"{"events":[{"sequence":1,"time":"2026-01-01T00:00:00Z","code":"x","more":1}]}"#;
        let request: EventsRequest = serde_json::from_str(text).unwrap();
        assert!(request.events[0].params.is_empty());
    }
}
