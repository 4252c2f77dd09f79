//! The table of fields in `docs/policy.md` is made from the definition of the policy: this test compares both, and
//! writes the table anew when `UPDATE_DOCS=1` is set.

use model::policy::Policy;
use std::fmt::Write;
use std::path::Path;

const BEGIN: &str = "## Fields\n";

fn table(defaults: &serde_json::Value) -> String {
    let mut table =
        "\nThis part is made from `crates/model/src/policy.rs`.\n\n| field | what it says | built in |\n|---|---|---|\n"
            .to_owned();
    for (field, words) in Policy::FIELDS {
        let _ = writeln!(table, "| `{field}` | {words} | `{}` |", defaults[field]);
    }
    table
}

#[test]
fn the_page_of_policies_has_every_field() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/policy.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (by_hand, _) = page.split_once(BEGIN).expect("the page has the heading of the part that is made");
    let made = format!("{by_hand}{BEGIN}{}", table(&serde_json::to_value(Policy::default()).unwrap()));
    if std::env::var("UPDATE_DOCS").is_ok_and(|value| value == "1") {
        std::fs::write(&path, &made).unwrap();
        return;
    }
    assert!(page == made, "docs/policy.md is out of date: UPDATE_DOCS=1 cargo test -p model");
}
