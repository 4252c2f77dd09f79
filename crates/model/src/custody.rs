//! Who holds a vault's key.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Who can open a vault; fixed when it is created and pinned by the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Custody {
    /// The organisation's key opens it too, so an administrator can restore.
    Managed,
    /// Only the user's devices and the user's recovery file open it.
    Private,
}

impl Custody {
    /// The word used in files, on the wire and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::Private => "private",
        }
    }
}

impl fmt::Display for Custody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Custody {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "managed" => Ok(Self::Managed),
            "private" => Ok(Self::Private),
            other => Err(format!("custody is 'managed' or 'private', not '{other}'")),
        }
    }
}
