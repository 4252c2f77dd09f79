//! A vault with more chunks than an agent holds ids of: it asks the server where they are, and backups, restores, a
//! lost cache and a second device are as ever.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use e2e::random::Random;
use e2e::{Agent, Site, tree};
use std::fs;
use std::path::Path;

/// Ids that the copy of an agent holds, of some hundreds that the vault has.
const IDS: &str = "10";

/// Fails the test unless the newest snapshot is this folder.
#[track_caller]
fn assert_restores(site: &Site, agent: &Agent, documents: &Path) {
    let target = tempfile::tempdir_in(site.folder()).unwrap();
    agent.restore(&format!("latest:{}", documents.display()), target.path());
    tree::assert_equal(documents, target.path());
}

#[test]
fn an_agent_that_asks_for_chunks_backs_up_and_restores_as_ever() {
    let site = Site::new();
    let mut random = Random::new();
    let documents = site.path("documents");
    tree::make(&documents, 200, &mut random);
    // Cut by one thread and asked for in blocks.
    fs::write(documents.join("large"), random.bytes(40 << 20)).unwrap();
    let mut agent = site.device("laptop");
    agent.set("HOLDFAST_TEST_INDEX_IDS", IDS);
    let first = agent.backup(&[&documents]);
    assert_eq!((&first["files"], &first["findings"]), (&201.into(), &0.into()), "{first}");
    assert_restores(&site, &agent, &documents);

    tree::change(&documents, 20, &mut random);
    let mut large = fs::read(documents.join("large")).unwrap_or_else(|_| random.bytes(40 << 20));
    large.splice(1 << 20..1 << 20, random.bytes(1_000));
    fs::write(documents.join("large"), large).unwrap();
    let second = agent.backup(&[&documents]);
    assert!(second["new_bytes"].as_u64() < first["new_bytes"].as_u64(), "{second}");
    let copy = agent.state().join("cache/index-frames");
    assert!(copy.exists(), "the copy of the index has no ids");
    assert_restores(&site, &agent, &documents);

    fs::remove_dir_all(agent.state().join("cache")).unwrap();
    let third = agent.backup(&[&documents]);
    assert_eq!((&third["new_bytes"], &third["findings"]), (&0.into(), &0.into()), "{third}");
    assert!(copy.exists());
    assert_restores(&site, &agent, &documents);

    // A second device with the same files adds nothing but its list.
    let mut other = site.device("desktop");
    other.set("HOLDFAST_TEST_INDEX_IDS", IDS);
    let same = other.backup(&[&documents]);
    assert_eq!(same["new_bytes"], 0, "{same}");
    assert_restores(&site, &other, &documents);
    assert_eq!(site.server.json(["stats"])["uploads"]["duplicate_chunks"], 0);

    // With room for all ids it goes on with a whole copy.
    agent.unset("HOLDFAST_TEST_INDEX_IDS");
    let fourth = agent.backup(&[&documents]);
    assert_eq!(fourth["new_bytes"], 0, "{fourth}");
    assert!(agent.state().join("cache/index").exists());
    assert_restores(&site, &agent, &documents);
    site.server.verify();
}
