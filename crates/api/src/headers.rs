//! Names of headers and types of content.

/// The protocol version of a request.
pub const PROTOCOL: &str = "holdfast-protocol";

/// The number that came with the grant of the lease.
pub const COUNTER: &str = "holdfast-counter";

/// Bodies in JSON.
pub const JSON: &str = "application/json";

/// Answers of JSON documents, one on each line.
pub const LINES: &str = "application/x-ndjson";

/// Refusals.
pub const PROBLEM: &str = "application/problem+json";

/// Bodies in binary.
pub const BINARY: &str = "application/octet-stream";
