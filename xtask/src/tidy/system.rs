//! Refuses what only one operating system has in the product's code outside the platform crate.
//! Tests may use it: they run where the system is known.

use super::Problem;
use crate::layers::{TEST_ONLY, UNSAFE_CRATE};
use crate::repo::{Repo, is_test_file};
use crate::rust_text::RustText;
use crate::words;

/// Modules and crates of one system, and the conditions that choose code for one.
const OF_ONE_SYSTEM: &[&str] = &[
    "std::os",
    "libc",
    "nix",
    "rustix",
    "signal::unix",
    "UnixListener",
    "UnixStream",
    "target_os",
    "unix",
    "cfg(windows",
];

/// Folders where the kernel shows itself as files.
const KERNEL_FILES: &[&str] = &["/proc/", "/sys/"];

pub(super) fn check(repo: &Repo) -> Vec<Problem> {
    repo.texts_with(".rs")
        .filter(|(path, _)| is_product(path))
        .flat_map(|(path, source)| of_file(path, source))
        .collect()
}

fn is_product(path: &str) -> bool {
    let mut parts = path.split('/');
    let is_inside = match (parts.next(), parts.next()) {
        (Some("crates"), Some(name)) => name != UNSAFE_CRATE && !TEST_ONLY.contains(&name),
        (Some("bins"), Some(_)) => true,
        _ => false,
    };
    is_inside && !is_test_file(path)
}

fn of_file(path: &str, source: &str) -> Vec<Problem> {
    let text = RustText::read(source);
    // A file's tests stand at its end.
    let end = words::lines_with(&text.code, "mod tests").first().copied().unwrap_or(usize::MAX);
    let words = OF_ONE_SYSTEM
        .iter()
        .flat_map(|word| words::lines_with(&text.code, word).into_iter().map(move |line| (line, *word)));
    let paths = text.strings.iter().filter_map(|(line, string)| {
        KERNEL_FILES.iter().find(|folder| string.starts_with(*folder)).map(|folder| (*line, *folder))
    });
    words
        .chain(paths)
        .filter(|(line, _)| *line < end)
        .map(|(line, word)| Problem::new(path, line, format!("`{word}` outside crates/{UNSAFE_CRATE}/")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::sample;

    #[test]
    fn one_system_s_own_things_live_in_one_crate() {
        let body = "//! A unix path.\nuse std::os::fd::AsFd;\nlet a = read(\"/proc/self/stat\");\n";
        let repo = sample::files(&[
            ("crates/engine/src/a.rs", body),
            ("crates/platform/src/a.rs", body),
            ("crates/testkit/src/a.rs", body),
            ("crates/engine/src/a/tests.rs", body),
            ("crates/engine/tests/a.rs", body),
            ("bins/holdfast/src/main.rs", "#[cfg(unix)]\nfn a() {}\n"),
            (
                "crates/engine/src/b.rs",
                "let unixly = 1;\n#[cfg(test)]\nmod tests {\n    use std::os::unix;\n}\n",
            ),
        ]);
        let found: Vec<_> = check(&repo).into_iter().map(|problem| (problem.path, problem.line)).collect();
        let expected =
            [("bins/holdfast/src/main.rs", 1), ("crates/engine/src/a.rs", 2), ("crates/engine/src/a.rs", 3)];
        assert_eq!(found, expected.map(|(path, line)| (path.to_owned(), line)));
    }
}
