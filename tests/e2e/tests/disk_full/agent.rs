//! The agent's disks: the one of its whole state, and one of its cache alone.

use crate::{Filler, assert_restores, noise, refused};
use e2e::{Agent, Mount, Site};
use model::Code;
use std::path::Path;

#[test]
fn root_a_full_state_ends_a_run_before_it_sends_anything() {
    let site = Site::new();
    let mount = Mount::tmpfs_with(&site.path("disk"), "size=16m");
    let agent = Agent::at(&mount.point().join("state"));
    let token = site.server.token("anna");
    let filler = Filler::on(mount.point(), 0);
    refused(agent.run(["activate", &token]), Code::DiskFull);
    assert_eq!(site.server.json(["stats"])["devices"], 0, "nothing was asked of the server");
    filler.remove();
    agent.activate(&token, &[]);
    let documents = site.path("documents");
    noise(&documents, 3);
    let first = agent.backup(&[&documents]);

    let filler = Filler::on(mount.point(), 0);
    noise(&documents.join("more"), 3);
    refused(agent.run([Path::new("backup"), &documents]), Code::DiskFull);
    assert_eq!(site.server.json(["stats"])["snapshots"], 1);
    // What writes nothing goes on.
    agent.run(["verify", first["snapshot"].as_str().unwrap(), "--read-data"]).ok();
    assert_eq!(agent.snapshots().len(), 1);
    filler.remove();
    let second = agent.backup(&[&documents]);
    assert_eq!(second["findings"], 0);
    assert_restores(&agent, second["snapshot"].as_str().unwrap(), &documents, site.folder());
    site.server.verify();
}

#[test]
fn root_a_full_cache_leaves_no_damage() {
    let site = Site::new();
    let agent = site.device("laptop");
    let documents = site.path("documents");
    noise(&documents, 3);
    agent.backup(&[&documents]);
    let cache = agent.state().join("cache");
    std::fs::remove_dir_all(&cache).unwrap();
    let mount = Mount::tmpfs_with(&cache, "size=4m");
    let filler = Filler::on(mount.point(), 0);
    noise(&documents.join("more"), 2);
    refused(agent.run([Path::new("backup"), &documents]), Code::DiskFull);
    assert_eq!(agent.snapshots().len(), 1, "reading needs no cache");
    filler.remove();
    let second = agent.backup(&[&documents]);
    assert_restores(&agent, second["snapshot"].as_str().unwrap(), &documents, site.folder());
    mount.unmount();
    let third = agent.backup(&[&documents]);
    assert_eq!((&third["new_bytes"], &third["findings"]), (&0.into(), &0.into()));
    site.server.verify();
}
