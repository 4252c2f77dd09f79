//! Refuses a Rust file above 600 lines outside tests, unless a reason stands here; and a reason that is no
//! longer needed.

use super::Problem;
use crate::repo::{Repo, is_test_file};

const MOST_LINES: usize = 600;

/// Files that may be longer, each with its reason.
const REASONS: &[(&str, &str)] = &[];

pub(super) fn check(repo: &Repo) -> Vec<Problem> {
    check_with(repo, REASONS)
}

fn check_with(repo: &Repo, reasons: &[(&str, &str)]) -> Vec<Problem> {
    let lines = |text: &str| text.lines().count();
    let excused = |path: &str| reasons.iter().any(|(of, _)| *of == path);
    let long = repo
        .texts_with(".rs")
        .filter(|(path, text)| !is_test_file(path) && !excused(path) && lines(text) > MOST_LINES)
        .map(|(path, text)| {
            let count = lines(text);
            Problem::new(
                path,
                0,
                format!("{count} lines; split it, or give a reason in xtask/src/tidy/size.rs"),
            )
        });
    let stale = reasons
        .iter()
        .filter(|(path, _)| repo.texts.get(*path).is_none_or(|text| lines(text) <= MOST_LINES))
        .map(|(path, _)| Problem::new(path, 0, "its reason in xtask/src/tidy/size.rs is no longer needed"));
    long.chain(stale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::sample;

    #[test]
    fn long_files_need_a_reason() {
        let long = "x\n".repeat(MOST_LINES + 1);
        let fits = "x\n".repeat(MOST_LINES);
        let repo = sample::files(&[
            ("crates/a/src/long.rs", &long),
            ("crates/a/src/fits.rs", &fits),
            ("crates/a/src/long/tests.rs", &long),
            ("crates/a/tests/long.rs", &long),
        ]);
        let found = check_with(&repo, &[]);
        assert_eq!(found.iter().map(|p| p.path.as_str()).collect::<Vec<_>>(), ["crates/a/src/long.rs"]);
        assert!(check_with(&repo, &[("crates/a/src/long.rs", "a table")]).is_empty());
    }

    #[test]
    fn stale_reasons_fail() {
        let repo = sample::files(&[("crates/a/src/fits.rs", "x\n")]);
        assert_eq!(check_with(&repo, &[("crates/a/src/fits.rs", "was long")]).len(), 1);
        assert_eq!(check_with(&repo, &[("crates/a/src/gone.rs", "was long")]).len(), 1);
    }
}
