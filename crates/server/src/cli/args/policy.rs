//! The arguments of `group` and `policy`.

use crate::admin::{Command, PolicyOf};
use clap::Subcommand;
use model::amounts::parse_size;
use serde_json::{Map, Value};

#[derive(Debug, Subcommand)]
pub(super) enum Group {
    /// Add a group
    #[command(after_help = "Example:
  holdfast-server group add sales --data /srv/holdfast")]
    Add {
        /// 1 to 64 letters, digits, dots, dashes, underscores or @
        name: String,
    },
    /// List the groups
    #[command(after_help = "Example:
  holdfast-server group list --data /srv/holdfast")]
    List,
    /// Remove a group that nobody is in
    #[command(after_help = "Example:
  holdfast-server group remove sales --data /srv/holdfast")]
    Remove {
        /// The group
        name: String,
    },
    /// Put a user into a group, and so out of the one before; new users are in the group default
    #[command(after_help = "Examples:
  holdfast-server group set-user anna sales --data /srv/holdfast
  holdfast-server group set-user anna default --data /srv/holdfast")]
    SetUser {
        /// The user
        user: String,
        /// The group
        group: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Policy {
    /// Show every value that holds, and where it comes from
    #[command(after_help = "Examples:
  holdfast-server policy show --data /srv/holdfast
  holdfast-server policy show --group sales --json --data /srv/holdfast
  holdfast-server policy show --user anna --data /srv/holdfast")]
    Show {
        /// For this group instead of for all
        #[arg(long, value_name = "NAME", conflicts_with = "user")]
        group: Option<String>,
        /// For this user
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// Set values; all of them or none. Connected devices are told at once
    #[command(after_help = "Examples:
  holdfast-server policy set bandwidth_ceiling_kib=2048 user_may_pause=false --data /srv/holdfast
  holdfast-server policy set quota_bytes=50GiB --group sales --data /srv/holdfast
  holdfast-server policy set 'schedule={\"interval_minutes\":120}' --group sales --data /srv/holdfast")]
    Set {
        /// A field of docs/policy.md and its value, in JSON or as plain text
        #[arg(required = true, value_name = "FIELD=VALUE", value_parser = parse_value)]
        values: Vec<(String, Value)>,
        /// For this group instead of for all
        #[arg(long, value_name = "NAME")]
        group: Option<String>,
    },
    /// Take values back, so that those of the layer below hold
    #[command(after_help = "Examples:
  holdfast-server policy unset quota_bytes --group sales --data /srv/holdfast
  holdfast-server policy unset schedule low_priority --data /srv/holdfast")]
    Unset {
        /// The fields
        #[arg(required = true, value_name = "FIELD")]
        fields: Vec<String>,
        /// For this group instead of for all
        #[arg(long, value_name = "NAME")]
        group: Option<String>,
    },
}

/// JSON is taken as such, a size where there are bytes, and anything else as text: whether it fits the field is the
/// server's to say.
fn parse_value(text: &str) -> Result<(String, Value), String> {
    let (field, value) = text.split_once('=').ok_or("it has the form FIELD=VALUE")?;
    let parsed = match serde_json::from_str(value) {
        // What takes a value back has a command of its own.
        Ok(Value::Null) => return Err("null is no value; take it back with policy unset".to_owned()),
        Ok(parsed) => parsed,
        Err(_) if field.ends_with("_bytes") => Value::from(parse_size(value)?),
        Err(_) => Value::from(value),
    };
    Ok((field.to_owned(), parsed))
}

impl Group {
    pub(super) fn into_command(self) -> Command {
        match self {
            Self::Add { name } => Command::GroupAdd { name },
            Self::List => Command::GroupList,
            Self::Remove { name } => Command::GroupRemove { name },
            Self::SetUser { user, group } => Command::GroupSetUser { user, group },
        }
    }
}

impl Policy {
    pub(super) fn into_command(self) -> Command {
        match self {
            Self::Show { group, user } => Command::PolicyShow(match (group, user) {
                (Some(group), _) => PolicyOf::Group(group),
                (None, Some(user)) => PolicyOf::User(user),
                (None, None) => PolicyOf::All,
            }),
            Self::Set { values, group } => {
                Command::PolicyChange { group, change: values.into_iter().collect() }
            }
            Self::Unset { fields, group } => {
                let change = fields.into_iter().map(|field| (field, Value::Null)).collect::<Map<_, _>>();
                Command::PolicyChange { group, change }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_json_sizes_or_text() {
        for (text, value) in [
            ("tray_icon=false", json!(false)),
            ("quota_bytes=2GiB", json!(2_u64 << 30)),
            ("snapshot=required", json!("required")),
            (r#"schedule={"interval_minutes":60}"#, json!({"interval_minutes": 60})),
            (r#"folders=["~","/srv"]"#, json!(["~", "/srv"])),
            ("custody=a=b", json!("a=b")),
        ] {
            assert_eq!(parse_value(text).unwrap().1, value, "{text}");
        }
        for text in ["tray_icon", "tray_icon=null", "quota_bytes=much"] {
            assert!(parse_value(text).is_err(), "{text}");
        }
    }
}
