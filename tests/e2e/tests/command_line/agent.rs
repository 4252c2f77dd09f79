//! The commands of `holdfast`: exit status, text, and the fields of their documents.

use crate::shape::{assert_document, assert_error, shape};
use e2e::{Agent, OrdinaryUser, Outcome, Site};
use model::Code;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

fn documents(site: &Site) -> PathBuf {
    let root = site.path("documents");
    fs::create_dir_all(root.join("folder")).unwrap();
    fs::write(root.join("letter.txt"), "a letter").unwrap();
    fs::write(root.join("folder/note"), "a note").unwrap();
    root
}

fn with_input(agent: &Agent, arguments: &[&str], input: &str) -> Outcome {
    let mut command = agent.command();
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Outcome::new(format!("{command:?}"), &child.wait_with_output().unwrap())
}

#[test]
fn activation_takes_a_token_in_three_ways() {
    let site = Site::new();
    let fields = "custody:text device:text device_name:text origin:text recovery_file:null server:list \
                  user:text vault:text";
    let agent = Agent::at(&site.path("argument"));
    let outcome = agent.run(["activate", &site.server.token("anna"), "--name", "one", "--json"]).ok();
    let first = assert_document(&outcome, fields);
    assert_eq!(
        (&first["origin"], &first["user"], &first["device_name"]),
        (&"created".into(), &"anna".into(), &"one".into())
    );
    assert_error(agent.run(["activate", &site.server.token("anna"), "--json"]), Code::AlreadyActivated);

    let agent = Agent::at(&site.path("input"));
    let token = site.server.token("anna");
    let outcome = with_input(&agent, &["activate", "-", "--json"], &format!("  {token}\n")).ok();
    let second = assert_document(&outcome, fields);
    assert_eq!((&second["origin"], &second["vault"]), (&"joined".into(), &first["vault"]));

    // The text that `token create` prints for people, saved into a file, is as good as the token alone.
    let text = site.server.run(["token", "create", "--user", "anna"]).ok().stdout;
    let file = site.path("token");
    for (name, content) in [("text", text), ("alone", site.server.token("anna"))] {
        fs::write(&file, content).unwrap();
        let agent = Agent::at(&site.path(name));
        let outcome = agent.run(["activate", "--token-file", file.to_str().unwrap()]).ok();
        assert!(outcome.stdout.contains("is now a device of anna"), "{outcome}");
    }

    let agent = Agent::at(&site.path("wrong"));
    assert_error(agent.run(["--json", "activate", "hf1-nonsense"]), Code::TokenMalformed);
    assert_error(
        agent.run(["--json", "activate", &second["device"].as_str().unwrap().repeat(2)]),
        Code::TokenMalformed,
    );
    assert_error(agent.run(["--json", "activate", &token]), Code::TokenUsed);
    assert_error(agent.run(["--json", "activate", "--token-file", "/nonexistent/token"]), Code::PathMissing);
    assert_error(agent.run(["--json", "activate"]), Code::Usage);
}

#[test]
fn a_deactivated_machine_is_none_until_it_is_activated_again() {
    let site = Site::new();
    let root = documents(&site);
    let agent = site.device("laptop");
    agent.backup(&[&root]);
    let document = assert_document(&agent.run(["deactivate", "--json"]).ok(), "device:text server_told:bool");
    assert_eq!(document["server_told"], true);
    for arguments in [
        &["backup", "/etc"][..],
        &["snapshots"],
        &["ls", "latest"],
        &["findings"],
        &["verify"],
        &["deactivate"],
    ] {
        let arguments = [&["--json"], arguments].concat();
        assert_error(agent.run(arguments), Code::NotActivated);
    }
    let text = agent.run(["snapshots"]).fails_with(Code::NotActivated);
    assert!(text.stdout.is_empty() && text.stderr.contains("Activate it"), "{text}");
    // The snapshots are still there for a new device, and the sets are still known.
    agent.activate(&site.server.token("anna"), &[]);
    assert_eq!(agent.run(["snapshots", "--all", "--json"]).ok().json().as_array().unwrap().len(), 1);
    agent.run(["backup"]).ok();
    let status = agent.run(["deactivate", "--local", "--json"]).ok().json();
    assert_eq!(status["server_told"], false);
}

