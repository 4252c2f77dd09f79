//! Looking into snapshots without restoring them: names of snapshots, lists, single files, verification.

use e2e::random::Random;
use e2e::{Agent, Outcome, Site, tree};
use model::Code;
use std::fs;
use std::path::{Path, PathBuf};

fn id(summary: &serde_json::Value) -> String {
    summary["snapshot"].as_str().unwrap().to_owned()
}

fn two_versions() -> (Site, Agent, PathBuf, [String; 2]) {
    let site = Site::new();
    let tree = site.path("tree");
    fs::create_dir_all(tree.join("folder")).unwrap();
    fs::write(tree.join("file"), "first").unwrap();
    fs::write(tree.join("folder/inside"), "inside").unwrap();
    let agent = site.device("laptop");
    let first = id(&agent.backup(&[&tree]));
    fs::write(tree.join("file"), "the second version").unwrap();
    let second = id(&agent.backup(&[&tree]));
    (site, agent, tree, [first, second])
}

fn cat(agent: &Agent, snapshot: &str, path: &Path) -> Outcome {
    agent.run(["cat", &format!("{snapshot}:{}", path.display())])
}

#[test]
fn snapshots_are_named_by_latest_or_the_beginning_of_their_id() {
    let (site, agent, tree, [first, second]) = two_versions();
    let file = tree.join("file");
    for name in ["latest", &second, &second[..8], &second[..4].to_uppercase()] {
        // Four digits fit both snapshots once in 65,536 runs; then the answer must say so.
        let outcome = cat(&agent, name, &file);
        if first[..4] == second[..4] && name.len() == 4 {
            outcome.fails_with(Code::Usage);
        } else {
            assert_eq!(outcome.ok().stdout, "the second version", "{name}");
        }
    }
    assert_eq!(cat(&agent, &first, &file).ok().stdout, "first");
    cat(&agent, "abc", &file).fails_with(Code::Usage);
    cat(&agent, "no-id", &file).fails_with(Code::Usage);
    let unknown = if first.starts_with("0000") || second.starts_with("0000") { "1111" } else { "0000" };
    cat(&agent, &unknown.repeat(8), &file).fails_with(Code::SnapshotUnknown);
    cat(&agent, unknown, &file).fails_with(Code::SnapshotUnknown);

    // `latest` is that of a set when one is named, and says which snapshot it is.
    let other = site.path("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("file"), "other").unwrap();
    agent.run(["backup", other.to_str().unwrap(), "--set", "other"]).ok();
    let outcome = agent.run(["ls", "latest"]).ok();
    assert!(outcome.stdout.contains("other/file") && outcome.stderr.contains("set 'other'"), "{outcome}");
    let outcome = agent.run(["ls", "latest", "--set", "tree"]).ok();
    assert!(outcome.stdout.contains("tree/file") && outcome.stderr.contains(&second[..8]), "{outcome}");
    agent.run(["ls", "latest", "--set", "never"]).fails_with(Code::SnapshotUnknown);
    agent.run(["ls", &first, "--set", "tree"]).fails_with(Code::Usage);
}

#[test]
fn another_device_sees_the_snapshots_but_latest_is_ones_own() {
    let (site, _agent, tree, [_, second]) = two_versions();
    let other = site.device("desktop");
    other.run(["ls", "latest"]).fails_with(Code::SnapshotUnknown);
    assert_eq!(cat(&other, &second, &tree.join("file")).ok().stdout, "the second version");
    assert_eq!(other.snapshots().len(), 0);
    let all = other.run(["snapshots", "--all", "--json"]).ok().json();
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert_eq!((&all[0]["id"], &all[0]["device_name"]), (&second.into(), &"laptop".into()));
}

#[test]
fn ls_lists_folders_files_and_everything_below() {
    let (_site, agent, tree, _) = two_versions();
    let lines = |arguments: &[&str]| {
        let outcome = agent.run(["ls"].iter().chain(arguments)).ok();
        outcome.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (root, tree) = (format!("latest:{}", tree.display()), tree.display().to_string());
    let direct = vec![format!("{tree}/file"), format!("{tree}/folder/")];
    assert_eq!(lines(&["latest"]), direct);
    assert_eq!(lines(&[&root]), direct);
    // Slashes that say nothing change nothing.
    assert_eq!(lines(&[&format!("{root}//")]), direct);
    assert_eq!(lines(&[&format!("{root}/file")]), [format!("{tree}/file")]);
    let mut all = direct;
    all.push(format!("{tree}/folder/inside"));
    assert_eq!(lines(&["--recursive", &root]), all);
    // The folders above the root of a set can be walked, too.
    let top = Path::new(&tree).components().nth(1).unwrap().as_os_str().to_str().unwrap().to_owned();
    assert_eq!(lines(&["latest:/"]), [format!("/{top}/")]);
    let long = lines(&["--long", &format!("{root}/file")]);
    assert!(long[0].starts_with("-rw") && long[0].contains(" 18 B "), "{long:?}");
    agent.run(["ls", &format!("{root}/never")]).fails_with(Code::PathMissing);
    agent.run(["ls", "latest:relative"]).fails_with(Code::Usage);
}

#[test]
fn names_of_any_bytes_pass_through_lists_and_arguments() {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let site = Site::new();
    let tree = site.path("tree");
    fs::create_dir(&tree).unwrap();
    let odd = tree.join(OsStr::from_bytes(b"odd\xff:\n name"));
    fs::write(&odd, "odd content").unwrap();
    let agent = site.device("laptop");
    agent.backup(&[&tree]);
    let named = [b"latest:", odd.as_os_str().as_bytes()].concat();
    let outcome = agent.run([OsString::from("cat"), OsString::from_vec(named.clone())]).ok();
    assert_eq!(outcome.stdout, "odd content");
    // Not on a terminal, so names are printed exactly as they are.
    let output = agent.command().args(["ls", "latest"]).output().unwrap();
    assert_eq!(output.stdout, [odd.as_os_str().as_bytes(), b"\n"].concat());
    let row = agent.run(["ls", "--json", "latest"]).ok().json();
    assert!(row["path"].as_str().unwrap().ends_with("odd\u{fffd}:\n name"), "{row}");
    let base64 = row["path_base64"].as_str().unwrap();
    let tool = std::process::Command::new("base64").arg("-d").stdin(pipe_of(base64)).output().unwrap();
    assert_eq!(tool.stdout, odd.as_os_str().as_bytes());
    let target = site.path("target");
    let mut restore = agent.command();
    restore.arg("restore").arg(OsString::from_vec(named)).arg("--to").arg(&target);
    Outcome::of(&mut restore).ok();
    assert_eq!(fs::read(target.join(odd.file_name().unwrap())).unwrap(), b"odd content");
}

fn pipe_of(text: &str) -> std::process::Stdio {
    let (reader, mut writer) = std::io::pipe().unwrap();
    std::io::Write::write_all(&mut writer, text.as_bytes()).unwrap();
    reader.into()
}

#[test]
fn cat_gives_the_exact_bytes_and_refuses_what_is_no_file() {
    let site = Site::new();
    let tree = site.path("tree");
    fs::create_dir_all(tree.join("folder")).unwrap();
    let mut random = Random::new();
    let large = random.bytes(20_000_001);
    fs::write(tree.join("large"), &large).unwrap();
    fs::write(tree.join("empty"), "").unwrap();
    let sparse = fs::File::create(tree.join("sparse")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"after the hole", 3_000_000).unwrap();
    sparse.set_len(5_000_000).unwrap();
    std::os::unix::fs::symlink("large", tree.join("link")).unwrap();
    let agent = site.device("laptop");
    agent.backup(&[&tree]);
    for name in ["large", "empty", "sparse"] {
        let path = tree.join(name);
        let output = agent.command().args(["cat", &format!("latest:{}", path.display())]).output().unwrap();
        assert!(output.status.success(), "{name}");
        assert!(output.stdout == fs::read(&path).unwrap(), "{name} differs");
    }
    for name in ["folder", "link"] {
        let outcome = cat(&agent, "latest", &tree.join(name));
        assert!(outcome.status != 0 && outcome.stdout.is_empty(), "{outcome}");
    }
    cat(&agent, "latest", &tree.join("never")).fails_with(Code::PathMissing);
    // A reader that has seen enough is no error.
    let mut head = e2e::command::clean("sh");
    head.args(["-c", "set -o pipefail 2>/dev/null; \"$0\" cat \"$1\" | head -c 3"]);
    head.arg(e2e::command::program("holdfast")).arg(format!("latest:{}", tree.join("large").display()));
    let outcome = Outcome::of(head.env("HOLDFAST_STATE", agent.state()));
    assert!(outcome.stderr.is_empty() || !outcome.stderr.contains("error"), "{outcome}");
}

#[test]
fn verify_reads_a_good_snapshot_and_finds_a_damaged_pack() {
    let site = Site::new();
    let tree = site.path("tree");
    let mut random = Random::new();
    tree::make(&tree, 60, &mut random);
    let agent = site.device("laptop");
    let first = id(&agent.backup(&[&tree]));
    agent.run(["verify"]).ok();
    agent.run(["verify", &first, "--read-data"]).ok();
    let read = agent.run(["verify", "latest", "--read-data", "--json"]).ok().events().pop().unwrap();
    assert_eq!((&read["good"], &read["files"]), (&true.into(), &60.into()), "{read}");

    // One byte in the middle of the largest pack.
    let packs = tree::files(&site.server.data().join("store"));
    let largest = packs.iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let mut bytes = fs::read(largest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(largest, bytes).unwrap();
    // The list of entries alone is still good, and damaged content is named file by file.
    agent.run(["verify", &first]).ok();
    let outcome = agent.run(["--json", "verify", &first, "--read-data"]).expect(7);
    let told = outcome.events();
    assert_eq!(told.last().unwrap()["good"], false, "{outcome}");
    let named = |event: &&serde_json::Value| event["event"] == "finding";
    let mut named: Vec<_> = told.iter().filter(named).map(|event| event["path"].clone()).collect();
    named.sort_by_key(ToString::to_string);

    // What is not damaged still comes back, and what is does not come back wrong.
    let target = site.path("target");
    let mut restore = agent.command();
    restore.args(["--json", "restore", &format!("latest:{}", tree.display()), "--to"]).arg(&target);
    let outcome = Outcome::of(&mut restore).expect(3);
    let events = outcome.events();
    let damaged = |path: &Path| {
        events.iter().any(|event| event["reason"] == "damaged" && event["path"] == path.to_str().unwrap())
    };
    let (mut good, mut bad) = (0, 0);
    for path in tree::files(&tree) {
        let restored = target.join(path.strip_prefix(&tree).unwrap());
        if damaged(&path) {
            bad += 1;
            assert!(!restored.exists(), "{}", path.display());
        } else {
            good += 1;
            assert!(fs::read(&restored).unwrap() == fs::read(&path).unwrap(), "{}", path.display());
        }
    }
    assert!(good > 0 && bad > 0, "{good} good, {bad} damaged");
    let findings = events.iter().filter(|event| event["event"] == "finding");
    let mut of_restore: Vec<_> = findings.map(|event| event["path"].clone()).collect();
    of_restore.sort_by_key(ToString::to_string);
    assert_eq!(of_restore, named, "restore and verify disagree");
}
