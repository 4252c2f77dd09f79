//! Refuses `unsafe` outside the platform crate, and there an unsafe block or impl without `// SAFETY:` above.

use super::Problem;
use crate::layers::UNSAFE_CRATE;
use crate::repo::Repo;
use crate::rust_text::RustText;
use crate::words;

/// How far above its block a SAFETY comment may begin.
const REACH_LINES: usize = 12;

pub(super) fn check(repo: &Repo) -> Vec<Problem> {
    let home = format!("crates/{UNSAFE_CRATE}/");
    repo.texts_with(".rs")
        .flat_map(|(path, source)| {
            let text = RustText::read(source);
            let lines = words::lines_with(&text.code, "unsafe").into_iter();
            let problems: Vec<_> = if path.starts_with(&home) {
                lines
                    .filter(|&line| opens_unsafe(&text.code, line) && !explained(&text, line))
                    .map(|line| Problem::new(path, line, "unsafe without a `// SAFETY:` comment above it"))
                    .collect()
            } else {
                lines.map(|line| Problem::new(path, line, format!("unsafe outside {home}"))).collect()
            };
            problems
        })
        .collect()
}

/// Whether the `unsafe` of this line opens a block or an impl; a declaration states its contract in its docs.
fn opens_unsafe(code: &str, line: usize) -> bool {
    let text = code.lines().nth(line - 1).unwrap_or_default();
    let after = text.split("unsafe").nth(1).unwrap_or_default().trim_start();
    after.is_empty() || after.starts_with('{') || after.starts_with("impl")
}

/// Whether a SAFETY comment stands on this line or above it, with no empty line between.
fn explained(text: &RustText, line: usize) -> bool {
    let code: Vec<_> = text.code.lines().collect();
    let comments: Vec<_> = text.comments.lines().collect();
    (line.saturating_sub(REACH_LINES).max(1)..=line)
        .rev()
        .take_while(|&n| !code[n - 1].trim().is_empty() || !comments[n - 1].trim().is_empty())
        .any(|n| comments[n - 1].contains("SAFETY:"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::sample;

    #[test]
    fn unsafe_lives_in_one_crate() {
        let body = "// SAFETY: x is valid.\nunsafe { x() }\n";
        let repo = sample::files(&[
            ("crates/engine/src/a.rs", body),
            ("crates/platform/src/a.rs", body),
            ("crates/engine/src/b.rs", "#![forbid(unsafe_code)]\n// unsafe\nlet a = \"unsafe\";\n"),
        ]);
        let found = check(&repo);
        assert_eq!(found, [Problem::new("crates/engine/src/a.rs", 2, "unsafe outside crates/platform/")]);
    }

    #[test]
    fn unsafe_blocks_are_explained() {
        let lines = |source| {
            let repo = sample::files(&[("crates/platform/src/a.rs", source)]);
            check(&repo).iter().map(|p| p.line).collect::<Vec<_>>()
        };
        assert_eq!(lines("fn a() {\n    unsafe { b() }\n}\n"), [2]);
        assert_eq!(lines("// SAFETY: for another one.\n\nunsafe { b() }\n"), [3]);
        assert_eq!(lines("let x =\n    // SAFETY: long,\n    // very long.\n    unsafe { b() };\n"), [0; 0]);
        assert_eq!(lines("pub unsafe fn a() {}\nextern \"C\" { }\n"), [0; 0]);
    }
}
