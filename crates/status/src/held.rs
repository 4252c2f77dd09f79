//! A notice that holds.

use model::Timestamp;
use notices::{Notice, Value, Values, catalogue};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// A notice that holds, with the values that make its text complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Which one; written as its code.
    #[serde(rename = "code", with = "by_code")]
    pub notice: &'static Notice,
    /// The values of its parameters.
    pub values: Values,
    /// Since when.
    pub since: Timestamp,
    /// The number of the episode: of no other notice, and of the same one no other time.
    pub episode: u64,
    /// What there is to say besides, such as what an error said. May name paths.
    pub details: BTreeMap<String, String>,
}

impl Held {
    /// Whether a notice with these values is the same trouble: names tell troubles apart, numbers and times do not.
    pub(crate) fn is_about(&self, notice: &Notice, values: &Values) -> bool {
        let names = |values: &Values| {
            let names = values.values().filter(|value| matches!(value, Value::Text(_)));
            names.cloned().collect::<Vec<_>>()
        };
        self.notice.code == notice.code && names(&self.values) == names(values)
    }
}

mod by_code {
    use super::*;

    pub(super) fn serialize<S: Serializer>(notice: &&'static Notice, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(notice.code)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<&'static Notice, D::Error> {
        let code = String::deserialize(from)?;
        let unknown = || serde::de::Error::custom(format_args!("no notice has the code {code}"));
        catalogue::find(&code).ok_or_else(unknown)
    }
}
