//! Full disks: of the store, of the database, of the agent's state and cache, of a restore's target. Each is told with
//! its code, what can go on goes on, nothing half-written is visible, and with space again the same command completes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod agent;
mod server;
mod target;

use e2e::random::Random;
use e2e::{Agent, Outcome, tree};
use model::Code;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

const MIB: usize = 1 << 20;

/// Fails the test unless the command ended with this code, its exit status and its advice.
#[track_caller]
fn refused(outcome: Outcome, code: Code) -> Outcome {
    assert!(outcome.stderr.contains(&format!("[{code}]")), "expected [{code}]: {outcome}");
    assert!(outcome.stderr.contains(code.advice()), "expected the advice of {code}: {outcome}");
    outcome.fails_with(code)
}

/// What somebody else keeps on a disk until it is full but for so many bytes.
struct Filler(PathBuf);

impl Filler {
    fn on(disk: &Path, left_bytes: usize) -> Self {
        let path = disk.join("filler");
        let mut file = File::create(&path).unwrap();
        let block = vec![0x55; 64 << 10];
        let mut written = 0;
        while let Ok(length) = file.write(&block) {
            written += length;
        }
        assert!(written > left_bytes, "the disk was full already");
        file.set_len((written - left_bytes) as u64).unwrap();
        Self(path)
    }

    fn remove(self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

/// A folder with files of noise of so many MiB together.
fn noise(folder: &Path, mib: usize) {
    std::fs::create_dir_all(folder).unwrap();
    let mut random = Random::new();
    for number in 0..mib {
        std::fs::write(folder.join(format!("noise{number}")), random.bytes(MIB)).unwrap();
    }
}

/// The newest snapshot of the folder comes back equal.
#[track_caller]
fn assert_restores(agent: &Agent, snapshot: &str, documents: &Path, near: &Path) {
    let target = tempfile::tempdir_in(near).unwrap();
    agent.restore(&format!("{snapshot}:{}", documents.display()), target.path());
    tree::assert_equal(documents, target.path());
}