/// Before the machine is activated: nobody is asked, and nothing is kept.
#[test]
fn a_dry_run_says_what_a_first_run_would_bring() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::at(&folder.path().join("state"));
    let tree = folder.path().join("tree");
    fs::create_dir_all(tree.join("inner")).unwrap();
    fs::create_dir(tree.join("node_modules")).unwrap();
    fs::write(tree.join("letter"), "12345").unwrap();
    fs::hard_link(tree.join("letter"), tree.join("other name")).unwrap();
    fs::write(tree.join("inner/one"), "1").unwrap();
    fs::write(tree.join("inner/core.tmp"), "left out").unwrap();
    let (root, inner) = (tree.to_str().unwrap(), tree.join("inner"));
    let arguments = ["backup", "--dry-run", root, inner.to_str().unwrap(), "--exclude", "*.tmp"];
    let json = [&arguments[..], &["--json"]].concat();
    let events = agent.run(&json).ok().events();
    let last = events.last().unwrap();
    assert_eq!(
        shape(last),
        "bytes:whole entries:whole event:text files:whole findings:whole roots:list seconds:number set:text"
    );
    assert_eq!((&last["files"], &last["bytes"], &last["set"]), (&3.into(), &6.into(), &"tree".into()));
    let roots = last["roots"].as_array().unwrap();
    assert_eq!(shape(&roots[0]), "bytes:whole entries:whole files:whole path:text");
    let sums: Vec<_> = roots.iter().map(|root| (root["files"].as_u64(), root["bytes"].as_u64())).collect();
    assert_eq!(sums, [(Some(2), Some(5)), (Some(1), Some(1))]);
    let text = agent.run(arguments).ok();
    assert!(text.stdout.contains("3 files, 6 B"), "{text}");
    assert!(!agent.state().join("settings").exists(), "a dry run keeps nothing");

    let lost = tree.join("gone");
    assert_error(
        agent.run(["backup", "--dry-run", "--json", root, lost.to_str().unwrap()]),
        Code::PathMissing,
    );
}

#[test]
fn root_a_dry_run_tells_what_a_run_could_not_read() {
    let site = Site::new();
    let root = documents(&site);
    for closed in ["letter.txt", "folder"] {
        fs::set_permissions(root.join(closed), fs::Permissions::from_mode(0o000)).unwrap();
    }
    let user = OrdinaryUser::new();
    let agent = user.device(&site, "ordinary");
    let outcome = agent.run(["backup", "--dry-run", "--json", root.to_str().unwrap()]).expect(3);
    let reasons: Vec<_> =
        outcome.events().iter().filter_map(|event| event["reason"].as_str().map(str::to_owned)).collect();
    assert_eq!(reasons, ["folder_unreadable", "denied"], "{outcome}");
    let text = agent.run(["backup", "--dry-run", root.to_str().unwrap()]).expect(3);
    assert!(text.stdout.contains("2 findings"), "{text}");
}

#[test]
fn backup_tells_events_and_ends_with_its_summary() {
    let site = Site::new();
    let root = documents(&site);
    let agent = site.device("laptop");
    let outcome = agent.run(["backup", "--json", root.to_str().unwrap()]).ok();
    let events = outcome.events();
    let (last, before) = events.split_last().unwrap();
    assert_eq!(
        shape(last),
        "bytes:whole entries:whole event:text files:whole findings:whole new_bytes:whole read_bytes:whole \
         seconds:number set:text snapshot:text stored_bytes:whole"
    );
    assert_eq!((&last["event"], &last["set"]), (&"summary".into(), &"documents".into()));
    assert_eq!(
        (&last["files"], &last["read_bytes"], &last["new_bytes"]),
        (&2.into(), &14.into(), &14.into())
    );
    assert_eq!((&last["bytes"], &last["findings"]), (&14.into(), &0.into()));
    assert!(last["stored_bytes"].as_u64().unwrap() > 0 && last["seconds"].as_f64().unwrap() > 0.0);
    assert!(!before.is_empty(), "no progress");
    for event in before {
        assert_eq!(event["event"], "progress", "{event}");
        let fields = shape(event).replace(" seconds_left:whole", "");
        assert_eq!(
            fields,
            "done_bytes:whole done_files:whole event:text findings:whole new_bytes:whole phase:text read_bytes:whole \
             seconds:number stored_bytes:whole total_bytes:whole total_files:whole total_is_known:bool"
        );
        assert!(["preparing", "working", "finishing"].contains(&event["phase"].as_str().unwrap()), "{event}");
    }

    // For people: the set, what was done, nothing else on standard output.
    let text = agent.run(["backup", root.to_str().unwrap()]).ok();
    let lines: Vec<&str> = text.stdout.lines().collect();
    assert!(
        lines.len() == 2 && lines[0].starts_with("Snapshot ") && lines[0].contains("2 files, 14 B"),
        "{text}"
    );
    assert!(lines[1].contains("read ") && lines[1].contains("stored "), "{text}");
    assert!(text.stderr.contains("Set 'documents'"), "{text}");
}

