//! `holdfast notices`: the catalogue, on any machine, with nothing set up.

use crate::machine::Machine;
use serde_json::Value;

fn catalogue() -> Vec<Value> {
    let machine = Machine::new();
    let ended = machine.run(&["notices", "--json"]);
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    assert!(!machine.state().exists(), "the catalogue needs no state and makes none");
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn every_notice_has_the_documented_fields() {
    let fields = [
        "action",
        "category",
        "clears",
        "code",
        "description",
        "icon",
        "next",
        "parameters",
        "priority",
        "role",
        "seed",
        "status",
        "sub_status",
        "variants",
    ];
    for notice in catalogue() {
        let mut names: Vec<_> = notice.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, fields, "{notice}");
        for name in
            ["code", "status", "sub_status", "icon", "description", "next", "action", "role", "clears"]
        {
            assert!(notice[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {notice}");
        }
        let category = notice["category"].as_str().unwrap();
        assert!(["Critical", "High", "Warning", "Informative"].contains(&category), "{notice}");
        assert_eq!(notice["priority"].is_u64(), notice["role"] != "event", "{notice}");
    }
}

#[test]
fn the_rows_of_the_seed_are_told_from_ours() {
    let all = catalogue();
    let find = |code: &str| all.iter().find(|notice| notice["code"] == code).unwrap();
    assert_eq!(all.iter().filter(|notice| notice["seed"] == true).count(), 33);
    let mail = all.iter().filter(|notice| notice["role"] == "detail");
    assert!(mail.clone().all(|line| line["status"] == "Backup Complete" && line["category"] == "Warning"));
    assert_eq!(mail.count(), 8);
    assert_eq!(find("activated")["status"], "Holdfast Activated Successfully");
    assert_eq!(find("backup_complete")["sub_status"], "-");
    let paused = find("backup_paused");
    assert_eq!(paused["sub_status"], "Paused today at <HH:MM> / Paused yesterday at <HH:MM>");
    let paused = serde_json::json!([{"name": "paused", "placeholder": "HH:MM", "kind": "time_of_day"}]);
    assert_eq!(find("backup_paused")["parameters"], paused);
    let snapshot = find("backup_incomplete_snapshot_error");
    assert!(snapshot["sub_status"].as_str().unwrap().contains("Windows VSS service"), "{snapshot}");
    assert_eq!(
        snapshot["variants"],
        serde_json::json!([{
            "platforms": ["linux", "macos"],
            "sub_status": "Backup interrupted due to error in snapshot. Holdfast will retry after some time.",
        }])
    );
    let network = find("backup_started_on_network");
    assert_eq!(
        (&network["seed"], network["sub_status"].as_str().unwrap()),
        (
            &Value::Bool(false),
            "Backup started on network <Name>. Click here to disable backup on this network."
        )
    );
}

#[test]
fn people_get_a_line_for_each() {
    let ended = Machine::new().run(&["notices"]);
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert!(lines[0].starts_with("CODE ") && lines[0].ends_with("  SUB-STATUS"), "{}", lines[0]);
    let all = catalogue();
    assert_eq!(lines.len(), all.len() + 1);
    for (line, notice) in lines[1..].iter().zip(&all) {
        let cells = ["code", "category", "status", "sub_status"].map(|name| notice[name].as_str().unwrap());
        let found: Vec<_> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        assert_eq!(found, cells);
    }
}
