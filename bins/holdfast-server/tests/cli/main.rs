//! The program as administrators meet it: exit statuses, documents, and who may run when.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod folders;
mod offline;
mod online;
mod recovery;
mod support;
