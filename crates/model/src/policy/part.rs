//! Changing what one layer sets, and reading what another version has stored of it.

use super::{Policy, PolicyError, PolicyPart};
use serde_json::{Map, Value};

/// The most that one layer sets, in bytes as JSON. Each device keeps what holds for it.
pub const PART_MAX: usize = 256 << 10;

/// Why a change of a layer is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// No field has this name.
    #[error("there is no field {0:?}")]
    Unknown(String),
    /// The value has not the form of the field.
    #[error("{field} cannot be read: {problem}")]
    Form {
        /// The field.
        field: String,
        /// What does not fit.
        problem: String,
    },
    /// All that is set is too much together.
    #[error("all that is set has {bytes} bytes as JSON; allowed are up to {PART_MAX}")]
    TooLarge {
        /// How much it would be.
        bytes: usize,
    },
    /// The value is not allowed.
    #[error(transparent)]
    Value(#[from] PolicyError),
}

/// A part whose only field is this one.
fn single(field: &str, value: Value) -> Result<PolicyPart, ChangeError> {
    let object = Value::Object(Map::from_iter([(field.to_owned(), value)]));
    serde_json::from_value(object)
        .map_err(|error| ChangeError::Form { field: field.to_owned(), problem: error.to_string() })
}

impl PolicyPart {
    /// The fields that are set, as a JSON object.
    pub fn to_fields(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => fields,
            // Plain values with text keys: they always have a JSON form.
            _ => Map::new(),
        }
    }

    /// What is left of a stored object when the fields and forms of other versions are left out, and the names of those.
    pub fn of_stored(fields: Map<String, Value>) -> (Self, Vec<String>) {
        let (mut kept, mut left_out) = (Map::new(), Vec::new());
        for (field, value) in fields {
            match single(&field, value.clone()) {
                Ok(_) => drop(kept.insert(field, value)),
                Err(_) => left_out.push(field),
            }
        }
        (serde_json::from_value(Value::Object(kept)).unwrap_or_default(), left_out)
    }

    /// The part with these fields set, and those that are null no longer set. All or nothing.
    pub fn changed(&self, change: Map<String, Value>) -> Result<Self, ChangeError> {
        let mut fields = self.to_fields();
        for (field, value) in change {
            if !Policy::FIELDS.iter().any(|(known, _)| *known == field) {
                return Err(ChangeError::Unknown(field));
            }
            if value.is_null() {
                fields.remove(&field);
            } else {
                single(&field, value.clone())?.check()?;
                fields.insert(field, value);
            }
        }
        let fields = Value::Object(fields);
        let bytes = fields.to_string().len();
        if bytes > PART_MAX {
            return Err(ChangeError::TooLarge { bytes });
        }
        serde_json::from_value(fields)
            .map_err(|error| ChangeError::Form { field: "policy".to_owned(), problem: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn fields_are_set_and_taken_back_all_or_nothing() {
        let part = PolicyPart::default();
        let part = part.changed(fields(&json!({"quota_bytes": 5, "tray_icon": false}))).unwrap();
        assert_eq!((part.quota_bytes, part.tray_icon), (Some(5), Some(false)));
        let part = part.changed(fields(&json!({"quota_bytes": null, "low_priority": false}))).unwrap();
        assert_eq!(part.to_fields(), fields(&json!({"tray_icon": false, "low_priority": false})));
        for (change, words) in [
            (json!({"colour": 1}), r#"there is no field "colour""#),
            (
                json!({"quota_bytes": 1, "not_backed_up_days": 0}),
                "not_backed_up_days is 0; allowed are 1 to 365",
            ),
            (
                json!({"tray_icon": "maybe"}),
                "tray_icon cannot be read: invalid type: string \"maybe\", expected a boolean",
            ),
        ] {
            assert_eq!(part.changed(fields(&change)).unwrap_err().to_string(), words);
        }
    }

    #[test]
    fn a_layer_has_a_bound() {
        let folders = |count| fields(&json!({"folders": vec![format!("/{}", "x".repeat(4_000)); count]}));
        let part = PolicyPart::default().changed(folders(60)).unwrap();
        let more = json!({"exclusions": vec!["x".repeat(4_000); 60]});
        assert!(matches!(part.changed(fields(&more)), Err(ChangeError::TooLarge { .. })));
    }

    #[test]
    fn what_another_version_has_stored_is_read_as_far_as_it_is_known() {
        let stored = json!({"quota_bytes": 5, "of_a_newer_server": 1, "snapshot": "of_a_newer_server"});
        let (part, left_out) = PolicyPart::of_stored(fields(&stored));
        assert_eq!(part, PolicyPart { quota_bytes: Some(5), ..PolicyPart::default() });
        assert_eq!(left_out, ["of_a_newer_server", "snapshot"]);
    }
}
