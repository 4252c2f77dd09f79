//! The list of snapshots as JSON and as a table.

use super::*;
use crate::state::cache::SealedNames;
use api::Blob;
use api::runs::SnapshotRow;
use model::{DeviceId, SetId, SnapshotId, Timestamp};

fn listed(number: u8, complete: bool, names: bool) -> Listed {
    Listed {
        row: SnapshotRow {
            id: SnapshotId::from_bytes([number; 16]),
            device: DeviceId::from_bytes([7; 16]),
            device_name: "laptop".into(),
            set: SetId::from_bytes([1; 16]),
            sequence: number.into(),
            time: Timestamp::from_secs(0),
            complete,
            files: 1234,
            bytes: 1 << 20,
            findings: 0,
        },
        names: names.then(|| SealedNames {
            set: Blob(b"docs".to_vec()),
            device_name: Blob(b"laptop".to_vec()),
            paths: vec![Blob(b"/home/ada".to_vec())],
        }),
    }
}

#[test]
fn json_has_its_documented_fields() {
    let listed = listed(1, true, true);
    let value = serde_json::to_value(row(&listed, DeviceId::from_bytes([7; 16]))).unwrap();
    assert_eq!(
        value,
        serde_json::json!({
            "id": "01010101010101010101010101010101", "time": "1970-01-01T00:00:00Z", "set": "docs",
            "paths": ["/home/ada"], "labels": [], "files": 1234, "bytes": 1_048_576, "findings": 0, "complete": true,
            "device": "07070707070707070707070707070707", "device_name": "laptop", "this_device": true,
        })
    );
}

#[test]
fn the_table_shows_what_is_odd() {
    let all = [listed(1, true, true), listed(2, false, true), listed(3, true, false)];
    let rows: Vec<_> = all.iter().map(|listed| row(listed, DeviceId::from_bytes([0; 16]))).collect();
    let mut out = Vec::new();
    write_table(&mut out, &rows, true, 8, &Output::plain()).unwrap();
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("ID        TIME") && lines[0].contains("DEVICE"), "{text}");
    assert!(
        lines[1].starts_with("01010101") && lines[1].ends_with("1,234  1.0 MiB         -  /home/ada"),
        "{text}"
    );
    assert!(lines[2].contains("docs (incomplete)"), "{text}");
    assert!(lines[3].contains("its record is damaged"), "{text}");
    assert!(!text.contains("LABELS"), "{text}");
    let mut rows = rows;
    rows[0].labels = Some(["milestone", "vor dem Umzug"].map(str::to_owned).into());
    rows[1].labels = None;
    let mut out = Vec::new();
    write_table(&mut out, &rows, true, 8, &Output::plain()).unwrap();
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].contains("DEVICE  LABELS                    FILES"), "{text}");
    assert!(lines[1].contains("laptop  milestone, vor dem Umzug  1,234"), "{text}");
    assert!(lines[2].contains("laptop  damaged  "), "{text}");
    let mut out = Vec::new();
    write_table(&mut out, &[], false, 8, &Output::plain()).unwrap();
    assert!(String::from_utf8(out).unwrap().contains("no snapshots yet"));
}
