//! The server as agents meet it: its own data folder, real certificates and sockets, the agents' client, and peers that
//! lie. Its time stands still until a test moves it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of these tests fail as the tests do"
)]

mod accounts;
mod activation;
mod administrators;
mod channel;
mod cleanup;
mod commits;
mod damage;
mod events;
mod labels;
mod leases;
mod limits;
mod openapi;
mod policies;
mod queue;
mod quota;
mod reading;
mod recovery;
mod storage;
mod store;
mod support;
mod trouble;
mod uploads;
