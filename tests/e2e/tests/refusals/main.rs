//! Everything that can be wrong between a machine and its server before and during a run: each case gives its
//! documented code, exit status and advice, nothing half-written stays visible, and once it is put right all goes on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod activation;
mod cache;
mod clones;
mod reach;
mod server_side;
mod state;
mod strangers;
mod tokens;
mod trust;

use e2e::{Agent, Outcome, Site, tree};
use model::Code;
use std::path::{Path, PathBuf};

/// Fails the test unless the command ended with this code, its exit status and the advice of `docs/errors.md`.
#[track_caller]
fn refused(outcome: Outcome, code: Code) -> Outcome {
    assert!(outcome.stderr.contains(&format!("[{code}]")), "expected [{code}]: {outcome}");
    assert!(outcome.stderr.contains(code.advice()), "expected the advice of {code}: {outcome}");
    outcome.fails_with(code)
}

/// A folder with a few files.
fn documents(site: &Site) -> PathBuf {
    let documents = site.path("documents");
    tree::make(&documents, 40, &mut e2e::random::Random::new());
    documents
}

/// A good backup of the folder, every stored byte checked, and the newest snapshot equal to it.
#[track_caller]
fn assert_all_is_well(site: &Site, agent: &Agent, documents: &Path) {
    let summary = agent.backup(&[documents]);
    assert_eq!(summary["findings"], 0, "{summary}");
    let target = tempfile::tempdir_in(site.folder()).unwrap();
    agent.restore(&format!("latest:{}", documents.display()), target.path());
    tree::assert_equal(documents, target.path());
    site.server.verify();
}

/// Devices of a user that may work.
fn devices(site: &Site, user: &str) -> u64 {
    let users = site.server.json(["user", "list"]);
    let found = users.as_array().unwrap().iter().find(|row| row["name"] == user).expect("the user");
    found["devices"].as_u64().unwrap()
}
