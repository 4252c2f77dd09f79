//! Refuses a link in a Markdown file to a file of this repository that does not exist.

use super::Problem;
use crate::repo::Repo;

pub(super) fn check(repo: &Repo) -> Vec<Problem> {
    repo.texts_with(".md")
        .flat_map(|(path, text)| {
            prose_lines(text)
                .flat_map(|(number, line)| targets(line).into_iter().map(move |target| (number, target)))
                .filter(|(_, target)| !resolves(repo, path, target))
                .map(|(number, target)| {
                    Problem::new(path, number, format!("link to `{target}`, which does not exist"))
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The lines of a Markdown text outside fenced code blocks, counted from 1.
pub(super) fn prose_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(number, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((number + 1, line))
    })
}

/// The targets of the inline links and link definitions of a line, code spans left out.
fn targets(line: &str) -> Vec<String> {
    let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let inline = prose.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let defined =
        prose.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, target)| target.trim());
    inline.chain(defined).map(str::to_owned).collect()
}

fn resolves(repo: &Repo, page: &str, target: &str) -> bool {
    let elsewhere = target.starts_with('#') || target.contains("://") || target.starts_with("mailto:");
    elsewhere || path_of(page, target).is_some_and(|path| repo.has(&path))
}

/// The path that `target` means on `page`; none when it leaves the repository.
fn path_of(page: &str, target: &str) -> Option<String> {
    let target = target.trim_matches(['<', '>']).split('#').next().unwrap_or_default();
    let mut parts: Vec<_> = match target.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => page.split('/').collect(),
    };
    parts.pop();
    for part in target.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop()?;
        } else {
            parts.push(part);
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::sample;

    fn broken(text: &str) -> Vec<usize> {
        let repo = sample::files(&[("docs/a.md", text), ("docs/format/b.md", ""), ("README.md", "")]);
        check(&repo).iter().map(|p| p.line).collect()
    }

    #[test]
    fn links_that_resolve_pass() {
        assert!(broken("[b](format/b.md#head), [r](../README.md), [f](format/), [d](./format)\n").is_empty());
        assert!(broken("[x](https://example.org/y) [m](mailto:a@example.org) [h](#here)\n").is_empty());
    }

    #[test]
    fn links_to_nothing_fail() {
        assert_eq!(broken("fine\n[b](b.md)\n[c]: c.md\n"), [2, 3]);
        assert_eq!(broken("[out](../../x.md)\n"), [1]);
    }

    #[test]
    fn code_is_no_link() {
        assert!(broken("```\n[b](b.md)\n```\n`[c](c.md)`\n").is_empty());
    }
}
