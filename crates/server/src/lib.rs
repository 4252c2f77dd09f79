//! The server: what it keeps in its data folder, how agents and administrators reach it, and what it does by itself.
//!
//! Requests of agents come in through `http`, commands of administrators through `cli` and `control`; both call the
//! same use cases on an `Instance`. Vaults know their objects, `meta` knows who exists; what must hold between the two
//! (the order of writes, `reconcile`) is kept here.

pub mod accounts;
pub mod activation;
pub mod admin;
pub mod admin_token;
pub mod archive;
pub mod channels;
pub mod cleanup;
pub mod cli;
pub mod commits;
pub mod control;
pub mod counters;
pub mod damage;
pub mod data;
pub mod device_state;
pub mod error;
pub mod events;
pub mod http;
pub mod instance;
pub mod leases;
pub mod mirror;
pub mod names;
pub mod orders;
pub mod org;
pub mod password;
pub mod policies;
pub mod quota;
pub mod reconcile;
pub mod scheduler;
pub mod serve;
pub mod settings;
pub mod signals;
pub mod space;
pub mod storage;
pub mod tls;
pub mod vaults;
pub mod watch;
pub mod wrapped;

pub use cli::main;
pub use error::{Error, Result};

use error::{blocking, detached};
