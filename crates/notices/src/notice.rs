//! A row of the catalogue.

use crate::{Action, Category, Clearing, Icon, Parameter, Platform};
use serde::Serialize;

/// The sub-status of a notice that has none.
pub const NONE: &str = "-";

/// One thing that can be told about a device, in the words in which it is told.
///
/// Status and sub-status may hold placeholders such as `<X>`, each bound to one of [`Notice::parameters`]. Where a text
/// has another form for another day, the forms stand beside each other with ` / ` between.
#[derive(Debug, PartialEq, Eq)]
pub struct Notice {
    /// The stable code.
    pub code: &'static str,
    /// The row of the seed that this notice comes from, counted from 1; none for a notice of our own.
    pub seed: Option<u8>,
    /// The headline.
    pub status: &'static str,
    /// What the headline leaves open, or [`NONE`].
    pub sub_status: &'static str,
    /// The sub-status of platforms that need other words.
    pub variants: &'static [Variant],
    /// What its texts must be told to be complete.
    pub parameters: &'static [Parameter],
    /// How much it matters.
    pub category: Category,
    /// What the user is offered where it comes up, the first also for a click on the notice itself.
    pub offers: &'static [Action],
    /// The sign beside it.
    pub icon: Icon,
    /// Where it is shown.
    pub role: Role,
    /// What ends it.
    pub clears: Clearing,
    /// What happened.
    pub description: &'static str,
    /// What Holdfast does next.
    pub next: &'static str,
    /// What the user can do.
    pub action: &'static str,
}

/// A sub-status in the words of some platforms.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Variant {
    /// Where it is said.
    pub platforms: &'static [Platform],
    /// What is said there.
    pub sub_status: &'static str,
}

/// Where a notice is shown, beside coming up on the desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// In the status line, which shows one of those that hold ([`crate::priority::status_line`]).
    State,
    /// Beside the status line, whatever that says, so that it never hides the reason for anything.
    Overlay,
    /// A line of its own below a status line with the same status, and only there; any number at once.
    Detail,
    /// Nowhere: it comes up on the desktop and is over.
    Event,
}

impl Notice {
    /// A row to which fields are added; a test refuses one that leaves its texts empty.
    pub(crate) const BLANK: Self = Self {
        code: "",
        seed: None,
        status: "",
        sub_status: NONE,
        variants: &[],
        parameters: &[],
        category: Category::Informative,
        offers: &[Action::Details],
        icon: Icon::Info,
        role: Role::State,
        clears: Clearing::AtOnce,
        description: "",
        next: "",
        action: "",
    };

    /// The sub-status as it is said on this platform.
    pub fn sub_status_on(&self, platform: Platform) -> &'static str {
        let variant = self.variants.iter().find(|variant| variant.platforms.contains(&platform));
        variant.map_or(self.sub_status, |variant| variant.sub_status)
    }
}
