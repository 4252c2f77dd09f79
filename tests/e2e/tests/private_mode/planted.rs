//! Secrets are planted, everything that a server can be made to say or keep is collected, and none of them is in it.

use crate::database;
use crate::needles::Needles;
use api::routes;
use api::vaults::Holder;
use e2e::raw::{Raw, identity};
use e2e::{Agent, OrdinaryUser, Site, tree};
use format::snapshot::SnapshotRecord;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const FOLDER: &str = "planted-folder-7f3a91c4";
const FILE: &str = "planted-file-name-b52e08d7.txt";
const UNREADABLE: &str = "planted-unreadable-1c9d44aa.txt";
const ROOT: &str = "planted-root-c0ffee5566778899";
const LINK_TARGET: &str = "planted-link-target-90ab12cd";
const XATTR: &str = "planted-attribute-44dd22bb";
const SET: &str = "planted-set-name-5e6f7a8b";
const RULE: &str = "planted-rule-31415926535";
const LABEL: &str = "planted-label-27182818284590";
const CONTENT: &str = "planted content 2b7e151628aed2a6 that nobody but the user may read";
const SMALL_CONTENT: &str = "planted-small-3c4f";

fn needles() -> Needles {
    let secrets = [
        ("a folder's name", FOLDER),
        ("a file's name", FILE),
        ("an unreadable file's name", UNREADABLE),
        ("a root", ROOT),
        ("a link's target", LINK_TARGET),
        ("an attribute's value", XATTR),
        ("the set's name", SET),
        ("a rule", RULE),
        ("a label", LABEL),
        ("a content", CONTENT),
        ("a small content", SMALL_CONTENT),
    ];
    Needles::new(&secrets.map(|(name, secret)| (name, secret.as_bytes())))
}

/// A tree with all of it, and a second root that will vanish.
struct Planted {
    documents: PathBuf,
    root: PathBuf,
}

fn plant(site: &Site) -> Planted {
    let documents = site.path("documents").join(FOLDER);
    std::fs::create_dir_all(&documents).unwrap();
    std::fs::write(documents.join(FILE), CONTENT.repeat(50)).unwrap();
    std::fs::write(documents.join("large"), CONTENT.repeat(40_000)).unwrap();
    std::fs::write(documents.join("small"), SMALL_CONTENT).unwrap();
    std::fs::write(documents.join(UNREADABLE), CONTENT).unwrap();
    std::fs::write(documents.join(RULE), "left out").unwrap();
    std::os::unix::fs::symlink(LINK_TARGET, documents.join("link")).unwrap();
    let mut setfattr = std::process::Command::new("setfattr");
    // Not every file system takes attributes; where one does they are planted too.
    let _ = setfattr.args(["-n", "user.planted", "-v", XATTR]).arg(documents.join("small")).output();
    let root = site.path(ROOT);
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("file"), CONTENT).unwrap();
    Planted { documents, root }
}

/// Restarts the server with a log of everything.
fn log_everything(site: &mut Site) {
    site.server.stop();
    site.server.set("HOLDFAST_LOG", "debug");
    site.server.start();
}

/// Runs that see all of it, the last ones with findings. Gives the snapshots.
fn back_up(agent: &Agent, planted: &Planted) -> Vec<String> {
    let run = |expected: i32| {
        let mut command = agent.command();
        command.args(["backup", "--json", "--set", SET, "--exclude", RULE]);
        command.arg(&planted.documents).arg(&planted.root);
        let outcome = e2e::Outcome::of(&mut command).expect(expected);
        outcome.events().last().unwrap()["snapshot"].as_str().unwrap().to_owned()
    };
    let first = run(0);
    // One root vanishes, one file can no longer be read: findings with paths.
    std::fs::remove_dir_all(&planted.root).unwrap();
    let unreadable = planted.documents.join(UNREADABLE);
    std::fs::write(&unreadable, CONTENT.repeat(2)).unwrap();
    std::fs::set_permissions(&unreadable, std::fs::Permissions::from_mode(0o000)).unwrap();
    let second = run(3);
    let findings = agent.run(["findings", &second, "--json"]).ok().stdout;
    assert!(findings.contains(ROOT), "the finding is there for its user: {findings}");
    for snapshot in [&first, &second] {
        agent.run(["tag", snapshot, LABEL]).ok();
    }
    vec![first, second]
}

