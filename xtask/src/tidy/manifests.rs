//! Refuses a crate that leaves the workspace's lints (the one with unsafe excepted), and a dependency whose
//! version does not come from the root's table.

use toml::{Table, Value};

use super::Problem;
use crate::layers::UNSAFE_CRATE;
use crate::repo::{Package, Repo};

pub(super) fn check(repo: &Repo) -> Vec<Problem> {
    repo.packages.iter().flat_map(|package| check_package(repo, package)).collect()
}

fn check_package(repo: &Repo, package: &Package) -> Vec<Problem> {
    let path = package.manifest.as_str();
    let Some(Ok(manifest)) = repo.texts.get(path).map(|text| text.parse::<Table>()) else {
        return vec![Problem::new(path, 0, "cannot be read")];
    };
    let mut problems = Vec::new();
    let inherits = |value: Option<&Value>| value.and_then(|v| v.get("workspace")).and_then(Value::as_bool);
    if package.name != UNSAFE_CRATE && inherits(manifest.get("lints")) != Some(true) {
        problems.push(Problem::new(path, 0, "lacks `[lints] workspace = true`"));
    }
    for (name, dependency) in dependency_tables(&manifest).into_iter().flatten() {
        if inherits(Some(dependency)) != Some(true) {
            let text = format!("`{name}` must be `workspace = true`, its version in the root's Cargo.toml");
            problems.push(Problem::new(path, 0, text));
        }
    }
    problems
}

/// The tables of dependencies in `manifest`, those for one target included.
pub(super) fn dependency_tables(manifest: &Table) -> Vec<&Table> {
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    targets
        .filter_map(Value::as_table)
        .chain(std::iter::once(manifest))
        .flat_map(|table| kinds.iter().filter_map(|kind| table.get(*kind)?.as_table()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::sample;

    fn problems(name: &str, manifest: &str) -> usize {
        let mut repo = sample::files(&[(&format!("crates/{name}/Cargo.toml"), manifest)]);
        repo.packages.push(sample::package(name, &[], &[]));
        check(&repo).len()
    }

    const LINTS: &str = "[lints]\nworkspace = true\n";

    #[test]
    fn inherited_manifests_pass() {
        assert_eq!(
            problems(
                "vault",
                &format!("{LINTS}[dependencies]\na.workspace = true\nb = {{ workspace = true }}\n")
            ),
            0
        );
    }

    #[test]
    fn own_lints_fail_except_where_unsafe_lives() {
        assert_eq!(problems("vault", "[lints.rust]\nunsafe_code = \"deny\"\n"), 1);
        assert_eq!(problems("platform", "[lints.rust]\nunsafe_code = \"deny\"\n"), 0);
    }

    #[test]
    fn own_versions_fail_for_every_kind_and_target() {
        assert_eq!(problems("vault", &format!("{LINTS}[dev-dependencies]\na = \"1\"\n")), 1);
        assert_eq!(problems("vault", &format!("{LINTS}[target.'cfg(unix)'.dependencies]\na = \"1\"\n")), 1);
    }
}
