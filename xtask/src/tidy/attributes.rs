//! Refuses `#[allow]`, `#[expect]` and `#[ignore]` without a reason: who reads them later must know why.

use super::Problem;
use crate::repo::Repo;
use crate::rust_text::RustText;
use crate::words;

pub(super) fn check(repo: &Repo) -> Vec<Problem> {
    repo.texts_with(".rs")
        .flat_map(|(path, source)| {
            let code = RustText::read(source).code;
            attributes(&code)
                .filter_map(|(line, text)| Some(Problem::new(path, line, complaint(text)?)))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Each attribute's text between its brackets, with the line where it starts.
fn attributes(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.match_indices('#').filter_map(|(at, _)| {
        let rest = code[at + 1..].trim_start_matches('!').strip_prefix('[')?;
        let mut depth = 1;
        let end = rest.find(|c| {
            depth += i32::from(c == '[') - i32::from(c == ']');
            depth == 0
        })?;
        Some((code[..at].matches('\n').count() + 1, &rest[..end]))
    })
}

fn complaint(attribute: &str) -> Option<String> {
    let has = |word| words::starts(attribute, word).next().is_some();
    for word in ["allow", "expect"] {
        if words::starts(attribute, word).any(|at| attribute[at + word.len()..].trim_start().starts_with('('))
            && !has("reason")
        {
            return Some(format!("`#[{word}]` without `reason = \"…\"`"));
        }
    }
    (has("ignore") && !attribute.contains('=')).then(|| "`#[ignore]` without `= \"reason\"`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::sample;

    fn lines(source: &str) -> Vec<usize> {
        check(&sample::files(&[("a.rs", source)])).iter().map(|p| p.line).collect()
    }

    #[test]
    fn bare_attributes_fail() {
        assert_eq!(lines("#![allow(dead_code)]\n#[allow(\n  clippy::x,\n)]\nfn a() {}\n"), [1, 2]);
        assert_eq!(lines("#[expect(dead_code)]\nfn a() {}\n"), [1]);
        assert_eq!(lines("#[test]\n#[ignore]\nfn a() {}\n"), [2]);
        assert_eq!(lines("#[cfg_attr(test, allow(dead_code))]\nfn a() {}\n"), [1]);
    }

    #[test]
    fn reasons_and_other_attributes_pass() {
        assert!(lines("#[allow(dead_code, reason = \"used by tests\")]\nfn a() {}\n").is_empty());
        assert!(lines("#[ignore = \"needs an hour\"]\nfn a() {}\n").is_empty());
        assert!(
            lines("// #[ignore]\nlet a = \"#[allow(x)]\";\n#[derive(Debug)]\nstruct A([u8; 3]);\n")
                .is_empty()
        );
    }
}
