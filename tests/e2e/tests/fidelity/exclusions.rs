//! What a set leaves out: rules, caches, other file systems, our own folders; and that nothing else is.

use e2e::{Agent, Mount, Site};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const CACHE_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# a comment";

/// Makes files with their folders below `root`.
fn make(root: &Path, files: &[&str]) {
    for name in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, name).unwrap();
    }
}

/// Everything in the newest snapshot below `root`, without the folders.
fn files_in_latest(agent: &Agent, root: &Path) -> BTreeSet<String> {
    let listed = agent.run(["ls", "--json", "--recursive", &format!("latest:{}", root.display())]).ok();
    let rows = listed.events();
    let files = rows.iter().filter(|row| row["kind"] != "folder");
    let inside = |path: &str| PathBuf::from(path).strip_prefix(root).unwrap().to_str().unwrap().to_owned();
    files.map(|row| inside(row["path"].as_str().unwrap())).collect()
}

#[track_caller]
fn assert_files(agent: &Agent, root: &Path, expected: &[&str]) {
    let expected: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(files_in_latest(agent, root), expected);
}

#[test]
fn rules_of_a_set_leave_out_what_they_name() {
    let site = Site::new();
    let root = site.path("tree");
    make(
        &root,
        &[
            "a.tmp",
            "keep.tmp",
            "b.txt",
            "build/out",
            "src/build/out",
            "src/code.rs",
            "deep/x/y/z.log",
            "file/build",
        ],
    );
    let agent = site.device("laptop");
    let backup = |arguments: &[&str]| {
        let mut words = vec!["backup", root.to_str().unwrap(), "--set", "work"];
        words.extend(arguments);
        agent.run(words)
    };
    let absolute = format!("{}/build/", root.display());
    let rules =
        ["--exclude", "*.tmp", "--exclude", "!keep.tmp", "--exclude", &absolute, "--exclude", "**/y/*.log"];
    backup(&rules).ok();
    let kept = ["keep.tmp", "b.txt", "src/build/out", "src/code.rs", "file/build"];
    assert_files(&agent, &root, &kept);

    // The rules belong to the set; others are refused unless it is to be changed.
    agent.run(["backup", "--set", "work"]).ok();
    assert_files(&agent, &root, &kept);
    backup(&["--exclude", "*.rs"]).fails_with(model::Code::Usage);
    backup(&["--exclude", "*.rs", "--update-set"]).ok();
    assert_files(
        &agent,
        &root,
        &["a.tmp", "keep.tmp", "b.txt", "build/out", "src/build/out", "deep/x/y/z.log", "file/build"],
    );
    // A rule that cannot be read changes nothing.
    let wrong = backup(&["--exclude", "a[z-b]", "--update-set"]).fails_with(model::Code::Usage);
    assert!(wrong.stderr.contains("a[z-b]"), "{wrong}");
    agent.run(["backup", "--set", "work"]).ok();
    assert!(!files_in_latest(&agent, &root).contains("src/code.rs"));
}

#[test]
fn caches_and_trash_are_left_out_by_default_and_shown() {
    let site = Site::new();
    let root = site.path("home");
    let caches = [
        ".cache/program/data",
        "user/.cache/data",
        ".local/share/Trash/files/old",
        ".Trash-1000/files/old",
        ".thumbnails/normal/x.png",
        ".config/browser/Cache/data",
        "lost+found/#123",
    ];
    make(&root, &caches);
    let kept = [".config/browser/Bookmarks", ".cache-not", "Trash/x", "Cache/y", ".local/share/Trashcan/z"];
    make(&root, &kept);
    let agent = site.device("laptop");
    let first = agent.run(["backup", root.to_str().unwrap()]).ok();
    for shown in [".cache/", "Trash", "CACHEDIR.TAG"] {
        assert!(first.stderr.contains(shown), "{shown} is not shown: {first}");
    }
    assert_files(&agent, &root, &kept);

    let rules = agent.run(["backup", "--show-rules", "--json"]).ok().json();
    let rules = rules.as_array().unwrap();
    assert!(
        rules.iter().any(|rule| rule["rule"] == ".cache/" && rule["leaves_out"].is_string()),
        "{rules:?}"
    );
    assert!(agent.run(["backup", "--show-rules"]).ok().stdout.contains("CACHEDIR.TAG"));

    let all: Vec<&str> = caches.iter().chain(&kept).copied().collect();
    agent.run(["backup", root.to_str().unwrap(), "--set", "all", "--no-default-exclusions"]).ok();
    assert_files(&agent, &root, &all);
}

