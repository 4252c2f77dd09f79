//! What the checks look at: the files that git knows or would add, and the packages of the workspace.
//! It reads once; a check never opens a file itself, so that tests can give it a made-up repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// A repository at one moment.
#[derive(Default)]
pub(crate) struct Repo {
    /// Every path, relative to the root, with `/` between its parts.
    pub(crate) paths: BTreeSet<String>,
    /// The text of the files that are UTF-8, by path.
    pub(crate) texts: BTreeMap<String, String>,
    /// The packages of the workspace.
    pub(crate) packages: Vec<Package>,
}

/// A package of the workspace.
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// The path of its `Cargo.toml`, relative to the root.
    pub(crate) manifest: String,
    /// Its dependencies, ours and others, by name.
    pub(crate) uses: Vec<Use>,
}

/// One dependency of a package.
pub(crate) struct Use {
    /// The name of the crate that is used.
    pub(crate) name: String,
    /// Whether it stands in `[dev-dependencies]`.
    pub(crate) dev: bool,
    /// Whether it lies in this workspace.
    pub(crate) ours: bool,
}

impl Repo {
    /// Reads the repository at `root` through `git ls-files` and `cargo metadata`.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        // Root may look at the clone of another user.
        let listed = output(
            Command::new("git")
                .args(["-c", "safe.directory=*"])
                .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
                .current_dir(root),
        )
        .context("the files are those that git knows: this has to be a clone")?;
        let mut repo = Self::default();
        for path in listed.split('\0').filter(|path| !path.is_empty()) {
            // A file that was deleted but not yet committed is still listed.
            let Ok(bytes) = std::fs::read(root.join(path)) else { continue };
            repo.paths.insert(path.to_owned());
            if let Ok(text) = String::from_utf8(bytes) {
                repo.texts.insert(path.to_owned(), text);
            }
        }
        let metadata = output(
            Command::new("cargo")
                .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
                .current_dir(root),
        )?;
        repo.packages = packages(&serde_json::from_str(&metadata)?)?;
        Ok(repo)
    }

    /// The texts of the files whose path ends in `suffix`.
    pub(crate) fn texts_with(&self, suffix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.texts
            .iter()
            .filter(move |(path, _)| path.ends_with(suffix))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Whether `path` is a file, or a folder with files in it.
    pub(crate) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let folder = format!("{path}/");
        path.is_empty()
            || self.paths.contains(path)
            || self.paths.range(folder.clone()..).next().is_some_and(|next| next.starts_with(&folder))
    }
}

/// Whether a Rust file holds tests alone, by its place.
pub(crate) fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs")
        || path.ends_with("_tests.rs")
        || path.split('/').any(|part| matches!(part, "tests" | "benches" | "fuzz"))
}

fn packages(metadata: &Value) -> Result<Vec<Package>> {
    let root = metadata["workspace_root"].as_str().context("cargo metadata names no workspace root")?;
    let list = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    list.iter()
        .map(|package| {
            let manifest = package["manifest_path"].as_str().context("a package without a manifest")?;
            let uses = package["dependencies"].as_array().context("a package without dependencies")?;
            Ok(Package {
                name: package["name"].as_str().context("a package without a name")?.to_owned(),
                manifest: manifest.strip_prefix(root).unwrap_or(manifest).trim_start_matches('/').to_owned(),
                uses: uses.iter().map(read_use).collect::<Result<_>>()?,
            })
        })
        .collect()
}

fn read_use(dependency: &Value) -> Result<Use> {
    Ok(Use {
        name: dependency["name"].as_str().context("a dependency without a name")?.to_owned(),
        dev: dependency["kind"].as_str() == Some("dev"),
        ours: dependency["path"].is_string(),
    })
}

fn output(command: &mut Command) -> Result<String> {
    let done = command.output().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).with_context(|| format!("{command:?} printed something else than UTF-8"))
}

#[cfg(test)]
pub(crate) mod sample {
    //! Made-up repositories for the tests of the checks.

    use super::{Package, Repo, Use};

    /// A repository of these files.
    pub(crate) fn files(files: &[(&str, &str)]) -> Repo {
        let mut repo = Repo::default();
        for (path, text) in files {
            repo.paths.insert((*path).to_owned());
            repo.texts.insert((*path).to_owned(), (*text).to_owned());
        }
        repo
    }

    /// A package in `crates/NAME` that uses these crates of ours.
    pub(crate) fn package(name: &str, uses: &[&str], dev: &[&str]) -> Package {
        let ours = |name: &&str, dev| Use { name: (*name).to_owned(), dev, ours: true };
        Package {
            name: name.to_owned(),
            manifest: format!("crates/{name}/Cargo.toml"),
            uses: uses.iter().map(|n| ours(n, false)).chain(dev.iter().map(|n| ours(n, true))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_becomes_packages() {
        let metadata = serde_json::json!({
            "workspace_root": "/r",
            "packages": [{
                "name": "vault",
                "manifest_path": "/r/crates/vault/Cargo.toml",
                "dependencies": [
                    {"name": "blobs", "kind": null, "path": "/r/crates/blobs"},
                    {"name": "proptest", "kind": "dev"},
                ],
            }],
        });
        let packages = packages(&metadata).unwrap();
        assert_eq!(
            (packages[0].name.as_str(), packages[0].manifest.as_str()),
            ("vault", "crates/vault/Cargo.toml")
        );
        let uses: Vec<_> = packages[0].uses.iter().map(|u| (u.name.as_str(), u.dev, u.ours)).collect();
        assert_eq!(uses, [("blobs", false, true), ("proptest", true, false)]);
    }

    #[test]
    fn folders_exist_by_their_files() {
        let repo = sample::files(&[("docs/a.md", ""), ("docs2/b.md", "")]);
        assert!(repo.has("docs") && repo.has("docs/") && repo.has("docs/a.md"));
        assert!(!repo.has("doc") && !repo.has("docs/b.md"));
    }

    #[test]
    fn this_repository_is_read() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let repo = Repo::read(&root).unwrap();
        assert!(repo.texts.contains_key("xtask/src/repo.rs"));
        assert!(repo.packages.iter().any(|package| package.name == "xtask"));
    }
}
