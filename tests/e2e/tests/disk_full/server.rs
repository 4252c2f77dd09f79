//! The server's disks: the one of the store, and the one of the database.

use crate::{Filler, MIB, assert_restores, noise, refused};
use e2e::{Agent, Clock, Mount, Proxy, Server, Site};
use model::Code;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;

#[test]
fn root_a_full_store_takes_no_backups_and_gives_all_it_has() {
    let disk = TempDir::new().unwrap();
    let mount = Mount::tmpfs_with(&disk.path().join("store"), "size=96m");
    let site = Site::with(&["--store", mount.point().to_str().unwrap()], &[]);
    let agent = site.device("laptop");
    let (first, second) = (site.path("first"), site.path("second"));
    noise(&first, 30);
    noise(&second, 60);
    let summary = agent.backup(&[&first]);
    let first_snapshot = summary["snapshot"].as_str().unwrap().to_owned();

    // An eighth of the disk is kept free, so the second one does not fit.
    refused(agent.run([Path::new("backup"), &second]), Code::StorageFull);
    assert_eq!(agent.snapshots().len(), 1, "a refused backup is not visible");
    // Somebody else takes most of what uploads leave free.
    let filler = Filler::on(mount.point(), 4 * MIB);
    let outcome = refused(agent.run([Path::new("backup"), &second]), Code::StorageFull);
    assert!(!outcome.stderr.contains(mount.point().to_str().unwrap()), "no paths of the server: {outcome}");
    assert_restores(&agent, &first_snapshot, &first, site.folder());
    agent.run(["verify", &first_snapshot, "--read-data"]).ok();
    site.server.verify();
    let view = site.server.run(["check", "--json"]).expect(7).json();
    let told = view["problems"].as_array().unwrap().iter().any(|problem| problem["code"] == "storage_full");
    assert!(told, "{view}");
    // Space comes back without a restart: more disk.
    filler.remove();
    mount.remount("size=256m");
    let sent = site.server.json(["stats"])["uploads"].clone();
    let summary = agent.backup(&[&second]);
    let second_snapshot = summary["snapshot"].as_str().unwrap().to_owned();
    assert_restores(&agent, &second_snapshot, &second, site.folder());
    let uploads = &site.server.json(["stats"])["uploads"];
    assert_eq!(
        uploads["duplicate_chunks"], sent["duplicate_chunks"],
        "what was acknowledged is not sent again"
    );
    site.server.verify();
}

#[test]
fn root_cleanup_frees_a_full_store() {
    let disk = TempDir::new().unwrap();
    let mount = Mount::tmpfs_with(&disk.path().join("store"), "size=96m");
    let site = Site::with(&["--store", mount.point().to_str().unwrap()], &[]);
    let agent = site.device("laptop");
    let (first, second) = (site.path("first"), site.path("second"));
    noise(&first, 50);
    noise(&second, 60);
    let summary = agent.backup(&[&first]);
    refused(agent.run([Path::new("backup"), &second]), Code::StorageFull);
    let filler = Filler::on(mount.point(), 6 * MIB);
    site.server.run(["settings", "set", "--grace", "0s", "--undo", "0s"]).ok();
    site.server.run(["snapshot", "delete", summary["snapshot"].as_str().unwrap()]).ok();
    // Not one byte may be uploaded, and yet space can be made.
    refused(agent.run([Path::new("backup"), &second]), Code::StorageFull);
    let freed: u64 =
        (0..2).map(|_| site.server.json(["cleanup"])["vaults"][0]["freed_bytes"].as_u64().unwrap()).sum();
    assert!(freed > 50 * MIB as u64, "{freed} bytes were freed");
    filler.remove();
    let summary = agent.backup(&[&second]);
    assert_restores(&agent, summary["snapshot"].as_str().unwrap(), &second, site.folder());
    site.server.verify();
}

