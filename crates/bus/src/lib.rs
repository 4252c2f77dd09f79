//! A connection to a message bus (D-Bus), which comes back by itself when it ends, and what programs ask over it.
//!
//! A bus or a service that is not there is no failure of ours: it is asked again when it appears. Everything here
//! blocks and is meant for plain threads.

mod connection;
mod error;
mod signal;

pub use connection::{Bus, Heard, Which};
pub use error::Error;
pub use signal::Signal;
