//! `docs/errors.md` is made from the table of codes: this test compares both, and writes the page anew when
//! `UPDATE_DOCS=1` is set.

use model::code::{Code, exit};
use std::fmt::Write;
use std::path::Path;

const HEAD: &str = "# Errors

Every error has a stable code. It is the `code` of a problem document of the server and of the `error` that a command
prints with `--json`; people see it in brackets behind the message. Codes are never given another meaning; a program
that meets one it does not know goes by the HTTP status or the exit status.

This page is made from `crates/model/src/code.rs`: after a change there, `UPDATE_DOCS=1 cargo test -p model` writes it
anew.

## Exit statuses

Both programs end with one of these.

| status | meaning |
|---|---|
";

const CODES: &str = "
## Codes

Grouped by the exit status of a command that ends with them. HTTP `-` means that the code never crosses the network.
";

/// Every exit status with its meaning.
const STATUSES: &[(u8, &str)] = &[
    (exit::COMPLETE, "complete"),
    (exit::INTERNAL, "a fault in Holdfast itself"),
    (exit::USAGE, "the command line is wrong"),
    (
        exit::FINDINGS,
        "complete with findings: some files were missed, kept from before, or changed while they were read",
    ),
    (exit::SETUP, "this machine or this data folder is not set up for the command"),
    (exit::REFUSED, "the server refused"),
    (exit::CONNECTION, "the server could not be reached or trusted"),
    (exit::DAMAGED, "stored data is damaged or missing"),
    (exit::LOCAL, "a local disk or permission is in the way"),
    (exit::NOT_FOUND, "something that was named does not exist"),
    (exit::BUSY, "busy now; the same command may work later"),
    (exit::EXISTS, "what the command would write exists already"),
    (exit::INTERRUPTED, "stopped by a signal"),
];

fn page() -> String {
    let mut page = HEAD.to_owned();
    for (status, meaning) in STATUSES {
        let _ = writeln!(page, "| {status} | {meaning} |");
    }
    page.push_str(CODES);
    for (status, meaning) in STATUSES {
        let codes: Vec<_> = Code::ALL.iter().filter(|code| code.exit_status() == *status).collect();
        if codes.is_empty() {
            continue;
        }
        let _ = write!(page, "\n### Status {status}: {meaning}\n\n");
        page.push_str("| code | HTTP | exit | what it means | what to do |\n|---|---|---|---|---|\n");
        for code in codes {
            let http = if code.http_status() == 0 { "-".to_owned() } else { code.http_status().to_string() };
            let (meaning, advice) = (code.meaning(), code.advice());
            let _ = writeln!(page, "| `{code}` | {http} | {status} | {meaning} | {advice} |");
        }
    }
    page
}

#[test]
fn the_page_of_errors_is_the_table_of_codes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    let page = page();
    for code in Code::ALL {
        assert!(page.contains(&format!("| `{code}` |")), "{code}: its exit status is not in STATUSES");
    }
    if std::env::var("UPDATE_DOCS").is_ok_and(|value| value == "1") {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/errors.md is out of date: UPDATE_DOCS=1 cargo test -p model");
}
