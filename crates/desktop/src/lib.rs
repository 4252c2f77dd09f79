//! Notices on the user's desktop: pop-ups by org.freedesktop.Notifications, and an icon in the tray by
//! StatusNotifierItem, with what the user clicks there.
//!
//! A desktop that is not there, or restarts, is no failure: [`Desktop`] goes on and shows what holds when it is back.
//! What comes up and how often is decided without any desktop, by [`Memory`].

mod desktop;
mod held;
mod icons;
mod notifications;
mod popups;
mod tray;
mod wording;

pub use desktop::{Desktop, Event, Setup, View};
pub use held::Held;
pub use popups::{About, Memory};