/// Everything that the server answers to a device, as bytes on the line.
fn answers(site: &Site, agent: &Agent, snapshots: &[String]) -> Vec<u8> {
    let identity = identity(agent);
    let (raw, vault) = (Raw::device(&site.server, agent), identity.vault.keyring.vault());
    let mut all = Vec::new();
    let mut take = |path: String| {
        let answer = raw.get(path);
        all.extend_from_slice(answer.head.as_bytes());
        all.extend_from_slice(&answer.body);
        answer
    };
    take(routes::health());
    take(routes::vault(vault)).expect(200);
    take(routes::index(vault)).expect(200);
    take(routes::damage(vault)).expect(200);
    take(routes::snapshots(vault)).expect(200);
    assert!(take(routes::labels(vault)).expect(200).body.len() > 500, "the labels are given");
    for holder in [Holder::Org, Holder::Recovery, Holder::Device(identity.device)] {
        take(routes::key(vault, holder));
    }
    // What nobody has, and nonsense.
    take(routes::snapshot(vault, model::SnapshotId::random())).expect(404);
    take(format!("/v1/{FOLDER}/{FILE}")).expect(404);
    let mut frames = Vec::new();
    for id in snapshots {
        let id: model::SnapshotId = id.parse().unwrap();
        let record = take(routes::snapshot(vault, id)).expect(200).body;
        let record = SnapshotRecord::decode(&record).unwrap();
        let hunks: Vec<_> =
            record.clear.hunks.as_slice().iter().map(|range| (range.pack, range.frame)).collect();
        let list = api::binary::write_frame_list(&hunks);
        frames.push(
            raw.request("POST", routes::snapshot_frames(vault, id)).binary(list).send().expect(200).body,
        );
    }
    assert!(frames.iter().all(|answer| answer.len() > 100), "the frames of hunks are given");
    let wrong = json!({"set": FILE, "counter": CONTENT});
    let refused = raw.request("POST", routes::leases(vault)).json(&wrong).send();
    assert_eq!(refused.status, 400, "{refused}");
    all.extend_from_slice(&refused.body);
    all.into_iter().chain(frames.into_iter().flatten()).collect()
}

/// What the commands of the server print, for people and for programs.
fn commands(site: &Site) -> Vec<u8> {
    let mut all = Vec::new();
    let commands: [&[&str]; 12] = [
        &["status"],
        &["stats"],
        &["check"],
        &["user", "list"],
        &["snapshot", "list"],
        &["snapshot", "list", "--deleted", "--user", "anna"],
        &["settings", "show"],
        &["retention", "show"],
        &["verify"],
        &["verify", "--read-data"],
        &["cleanup", "--dry-run"],
        &["cleanup"],
    ];
    for command in commands {
        for json in [false, true] {
            let outcome = site.server.run(command.iter().copied().chain(json.then_some("--json")));
            assert!([0, 3].contains(&outcome.status), "{outcome}");
            all.extend_from_slice(outcome.stdout.as_bytes());
            all.extend_from_slice(outcome.stderr.as_bytes());
        }
    }
    all
}