#[test]
fn sets_are_named_found_and_never_changed_silently() {
    let site = Site::new();
    let root = documents(&site);
    let other = site.path("other");
    fs::create_dir(&other).unwrap();
    let (root, other) = (root.to_str().unwrap(), other.to_str().unwrap());
    let agent = site.device("laptop");
    let run = |arguments: &[&str]| agent.run([&["--json", "backup"], arguments].concat());
    let set =
        |arguments: &[&str]| run(arguments).ok().events().pop().unwrap()["set"].as_str().unwrap().to_owned();
    assert_error(run(&[]), Code::SetEmpty);
    assert_error(run(&["--set", "work"]), Code::SetUnknown);
    assert_error(run(&["--set", "no/name", root]), Code::NameInvalid);
    assert_error(run(&["/nonexistent/folder"]), Code::PathMissing);
    assert_eq!(set(&["--set", "work", root]), "work");
    // The same folders mean the same set, and the only set needs no name.
    assert_eq!(set(&[root]), "work");
    assert_eq!(set(&[]), "work");
    assert_error(run(&["--set", "work", other]), Code::Usage);
    assert_eq!(set(&["--set", "work", other, "--update-set"]), "work");
    assert_eq!(set(&[root]), "documents");
    assert_error(run(&[]), Code::SetEmpty);
    let unclear = agent.run(["backup"]).fails_with(Code::SetEmpty);
    assert!(unclear.stderr.contains("documents") && unclear.stderr.contains("work"), "{unclear}");
    assert_eq!(set(&["--set", "default", root, other]), "default");
    assert_eq!(set(&[]), "default");

    let settings = agent.state().join("settings");
    let file = fs::read_dir(&settings).unwrap().map(|entry| entry.unwrap().path()).next().unwrap();
    fs::write(&file, "version = 1\n[sets.work]\npaths = 7\n").unwrap();
    assert_error(run(&[]), Code::SettingsInvalid);
}

#[test]
fn snapshots_are_listed_with_their_fields() {
    let site = Site::new();
    let root = documents(&site);
    let agent = site.device("laptop");
    assert_eq!(agent.run(["snapshots", "--json"]).ok().json(), Value::Array(Vec::new()));
    let empty = agent.run(["snapshots"]).ok();
    assert!(empty.stdout.contains("no snapshots yet"), "{empty}");
    let first = agent.backup(&[&root]);
    let outcome = agent.run(["snapshots", "--json"]).ok();
    assert_eq!(outcome.stdout.lines().count(), 1, "{outcome}");
    let rows = outcome.json();
    assert_eq!(
        shape(&rows[0]),
        "bytes:whole complete:bool device:text device_name:text files:whole findings:whole id:text labels:list \
         paths:list set:text this_device:bool time:text"
    );
    assert_eq!((&rows[0]["id"], &rows[0]["set"]), (&first["snapshot"], &"documents".into()));
    assert_eq!(rows[0]["paths"], serde_json::json!([root.to_str().unwrap()]));
    assert_eq!(
        (&rows[0]["files"], &rows[0]["bytes"], &rows[0]["findings"]),
        (&2.into(), &14.into(), &0.into())
    );
    assert_eq!((&rows[0]["complete"], &rows[0]["this_device"]), (&true.into(), &true.into()));
    // RFC 3339, in UTC.
    let time = rows[0]["time"].as_str().unwrap();
    assert!(time.starts_with('2') && time.contains('T') && time.ends_with('Z'), "{time}");

    let table = agent.run(["snapshots"]).ok();
    let lines: Vec<&str> = table.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{table}");
    assert!(
        lines[0].starts_with("ID ") && lines[1].starts_with(&first["snapshot"].as_str().unwrap()[..8]),
        "{table}"
    );
    let unknown = ["snapshots", "--json", "--set", "never"];
    assert_error(agent.run(unknown), Code::SnapshotUnknown);
    // One that was not backed up yet is an empty list.
    let settings = agent.state().join("settings/settings.toml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{text}\n[sets.never]\npaths = [\"/srv\"]\n")).unwrap();
    assert_eq!(agent.run(unknown).ok().json(), Value::Array(Vec::new()));
}

