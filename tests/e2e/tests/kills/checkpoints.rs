//! A long first backup that is cut off: what it had reached can be restored, and the next run goes on from there.

use crate::counter;
use e2e::random::Random;
use e2e::{Proxy, Site, tree};
use std::fs;
use std::path::Path;

/// More than one run works on at a time, which is some 64 MiB: a checkpoint waits for what is begun.
const FILES: u64 = 150;
const FILE_BYTES: usize = 1 << 20;

#[test]
fn an_interrupted_first_backup_leaves_a_checkpoint_and_goes_on_from_it() {
    let mut random = Random::new();
    let site = Site::new();
    let documents = site.path("documents");
    fs::create_dir(&documents).unwrap();
    for number in 0..FILES {
        fs::write(documents.join(format!("{number:03}")), random.bytes(FILE_BYTES)).unwrap();
    }
    let proxy = Proxy::to(site.server.port());
    let mut agent = site.device("laptop");
    agent.set("HOLDFAST_SERVER", proxy.url());
    agent.set("HOLDFAST_TEST_CHECKPOINT_SECONDS", "0");
    // Two thirds are sent, then nothing goes on; by then a checkpoint was due many times.
    proxy.hold_after(FILES * FILE_BYTES as u64 * 2 / 3);
    let mut run = agent.spawn([Path::new("backup"), &documents]);
    proxy.wait_until_held();
    run.kill().unwrap();
    run.wait().unwrap();
    proxy.release();

    let snapshots = agent.snapshots();
    assert_eq!(snapshots.len(), 1, "each checkpoint replaces the one before: {snapshots:?}");
    let checkpoint = &snapshots[0];
    let (id, files) = (checkpoint["id"].as_str().unwrap(), checkpoint["files"].as_u64().unwrap());
    assert_eq!(checkpoint["complete"], false);
    assert!(files > 0 && files < FILES, "{checkpoint}");
    let table = agent.run(["snapshots"]).ok();
    assert!(table.stdout.contains("(incomplete)"), "{table}");

    // It is what it says: these files, and each of them whole.
    let target = tempfile::tempdir_in(site.folder()).unwrap();
    agent.restore(&format!("{id}:{}", documents.display()), target.path());
    let restored = tree::files(target.path());
    assert_eq!(restored.len() as u64, files);
    for file in &restored {
        let original = documents.join(file.file_name().unwrap());
        assert!(fs::read(file).unwrap() == fs::read(original).unwrap(), "{} differs", file.display());
    }
    agent.run(["verify", id, "--read-data"]).ok();

    // The next run sends what is missing and nothing twice; then the checkpoint has served.
    let sent = |name| counter(&site.server.json(["stats"]), name);
    let before = sent("received_bytes");
    let summary = agent.backup(&[&documents]);
    assert_eq!((summary["files"].as_u64(), summary["findings"].as_u64()), (Some(FILES), Some(0)));
    assert_eq!(sent("duplicate_chunks"), 0);
    let (missing, more) = ((FILES - files) * FILE_BYTES as u64, sent("received_bytes") - before);
    assert!(more < missing + missing / 10, "{more} bytes were sent where {missing} were missing");
    let snapshots = agent.snapshots();
    assert_eq!(snapshots.len(), 1, "{snapshots:?}");
    assert_eq!(snapshots[0]["complete"], true);
    let target = tempfile::tempdir_in(site.folder()).unwrap();
    agent.restore(&format!("latest:{}", documents.display()), target.path());
    tree::assert_equal(&documents, target.path());
    site.server.verify();
}
