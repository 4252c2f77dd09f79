//! The test kit of the end-to-end tests: real servers and real agents as processes, in folders of their own.
//!
//! The programs are those in the folder that `HOLDFAST_TEST_PROGRAMS` names (`scripts/test` sets it); they are
//! built with the cargo feature `test-hooks`, so that a test can move their clock and kill them at fail points.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test kit fails by panicking")]
#![allow(clippy::print_stdout, reason = "seeds are for whoever reads the test's output")]

pub mod agent;
pub mod automount;
pub mod clock;
pub mod command;
pub mod fixture;
pub mod lan;
pub mod mount;
pub mod port;
pub mod proxy;
pub mod random;
pub mod raw;
pub mod screen;
pub mod server;
pub mod service;
pub mod site;
pub mod tree;
pub mod user;

pub use crate::agent::Agent;
pub use automount::Automount;
pub use clock::Clock;
pub use command::Outcome;
pub use lan::Lan;
pub use mount::Mount;
pub use port::free_port;
pub use proxy::Proxy;
pub use raw::Raw;
pub use screen::{Helper, Screen};
pub use server::Server;
pub use service::Service;
pub use site::Site;
pub use user::OrdinaryUser;
