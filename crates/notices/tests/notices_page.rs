//! `docs/notices.md` is made from the catalogue: this test compares both, and writes the page anew when
//! `UPDATE_DOCS=1` is set.

use notices::{Category, Notice, Platform, Role, catalogue};
use std::fmt::Write;
use std::path::Path;

const HEAD: &str = "# Notices

A notice tells how the backup of a device stands: in the status line, beside it, below it, or on the desktop. Each has a
stable code, which is never given another meaning. `holdfast notices` prints the catalogue, and with `--json` all that
programs need of it ([cli.md](cli.md#notices)).

What stands between `<` and `>` is filled in when a notice is shown. A sub-status `-` means that there is none. A time of
another day than today is shown with its day.

Where a notice comes up on the desktop, it offers what the last column names. A click on the notice itself does the first
of them.

This page is made from `crates/notices/src/catalogue`: after a change there, `UPDATE_DOCS=1 cargo test -p notices` writes
it anew.
";

const CATEGORIES: &str = "
## Categories

The category decides what comes up on the desktop, never what the status line says.

| category | meaning |
|---|---|
";

/// Where notices are shown, as headings with what is said of them.
const ROLES: &[(Role, &str, &str)] = &[
    (
        Role::State,
        "In the status line",
        "It shows one of those that hold. They stand here in the order in which they are taken.",
    ),
    (
        Role::Overlay,
        "Beside the status line",
        "All that hold are shown, whatever the status line says, the first in this order first.",
    ),
    (
        Role::Detail,
        "Below the status line",
        "Each is a line of its own while the status line has the same status.",
    ),
    (Role::Event, "On the desktop only", "These are over when they were told."),
];

fn page() -> String {
    let mut page = HEAD.to_owned() + CATEGORIES;
    for category in Category::ALL {
        let _ = writeln!(page, "| {category} | {} |", category.meaning());
    }
    for (role, heading, words) in ROLES {
        let _ = write!(page, "\n## {heading}\n\n{words}\n\n");
        page.push_str(
            "| code | status | sub-status | category | what it means | what happens next | what you can do | offers |\n\
             |---|---|---|---|---|---|---|---|\n",
        );
        let mut rows: Vec<_> = catalogue::all().iter().filter(|notice| notice.role == *role).collect();
        rows.sort_by_key(|notice| notices::priority::rank(notice));
        for notice in rows {
            let Notice { code, status, category, description, next, action, .. } = notice;
            let sub_status = sub_status(notice);
            let offers: Vec<_> = notice.offers.iter().map(|offer| offer.label()).collect();
            let offers = offers.join(", ");
            let _ = writeln!(
                page,
                "| `{code}` | `{status}` | {sub_status} | {category} | {description} | {next} | {action} | {offers} |"
            );
        }
    }
    page
}

/// The sub-status, and where it has other words.
fn sub_status(notice: &Notice) -> String {
    let mut words = format!("`{}`", notice.sub_status);
    for variant in notice.variants {
        let platforms: Vec<_> = variant.platforms.iter().map(|platform| name(*platform)).collect();
        let _ = write!(words, "; on {} `{}`", platforms.join(" and "), variant.sub_status);
    }
    words
}

const fn name(platform: Platform) -> &'static str {
    match platform {
        Platform::Windows => "Windows",
        Platform::Macos => "macOS",
        Platform::Linux => "Linux",
    }
}

#[test]
fn the_page_of_notices_is_the_catalogue() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/notices.md");
    let page = page();
    for notice in catalogue::all() {
        assert!(
            page.contains(&format!("| `{}` |", notice.code)),
            "{}: its role is not in ROLES",
            notice.code
        );
    }
    if std::env::var("UPDATE_DOCS").is_ok_and(|value| value == "1") {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/notices.md is out of date: UPDATE_DOCS=1 cargo test -p notices");
}
