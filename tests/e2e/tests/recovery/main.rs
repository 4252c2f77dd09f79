//! A server that lost something: its database, all but its store, or a part of the store. What the store holds comes
//! back with the organisation's recovery file, agents go on as they are, and nothing that is referred to is removed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod damage;
mod database;
mod files;
mod interrupted;
mod store;

use e2e::random::Random;
use e2e::{Agent, Outcome, Site, tree};
use model::Code;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A device with a tree that changes, and a copy of each state that was backed up.
struct History {
    agent: Agent,
    documents: PathBuf,
    copies: PathBuf,
    /// Snapshot ids, oldest first; the copy of each has its name.
    snapshots: Vec<String>,
    random: Random,
}

impl History {
    fn new(site: &Site, name: &str) -> Self {
        let mut random = Random::new();
        let documents = site.path(&format!("documents-{name}"));
        tree::make(&documents, 40, &mut random);
        let copies = site.path(&format!("copies-{name}"));
        std::fs::create_dir(&copies).unwrap();
        Self { agent: site.device(name), documents, copies, snapshots: Vec::new(), random }
    }

    /// Changes the tree and backs it up.
    #[track_caller]
    fn back_up(&mut self) {
        tree::change(&self.documents, 20, &mut self.random);
        let new = self.documents.join(format!("new{:x}", self.random.next()));
        std::fs::write(new, self.random.bytes(100_000)).unwrap();
        self.back_up_unchanged();
    }

    /// Backs the tree up as it is; gives the summary.
    #[track_caller]
    fn back_up_unchanged(&mut self) -> Value {
        let summary = self.agent.backup(&[&self.documents]);
        assert_eq!(summary["findings"], 0, "{summary}");
        let id = summary["snapshot"].as_str().unwrap().to_owned();
        Outcome::of(Command::new("cp").arg("-a").arg(&self.documents).arg(self.copies.join(&id))).ok();
        self.snapshots.push(id);
        summary
    }

    /// Restores all snapshots but the hidden ones; each must equal its copy, and the list must be just these.
    #[track_caller]
    fn assert_all_restore(&self, site: &Site, hidden: &[&String]) {
        let listed: Vec<String> =
            self.agent.snapshots().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
        let expected: Vec<String> =
            self.snapshots.iter().rev().filter(|id| !hidden.contains(id)).cloned().collect();
        assert_eq!(listed, expected, "newest first");
        for id in &expected {
            self.assert_restores(site, id);
        }
    }

    /// Restores a snapshot; it must equal its copy.
    #[track_caller]
    fn assert_restores(&self, site: &Site, id: &str) {
        let target = tempfile::tempdir_in(site.folder()).unwrap();
        self.agent.restore(&format!("{id}:{}", self.documents.display()), target.path());
        tree::assert_equal(&self.copies.join(id), target.path());
    }
}

/// Fails the test unless the command ended with this code, its exit status and its advice.
#[track_caller]
fn refused(outcome: Outcome, code: Code) -> Outcome {
    assert!(outcome.stderr.contains(&format!("[{code}]")), "expected [{code}]: {outcome}");
    assert!(outcome.stderr.contains(code.advice()), "expected the advice of {code}: {outcome}");
    outcome.fails_with(code)
}

/// Moves the organisation's recovery file out of the data folder, as `init` asks for.
fn take_recovery_file(site: &Site) -> PathBuf {
    let taken = site.path("organisation-recovery.txt");
    std::fs::rename(site.server.data().join("organisation-recovery.txt"), &taken).unwrap();
    taken
}

/// Loses everything of the server but its object store.
fn lose_all_but_the_store(data: &Path) {
    for entry in std::fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        match path.file_name().unwrap().to_str() {
            Some("store") => {}
            _ if path.is_dir() => std::fs::remove_dir_all(path).unwrap(),
            _ => std::fs::remove_file(path).unwrap(),
        }
    }
}

/// Everything in the store by name and size.
fn stored(site: &Site) -> Vec<(PathBuf, u64)> {
    let files = tree::files(&site.server.data().join("store/blobs"));
    files.into_iter().map(|path| (path.clone(), path.metadata().unwrap().len())).collect()
}

/// Two whole cleanups that wait for nothing.
#[track_caller]
fn clean_up(site: &Site) {
    site.server.run(["settings", "set", "--grace", "0s", "--undo", "0s"]).ok();
    for _ in 0..2 {
        site.server.run(["cleanup"]).ok();
    }
}
