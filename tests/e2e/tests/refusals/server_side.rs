//! What the server refuses for its own reasons: too many runs, versions that it does not speak, and commands on a data
//! folder that is not what they need.

use crate::{assert_all_is_well, documents, refused};
use e2e::{Proxy, Raw, Site};
use model::Code;
use std::process::Stdio;

#[test]
fn no_more_backups_at_once_than_the_setting_allows() {
    let site = Site::new();
    let documents = documents(&site);
    let folder = documents.to_str().unwrap();
    let (mut laptop, desktop) = (site.device("laptop"), site.device("desktop"));
    site.server.run(["settings", "set", "--backups-at-once", "1"]).ok();
    let proxy = Proxy::to(site.server.port());
    laptop.set("HOLDFAST_SERVER", proxy.url());
    proxy.hold_after(60_000);
    let mut command = laptop.command();
    command.args(["backup", folder]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = command.spawn().unwrap();
    proxy.wait_until_held();
    let outcome = refused(desktop.run(["backup", folder]), Code::ServerBusy);
    assert!(outcome.stderr.contains("1 of 1 backups are running"), "{outcome}");
    assert!(outcome.stderr.contains("try again in "), "{outcome}");
    // Reading is no backup.
    assert_eq!(desktop.snapshots().len(), 0);
    proxy.release();
    assert!(running.wait().unwrap().success());
    assert_all_is_well(&site, &desktop, &documents);
    refused(site.server.run(["settings", "set", "--backups-at-once", "0"]), Code::Usage);
}

#[test]
fn versions_that_the_server_does_not_speak() {
    let site = Site::new();
    let agent = site.device("laptop");
    let vault = e2e::raw::identity(&agent).vault.keyring.vault();
    let raw = Raw::device(&site.server, &agent);
    for path in [api::routes::vault(vault), api::routes::snapshots(vault)] {
        let request = raw.request("GET", path);
        let with = |version: &str| request.clone().header("holdfast-protocol", version).send();
        request.clone().without("holdfast-protocol").send().refused(Code::ProtocolTooOld);
        let refused = with("0").refused(Code::ProtocolTooOld);
        assert!(refused["detail"].as_str().unwrap().contains('1'), "it says what is accepted: {refused}");
        with("2").refused(Code::ProtocolTooNew);
        with("999999999").refused(Code::ProtocolTooNew);
        for nonsense in ["one", "-1", "1.0", "99999999999999999999"] {
            with(nonsense).refused(Code::RequestInvalid);
        }
        with("1").expect(200);
    }
    // A stranger learns which versions there are before anything else.
    let stranger = Raw::stranger(&site.server);
    let activate = stranger.request("POST", api::routes::activate()).without("holdfast-protocol").json(&());
    activate.send().refused(Code::ProtocolTooOld);
    let health =
        stranger.request("GET", api::routes::health()).without("holdfast-protocol").send().expect(200);
    assert_eq!((&health.json()["protocol"], &health.json()["status"]), (&1.into(), &"ok".into()));
}
