//! How much a notice matters.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How much a notice matters, the most first; [`Category::meaning`] says each in a page's words. It decides what comes up on the desktop, never what a status line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Category {
    /// No backup can begin until somebody acts.
    Critical,
    /// Backups are in danger, and the user should act.
    High,
    /// Something went wrong that Holdfast tries again by itself.
    Warning,
    /// Nothing has to be done.
    Informative,
}

impl Category {
    /// All of them, the most first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Warning, Self::Informative];

    /// What it means, for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Critical => "no backup can begin until somebody acts",
            Self::High => "backups are in danger, and the user should act",
            Self::Warning => "something went wrong that Holdfast tries again by itself",
            Self::Informative => "nothing has to be done",
        }
    }

    /// The name as people see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "Critical",
            Self::High => "High",
            Self::Warning => "Warning",
            Self::Informative => "Informative",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
