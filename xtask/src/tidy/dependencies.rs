//! Refuses a dependency without a row in `docs/dependencies.md`, a row without a dependency, and a dependency in
//! the root's table that no crate uses.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::Problem;
use super::manifests::dependency_tables;
use crate::repo::Repo;

const MANIFEST: &str = "Cargo.toml";
const PAGE: &str = "docs/dependencies.md";

pub(super) fn check(repo: &Repo) -> Vec<Problem> {
    let listed = external(repo);
    let documented = rows(repo.texts.get(PAGE).map_or("", String::as_str));
    let used = used(repo);
    let mut problems = Vec::new();
    for name in &listed {
        if !documented.iter().any(|(_, row)| row == name) {
            problems.push(Problem::new(
                PAGE,
                0,
                format!("no row for `{name}`: its need, why this one, how to leave it"),
            ));
        }
        if !used.contains(name) {
            problems.push(Problem::new(MANIFEST, 0, format!("`{name}` is used by no crate")));
        }
    }
    for (line, row) in documented {
        if !listed.contains(&row) {
            problems.push(Problem::new(PAGE, line, format!("`{row}` is no dependency any more")));
        }
    }
    problems
}

/// The names in the root's table of dependencies that come from outside.
fn external(repo: &Repo) -> BTreeSet<String> {
    let manifest = repo.texts.get(MANIFEST).and_then(|text| text.parse::<Table>().ok()).unwrap_or_default();
    let table = manifest.get("workspace").and_then(|w| w.get("dependencies")).and_then(Value::as_table);
    let outside = |value: &Value| value.get("path").is_none();
    table.into_iter().flatten().filter(|(_, value)| outside(value)).map(|(name, _)| name.clone()).collect()
}

/// The names, each with its line, that stand in backticks in the first cell of a table row.
fn rows(page: &str) -> Vec<(usize, String)> {
    page.lines()
        .enumerate()
        .filter_map(|(number, line)| {
            let (name, _) = line.strip_prefix("| `")?.split_once('`')?;
            Some((number + 1, name.to_owned()))
        })
        .collect()
}

/// The names of all dependencies of all crates.
fn used(repo: &Repo) -> BTreeSet<String> {
    let manifests =
        repo.packages.iter().filter_map(|package| repo.texts.get(&package.manifest)?.parse().ok());
    manifests
        .flat_map(|manifest: Table| {
            dependency_tables(&manifest).into_iter().flat_map(Table::keys).cloned().collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::sample;

    fn problems(root: &str, page: &str, member: &str) -> Vec<String> {
        let mut repo = sample::files(&[(MANIFEST, root), (PAGE, page), ("crates/vault/Cargo.toml", member)]);
        repo.packages.push(sample::package("vault", &[], &[]));
        check(&repo).into_iter().map(|p| p.text).collect()
    }

    const ROOT: &str = "[workspace.dependencies]\nmodel = { path = \"crates/model\" }\nserde = \"1\"\n";
    const MEMBER: &str = "[dependencies]\nserde.workspace = true\n";

    #[test]
    fn a_documented_dependency_passes() {
        assert!(problems(ROOT, "| need | crate |\n| `serde` | x |\n", MEMBER).is_empty());
    }

    #[test]
    fn missing_and_stale_rows_fail() {
        assert_eq!(problems(ROOT, "", MEMBER).len(), 1);
        assert_eq!(
            problems(ROOT, "| `serde` | x |\n| `gone` | x |\n", MEMBER),
            ["`gone` is no dependency any more"]
        );
    }

    #[test]
    fn a_dependency_of_nobody_fails() {
        assert_eq!(problems(ROOT, "| `serde` | x |\n", ""), ["`serde` is used by no crate"]);
    }
}
