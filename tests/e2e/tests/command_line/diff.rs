//! `holdfast diff`: what differs between real backups, in both forms, and what is refused.

use crate::shape::{assert_error, shape};
use e2e::{Agent, Site};
use model::Code;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn id(agent: &Agent, root: &Path) -> String {
    agent.backup(&[root])["snapshot"].as_str().unwrap().to_owned()
}

/// The differences, and the sums.
fn diff(agent: &Agent, arguments: &[&str]) -> (Vec<Value>, Value) {
    let mut events = agent.run([&["--json", "diff"], arguments].concat()).ok().events();
    let summary = events.pop().unwrap();
    assert_eq!(summary["event"], "summary");
    (events, summary)
}

/// What happened to which name.
fn words(rows: &[Value]) -> Vec<String> {
    let name =
        |path: &Value| Path::new(path.as_str().unwrap()).file_name().unwrap().to_string_lossy().into_owned();
    rows.iter().map(|row| format!("{} {}", row["event"].as_str().unwrap(), name(&row["path"]))).collect()
}

#[test]
fn differences_of_two_backups_are_told() {
    let site = Site::new();
    let root = site.path("letters");
    fs::create_dir_all(root.join("drafts")).unwrap();
    for name in ["gone", "same", "text"] {
        fs::write(root.join(name), format!("content of {name}")).unwrap();
    }
    fs::write(root.join("drafts/one"), "a draft that is kept").unwrap();
    fs::write(root.join("tool"), "#!").unwrap();
    let agent = site.device("laptop");
    let old = id(&agent, &root);
    fs::remove_file(root.join("gone")).unwrap();
    fs::write(root.join("new"), "").unwrap();
    fs::write(root.join("text"), "longer content than before").unwrap();
    fs::set_permissions(root.join("tool"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(root.join("drafts/one"), root.join("letter")).unwrap();
    let new = id(&agent, &root);

    let (rows, summary) = diff(&agent, &[&old, &new]);
    assert_eq!(
        words(&rows),
        ["removed gone", "renamed letter", "added new", "changed text", "metadata tool"]
    );
    assert_eq!(shape(&rows[0]), "event:text old_kind:text old_size:whole path:text");
    assert_eq!(
        shape(&rows[1]),
        "event:text kind:text old_kind:text old_path:text old_size:whole path:text size:whole"
    );
    assert_eq!(rows[1]["old_path"], root.join("drafts/one").to_str().unwrap());
    assert_eq!(shape(&rows[2]), "event:text kind:text path:text size:whole");
    let both = "differs:list event:text kind:text old_kind:text old_size:whole path:text size:whole";
    assert_eq!((shape(&rows[3]), shape(&rows[4])), (both.into(), both.into()));
    assert_eq!((&rows[3]["old_size"], &rows[3]["size"]), (&15.into(), &26.into()));
    assert_eq!(rows[3]["differs"], serde_json::json!(["content", "modified"]));
    assert_eq!(rows[4]["differs"], serde_json::json!(["mode"]));
    assert_eq!(
        shape(&summary),
        "added:whole added_bytes:whole changed:whole changed_new_bytes:whole changed_old_bytes:whole event:text \
         metadata:whole new_snapshot:text old_snapshot:text removed:whole removed_bytes:whole renamed:whole \
         renames_sought:bool"
    );
    assert_eq!(
        (&summary["old_snapshot"], &summary["new_snapshot"]),
        (&old.clone().into(), &new.clone().into())
    );
    assert_eq!((&summary["removed_bytes"], &summary["renamed"]), (&15.into(), &1.into()));

    // The other way round, and of one folder.
    let (rows, _) = diff(&agent, &[&new, &old]);
    assert_eq!(words(&rows), ["renamed one", "added gone", "removed new", "changed text", "metadata tool"]);
    let drafts = root.join("drafts");
    let (rows, _) = diff(&agent, &[&format!("{old}:{}", drafts.display()), "latest"]);
    assert_eq!(words(&rows), ["removed one"]);
    let (rows, summary) = diff(&agent, &[&new, "latest", "--set", "letters"]);
    assert!(rows.is_empty() && summary["added"] == 0);

    let text = agent.run(["diff", &old, &new]).ok();
    let last = text.stdout.lines().last().unwrap();
    assert!(last.starts_with("1 added (0 B), 1 removed (15 B), 1 changed (15 B -> 26 B)"), "{text}");
    assert!(text.stdout.contains(" -> ") && text.stdout.contains("tool  (mode)\n"), "{text}");
    assert_eq!(agent.run(["diff", &new, &new]).ok().stdout, "Nothing differs.\n");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let site = Site::new();
    let root = site.path("letters");
    fs::create_dir(&root).unwrap();
    let agent = site.device("laptop");
    let id = id(&agent, &root);
    let run = |arguments: &[&str]| agent.run([&["--json", "diff"], arguments].concat());
    assert_error(run(&[&id]), Code::Usage);
    assert_error(run(&[&id, "newest"]), Code::Usage);
    assert_error(run(&[&id, &id, "--set", "letters"]), Code::Usage);
    assert_error(run(&[&id, "latest:/a"]), Code::Usage);
    assert_error(run(&[&id, "ffffffff"]), Code::SnapshotUnknown);
    assert_error(run(&[&format!("{id}:/never"), "latest:/never"]), Code::PathMissing);
    assert_error(run(&[&id, "latest", "--set", "never"]), Code::SnapshotUnknown);
}

#[test]
fn colours_are_for_terminals_and_no_color_turns_them_off() {
    let site = Site::new();
    let root = site.path("tree");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("old"), "x").unwrap();
    let agent = site.device("laptop");
    agent.backup(&[&root]);
    std::fs::rename(root.join("old"), root.join("new")).unwrap();
    std::fs::write(root.join("new"), "y").unwrap();
    agent.backup(&[&root]);
    let snapshots = agent.snapshots();
    let [new, old] = [0, 1].map(|at| snapshots[at]["id"].as_str().unwrap().to_owned());
    let program = e2e::command::program("holdfast");
    let line = format!("'{0}' diff {old} {new}; '{0}' ls nosuch", program.display());
    let on_a_terminal = |variables: &[(&str, &str)]| {
        let mut terminal = e2e::command::clean("script");
        terminal.args(["-q", "-e", "-c", &line, "/dev/null"]).stdin(std::process::Stdio::null());
        terminal.env("TERM", "xterm").env("HOLDFAST_STATE", agent.state());
        let output = terminal.envs(variables.iter().copied()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let shown = on_a_terminal(&[]);
    for painted in ["\x1b[32madded", "\x1b[31mremoved", "\x1b[31merror:\x1b[0m"] {
        assert!(shown.contains(painted), "{shown:?}");
    }
    for variables in [[("NO_COLOR", "1")], [("TERM", "dumb")]] {
        let shown = on_a_terminal(&variables);
        assert!(shown.contains("added") && shown.contains("error:") && !shown.contains('\x1b'), "{shown:?}");
    }
    let plain = agent.run(["diff", &old, &new]).ok();
    assert!(!plain.stdout.contains('\x1b'), "{plain}");
}
