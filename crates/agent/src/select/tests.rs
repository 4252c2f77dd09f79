//! Selectors: their text, and which snapshot they mean.

use super::*;
use model::{Code, SetId, SnapshotId, Timestamp};

fn parse(text: &[u8]) -> Result<Selector, Code> {
    Selector::parse(platform::path::from_bytes(text).as_os_str()).map_err(|error| error.code())
}

#[test]
fn the_first_colon_cuts_and_paths_hold_any_bytes() {
    let prefix = |text: &str| Wanted::Prefix(text.to_owned());
    assert_eq!(parse(b"latest"), Ok(Selector { snapshot: Wanted::Latest, path: None }));
    let found = parse(b"3FA0:/a//./b:\xff/").unwrap();
    assert_eq!(found, Selector { snapshot: prefix("3fa0"), path: Some(b"/a/b:\xff".to_vec()) });
    assert_eq!(parse(b"latest:/").unwrap().path, Some(b"/".to_vec()));
    let whole = SnapshotId::random().to_string();
    assert_eq!(parse(whole.as_bytes()).unwrap().snapshot, prefix(&whole));
    for bad in [
        &b""[..],
        b"3fa",
        b"3fa0 ",
        b"newest",
        b"latest:a",
        b"latest:",
        b"latest:/a/../b",
        b":/a",
        b"\xff\xff\xff\xff",
        &[b'0'; 33],
    ] {
        assert_eq!(parse(bad), Err(Code::Usage), "{}", String::from_utf8_lossy(bad));
    }
}

#[test]
fn a_path_that_is_refused_is_told_the_rule() {
    let words = |text: &str| Selector::parse(OsStr::new(text)).unwrap_err().to_string();
    assert_eq!(words("latest:a"), "the path 'a' cannot be in a snapshot: paths there begin with /");
    assert_eq!(words("latest:/../a"), "the path '/../a' cannot be in a snapshot: paths there have no ..");
}

fn row(id: [u8; 2], device: DeviceId, set: &str, sequence: u64, complete: bool) -> SnapshotRow {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&id);
    SnapshotRow {
        id: SnapshotId::from_bytes(bytes),
        device,
        device_name: "laptop".into(),
        set: ClearPart::set_id(device, set.as_bytes()),
        sequence,
        time: Timestamp::from_secs(0),
        complete,
        files: 0,
        bytes: 0,
        findings: 0,
    }
}

#[test]
fn latest_is_the_newest_complete_one_of_this_device() {
    let (own, other) = (DeviceId::random(), DeviceId::random());
    let rows = [
        row([1, 1], own, "a", 1, true),
        row([1, 2], own, "b", 5, true),
        row([1, 3], own, "a", 3, true),
        row([2, 0], own, "a", 9, false),
        row([3, 0], other, "a", 10, true),
    ];
    let latest =
        |set| Wanted::Latest.find(&rows, own, set).map(|row| row.sequence).map_err(|error| error.code());
    assert_eq!(latest(None), Ok(5));
    assert_eq!(latest(Some("a")), Ok(3));
    assert_eq!(latest(Some("c")), Err(Code::SnapshotUnknown));
    assert_eq!(Wanted::Latest.find(&rows[3..], own, None).unwrap_err().code(), Code::SnapshotUnknown);
}

#[test]
fn a_short_id_must_fit_one_snapshot_of_any_device() {
    let (own, other) = (DeviceId::random(), DeviceId::random());
    let mut rows = vec![row([1, 2], own, "a", 1, true), row([3, 0], other, "a", 2, false)];
    let find = |rows: &[SnapshotRow], prefix: &str| {
        let wanted = Wanted::Prefix(prefix.into());
        wanted.find(rows, own, None).map(|row| row.sequence).map_err(|error| error.code())
    };
    assert_eq!(find(&rows, "0102"), Ok(1));
    assert_eq!(find(&rows, "0300"), Ok(2));
    assert_eq!(find(&rows, "0400"), Err(Code::SnapshotUnknown));
    let mut near = row([1, 2], own, "a", 3, true);
    near.id = SnapshotId::from_bytes({
        let mut bytes = *near.id.as_bytes();
        bytes[15] = 1;
        bytes
    });
    rows.push(near);
    assert_eq!(find(&rows, "0102"), Err(Code::Usage));
    assert_eq!(shown_digits(&rows), 32);
    assert_eq!(shown_digits(&rows[..2]), 8);
    rows[0].set = SetId::random();
    assert_eq!(find(&rows, &rows[0].id.to_string()), Ok(1), "a whole id is never ambiguous");
}
