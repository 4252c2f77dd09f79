//! The real program without a server: usage, states of every kind, exit statuses, the shape of errors, signals.
#![allow(clippy::unwrap_used, reason = "helpers of tests, as in the tests themselves")]

mod help;
mod machine;
mod notices;
mod signals;
mod states;
mod usage;
