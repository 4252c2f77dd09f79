//! Who may use whom: the one table of edges between the crates of this workspace.
//! `docs/ARCHITECTURE.md` gives the reasons; `tidy::edges` compares this table with `cargo metadata`.

/// Each crate with the crates of ours that it may name in `[dependencies]`, bottom first.
/// What a crate may use is listed in full: an edge is never inherited.
pub(crate) const MAY_USE: &[(&str, &[&str])] = &[
    // Words and bytes, no input or output.
    ("model", &[]),
    ("notices", &["model"]),
    ("status", &["model", "notices"]),
    ("format", &["model"]),
    // The operating system, and the only unsafe code.
    ("platform", &["model"]),
    // The message bus, and what is around a device: neither knows what is backed up.
    ("bus", &[]),
    ("surroundings", &["bus", "platform"]),
    // The user's desktop, which knows nothing but notices.
    ("desktop", &["bus", "model", "notices"]),
    // Storage, which the agent's side never sees.
    ("blobs", &["model", "platform"]),
    ("vault", &["blobs", "format", "model"]),
    // Backup and restore, which never see the vault: they know a remote by its trait.
    ("engine", &["format", "model", "platform"]),
    // The protocol and its client.
    ("api", &["model"]),
    ("client", &["api", "engine", "format", "model"]),
    // The server's database.
    ("meta", &["model", "platform"]),
    // The two sides, and the programs above them.
    ("server", &["api", "blobs", "format", "meta", "model", "platform", "vault"]),
    (
        "agent",
        &[
            "api",
            "client",
            "desktop",
            "engine",
            "format",
            "model",
            "notices",
            "platform",
            "status",
            "surroundings",
        ],
    ),
    ("holdfast-server", &["server"]),
    ("holdfast", &["agent"]),
    ("xtask", &[]),
];

/// Crates for tests: they may use every crate, and others may use them only in `[dev-dependencies]`.
pub(crate) const TEST_ONLY: &[&str] = &["e2e", "fuzz", "testkit"];

/// The only crate that may hold `unsafe`.
pub(crate) const UNSAFE_CRATE: &str = "platform";

/// Names that say nothing about what a crate holds, and so attract everything.
pub(crate) const VAGUE_NAMES: &[&str] =
    &["base", "common", "core", "helpers", "lib", "misc", "shared", "util", "utils"];

/// Crates without input and output, and what they may therefore never use outside tests.
pub(crate) const PURE: &[&str] = &["model", "notices", "status", "format"];

/// External crates that do input or output, or bring an async runtime.
pub(crate) const IMPURE_DEPENDENCIES: &[&str] = &[
    "axum",
    "hyper",
    "hyper-util",
    "reqwest",
    "rusqlite",
    "rustix",
    "sea-orm",
    "sqlx",
    "tempfile",
    "tokio",
    "zbus",
];
