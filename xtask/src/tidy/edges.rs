//! Refuses an edge between two crates of ours that `layers::MAY_USE` does not list, a crate without a line
//! there, a test crate used outside tests, a vague crate name, and input or output in a pure crate.

use super::Problem;
use crate::layers::{IMPURE_DEPENDENCIES, MAY_USE, PURE, TEST_ONLY, VAGUE_NAMES};
use crate::repo::{Package, Repo};

pub(super) fn check(repo: &Repo) -> Vec<Problem> {
    repo.packages.iter().flat_map(check_package).collect()
}

fn check_package(package: &Package) -> Vec<Problem> {
    let name = package.name.as_str();
    let problem = |text: String| Problem::new(&package.manifest, 0, text);
    if VAGUE_NAMES.contains(&name) {
        return vec![problem(format!("a crate named `{name}` attracts everything; name what it holds"))];
    }
    let test_only = TEST_ONLY.contains(&name);
    let allowed = MAY_USE.iter().find(|(of, _)| *of == name).map(|(_, allowed)| *allowed);
    if !test_only && allowed.is_none() {
        return vec![problem(format!("`{name}` has no line in xtask/src/layers.rs"))];
    }
    let mut problems = Vec::new();
    for used in package.uses.iter().filter(|used| !used.dev) {
        let to = used.name.as_str();
        if used.ours && !test_only && TEST_ONLY.contains(&to) {
            problems.push(problem(format!("`{name}` uses `{to}` outside [dev-dependencies]")));
        } else if used.ours && !test_only && !allowed.unwrap_or_default().contains(&to) {
            problems.push(problem(format!("`{name}` must not use `{to}` (xtask/src/layers.rs)")));
        } else if PURE.contains(&name) && IMPURE_DEPENDENCIES.contains(&to) {
            problems.push(problem(format!("`{name}` does no input or output, so it must not use `{to}`")));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::{Use, sample};

    fn problems(package: Package) -> Vec<String> {
        check(&Repo { packages: vec![package], ..Repo::default() }).into_iter().map(|p| p.text).collect()
    }

    #[test]
    fn listed_edges_pass() {
        assert!(problems(sample::package("vault", &["blobs", "format", "model"], &["testkit"])).is_empty());
        assert!(problems(sample::package("testkit", &["vault", "agent"], &[])).is_empty());
        assert!(problems(sample::package("engine", &["format"], &["vault"])).is_empty());
    }

    #[test]
    fn other_edges_fail() {
        assert_eq!(
            problems(sample::package("engine", &["vault"], &[])),
            ["`engine` must not use `vault` (xtask/src/layers.rs)"]
        );
        assert_eq!(problems(sample::package("holdfast", &["agent", "engine"], &[])).len(), 1);
    }

    #[test]
    fn test_crates_stay_in_tests() {
        let found = problems(sample::package("vault", &["testkit"], &[]));
        assert_eq!(found, ["`vault` uses `testkit` outside [dev-dependencies]"]);
    }

    #[test]
    fn unlisted_and_vague_crates_fail() {
        assert_eq!(problems(sample::package("novelty", &[], &[])).len(), 1);
        assert!(problems(sample::package("common", &[], &[]))[0].contains("attracts everything"));
    }

    #[test]
    fn pure_crates_use_no_runtime() {
        let mut package = sample::package("format", &["model"], &[]);
        package.uses.push(Use { name: "tokio".into(), dev: false, ours: false });
        assert_eq!(problems(package).len(), 1);
    }

    #[test]
    fn the_table_points_downwards_only() {
        let line = |name: &str| MAY_USE.iter().position(|(of, _)| *of == name);
        for (name, allowed) in MAY_USE {
            for used in *allowed {
                assert!(line(used) < line(name), "{name} may use {used}, which stands below it in the table");
            }
        }
    }
}