/// Without a reserve the disk itself says that it is full, in the middle of a pack.
#[test]
fn root_a_store_without_a_reserve_runs_full_and_is_not_damaged() {
    let disk = TempDir::new().unwrap();
    let mount = Mount::tmpfs_with(&disk.path().join("store"), "size=64m");
    let site = Site::with(&["--store", mount.point().to_str().unwrap()], &[]);
    site.server.run(["settings", "set", "--reserve", "0"]).ok();
    let agent = site.device("laptop");
    let documents = site.path("documents");
    noise(&documents, 10);
    let first = agent.backup(&[&documents]);
    noise(&documents.join("more"), 70);
    refused(agent.run([Path::new("backup"), &documents]), Code::StorageFull);
    assert_eq!(agent.snapshots().len(), 1);
    agent.run(["verify", first["snapshot"].as_str().unwrap(), "--read-data"]).ok();
    site.server.verify();
    mount.remount("size=256m");
    let second = agent.backup(&[&documents]);
    assert_restores(&agent, second["snapshot"].as_str().unwrap(), &documents, site.folder());
    site.server.verify();
}

/// A server whose database has a small disk of its own.
struct SmallDatabase {
    agent: Agent,
    documents: PathBuf,
    clock: Clock,
    server: Server,
    mount: Mount,
    folder: TempDir,
}

impl SmallDatabase {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mount = Mount::tmpfs_with(&folder.path().join("data"), "size=32m");
        let store = folder.path().join("store");
        let mut server = Server::init(mount.point(), &["--store", store.to_str().unwrap()]);
        let clock = Clock::ahead(folder.path().join("clock"), 0);
        clock.rule_server(&mut server);
        server.start();
        server.add_user("anna", &[]);
        let agent = Agent::at(&folder.path().join("state"));
        agent.activate(&server.token("anna"), &[]);
        let documents = folder.path().join("documents");
        noise(&documents, 3);
        agent.backup(&[&documents]);
        Self { agent, documents, clock, server, mount, folder }
    }

    fn add(&self, name: &str, mib: usize) {
        noise(&self.documents.join(name), mib);
    }

    #[track_caller]
    fn assert_reads_go_on(&mut self, snapshots: usize) {
        assert!(self.server.is_running(), "the server ended: {}", self.server.log());
        let list = self.agent.snapshots();
        assert_eq!(list.len(), snapshots);
        let id = list[snapshots - 1]["id"].as_str().unwrap();
        self.agent.run(["verify", id, "--read-data"]).ok();
    }

    #[track_caller]
    fn assert_all_is_well(&self, snapshots: usize) {
        self.agent.backup(&[&self.documents]);
        let list = self.agent.snapshots();
        assert_eq!(list.len(), snapshots);
        assert_restores(&self.agent, list[0]["id"].as_str().unwrap(), &self.documents, self.folder.path());
        self.server.verify();
    }
}

#[test]
fn root_a_full_database_refuses_backups_and_goes_on_reading() {
    let mut scene = SmallDatabase::new();
    let filler = Filler::on(scene.mount.point(), 0);
    scene.add("more", 2);
    refused(scene.agent.run([Path::new("backup"), &scene.documents]), Code::StorageFull);
    scene.assert_reads_go_on(1);
    // Nor does it matter when a device was heard of last.
    scene.clock.advance(3_600);
    scene.assert_reads_go_on(1);
    filler.remove();
    scene.assert_all_is_well(2);
}

#[test]
fn root_a_database_that_runs_full_during_a_backup() {
    let mut scene = SmallDatabase::new();
    scene.add("more", 40);
    let proxy = Proxy::to(scene.server.port());
    proxy.hold_after(25 * MIB as u64);
    let mut command = scene.agent.command();
    command.env("HOLDFAST_SERVER", proxy.url()).arg("backup").arg(&scene.documents);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    proxy.wait_until_held();
    let filler = Filler::on(scene.mount.point(), 0);
    proxy.release();
    let outcome = e2e::Outcome::new("a backup".into(), &child.wait_with_output().unwrap());
    refused(outcome, Code::StorageFull);
    scene.assert_reads_go_on(1);
    filler.remove();
    scene.assert_all_is_well(2);
    // A start on a full disk is refused or works, and the next one is fine.
    scene.server.stop();
    let filler = Filler::on(scene.mount.point(), 0);
    let outcome = scene.server.run(["stats"]);
    assert!([0, 8, 10].contains(&outcome.status), "{outcome}");
    filler.remove();
    scene.server.start();
    scene.assert_all_is_well(3);
}
