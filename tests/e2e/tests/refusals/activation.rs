//! Activations that were cut off, repeated, or of machines that are devices already or no longer.

use crate::{assert_all_is_well, devices, documents, refused};
use e2e::{Agent, Site};
use model::Code;
use std::path::Path;
use std::process::Command;

/// The status of a command that a fail point has ended.
const ABORTED: i32 = 128 + 6;

/// The names of all fail points that an activation passes, in order.
fn points(site: &Site, user: &str) -> Vec<String> {
    let log = site.path(&format!("points-{user}"));
    let mut agent = Agent::at(&site.path(&format!("state-{user}")));
    agent.set("HOLDFAST_FAIL_LOG", &log);
    activate(&mut agent, site, &site.server.token(user), user).ok();
    std::fs::read_to_string(&log).unwrap().lines().map(str::to_owned).collect()
}

/// Activates from the site's folder, where the recovery file of a private vault goes.
fn activate(agent: &mut Agent, site: &Site, token: &str, user: &str) -> e2e::Outcome {
    let mut command = agent.command();
    command.args(["activate", token, "--name", user]).current_dir(site.folder());
    e2e::Outcome::of(&mut command)
}

/// Kills an activation at each point that it passes and repeats it with the same token.
fn kill_everywhere(custody: &str) {
    let site = Site::new();
    let add = |user: &str| site.server.add_user(user, &["--custody", custody]);
    add("first");
    let points = points(&site, "first");
    let has = |name: &str| points.iter().any(|point| point == name);
    assert!(has("agent.after_activate") && has("agent.after_create_vault"), "{points:?}");
    for (at, point) in points.iter().enumerate() {
        let user = format!("user{at}");
        add(&user);
        let token = site.server.token(&user);
        let mut agent = Agent::at(&site.path(&format!("state-{user}")));
        agent.set("HOLDFAST_FAIL", format!("*:{}", at + 1));
        activate(&mut agent, &site, &token, &user).expect(ABORTED);
        agent.unset("HOLDFAST_FAIL");
        activate(&mut agent, &site, &token, &user).ok();
        assert_eq!(devices(&site, &user), 1, "killed at {point}");
        // The device is whole: it can back up and read back.
        let file = site.path("one-file");
        std::fs::write(&file, &user).unwrap();
        agent.backup(&[&file]);
        let outcome = agent.run(["cat", &format!("latest:{}", file.display())]).ok();
        assert_eq!(outcome.stdout, user, "killed at {point}");
        let recovery = site.path(&format!("holdfast-recovery-{user}.txt"));
        assert_eq!(recovery.exists(), custody == "private", "killed at {point}");
    }
    site.server.verify();
}

#[test]
fn an_activation_killed_anywhere_is_repeated_with_the_same_token() {
    kill_everywhere("managed");
}

#[test]
fn an_activation_with_a_private_vault_killed_anywhere_is_repeated_too() {
    kill_everywhere("private");
}

#[test]
fn a_server_killed_while_it_activates_loses_nothing() {
    let mut site = Site::new();
    let documents = documents(&site);
    let log = site.path("server-points");
    site.server.stop();
    site.server.set("HOLDFAST_FAIL_LOG", log.to_str().unwrap());
    site.server.start();
    site.server.add_user("first", &[]);
    let token = site.server.token("first");
    std::fs::write(&log, "").unwrap();
    Agent::at(&site.path("state-first")).activate(&token, &[]);
    let hits = std::fs::read_to_string(&log).unwrap().lines().count();
    assert!(hits > 10, "an activation passes {hits} fail points of the server");
    site.server.unset("HOLDFAST_FAIL_LOG");
    // Every third is enough here: the tests of the crates kill at each.
    for hit in (1..=hits).step_by(3) {
        let user = format!("user{hit}");
        site.server.stop();
        site.server.start();
        site.server.add_user(&user, &[]);
        let token = site.server.token(&user);
        site.server.stop();
        // Points that the start passes come first, so the count begins after them.
        let before = passed_by_a_start(&mut site, &log);
        site.server.set("HOLDFAST_FAIL", &format!("*:{}", before + hit));
        site.server.start();
        let agent = Agent::at(&site.path(&format!("state-{user}")));
        let outcome = agent.run(["activate", &token]);
        site.server.wait();
        site.server.unset("HOLDFAST_FAIL");
        site.server.start();
        assert!(matches!(outcome.status, 0 | 6), "{outcome}");
        agent.activate(&token, &[]);
        assert_eq!(devices(&site, &user), 1, "killed at hit {hit}");
    }
    let agent = site.device("laptop");
    assert_all_is_well(&site, &agent, &documents);
}

