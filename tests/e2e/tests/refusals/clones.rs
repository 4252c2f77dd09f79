//! A copied state: of two machines with the same state the first one that goes on is the device; the other one is
//! stopped before it commits, and told to become a device of its own.

use crate::activation::copy_state;
use crate::{assert_all_is_well, devices, documents, refused};
use e2e::{Agent, Proxy, Site};
use model::Code;
use std::process::Stdio;

fn copy_of(site: &Site, agent: &Agent) -> Agent {
    let copy = Agent::at(&site.path("state-copy"));
    copy_state(agent, &copy);
    copy
}

fn snapshots(site: &Site) -> u64 {
    site.server.json(["stats"])["snapshots"].as_u64().unwrap()
}

#[test]
fn a_copy_is_stopped_and_the_original_goes_on() {
    let site = Site::new();
    let documents = documents(&site);
    let folder = documents.to_str().unwrap();
    let agent = site.device("laptop");
    agent.backup(&[&documents]);
    let copy = copy_of(&site, &agent);
    assert_all_is_well(&site, &agent, &documents);
    assert_eq!(snapshots(&site), 2);

    for _ in 0..3 {
        let outcome = refused(copy.run(["backup", folder]), Code::DeviceCloned);
        assert!(outcome.stderr.contains("holdfast deactivate, then holdfast activate"), "{outcome}");
    }
    assert_eq!(snapshots(&site), 2, "the copy has committed nothing");
    assert_all_is_well(&site, &agent, &documents);

    // What the copy is told to do helps, and does not end the original.
    let document = copy.run(["deactivate", "--json"]).ok().json();
    assert_eq!(document["server_told"], false);
    copy.activate(&site.server.token("anna"), &["--name", "the copy"]);
    assert_eq!(devices(&site, "anna"), 2);
    assert_all_is_well(&site, &copy, &documents);
    assert_all_is_well(&site, &agent, &documents);
    assert_eq!(snapshots(&site), 5);
}

#[test]
fn the_copy_that_goes_on_first_is_the_device() {
    let site = Site::new();
    let documents = documents(&site);
    let agent = site.device("laptop");
    agent.backup(&[&documents]);
    let copy = copy_of(&site, &agent);
    assert_all_is_well(&site, &copy, &documents);
    refused(agent.run(["backup", documents.to_str().unwrap()]), Code::DeviceCloned);
    assert_all_is_well(&site, &copy, &documents);
    assert_eq!(snapshots(&site), 3);
}

#[test]
fn a_copy_is_stopped_while_the_original_is_in_the_middle_of_its_run() {
    let site = Site::new();
    let documents = documents(&site);
    std::fs::write(documents.join("large"), e2e::random::Random::new().bytes(4 << 20)).unwrap();
    let mut agent = site.device("laptop");
    agent.backup(&[&documents]);
    let copy = copy_of(&site, &agent);
    std::fs::write(documents.join("large"), e2e::random::Random::new().bytes(4 << 20)).unwrap();

    let proxy = Proxy::to(site.server.port());
    agent.set("HOLDFAST_SERVER", proxy.url());
    proxy.hold_after(1 << 20);
    let mut running = agent.command();
    running.arg("backup").arg(&documents).stdin(Stdio::null()).stdout(Stdio::null());
    let mut running = running.spawn().unwrap();
    proxy.wait_until_held();
    refused(copy.run(["backup", documents.to_str().unwrap()]), Code::DeviceCloned);
    proxy.release();
    assert!(running.wait().unwrap().success(), "the original was held up by its copy");
    assert_eq!(snapshots(&site), 2);
    assert_all_is_well(&site, &agent, &documents);
}
