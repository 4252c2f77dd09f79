//! Refuses a Rust file whose first line is not `//!` with words, since a reader starts there.

use super::Problem;
use crate::repo::Repo;

pub(super) fn check(repo: &Repo) -> Vec<Problem> {
    repo.texts_with(".rs")
        .filter(|(_, text)| !opens_with_docs(text))
        .map(|(path, _)| Problem::new(path, 1, "does not open with `//!` and what the file holds"))
        .collect()
}

fn opens_with_docs(text: &str) -> bool {
    text.strip_prefix("//!").and_then(|rest| rest.lines().next()).is_some_and(|line| !line.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::sample;

    #[test]
    fn every_file_opens_with_docs() {
        let repo = sample::files(&[
            ("a.rs", "//! Holds a.\n"),
            ("b.rs", "use x;\n//! Late.\n"),
            ("c.rs", "//!\n//! Second line.\n"),
            ("d.rs", ""),
            ("e.toml", "x = 1\n"),
        ]);
        let found = check(&repo);
        assert_eq!(found.iter().map(|p| p.path.as_str()).collect::<Vec<_>>(), ["b.rs", "c.rs", "d.rs"]);
    }
}
