//! Certificates: of another authority, out of their time, and renewed by the server itself.

use crate::{assert_all_is_well, documents, refused};
use e2e::{Agent, Server, Site};
use model::Code;

const DAY: i64 = 86_400;

#[test]
fn another_server_on_the_same_port_is_not_trusted() {
    let mut site = Site::new();
    let documents = documents(&site);
    let folder = documents.to_str().unwrap();
    let agent = site.device("laptop");
    assert_all_is_well(&site, &agent, &documents);
    let token = site.server.token("anna");
    site.server.stop();

    let mut other = Server::at(&site.path("other"), site.server.port());
    let address = format!("127.0.0.1:{}", other.port());
    other.run(["init", "--listen", &address, "--url", &format!("https://{address}")]).ok();
    other.start();
    refused(agent.run(["backup", folder]), Code::CertificateUntrusted);
    refused(agent.run(["snapshots"]), Code::CertificateUntrusted);
    refused(agent.run(["deactivate"]), Code::CertificateUntrusted);
    let machine = Agent::at(&site.path("state-new"));
    refused(machine.run(["activate", &token]), Code::CertificateUntrusted);
    refused(machine.run(["snapshots"]), Code::NotActivated);
    assert_eq!(other.json(["stats"])["devices"], 0);
    other.stop();

    site.server.start();
    assert_all_is_well(&site, &agent, &documents);
    machine.activate(&token, &[]);
}

#[test]
fn a_certificate_out_of_its_time_is_refused_and_renewed_unattended() {
    let mut site = Site::new();
    let documents = documents(&site);
    let folder = documents.to_str().unwrap();
    let clock = site.path("clock");
    let set = |days: i64| std::fs::write(&clock, (days * DAY).to_string()).unwrap();
    let mut agent = site.device("laptop");
    agent.set("HOLDFAST_TEST_CLOCK", &clock);
    assert_all_is_well(&site, &agent, &documents);

    // Time has passed for the agent; the server's clock still stands where it made its leaf.
    set(100);
    refused(agent.run(["backup", folder]), Code::CertificateExpired);
    refused(agent.run(["snapshots"]), Code::CertificateExpired);
    set(-100);
    refused(agent.run(["snapshots"]), Code::CertificateExpired);
    set(50);
    assert_all_is_well(&site, &agent, &documents);

    // The server's time passes too, over the end of its leaf, while it runs. It looks at its leaf by itself.
    site.server.stop();
    site.server.set("HOLDFAST_TEST_CLOCK", clock.to_str().unwrap());
    site.server.set("HOLDFAST_TEST_RENEWAL_SECONDS", "0.05");
    site.server.start();
    assert_all_is_well(&site, &agent, &documents);
    set(200);
    let begin = std::time::Instant::now();
    while !site.server.log().contains("the certificate was renewed") {
        assert!(begin.elapsed().as_secs() < 60, "not renewed: {}", site.server.log());
        std::thread::yield_now();
    }
    assert_all_is_well(&site, &agent, &documents);

    // And when it did not run for long.
    site.server.stop();
    set(400);
    site.server.start();
    assert_all_is_well(&site, &agent, &documents);
    let view = site.server.run(["check", "--json"]).json();
    let problems = view["problems"].as_array().unwrap();
    assert!(problems.iter().all(|problem| problem["area"] != "certificates"), "{view}");
}

#[test]
fn a_damaged_leaf_is_made_anew_and_a_damaged_authority_is_not() {
    let mut site = Site::new();
    let documents = documents(&site);
    let agent = site.device("laptop");
    site.server.stop();
    let leaf = site.server.data().join("tls/leaf.pem");
    std::fs::write(&leaf, "damaged").unwrap();
    site.server.start();
    assert_all_is_well(&site, &agent, &documents);
    std::fs::remove_file(&leaf).unwrap();
    site.server.stop();
    site.server.start();
    assert_all_is_well(&site, &agent, &documents);

    // All agents hang on the authority: making another one would lock them out.
    site.server.stop();
    let authority = site.server.data().join("tls/authority.pem");
    let good = std::fs::read(&authority).unwrap();
    std::fs::write(&authority, &good[..good.len() / 2]).unwrap();
    let outcome = refused(site.server.run(["serve"]), Code::DatabaseDamaged);
    assert!(outcome.stderr.contains("authority.pem"), "{outcome}");
    std::fs::write(&authority, &good).unwrap();
    site.server.start();
    assert_all_is_well(&site, &agent, &documents);
}
