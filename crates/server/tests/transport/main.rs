//! The transport as its users meet it: real sockets, real certificates, and peers that misbehave.

#![allow(clippy::unwrap_used, reason = "the helpers of these tests fail as the tests do")]

mod faults;
mod listen;
mod proxy;
mod support;
mod trust;
mod vault;
