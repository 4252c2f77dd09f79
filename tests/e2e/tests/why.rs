//! `holdfast why`: what it says of a path is what the backup does with it.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use e2e::{Agent, Mount, OrdinaryUser, Site};
use serde_json::Value;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

const CACHE_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n";

fn make(root: &Path, files: &[&str]) {
    for name in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, name).unwrap();
    }
}

#[track_caller]
fn why(agent: &Agent, path: &Path, status: i32) -> Value {
    let arguments = ["why".as_ref(), "--json".as_ref(), path.as_os_str()];
    let document = agent.run(arguments).expect(status).json();
    assert_eq!(document["backed_up"], status == 0, "{document}");
    document
}

#[test]
fn what_is_said_of_a_path_is_what_the_backup_does() {
    let site = Site::new();
    let root = site.path("tree");
    make(&root, &["a.txt", "b.tmp", "keep.tmp", ".cache/x/y", "tagged/big", "deep/er/file", "out/in/file"]);
    fs::write(root.join("tagged/CACHEDIR.TAG"), CACHE_TAG).unwrap();
    symlink("a.txt", root.join("link")).unwrap();
    let agent = site.device("laptop");
    let inner = root.join("out/in");
    let set = ["backup", root.to_str().unwrap(), inner.to_str().unwrap(), "--set", "work"];
    let rules = ["--exclude", "*.tmp", "--exclude", "!keep.tmp", "--exclude", "/none/", "--exclude", "out/"];
    // A set that is there before its first backup: it has never been backed up.
    without_a_server(&agent, &set, &rules);
    let never = why(&agent, &root.join("a.txt"), 3);
    assert_eq!((&never["sets"][0]["state"], &never["newest"]), (&"taken".into(), &Value::Null));
    agent.run(["backup", "--set", "work"]).ok();

    let listed = agent.run(["ls", "--json", "--recursive", &format!("latest:{}", root.display())]).ok();
    let stored: Vec<String> =
        listed.events().iter().map(|row| row["path"].as_str().unwrap().to_owned()).collect();
    let mut looked_at = 0;
    for entry in walk(&root) {
        let is_stored = stored.iter().any(|path| Path::new(path) == entry);
        let document = agent.run(["why".as_ref(), "--json".as_ref(), entry.as_os_str()]).json();
        // The folder above the inner root and the cache are there without being backed up.
        let only_name = entry.ends_with("out") || entry.ends_with("tagged");
        assert_eq!(document["backed_up"], is_stored && !only_name, "{}: {document}", entry.display());
        looked_at += 1;
    }
    assert!(looked_at > 12, "{looked_at}");

    let of = |name: &str, status| why(&agent, &root.join(name), status)["sets"][0].clone();
    let tmp = of("b.tmp", 3);
    assert_eq!((&tmp["cause"], &tmp["rule"]), (&"rule".into(), &"*.tmp".into()), "{tmp}");
    assert_eq!(tmp["is_default_rule"], false);
    let cached = of(".cache/x/y", 3);
    assert_eq!((&cached["rule"], &cached["is_default_rule"]), (&".cache/".into(), &true.into()), "{cached}");
    assert_eq!(cached["at"]["path"], root.join(".cache").to_str().unwrap());
    assert_eq!(of("tagged/big", 3)["cause"], "cache_tag");
    assert_eq!(of("tagged", 3)["state"], "emptied");
    assert_eq!(of("out/in/file", 0)["root"]["path"], inner.to_str().unwrap());
    assert_eq!(of("out", 3)["folders_below"][0]["path"], inner.to_str().unwrap());
    // The link is meant, and what lies above is resolved.
    assert_eq!(why(&agent, &root.join("link"), 0)["newest"]["kind"], "symlink");
    assert_eq!(why(&agent, agent.state(), 3)["sets"].as_array().unwrap().len(), 0);
    agent.run(["why", "/not/there/at/all"]).fails_with(model::Code::PathMissing);
    agent.run(["why", "/etc", "--set", "none"]).fails_with(model::Code::SetUnknown);
    let words = agent.run(["why".as_ref(), root.join(".cache/x").as_os_str()]).expect(3).stdout;
    assert!(
        words.contains("default exclusion '.cache/' (caches of programs)") && words.contains("'!'"),
        "{words}"
    );
    // What it says to type takes the path in and leaves no other out.
    let told = words.lines().find_map(|line| line.split_once("add it to the set: holdfast ")).unwrap().1;
    agent.run(told.split(' ')).ok();
    for name in [".cache/x/y", "a.txt", "out/in/file"] {
        why(&agent, &root.join(name), 0);
    }
}

