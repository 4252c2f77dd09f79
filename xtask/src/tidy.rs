//! The checks of `cargo xtask tidy`, each in its own file, and how their problems are printed.
//! A check is a pure function of a `Repo`; what it refuses stands in its own first lines.

mod architecture;
mod attributes;
mod codes;
mod dependencies;
mod edges;
mod leftovers;
mod links;
mod machine;
mod manifests;
mod module_docs;
mod size;
mod system;
mod unsafe_code;

use std::fmt;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::repo::Repo;

type Check = fn(&Repo) -> Vec<Problem>;

const CHECKS: &[(&str, Check)] = &[
    ("edges", edges::check),
    ("manifests", manifests::check),
    ("size", size::check),
    ("module-docs", module_docs::check),
    ("unsafe", unsafe_code::check),
    ("system", system::check),
    ("attributes", attributes::check),
    ("leftovers", leftovers::check),
    ("architecture", architecture::check),
    ("dependencies", dependencies::check),
    ("codes", codes::check),
    ("links", links::check),
    ("machine", machine::check),
];

/// One thing to put right.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    path: String,
    /// Counted from 1; 0 means the file as a whole.
    line: usize,
    text: String,
}

impl Problem {
    fn new(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, text: text.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.text),
            line => write!(f, "{}:{line}: {}", self.path, self.text),
        }
    }
}

/// The names of all checks.
pub(crate) fn names() -> Vec<&'static str> {
    CHECKS.iter().map(|(name, _)| *name).collect()
}

/// Runs the checks named, or all, on this repository; answers whether it is tidy.
pub(crate) fn run(wanted: &[String]) -> Result<bool> {
    for name in wanted {
        ensure!(names().contains(&name.as_str()), "no check {name:?}; there are: {}", names().join(", "));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in no workspace")?;
    let repo = Repo::read(root)?;
    let mut ran = 0;
    let mut found = 0;
    for (name, check) in CHECKS {
        if !wanted.is_empty() && !wanted.iter().any(|w| w == name) {
            continue;
        }
        ran += 1;
        for problem in check(&repo) {
            found += 1;
            say(&format!("tidy {name}: {problem}"));
        }
    }
    say(&format!("tidy: {ran} checks, {} files, {found} problems", repo.paths.len()));
    Ok(found == 0)
}

/// Prints one line on standard error; a closed pipe is no reason to stop.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
