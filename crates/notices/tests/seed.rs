//! The catalogue says what the seed says: a copy of the seed's table and list is compared with the rows that come from
//! it, word for word and in its order.

use notices::{Icon, Role, catalogue};

const SEED: &str = include_str!("../testdata/seed.txt");
const MAIL: &str = "Sub-Status Notification";
const CATEGORIES: [&str; 4] = ["Critical", "High", "Warning", "Informative"];

/// A row of the seed. Where it shows no icon, ours are free.
#[derive(Debug, PartialEq)]
struct Row {
    icon: Option<Icon>,
    status: String,
    sub_status: String,
    category: String,
}

fn icon(text: &str) -> Option<Icon> {
    match text {
        "Amber" => Some(Icon::Amber),
        "Info" => Some(Icon::Info),
        "Paused" => Some(Icon::Paused),
        "Inprogress" | "In progress" | "In-progress" => Some(Icon::InProgress),
        _ => None,
    }
}

/// The table: each row is a block of lines, the icon first where there is one. What reads as no row is counted by the
/// test, which misses it.
fn status_rows(table: &str) -> Vec<Row> {
    let blocks = table.split("\n\n").map(|block| block.lines().collect::<Vec<_>>());
    let rows = blocks.filter_map(|lines| match lines[..] {
        [shown, status, sub_status, category] => Some(row(Some(icon(shown)?), status, sub_status, category)),
        [status, sub_status, category] => Some(row(None, status, sub_status, category)),
        _ => None,
    });
    rows.filter(|row| CATEGORIES.contains(&row.category.as_str())).collect()
}

/// The list of mail lines, which all stand below the same headline.
fn mail_rows(list: &str) -> Vec<Row> {
    let lines = list.lines().filter(|line| !line.is_empty());
    lines.map(|line| row(None, "Backup Complete", line, "Warning")).collect()
}

fn row(icon: Option<Icon>, status: &str, sub_status: &str, category: &str) -> Row {
    let ours = |text: &str| text.replace("inSync", "Holdfast");
    Row { icon, status: ours(status), sub_status: ours(sub_status), category: category.into() }
}

#[test]
fn the_catalogue_begins_with_the_seed_word_for_word() {
    let (table, list) = SEED.split_once(MAIL).unwrap();
    let (mut expected, mail) = (status_rows(table), mail_rows(list));
    assert_eq!((expected.len(), mail.len()), (25, 8));
    expected.extend(mail);
    let from_seed: Vec<_> = catalogue::all().iter().filter(|notice| notice.seed.is_some()).collect();
    assert_eq!(from_seed.len(), 33);
    for (place, (notice, expected)) in catalogue::all().iter().zip(expected).enumerate() {
        let found = Row {
            icon: expected.icon.map(|_| notice.icon),
            status: notice.status.into(),
            sub_status: notice.sub_status.into(),
            category: notice.category.to_string(),
        };
        assert_eq!(found, expected, "{}", notice.code);
        assert_eq!(notice.seed, u8::try_from(place + 1).ok(), "{}", notice.code);
        assert_eq!(notice.role == Role::Detail, place >= 25, "{}", notice.code);
    }
}
