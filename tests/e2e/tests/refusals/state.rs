//! The agent's state: without permission, damaged, of a newer version, or in use.

use crate::{assert_all_is_well, devices, documents, refused};
use e2e::{Agent, OrdinaryUser, Outcome, Proxy, Site, tree};
use model::Code;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn identity(agent: &Agent, name: &str) -> PathBuf {
    agent.state().join("identity").join(name)
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// What a command that needs the identity says.
fn all_commands(agent: &Agent, site: &Site, documents: &Path) -> Vec<Outcome> {
    let (folder, target) = (documents.to_str().unwrap(), site.path("never"));
    let outcomes = vec![
        agent.run(["backup", folder]),
        agent.run(["snapshots"]),
        agent.run(["ls", "latest"]),
        agent.run(["verify", "latest"]),
        agent.run(["findings"]),
        agent.run(["restore", "latest", "--to", target.to_str().unwrap()]),
        agent.run(["deactivate"]),
    ];
    assert!(!target.exists(), "nothing is made for a restore that is refused");
    outcomes
}

#[test]
fn a_damaged_identity_is_told_and_a_new_token_mends_it() {
    let site = Site::new();
    let documents = documents(&site);
    let agent = site.device("laptop");
    assert_all_is_well(&site, &agent, &documents);
    let file = identity(&agent, "device");
    let good = std::fs::read(&file).unwrap();
    let mut turned = good.clone();
    turned[good.len() / 2] ^= 1;
    for bad in [b"".as_slice(), b"nonsense", &good[..good.len() / 2], &turned] {
        std::fs::write(&file, bad).unwrap();
        for outcome in all_commands(&agent, &site, &documents) {
            let outcome = refused(outcome, Code::IdentityDamaged);
            assert!(outcome.stderr.contains(file.to_str().unwrap()), "{outcome}");
        }
        assert!(std::fs::read(&file).unwrap() == bad, "nobody writes over what may still be saved");
    }
    let newer = String::from_utf8(good.clone()).unwrap().replacen("identity 1 ", "identity 2 ", 1);
    std::fs::write(&file, &newer).unwrap();
    for outcome in all_commands(&agent, &site, &documents) {
        refused(outcome, Code::FormatTooNew);
    }
    let token = site.server.token("anna");
    refused(agent.run(["activate", &token]), Code::FormatTooNew);

    std::fs::write(&file, &turned).unwrap();
    agent.activate(&token, &["--name", "laptop again"]);
    let aside: Vec<_> = std::fs::read_dir(agent.state().join("identity"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| std::fs::read(path).is_ok_and(|bytes| bytes == turned))
        .collect();
    assert_eq!(aside.len(), 1, "the damaged identity is kept aside");
    assert_eq!(devices(&site, "anna"), 2);
    assert_all_is_well(&site, &agent, &documents);
    // With nothing left to lose it can be forgotten.
    std::fs::write(&file, "nonsense").unwrap();
    agent.run(["deactivate", "--local"]).ok();
    refused(agent.run(["snapshots"]), Code::NotActivated);
}

#[test]
fn a_damaged_counter_is_no_number() {
    let site = Site::new();
    let documents = documents(&site);
    let agent = site.device("laptop");
    assert_all_is_well(&site, &agent, &documents);
    let file = identity(&agent, "counter");
    let good = std::fs::read(&file).unwrap();
    std::fs::write(&file, "7").unwrap();
    refused(agent.run([Path::new("backup"), &documents]), Code::IdentityDamaged);
    // Reading needs no number.
    assert_eq!(agent.snapshots().len(), 1);
    std::fs::write(&file, good).unwrap();
    assert_all_is_well(&site, &agent, &documents);
    // A counter that is gone looks like that of a copy made before the first run.
    std::fs::remove_file(&file).unwrap();
    refused(agent.run([Path::new("backup"), &documents]), Code::DeviceCloned);
    // What the damage advises to do.
    std::fs::write(&file, "7").unwrap();
    agent.activate(&site.server.token("anna"), &["--name", "laptop again"]);
    assert_all_is_well(&site, &agent, &documents);
}

#[test]
fn settings_that_cannot_be_read_are_named_by_line() {
    let site = Site::new();
    let documents = documents(&site);
    let agent = site.device("laptop");
    assert_all_is_well(&site, &agent, &documents);
    let file = agent.state().join("settings/settings.toml");
    let good = std::fs::read(&file).unwrap();
    let text = String::from_utf8(good.clone()).unwrap();
    std::fs::write(&file, text.clone() + "\n[sets.broken\n").unwrap();
    let outcome = refused(agent.run([Path::new("backup"), &documents]), Code::SettingsInvalid);
    let line = text.lines().count() + 2;
    assert!(outcome.stderr.contains(&format!("line {line}")), "{outcome}");
    assert!(std::fs::read_to_string(&file).unwrap().ends_with("[sets.broken\n"), "the user's file stays");
    std::fs::write(&file, good).unwrap();
    assert_all_is_well(&site, &agent, &documents);
}

#[test]
fn one_run_at_a_time_works_on_a_state() {
    let site = Site::new();
    let documents = documents(&site);
    let agent = site.device("laptop");
    let proxy = Proxy::to(site.server.port());
    proxy.hold_after(60_000);
    let mut running = agent.command();
    running.env("HOLDFAST_SERVER", proxy.url()).arg("backup").arg(&documents);
    let mut running =
        running.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    proxy.wait_until_held();
    let process = format!("process {}", running.id());
    let token = site.server.token("anna");
    for outcome in [
        agent.run([Path::new("backup"), &documents]),
        agent.run(["activate", &token]),
        agent.run(["deactivate"]),
    ] {
        let outcome = refused(outcome, Code::StateLocked);
        assert!(outcome.stderr.contains(&process), "the holder is not named: {outcome}");
    }
    // Reading needs no lock.
    assert_eq!(agent.snapshots().len(), 0);
    proxy.release();
    assert!(running.wait().unwrap().success());
    assert_all_is_well(&site, &agent, &documents);

    // Whoever is killed leaves no lock behind.
    let proxy = Proxy::to(site.server.port());
    proxy.hold_after(5_000);
    let mut killed = agent.command();
    killed.env("HOLDFAST_SERVER", proxy.url()).arg("backup").arg(&documents);
    let mut killed = killed.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    proxy.wait_until_held();
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_all_is_well(&site, &agent, &documents);
}

#[test]
fn root_a_state_folder_without_permission() {
    let site = Site::new();
    let documents = documents(&site);
    let user = OrdinaryUser::new();
    let owner = format!("{}:{}", user.uid(), user.gid());
    Outcome::of(Command::new("chown").arg("-R").arg(owner).arg(&documents)).ok();
    let agent = user.device(&site, "laptop");
    let assert_all_is_well = |run: u32| {
        assert_eq!(agent.backup(&[&documents])["findings"], 0);
        let target = site.path(&format!("restored{run}"));
        std::fs::create_dir(&target).unwrap();
        user.own(&target);
        agent.restore(&format!("latest:{}", documents.display()), &target);
        tree::assert_equal(&documents, &target);
    };
    assert_all_is_well(1);

    // The folder is root's now.
    let parts = [agent.state().to_owned(), agent.state().join("identity")];
    for (run, part) in (2..).zip(&parts) {
        let owner = |uid, gid| std::os::unix::fs::chown(part, Some(uid), Some(gid)).unwrap();
        owner(0, 0);
        set_mode(part, 0o700);
        for outcome in all_commands(&agent, &site, &documents) {
            let outcome = refused(outcome, Code::StateDenied);
            assert!(outcome.stderr.contains(agent.state().to_str().unwrap()), "{outcome}");
        }
        refused(agent.run(["activate", &site.server.token("anna")]), Code::StateDenied);
        owner(user.uid(), user.gid());
        assert_all_is_well(run);
    }
    // It may be read and not written: whatever a run would have to write is refused before it begins.
    set_mode(&parts[1], 0o500);
    refused(agent.run([Path::new("backup"), &documents]), Code::StateDenied);
    assert_eq!(agent.snapshots().len(), 3, "reading goes on");
    set_mode(&parts[1], 0o700);
    assert_all_is_well(4);

    // A place that this user cannot make.
    let mut elsewhere = Agent::at(Path::new("/holdfast-test-state"));
    elsewhere.launch_with(user.launcher().into_iter().chain([site.path("holdfast").into()]).collect());
    refused(elsewhere.run(["activate", &site.server.token("anna")]), Code::StateDenied);
    refused(elsewhere.run(["snapshots"]), Code::NotActivated);
    assert_eq!(devices(&site, "anna"), 1);
}
