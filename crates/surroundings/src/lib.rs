//! What is around a device and decides whether a backup may run: the network by which the server is reached, whether
//! it is metered, the battery, and the machine's going to sleep.
//!
//! Everything is asked for when it is needed, so that nothing here can be out of date; [`Surroundings`] says when to
//! ask again. A service that does not run makes its answers unknown, and never an error.

mod network;
mod network_manager;
mod power;
mod rules;
mod sleep;
mod watch;

pub use network::{Connection, Metered, Network, NetworkKind, Way};
pub use power::Power;
pub use rules::{CannotBlock, DisabledBy, NetworkRules, Verdict};
pub use watch::{Change, Surroundings};
