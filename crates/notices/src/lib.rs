//! The catalogue of notices: every text by which Holdfast tells how a device's backup stands, with its stable code.
//! Agent, command line, server and console take these texts from here and have no others.
//! Pure data and functions; it knows no device and reads no clock.

mod action;
pub mod catalogue;
mod category;
mod clearing;
mod icon;
mod notice;
mod parameter;
mod platform;
pub mod priority;
mod render;
mod template;

pub use action::{Action, PauseSpan};
pub use category::Category;
pub use clearing::Clearing;
pub use icon::Icon;
pub use notice::{NONE, Notice, Role, Variant};
pub use parameter::{Kind, Parameter, Value, Values};
pub use platform::Platform;
pub use render::{Reader, RenderError, Rendered};
