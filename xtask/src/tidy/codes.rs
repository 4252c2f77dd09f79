//! Refuses a stable error code that `docs/errors.md` does not list, and a row there for a code that is gone:
//! who meets a code looks it up on that page.

use super::Problem;
use crate::repo::Repo;
use crate::rust_text::RustText;

const SOURCE: &str = "crates/model/src/code.rs";
const PAGE: &str = "docs/errors.md";

pub(super) fn check(repo: &Repo) -> Vec<Problem> {
    let Some(source) = repo.texts.get(SOURCE) else { return Vec::new() };
    let page = repo.texts.get(PAGE).map_or("", String::as_str);
    let codes: Vec<_> =
        RustText::read(source).strings.into_iter().filter(|(_, text)| is_code(text)).collect();
    let unlisted = codes
        .iter()
        .filter(|(_, code)| !page.contains(&format!("`{code}`")))
        .map(|(line, code)| Problem::new(SOURCE, *line, format!("`{code}` is missing in {PAGE}")));
    let rows = page.lines().enumerate().filter_map(|(number, line)| {
        let (code, _) = line.strip_prefix("| `")?.split_once('`')?;
        is_code(code).then(|| (number + 1, code.to_owned()))
    });
    let stale = rows
        .filter(|(_, row)| !codes.iter().any(|(_, code)| code == row))
        .map(|(line, row)| Problem::new(PAGE, line, format!("`{row}` is in no line of {SOURCE}")));
    unlisted.chain(stale).collect()
}

/// Whether a string is a code by its form, unlike advice and messages.
fn is_code(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::sample;

    const CODES: &str = "codes! { A = \"token_used\", 403, \"Ask for another.\"; /* \"no_code\" */ }\n";

    fn problems(page: &str) -> Vec<String> {
        check(&sample::files(&[(SOURCE, CODES), (PAGE, page)])).into_iter().map(|p| p.text).collect()
    }

    #[test]
    fn listed_codes_pass() {
        assert!(problems("| `token_used` | x |\n| `--json` | x |\n").is_empty());
    }

    #[test]
    fn unlisted_codes_fail() {
        assert_eq!(problems("token_used without backticks\n"), ["`token_used` is missing in docs/errors.md"]);
    }

    #[test]
    fn rows_of_codes_that_are_gone_fail() {
        assert_eq!(problems("`token_used`\n| `token_lost` | x |\n").len(), 1);
    }
}