#[test]
fn lists_findings_and_verification_have_their_fields() {
    let site = Site::new();
    let root = documents(&site);
    std::os::unix::fs::symlink("letter.txt", root.join("link")).unwrap();
    let agent = site.device("laptop");
    agent.backup(&[&root]);
    let rows = agent.run(["ls", "--json", "latest"]).ok().events();
    assert_eq!(rows.len(), 3);
    let common = "gid:whole group:text kind:text mode:text modified:text path:text size:whole";
    for row in &rows {
        let target = if row["kind"] == "symlink" { " target:text" } else { "" };
        assert_eq!(shape(row), format!("{common}{target} uid:whole user:text"), "{row}");
    }
    let kinds: Vec<&str> = rows.iter().map(|row| row["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["folder", "file", "symlink"]);
    assert_eq!(rows[1]["size"], 8);

    let findings =
        assert_document(&agent.run(["findings", "--json"]).ok(), "count:whole findings:list snapshot:text");
    assert_eq!(findings["count"], 0);
    let text = agent.run(["findings"]).ok();
    assert_eq!(text.stdout, "This snapshot has no findings.\n");
    assert_error(agent.run(["--json", "findings", &format!("latest:{}", root.display())]), Code::Usage);

    for arguments in [&["verify", "--json"][..], &["verify", "latest", "--read-data", "--json"]] {
        let events = agent.run(arguments).ok().events();
        let last = events.last().unwrap();
        assert_eq!(
            shape(last),
            "bytes:whole counts_fit:bool entries:whole event:text files:whole findings:whole frames:whole good:bool \
             missed:whole read_bytes:whole read_data:bool seconds:number snapshot:text"
        );
        assert_eq!((&last["event"], &last["snapshot"]), (&"summary".into(), &findings["snapshot"]));
        assert_eq!((&last["good"], &last["findings"], &last["files"]), (&true.into(), &0.into(), &2.into()));
        assert_eq!(last["read_data"], arguments.contains(&"--read-data"));
    }
    // cat gives the bytes of the file and nothing else, with and without --json.
    for arguments in [&["cat"][..], &["--json", "cat"]] {
        let file = format!("latest:{}/letter.txt", root.display());
        assert_eq!(agent.run(arguments.iter().copied().chain([file.as_str()])).ok().stdout, "a letter");
    }
}

#[test]
fn restore_tells_events_and_ends_with_its_summary() {
    let site = Site::new();
    let root = documents(&site);
    let agent = site.device("laptop");
    agent.backup(&[&root]);
    let target = site.path("target");
    let what = format!("latest:{}", root.display());
    let run = |arguments: &[&str]| agent.run([&["--json", "restore"], arguments].concat());
    let to = |target: &Path| run(&[&what, "--to", target.to_str().unwrap()]);
    let outcome = to(&target).ok();
    let events = outcome.events();
    let (last, before) = events.split_last().unwrap();
    assert_eq!(
        shape(last),
        "bytes:whole ended_early:null entries:whole event:text files:whole findings:whole \
         kept_both:whole seconds:number skipped:whole snapshot:text unchanged:whole"
    );
    assert_eq!((&last["event"], &last["files"], &last["bytes"]), (&"summary".into(), &2.into(), &14.into()));
    assert!(before.iter().all(|event| event["event"] == "progress"), "{outcome}");
    assert_error(to(&target), Code::TargetExists);
    assert_error(run(&[&what]), Code::Usage);
    assert_error(run(&[&what, "--in-place", "--to", "/x"]), Code::Usage);
    assert_error(run(&[&what, "--to", "/x", "--conflict", "maybe"]), Code::Usage);
    assert_error(run(&["--to", "/x"]), Code::Usage);
    assert_error(run(&["latest:/never", "--to", target.to_str().unwrap()]), Code::PathMissing);
    assert_error(run(&["ffffffffffffffff", "--to", target.to_str().unwrap()]), Code::SnapshotUnknown);

    let dry = run(&[&what, "--to", target.to_str().unwrap(), "--dry-run", "--conflict", "skip"]).ok();
    let events = dry.events();
    let planned = events.iter().find(|event| event["event"] == "planned").unwrap();
    assert_eq!(shape(planned), "action:text bytes:whole event:text path:text to:text");
    assert_eq!(
        shape(events.last().unwrap()),
        "available_bytes:whole blocked:whole bytes:whole case_clash:null conflicts:whole entries:whole event:text files:whole \
         kept_both:whole missed:whole possible:bool skipped:whole unchanged:whole unreadable_lists:whole"
    );
    let text = agent.run(["restore", &what, "--to", site.path("other").to_str().unwrap()]).ok();
    assert!(text.stdout.starts_with("Restored 2 files, 14 B"), "{text}");
}
