//! What the server refuses for its own reasons: too many runs, versions that it does not speak, and commands on a data
//! folder that is not what they need.

use crate::{assert_all_is_well, documents, refused};
use e2e::{Proxy, Raw, Server, Site};
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

#[test]
fn a_data_folder_that_is_not_what_a_command_needs() {
    let mut site = Site::new();
    // There is none.
    let nobody = Server::at(&site.path("nobody"), e2e::free_port());
    for command in [["serve"].as_slice(), &["stats"], &["user", "list"], &["cleanup"]] {
        refused(nobody.run(command), Code::DataMissing);
    }
    assert!(!nobody.data().exists(), "a refused command makes no folder");
    std::fs::create_dir(nobody.data()).unwrap();
    std::fs::write(nobody.data().join("holiday.jpg"), "a picture").unwrap();
    refused(nobody.run(["serve"]), Code::DataMissing);
    refused(nobody.run(["init"]), Code::DataExists);
    let entries = std::fs::read_dir(nobody.data()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = entries.collect();
    assert_eq!(left, ["holiday.jpg"], "somebody's folder stays as it was");
    // There is one already, and it runs.
    let server = &site.server;
    refused(server.run(["init"]), Code::DataExists);
    refused(server.run(["serve"]), Code::DataLocked);
    refused(server.run(["user", "add", "anna"]), Code::NameTaken);
    refused(server.run(["user", "add", "ANNA"]), Code::NameTaken);
    for name in ["", "a/b", "a b", &"n".repeat(65), "a\nb"] {
        refused(server.run(["user", "add", name]), Code::NameInvalid);
    }
    refused(server.run(["token", "create", "--user", "nobody"]), Code::UserUnknown);
    // The code's advice is for agents; whoever is at the server has another command.
    let unknown = server.run(["snapshot", "delete", "0123456789"]).fails_with(Code::SnapshotUnknown);
    assert!(unknown.stderr.contains("holdfast-server snapshot list --deleted"), "{unknown}");
    // The port is taken.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    site.server.stop();
    refused(site.server.run(["serve", "--listen", &address]), Code::ListenFailed);
    site.server.start();
    site.device("laptop").run(["snapshots"]).ok();
}
