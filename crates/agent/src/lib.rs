//! The agent: its state on disk, activation, backup sets, and the command line `holdfast`.
//!
//! It puts together what `engine` does, `client` reaches and `platform` offers, and alone decides on words and exit
//! statuses. Files of backups and the protocol are their crates' business.

pub mod activation;
mod catalog;
mod change;
mod cli;
mod commands;
mod desk;
mod error;
mod interrupts;
mod json;
mod labels;
mod log;
mod mount;
mod output;
mod overview;
mod progress;
mod roots;
mod rules;
mod run;
mod select;
mod service;
mod session;
mod sets;
pub mod state;
mod text;
mod when;

pub use cli::{command, main};
pub use error::AgentError;
pub use interrupts::Interrupts;
pub use output::Output;
pub use session::Dialling;
