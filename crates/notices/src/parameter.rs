//! What a notice must be told before its text is complete.

use model::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What stands for a placeholder of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// Its stable name.
    pub name: &'static str,
    /// What stands between `<` and `>` in the text.
    pub placeholder: &'static str,
    /// What it takes.
    pub kind: Kind,
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A name that the user or the user's network chose. The server of a private vault must never learn it.
    Text,
    /// A point in time, shown as a time of day.
    TimeOfDay,
    /// A number of days.
    Days,
    /// A number of things.
    Count,
    /// A part of a hundred.
    Percent,
}

/// A value for a parameter, as it is kept and sent. A time stays a point in time: what it is called depends on where
/// and when it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Value {
    /// For [`Kind::Text`].
    Text(String),
    /// For [`Kind::TimeOfDay`].
    TimeOfDay(Timestamp),
    /// For [`Kind::Days`].
    Days(u32),
    /// For [`Kind::Count`].
    Count(u64),
    /// For [`Kind::Percent`].
    Percent(u8),
}

/// The values of a notice's parameters, by their names.
pub type Values = BTreeMap<Cow<'static, str>, Value>;

impl Value {
    /// The kind of parameter that takes it.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::TimeOfDay(_) => Kind::TimeOfDay,
            Self::Days(_) => Kind::Days,
            Self::Count(_) => Kind::Count,
            Self::Percent(_) => Kind::Percent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_come_back_from_json() {
        let cases = [
            (Value::Text("home".into()), json!({"kind": "text", "value": "home"})),
            (
                Value::TimeOfDay(Timestamp::from_secs(60)),
                json!({"kind": "time_of_day", "value": "1970-01-01T00:01:00Z"}),
            ),
            (Value::Days(3), json!({"kind": "days", "value": 3})),
            (Value::Count(5), json!({"kind": "count", "value": 5})),
            (Value::Percent(80), json!({"kind": "percent", "value": 80})),
        ];
        for (value, written) in cases {
            assert_eq!(serde_json::to_value(&value).unwrap(), written);
            assert_eq!(written["kind"], serde_json::to_value(value.kind()).unwrap());
            assert_eq!(serde_json::from_value::<Value>(written).unwrap(), value);
        }
    }
}
