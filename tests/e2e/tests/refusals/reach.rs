//! A server that is not there, goes away in the middle of a run, or is somewhere else than the agent is told.

use crate::{assert_all_is_well, documents, refused};
use e2e::{Agent, Proxy, Site};
use model::Code;
use std::path::Path;
use std::process::{Child, Stdio};

/// Starts a backup through a proxy that lets so many bytes pass, and waits until it stands still.
fn held_backup(agent: &mut Agent, proxy: &Proxy, documents: &Path, bytes: u64) -> Child {
    agent.set("HOLDFAST_SERVER", proxy.url());
    proxy.hold_after(bytes);
    let mut command = agent.command();
    command.arg("backup").arg(documents).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    proxy.wait_until_held();
    child
}

/// Something that a run needs a while to send.
fn add_much(documents: &Path) {
    std::fs::write(documents.join("much"), e2e::random::Random::new().bytes(30 << 20)).unwrap();
}

#[test]
fn a_server_that_is_down() {
    let mut site = Site::new();
    let documents = documents(&site);
    let mut agent = site.device("laptop");
    let token = site.server.token("anna");
    site.server.stop();
    agent.set("HOLDFAST_TEST_ATTEMPTS", "2");
    refused(agent.run(["backup", documents.to_str().unwrap()]), Code::ServerUnreachable);
    refused(agent.run(["snapshots"]), Code::ServerUnreachable);
    refused(agent.run(["ls", "latest"]), Code::ServerUnreachable);
    let target = site.path("target");
    refused(agent.run(["restore", "latest", "--to", target.to_str().unwrap()]), Code::ServerUnreachable);
    assert!(!target.exists(), "nothing is made for a restore that cannot begin");
    refused(agent.run(["deactivate"]), Code::ServerUnreachable);
    let machine = Agent::at(&site.path("state-new"));
    refused(machine.run(["activate", &token]), Code::ServerUnreachable);
    refused(machine.run(["snapshots"]), Code::NotActivated);
    site.server.start();
    assert_all_is_well(&site, &agent, &documents);
    machine.activate(&token, &[]);
}

#[test]
fn a_server_that_is_killed_and_comes_back_during_a_run_is_waited_for() {
    let mut site = Site::new();
    let documents = documents(&site);
    add_much(&documents);
    let mut agent = site.device("laptop");
    let proxy = Proxy::to(site.server.port());
    for bytes in [100_000, 10 << 20] {
        let child = held_backup(&mut agent, &proxy, &documents, bytes);
        site.server.kill();
        proxy.release();
        site.server.start();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_all_is_well(&site, &agent, &documents);
        add_much(&documents);
    }
}

#[test]
fn a_server_that_does_not_come_back_ends_the_run_and_the_next_one_is_fine() {
    let mut site = Site::new();
    let documents = documents(&site);
    add_much(&documents);
    let mut agent = site.device("laptop");
    agent.set("HOLDFAST_TEST_ATTEMPTS", "2");
    let proxy = Proxy::to(site.server.port());
    let child = held_backup(&mut agent, &proxy, &documents, 10 << 20);
    site.server.kill();
    proxy.release();
    let outcome = e2e::Outcome::new("a backup".into(), &child.wait_with_output().unwrap());
    refused(outcome, Code::ServerUnreachable);
    site.server.start();
    agent.unset("HOLDFAST_SERVER");
    assert_eq!(agent.snapshots().len(), 0, "a run that was cut off is not visible");
    assert_all_is_well(&site, &agent, &documents);
    let uploads = &site.server.json(["stats"])["uploads"];
    assert_eq!(uploads["duplicate_packs"], 0, "{uploads}");
}

#[test]
fn an_address_that_leads_nowhere_or_to_somebody_else() {
    let site = Site::new();
    let documents = documents(&site);
    let folder = documents.to_str().unwrap();
    let mut agent = site.device("laptop");
    let token = site.server.token("anna");
    agent.set("HOLDFAST_TEST_ATTEMPTS", "2");
    let mut machine = Agent::at(&site.path("state-new"));
    let other = Site::new();
    let closed = format!("https://127.0.0.1:{}", e2e::free_port());
    let stranger = format!("https://127.0.0.1:{}", other.server.port());
    let no_host = "https://no-such-host.invalid:8443".to_owned();
    for (url, code) in [
        (closed, Code::ServerUnreachable),
        (no_host, Code::ServerUnreachable),
        (stranger, Code::CertificateUntrusted),
        (format!("http://127.0.0.1:{}", site.server.port()), Code::Usage),
        ("no address".to_owned(), Code::Usage),
        ("https://".to_owned(), Code::Usage),
    ] {
        agent.set("HOLDFAST_SERVER", &url);
        machine.set("HOLDFAST_SERVER", &url);
        for outcome in
            [agent.run(["backup", folder]), agent.run(["snapshots"]), machine.run(["activate", &token])]
        {
            let outcome = refused(outcome, code);
            assert!(
                outcome.stderr.contains(url.trim_start_matches("https://")),
                "{url} is not named: {outcome}"
            );
        }
    }
    agent.unset("HOLDFAST_SERVER");
    assert_all_is_well(&site, &agent, &documents);
    machine.unset("HOLDFAST_SERVER");
    machine.activate(&token, &[]);
}

#[test]
fn a_path_below_which_there_is_no_server() {
    let site = Site::new();
    let mut agent = site.device("laptop");
    agent.set("HOLDFAST_SERVER", format!("https://127.0.0.1:{}/elsewhere", site.server.port()));
    refused(agent.run(["snapshots"]), Code::NotFound);
    agent.unset("HOLDFAST_SERVER");
    agent.run(["snapshots"]).ok();
}
