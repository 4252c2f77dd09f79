//! How requests reach the server: sockets, TLS and HTTP, with a bound on everything a stranger can use up; and the
//! routes of the protocol, each handler in its own file.

mod activity;
mod admin;
mod auth;
mod body;
mod channel;
mod connection;
mod input;
pub mod listen;
mod log;
mod peers;
mod rates;
mod refusal;
mod router;
mod routes;
mod slots;
mod state;

pub use body::{BodyIdle, BodySlow};
pub use listen::{Drained, Limits};
pub use router::router;
