//! What the server wants of a device: where it stands, which policy holds, and orders. Each is a state that can be asked
//! for; the control channel only tells sooner that it has changed.

use crate::{Error, limits};
use model::policy::{Origins, Policy};
use model::{Code, OrderId, Timestamp};
use serde::{Deserialize, Serialize};

/// Answer of `GET /device/state`, and a line of `GET /device/channel`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceState {
    /// The server's time.
    pub server_time: Timestamp,
    /// The code with which other requests of this device are refused; `None` while it may work.
    pub refused_with: Option<String>,
    /// The version of the policy that holds: another one is to be fetched.
    pub policy: String,
    /// What an administrator wants once and the device has not answered yet, in this order.
    pub orders: Vec<Order>,
}

impl DeviceState {
    /// The code of a refusal, where this version knows it.
    pub fn refusal(&self) -> Option<Code> {
        self.refused_with.as_deref().map(|code| Code::parse(code).unwrap_or(Code::DeviceDisabled))
    }

    /// Whether it says the same; times pass in any case.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let ids = |state: &Self| state.orders.iter().map(|order| order.id).collect::<Vec<_>>();
        self.refused_with == other.refused_with && self.policy == other.policy && ids(self) == ids(other)
    }
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// By which it is answered. An order with an id that was obeyed before is answered again, and not obeyed again.
    pub id: OrderId,
    /// What is wanted.
    pub kind: OrderKind,
    /// How long ago it was given, by the server's clock, in seconds.
    pub age_seconds: u64,
}

/// What is wanted. `restore` is kept for restores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// A backup, now.
    Start,
    /// The end of the backup that was under way when the order was given.
    Cancel,
    /// Something that only a newer agent knows. It is left for that one.
    #[serde(other)]
    Unknown,
}

/// Body of `PUT /device/orders/{order}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderAnswer {
    /// What became of it.
    pub outcome: OrderOutcome,
    /// Why it was refused: one of our codes.
    #[serde(default)]
    pub code: Option<String>,
}

impl OrderAnswer {
    /// The device has done it.
    pub const fn done() -> Self {
        Self { outcome: OrderOutcome::Done, code: None }
    }

    /// It could not.
    pub fn refused(code: Code) -> Self {
        Self { outcome: OrderOutcome::Refused, code: Some(code.to_string()) }
    }

    /// Checks lengths and characters.
    pub fn check(&self) -> Result<(), Error> {
        let Some(code) = &self.code else { return Ok(()) };
        Error::limit("code", code.len(), limits::EVENT_CODE)?;
        if code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
            return Ok(());
        }
        Err(Error::malformed("code", "lower-case letters, digits and underscores"))
    }
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderOutcome {
    /// The backup that is to be started has begun; the one that is to end has ended.
    Done,
    /// It was not possible.
    Refused,
}

/// Answer of `GET /device/policy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyAnswer {
    /// Its version: the same for the same values from the same layers.
    pub version: String,
    /// Every value.
    pub policy: Policy,
    /// Where each comes from.
    pub origins: Origins,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_newer_server_wants_is_read_and_left() {
        let text = r#"{"server_time":"2026-01-01T00:00:00Z","refused_with":"asleep","policy":"x","orders":
            [{"id":"00000000000000000000000000000001","kind":"restore","age_seconds":1,"what":"all"}],"more":1}"#;
        let state: DeviceState = serde_json::from_str(text).unwrap();
        assert_eq!(state.orders[0].kind, OrderKind::Unknown);
        assert_eq!(state.refusal(), Some(Code::DeviceDisabled));
        let mut later = DeviceState { server_time: Timestamp::from_secs(9), ..state.clone() };
        later.orders[0].age_seconds = 9;
        assert!(state.says_the_same(&later));
        later.orders.clear();
        assert!(!state.says_the_same(&later));
    }

    #[test]
    fn answers_are_bounded() {
        assert_eq!(OrderAnswer::done().check(), Ok(()));
        assert_eq!(OrderAnswer::refused(Code::BackupPaused).check(), Ok(()));
        for code in ["Paused", &"x".repeat(65)] {
            let answer = OrderAnswer { code: Some(code.to_owned()), ..OrderAnswer::done() };
            assert!(answer.check().is_err(), "{code}");
        }
    }
}
