//! Refuses a path in backticks in `docs/ARCHITECTURE.md` that does not exist: a map of code that moved
//! misleads more than none.

use super::Problem;
use super::links::prose_lines;
use crate::repo::Repo;

const PAGE: &str = "docs/ARCHITECTURE.md";

/// Folders at the root whose name, followed by `/`, marks a text in backticks as a path.
const ROOTS: &[&str] = &[
    ".cargo", ".ci", ".config", "bench", "bins", "crates", "docs", "fuzz", "scripts", "testdata", "tests",
    "xtask",
];

/// Endings that mark a text in backticks as a path, though it may leave out the folders before it.
const ENDINGS: &[&str] = &[".rs", ".toml", ".md", ".sql", ".proto", ".ts", ".tsx", ".sh"];

pub(super) fn check(repo: &Repo) -> Vec<Problem> {
    let Some(text) = repo.texts.get(PAGE) else { return Vec::new() };
    prose_lines(text)
        .flat_map(|(number, line)| line.split('`').skip(1).step_by(2).map(move |quoted| (number, quoted)))
        .filter(|(_, quoted)| is_path(quoted) && !exists(repo, quoted))
        .map(|(number, quoted)| Problem::new(PAGE, number, format!("`{quoted}` does not exist")))
        .collect()
}

fn is_path(quoted: &str) -> bool {
    let plain = !quoted.contains(char::is_whitespace)
        && !quoted.contains("::")
        && !quoted.starts_with(['/', '~', '$']);
    let rooted = quoted.split_once('/').is_some_and(|(first, _)| ROOTS.contains(&first));
    plain && (rooted || ENDINGS.iter().any(|end| quoted.ends_with(end)))
}

/// Whether the path is there, up to its first part with a placeholder such as `*` or `<name>`.
fn exists(repo: &Repo, quoted: &str) -> bool {
    let fixed: Vec<_> = quoted.split('/').take_while(|part| !part.contains(['*', '<', '{'])).collect();
    let fixed = fixed.join("/");
    let below = format!("/{fixed}");
    repo.has(&fixed) || repo.paths.iter().any(|path| path.ends_with(&below))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::sample;

    fn missing(page: &str) -> Vec<String> {
        let repo =
            sample::files(&[(PAGE, page), ("crates/vault/src/lib.rs", ""), ("docs/format/pack.md", "")]);
        check(&repo).into_iter().map(|p| p.text).collect()
    }

    #[test]
    fn paths_that_exist_pass() {
        assert!(
            missing("`crates/vault`, `crates/vault/`, `crates/*/src`, `lib.rs`, `docs/format/pack.md`\n")
                .is_empty()
        );
    }

    #[test]
    fn paths_that_moved_fail() {
        assert_eq!(
            missing("See `crates/storage` and\n`gc.rs`.\n"),
            ["`crates/storage` does not exist", "`gc.rs` does not exist"]
        );
        assert_eq!(missing("`bench/console/`\n").len(), 1);
    }

    #[test]
    fn other_words_in_backticks_pass() {
        assert!(
            missing("`GET /v1/packs`, `identity/`, `vault::Pack`, `~/.local/state`, `a` b `c`\n").is_empty()
        );
        assert!(missing("```\n`crates/storage`\n```\n").is_empty());
    }
}