#[test]
fn tagged_cache_folders_keep_only_their_tag() {
    let site = Site::new();
    let root = site.path("tree");
    make(&root, &["cache/big", "cache/below/big", "not a cache/file", "file"]);
    fs::write(root.join("cache/CACHEDIR.TAG"), CACHE_TAG).unwrap();
    fs::write(root.join("not a cache/CACHEDIR.TAG"), "something else").unwrap();
    let agent = site.device("laptop");
    agent.backup(&[&root]);
    let rest = ["cache/CACHEDIR.TAG", "not a cache/CACHEDIR.TAG", "not a cache/file", "file"];
    assert_files(&agent, &root, &rest);
    agent.run(["backup", root.to_str().unwrap(), "--set", "all", "--no-default-exclusions"]).ok();
    let all: Vec<&str> = rest.iter().chain(&["cache/big", "cache/below/big"]).copied().collect();
    assert_files(&agent, &root, &all);
}

#[test]
fn files_for_other_programs_exclude_nothing() {
    let site = Site::new();
    let root = site.path("tree");
    let names =
        [".gitignore", ".ignore", "x.log", ".git/HEAD", ".git/info/exclude", "sub/.gitignore", "sub/y"];
    make(&root, &names);
    for name in [".gitignore", ".ignore", ".git/info/exclude", "sub/.gitignore"] {
        fs::write(root.join(name), "*\n").unwrap();
    }
    let agent = site.device("laptop");
    agent.backup(&[&root]);
    assert_files(&agent, &root, &names);
}

#[test]
fn own_state_and_store_are_never_backed_up() {
    let site = Site::new();
    // State, server and documents all lie below the folder that is backed up.
    let agent = site.device("laptop");
    make(site.folder(), &["documents/file"]);
    agent.backup(&[site.folder()]);
    let files = files_in_latest(&agent, site.folder());
    assert!(files.contains("documents/file"), "{files:?}");
    let own: Vec<&String> = files
        .iter()
        .filter(|path| {
            path.starts_with("state-")
                || (path.starts_with("server/store/") && *path != "server/store/HOLDFAST-STORE")
        })
        .collect();
    assert!(own.is_empty(), "{own:?}");
    // Named outright it is not backed up either.
    let outcome = agent.run(["backup".as_ref(), agent.state().as_os_str()]);
    outcome.fails_with(model::Code::Usage);
}

#[test]
fn root_other_file_systems_are_taken_in_unless_the_set_stays_on_its_own() {
    let site = Site::new();
    let root = site.path("tree");
    make(&root, &["here"]);
    let mount = Mount::tmpfs(&root.join("mounted"));
    make(&root, &["mounted/there"]);
    let agent = site.device("laptop");
    agent.backup(&[&root]);
    assert_files(&agent, &root, &["here", "mounted/there"]);
    agent.run(["backup", root.to_str().unwrap(), "--set", "one", "--one-file-system"]).ok();
    assert_files(&agent, &root, &["here"]);
    // The folder that it is mounted on is there to be mounted on again.
    let listed = agent.run(["ls", &format!("latest:{}", root.display())]).ok();
    assert!(listed.stdout.contains("mounted/"), "{listed}");
    mount.unmount();
}

#[test]
fn root_what_is_stored_nowhere_is_not_read() {
    let site = Site::new();
    let root = site.path("tree");
    make(&root, &["file"]);
    let process = root.join("proc");
    fs::create_dir(&process).unwrap();
    e2e::Outcome::of(std::process::Command::new("mount").args(["-t", "proc", "proc"]).arg(&process)).ok();
    let agent = site.device("laptop");
    let summary = std::panic::catch_unwind(|| agent.backup(&[&root]));
    e2e::Outcome::of(std::process::Command::new("umount").arg(&process)).ok();
    let summary = summary.unwrap();
    assert_eq!((&summary["files"], &summary["findings"]), (&1.into(), &0.into()), "{summary}");
    assert_files(&agent, &root, &["file"]);
}
