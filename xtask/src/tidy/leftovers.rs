//! Refuses work that was put off: notes to oneself in comments, and macros that stand for missing code.

use super::Problem;
use crate::repo::Repo;
use crate::rust_text::RustText;
use crate::words;

const NOTES: &[&str] = &["TODO", "FIXME", "XXX"];
const MACROS: &[&str] = &["todo!", "unimplemented!", "dbg!"];

/// Other files with comments, by the end of their path.
const OTHER: &[&str] = &[".sh", ".toml", ".ts", ".tsx", ".css", ".sql", ".proto", ".yml", ".yaml"];

pub(super) fn check(repo: &Repo) -> Vec<Problem> {
    let rust = repo.texts_with(".rs").flat_map(|(path, source)| {
        let text = RustText::read(source);
        let mut problems = find(path, &text.comments, NOTES);
        problems.extend(find(path, &text.code, MACROS));
        problems
    });
    let is_other = |path: &str| path.starts_with("scripts/") || OTHER.iter().any(|end| path.ends_with(end));
    let others =
        repo.texts.iter().filter(|(path, _)| is_other(path)).flat_map(|(path, text)| find(path, text, NOTES));
    rust.chain(others).collect()
}

fn find(path: &str, text: &str, words: &[&str]) -> Vec<Problem> {
    words
        .iter()
        .flat_map(|word| words::lines_with(text, word).into_iter().map(move |line| (word, line)))
        .map(|(word, line)| Problem::new(path, line, format!("`{word}`: do it now, or file an issue")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::sample;

    #[test]
    fn notes_and_missing_code_fail() {
        let repo = sample::files(&[
            ("a.rs", "fn a() { todo!() } // TODO later\nfn b() { unimplemented!(\"x\") }\n"),
            ("scripts/x", "true # FIXME\n"),
        ]);
        let found: Vec<_> = check(&repo).into_iter().map(|p| (p.path, p.line)).collect();
        assert_eq!(
            found,
            [("a.rs".into(), 1), ("a.rs".into(), 1), ("a.rs".into(), 2), ("scripts/x".into(), 1)]
        );
    }

    #[test]
    fn words_in_strings_and_prose_pass() {
        let repo = sample::files(&[
            ("a.rs", "//! Todo lists are shown.\nlet a = \"TODO\";\nlet b = mytodo!();\n"),
            ("docs/style.md", "No TODO is committed.\n"),
        ]);
        assert!(check(&repo).is_empty());
    }
}