/// Collects and searches it all.
fn search(site: &mut Site, agent: &Agent, planted: &Planted, private: bool) {
    let needles = needles();
    let snapshots = back_up(agent, planted);
    let answers = answers(site, agent, &snapshots);
    let commands = commands(site);
    let backup = site.path("server-backup");
    site.server.run([Path::new("backup"), &backup]).ok();

    // The search would find it: the device has it all.
    let shown = agent.run(["ls", "--recursive", &snapshots[0]]).ok().stdout;
    for name in [FOLDER, FILE, UNREADABLE, ROOT] {
        assert!(shown.contains(name), "{name} was not backed up: {shown}");
    }
    let listed = agent.run(["snapshots", "--tag", LABEL]).ok().stdout;
    assert_eq!(listed.matches(LABEL).count(), 2, "the labels are there for their user: {listed}");
    let everything = [shown.as_bytes(), &std::fs::read(planted.documents.join("large")).unwrap()].concat();
    assert!(needles.found_in(&everything).len() >= 4);

    // Both custodies: sealed before it leaves the device.
    assert!(needles.assert_absent_below(&site.server.data().join("store")) > 5);
    needles.assert_absent("an answer of the API", &answers);
    if private {
        needles.assert_absent("the output of a command", &commands);
        let log = site.server.log();
        assert!(log.contains("snapshot committed") && log.contains("DEBUG"), "the log has it all: {log}");
        needles.assert_absent("the log", log.as_bytes());
        needles.assert_absent("the server's backup", &std::fs::read(&backup).unwrap());
        site.server.stop();
        let database = site.server.data().join("server.db");
        let rows = database::dump(&database);
        assert!(String::from_utf8_lossy(&rows).contains("name=anna"), "the dump has the rows");
        needles.assert_absent("the database", &rows);
        assert!(needles.assert_absent_below(site.server.data()) > 10);
        site.server.start();
    }
    let target = tempfile::tempdir_in(site.folder()).unwrap();
    std::fs::set_permissions(target.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let what = format!("{}:{}", snapshots[0], planted.documents.join("large").display());
    agent.restore(&what, target.path());
    let restored = tree::files(target.path());
    assert_eq!(std::fs::read(&restored[0]).unwrap(), std::fs::read(planted.documents.join("large")).unwrap());
}

fn private_site() -> Site {
    Site::with(&[], &["--custody", "private"])
}

/// A device of `anna` whose recovery file lies in the site.
fn private_device(site: &Site) -> Agent {
    let agent = Agent::at(&site.path("state-laptop"));
    let recovery = site.path("recovery.txt");
    let arguments = ["--name", "laptop", "--recovery-file", recovery.to_str().unwrap()];
    agent.activate(&site.server.token("anna"), &arguments);
    agent
}

/// The same for an ordinary user.
fn device_of(user: &OrdinaryUser, site: &Site) -> Agent {
    std::fs::set_permissions(site.folder(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let copy = site.path("holdfast");
    let mut cp = std::process::Command::new("cp");
    e2e::Outcome::of(cp.arg(e2e::command::program("holdfast")).arg(&copy)).ok();
    let home = site.path("home");
    std::fs::create_dir(&home).unwrap();
    user.own(&home);
    let mut agent = Agent::at(&home.join("state"));
    agent.launch_with(user.launcher().into_iter().chain([copy.into()]).collect());
    let recovery = home.join("recovery.txt");
    let arguments = ["--name", "laptop", "--recovery-file", recovery.to_str().unwrap()];
    agent.activate(&site.server.token("anna"), &arguments);
    agent
}

#[test]
fn nothing_planted_in_a_private_vault_is_at_the_server() {
    let mut site = private_site();
    log_everything(&mut site);
    let agent = private_device(&site);
    let planted = plant(&site);
    search(&mut site, &agent, &planted, true);
}

#[test]
fn nothing_planted_in_a_managed_vault_is_in_the_object_store() {
    let mut site = Site::new();
    log_everything(&mut site);
    let agent = site.device("laptop");
    let planted = plant(&site);
    search(&mut site, &agent, &planted, false);
}

#[test]
fn root_findings_of_unreadable_files_of_a_private_vault_are_sealed() {
    let mut site = private_site();
    log_everything(&mut site);
    let user = OrdinaryUser::new();
    let agent = device_of(&user, &site);
    let planted = plant(&site);
    for path in [site.path("documents"), planted.root.clone()] {
        let mut chown = std::process::Command::new("chown");
        e2e::Outcome::of(chown.arg("-R").arg(format!("{}:{}", user.uid(), user.gid())).arg(path)).ok();
    }
    search(&mut site, &agent, &planted, true);
    let findings = agent.run(["findings", "--set", SET, "--json"]).ok().json();
    let unreadable = findings["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["path"].as_str().unwrap().ends_with(UNREADABLE));
    let unreadable = unreadable.expect("the unreadable file is a finding");
    assert_eq!((&unreadable["reason"], &unreadable["errno"]), (&"denied".into(), &13.into()));
}
