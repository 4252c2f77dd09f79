//! What both programs print and how they end: exit statuses, JSON documents with their fields, errors in both forms,
//! variables and options that move things, progress with and without a terminal.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod agent;
mod diff;
mod errors;
mod find;
mod pages;
mod places;
mod progress;
mod server;
mod shape;
mod tag;
mod top;