/// Makes the set without a snapshot: the run cannot reach its server.
fn without_a_server(agent: &Agent, set: &[&str], rules: &[&str]) {
    let mut command = agent.command();
    command
        .args(set)
        .args(rules)
        .env("HOLDFAST_SERVER", "https://127.0.0.1:1")
        .env("HOLDFAST_TEST_ATTEMPTS", "1");
    e2e::Outcome::of(&mut command).fails_with(model::Code::ServerUnreachable);
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        found.push(entry.path());
        if entry.file_type().unwrap().is_dir() {
            found.extend(walk(&entry.path()));
        }
    }
    found
}

#[test]
fn what_changed_or_went_since_is_told() {
    let site = Site::new();
    let root = site.path("tree");
    make(&root, &["file", "went", "old"]);
    let odd = root.join(std::ffi::OsStr::from_bytes(b"odd\xff\n"));
    fs::write(&odd, b"x").unwrap();
    let agent = site.device("laptop");
    let first = agent.backup(&[&root]);
    let same = why(&agent, &root.join("file"), 0);
    assert_eq!((&same["changed_since"], &same["newest"]["size"]), (&false.into(), &4.into()), "{same}");
    assert_eq!(same["newest"]["snapshot"], first["snapshot"]);

    fs::write(root.join("file"), b"more than before").unwrap();
    fs::remove_file(root.join("went")).unwrap();
    let changed = why(&agent, &root.join("file"), 0);
    assert_eq!(
        (&changed["changed_since"], &changed["on_disk"]["size"]),
        (&true.into(), &16.into()),
        "{changed}"
    );
    let words = agent.run(["why".as_ref(), root.join("file").as_os_str()]).ok().stdout;
    assert!(words.contains("Changed since: 16 B") && words.contains("holdfast backup --set tree"), "{words}");

    // An older snapshot still has what went.
    agent.backup(&[&root]);
    let went = why(&agent, &root.join("went"), 0);
    assert_eq!((&went["newest"]["snapshot"], &went["on_disk"]), (&first["snapshot"], &Value::Null), "{went}");
    let words = agent.run(["why".as_ref(), root.join("went").as_os_str()]).ok().stdout;
    assert!(words.contains("holdfast restore"), "{words}");

    let bytes = why(&agent, &odd, 0);
    assert!(bytes["path_base64"].is_string(), "{bytes}");
}

#[test]
fn root_findings_and_file_systems_are_told() {
    let site = Site::new();
    let root = site.path("tree");
    make(&root, &["secret", "open", "closed/file"]);
    let mount = Mount::tmpfs(&root.join("mounted"));
    make(&root, &["mounted/there"]);
    let user = OrdinaryUser::new();
    let agent = user.device(&site, "laptop");
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(root.join("secret"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(root.join("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    agent.run(["backup", root.to_str().unwrap(), "--one-file-system"]).expect(3);

    let secret = why(&agent, &root.join("secret"), 3);
    let finding = &secret["sets"][0]["findings"][0];
    assert_eq!((&finding["reason"], &finding["errno"]), (&"denied".into(), &13.into()), "{secret}");
    assert!(finding["first_seen"].is_string());
    let closed = why(&agent, &root.join("closed/file"), 3);
    assert_eq!(closed["sets"][0]["state"], "unreadable", "{closed}");
    assert_eq!(closed["sets"][0]["findings"][0]["reason"], "folder_unreadable");
    why(&agent, &root.join("open"), 0);
    assert_eq!(why(&agent, &root, 3)["sets"][0]["findings_below"], 2);
    let there = why(&agent, &root.join("mounted/there"), 3);
    assert_eq!(there["sets"][0]["cause"], "one_file_system", "{there}");
    assert_eq!(why(&agent, &root.join("mounted"), 3)["sets"][0]["state"], "emptied");
    let words = agent.run(["why".as_ref(), root.join("secret").as_os_str()]).expect(3).stdout;
    assert!(words.contains("no permission to read") && words.contains("owner and mode"), "{words}");
    mount.unmount();
}