fn passed_by_a_start(site: &mut Site, log: &Path) -> usize {
    std::fs::write(log, "").unwrap();
    site.server.set("HOLDFAST_FAIL_LOG", log.to_str().unwrap());
    site.server.start();
    let count = std::fs::read_to_string(log).unwrap().lines().count();
    site.server.stop();
    site.server.unset("HOLDFAST_FAIL_LOG");
    count
}

#[test]
fn a_machine_that_is_a_device_already() {
    let site = Site::new();
    let documents = documents(&site);
    let agent = Agent::at(&site.path("state"));
    let token = site.server.token("anna");
    agent.activate(&token, &["--name", "laptop"]);
    let outcome = refused(agent.run(["activate", &site.server.token("anna")]), Code::AlreadyActivated);
    assert!(outcome.stderr.contains("laptop") && outcome.stderr.contains("anna"), "{outcome}");
    // The very token that made it changes nothing.
    let document = agent.run(["activate", &token, "--json"]).ok().json();
    assert_eq!(document["origin"], "repeated");
    assert_eq!(devices(&site, "anna"), 1);
    assert_all_is_well(&site, &agent, &documents);
}

#[test]
fn a_device_that_was_ended() {
    let site = Site::new();
    let documents = documents(&site);
    let agent = site.device("laptop");
    assert_all_is_well(&site, &agent, &documents);
    let copy = Agent::at(&site.path("state-copy"));
    copy_state(&agent, &copy);

    let document = agent.run(["deactivate", "--json"]).ok().json();
    assert_eq!(document["server_told"], true);
    refused(agent.run(["snapshots"]), Code::NotActivated);
    refused(agent.run(["deactivate"]), Code::NotActivated);
    // Its credentials serve nobody any more, whoever has kept them.
    let folder = documents.to_str().unwrap();
    refused(copy.run(["backup", folder]), Code::DeviceDeactivated);
    refused(copy.run(["snapshots"]), Code::DeviceDeactivated);
    refused(
        copy.run(["restore", "latest", "--to", site.path("r").to_str().unwrap()]),
        Code::DeviceDeactivated,
    );
    assert!(!site.path("r").exists(), "nothing is made for a restore that is refused");
    assert_eq!(devices(&site, "anna"), 0);
    assert_eq!(site.server.json(["stats"])["snapshots"], 1);
    // A new token makes a new device, which sees what the old one has left.
    agent.activate(&site.server.token("anna"), &["--name", "laptop again"]);
    let all = agent.run(["snapshots", "--all", "--json"]).ok().json();
    assert_eq!(all.as_array().unwrap().len(), 1);
    assert_all_is_well(&site, &agent, &documents);
    // As does the other one, by what it is told to do.
    let told = refused(copy.run(["snapshots"]), Code::DeviceDeactivated);
    assert!(told.stderr.contains("holdfast deactivate, and holdfast activate"), "{told}");
    copy.run(["deactivate"]).ok();
    copy.activate(&site.server.token("anna"), &["--name", "copy"]);
    assert_all_is_well(&site, &copy, &documents);
}

/// Copies a device's whole state, as a cloned disk would.
pub(crate) fn copy_state(from: &Agent, to: &Agent) {
    let mut copy = Command::new("cp");
    e2e::Outcome::of(copy.arg("-a").arg(from.state()).arg(to.state())).ok();
}
