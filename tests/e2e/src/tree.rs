//! Trees of files for tests, and how they are compared.

use crate::command::Outcome;
use crate::random::Random;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes `files` files of text and noise in nested folders below `root`; repeatable by the seed.
pub fn make(root: &Path, files: u64, random: &mut Random) {
    for number in 0..files {
        let path = root.join(format!("folder{}/part{}/file{number}", number % 5, number % 3));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let length = match number % 10 {
            0 => 0,
            1..=6 => random.below(12_000),
            7 | 8 => random.below(150_000),
            _ => random.below(700_000),
        };
        let content =
            if number % 4 == 0 { random.bytes(length as usize) } else { random.text(length as usize) };
        fs::write(&path, content).unwrap();
    }
}

/// Changes a share of a tree: edits in the middle of files, new files, removed ones, renamed ones.
pub fn change(root: &Path, share_percent: u64, random: &mut Random) {
    for path in files(root) {
        if random.below(100) >= share_percent {
            continue;
        }
        match random.below(4) {
            0 => fs::remove_file(&path).unwrap(),
            1 => fs::rename(&path, path.with_extension(format!("{:x}", random.next()))).unwrap(),
            2 => {
                let length = random.below(60_000) as usize;
                fs::write(path.with_extension(format!("new{:x}", random.next())), random.text(length))
                    .unwrap();
            }
            _ => {
                let mut content = fs::read(&path).unwrap();
                let at = random.below(content.len() as u64 + 1) as usize;
                content.splice(at..at, random.text(100));
                fs::write(&path, content).unwrap();
            }
        }
    }
}

/// All regular files below a folder, sorted.
pub fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

/// Fails the test unless rsync sees no difference between two trees, contents, attributes and links included.
#[track_caller]
pub fn assert_equal(expected: &Path, found: &Path) {
    let slash = |path: &Path| format!("{}/", path.display());
    let mut rsync = Command::new("rsync");
    rsync.args(["-aHAXn", "--checksum", "--delete", "--itemize-changes"]);
    let outcome = Outcome::of(rsync.arg(slash(expected)).arg(slash(found))).ok();
    assert!(
        outcome.stdout.trim().is_empty(),
        "{} and {} differ:\n{outcome}",
        expected.display(),
        found.display()
    );
}

/// Fails the test unless two trees are equal to a comparison of our own: what rsync sees, and also nanoseconds, holes,
/// and paths of any length. The tops are compared, too.
#[track_caller]
pub fn assert_same(expected: &Path, found: &Path) {
    let differences = testkit::tree::compare(expected, found, testkit::tree::Look::default()).unwrap();
    assert!(
        differences.is_empty(),
        "{} and {} differ:\n{}",
        expected.display(),
        found.display(),
        differences.join("\n")
    );
}
