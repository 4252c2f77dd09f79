//! Commits: every range is checked, the same record gets the first answer, and nothing half-done is seen.

use crate::support::Site;
use crate::support::agent::{DEFAULT, Shape, noise, range};
use crate::support::device::Device;
use engine::remote::{Lease, Remote, RemoteError};
use format::frame::PackKind;
use format::ranges::RangeList;
use model::{Code, PackId, SnapshotId};
use server::admin::Command;

fn commit(device: &Device, lease: &Lease, id: SnapshotId, record: &[u8]) -> Result<u64, RemoteError> {
    device.remote.commit(lease.id, id, record).map(|done| done.sequence)
}

fn code(device: &Device, lease: &Lease, id: SnapshotId, record: &[u8]) -> Code {
    commit(device, lease, id, record).unwrap_err().code
}

#[test]
fn a_commit_is_seen_by_all_devices_of_the_user_and_ends_the_lease() {
    let site = Site::new();
    let (device, sister) = (site.device("anna"), site.device("anna"));
    let tree = device.agent.tree(&[noise(1, 100), noise(2, 100)], DEFAULT);
    let lease = device.grant("default");
    device.send(&lease, &tree.data);
    device.send(&lease, &tree.hunks);
    assert!(device.snapshots().is_empty());
    let done = device.remote.commit(lease.id, tree.snapshot, &tree.record).unwrap();
    assert_eq!((done.sequence, done.time), (1, site.clock.now()));
    assert_eq!(sister.snapshots(), [tree.snapshot]);
    assert_eq!(sister.remote.snapshot(tree.snapshot).unwrap(), tree.record);
    assert!(sister.unreadable(&tree).is_empty());
    let late = device.remote.send_pack(lease.id, tree.data.id, tree.data.bytes.clone().into());
    assert_eq!(late.unwrap_err().code, Code::LeaseUnknown);
    let listed = site.json(Command::SnapshotList { user: Some("anna".into()), deleted: false });
    assert_eq!(listed[0]["id"].as_str(), Some(tree.snapshot.to_string().as_str()));
    let bytes = (tree.data.bytes.len() + tree.hunks.bytes.len()) as u64;
    assert_eq!(listed[0]["stored_bytes"].as_u64(), Some(bytes));
}

#[test]
fn a_repeated_commit_gets_the_first_answer() {
    let mut site = Site::new();
    let device = site.device("anna");
    let tree = device.agent.tree(&[noise(1, 100)], DEFAULT);
    let lease = device.grant("default");
    device.send(&lease, &tree.data);
    device.send(&lease, &tree.hunks);
    let first = device.remote.commit(lease.id, tree.snapshot, &tree.record).unwrap();
    site.clock.advance(std::time::Duration::from_secs(60));
    // Also after its lease has ended, under a later one, and after a restart.
    let again = device.remote.commit(lease.id, tree.snapshot, &tree.record).unwrap();
    assert_eq!((again.sequence, again.time), (first.sequence, first.time));
    site.restart();
    let device = site.again(&device, device.counter.clone());
    let later = device.grant("default");
    let again = device.remote.commit(later.id, tree.snapshot, &tree.record).unwrap();
    assert_eq!((again.sequence, again.time), (first.sequence, first.time));
    let (_, _, other) = device.agent.snapshot(RangeList::new(), &[], DEFAULT);
    assert_eq!(code(&device, &later, tree.snapshot, &other), Code::SnapshotConflict);
    assert_eq!(device.snapshots(), [tree.snapshot]);
    let uploads = site.json(Command::Stats)["uploads"].clone();
    assert_eq!(uploads["snapshots"].as_u64(), Some(1));
}

#[test]
fn an_omitted_pack_is_named_and_can_be_brought() {
    let site = Site::new();
    let device = site.device("anna");
    let tree = device.agent.tree(&[noise(1, 100), noise(2, 100)], DEFAULT);
    let lease = device.grant("default");
    device.send(&lease, &tree.hunks);
    let refused = device.remote.commit(lease.id, tree.snapshot, &tree.record).unwrap_err();
    assert_eq!(refused.code, Code::RangesMissing);
    assert_eq!(refused.missing, [(tree.data.id, 0), (tree.data.id, 1)]);
    assert!(device.snapshots().is_empty());
    assert!(site.objects(&format!("vaults/{}/snapshots/", device.vault())).is_empty());
    device.send(&lease, &tree.data);
    assert_eq!(commit(&device, &lease, tree.snapshot, &tree.record).unwrap(), 2);

    let hunkless = device.agent.tree(&[noise(3, 100)], DEFAULT);
    let lease = device.grant("default");
    device.send(&lease, &hunkless.data);
    let refused = device.remote.commit(lease.id, hunkless.snapshot, &hunkless.record).unwrap_err();
    assert_eq!((refused.code, refused.missing), (Code::RangesMissing, vec![(hunkless.hunks.id, 0)]));
}

#[test]
fn lies_about_ranges_are_refused() {
    let site = Site::new();
    let device = site.device("anna");
    let lease = device.grant("default");
    let agent = &device.agent;
    let data = agent.data_pack(&[vec![noise(1, 100), noise(2, 100)]]);
    device.send(&lease, &data);
    let strange = PackId::random();
    let id = agent.keys.chunk_id(b"");
    let ids = [id];
    for (content, expected) in [
        (range(data.id, 0, 1, 2), Code::SnapshotInvalid),
        (range(data.id, 0, 7, 1), Code::SnapshotInvalid),
        (range(data.id, 1, 0, 1), Code::RangesMissing),
        (range(strange, 0, 0, 1), Code::RangesMissing),
    ] {
        let all = vec![id; content.chunks() as usize];
        let (hunks, snapshot, record) = agent.snapshot(content, &all, DEFAULT);
        device.send(&lease, &hunks);
        assert_eq!(code(&device, &lease, snapshot, &record), expected);
    }
    // A hunk's range that names file content, content that names hunks.
    let hunk = agent.hunk(range(data.id, 0, 0, 1), &ids);
    let record = agent.record(
        SnapshotId::from_bytes([1; 16]),
        range(data.id, 0, 0, 1),
        std::slice::from_ref(&hunk),
        DEFAULT,
    );
    assert_eq!(code(&device, &lease, SnapshotId::from_bytes([1; 16]), &record), Code::SnapshotInvalid);
    let first = agent.hunk_pack(&hunk);
    device.send(&lease, &first);
    let (hunks, snapshot, record) = agent.snapshot(range(first.id, 0, 0, 1), &ids, DEFAULT);
    device.send(&lease, &hunks);
    assert_eq!(code(&device, &lease, snapshot, &record), Code::SnapshotInvalid);
    assert!(device.snapshots().is_empty());
}

#[test]
fn the_clear_list_of_a_pack_decides_not_the_sealed_one() {
    let site = Site::new();
    let device = site.device("anna");
    let lease = device.grant("default");
    let agent = &device.agent;
    let data = agent.data_pack(&[vec![noise(1, 100)]]);
    let ids = [agent.keys.chunk_id(&noise(1, 100))];
    let hunk = agent.hunk(range(data.id, 0, 0, 1), &ids);
    // Sealed it refers to content; in clear it says that it needs nothing.
    let lying = agent.pack(PackKind::Hunk, vec![vec![(hunk.id, hunk.bytes.clone(), RangeList::new())]]);
    device.send(&lease, &lying);
    let snapshot = SnapshotId::random();
    let record = agent.record(snapshot, range(lying.id, 0, 0, 1), &[hunk], DEFAULT);
    // The server cannot know; what it protects is what the agent said in clear. Readers compare the two.
    assert!(commit(&device, &lease, snapshot, &record).is_ok());
}

#[test]
fn a_record_belongs_to_its_device_set_and_vault() {
    let site = Site::new();
    let (device, sister, stranger) = (site.device("anna"), site.device("anna"), site.device("bert"));
    let lease = device.grant("default");
    let empty = |agent: &crate::support::agent::Agent, shape: Shape<'_>| {
        let snapshot = SnapshotId::random();
        let record = agent.record(snapshot, RangeList::new(), &[], shape);
        (snapshot, record)
    };
    let (id, record) = empty(&sister.agent, DEFAULT);
    assert_eq!(code(&device, &lease, id, &record), Code::SnapshotInvalid);
    let (id, record) = empty(&stranger.agent, DEFAULT);
    assert_eq!(code(&device, &lease, id, &record), Code::SnapshotInvalid);
    let (id, record) = empty(&device.agent, Shape { set: "other", ..DEFAULT });
    assert_eq!(code(&device, &lease, id, &record), Code::SnapshotInvalid);
    let (_, record) = empty(&device.agent, DEFAULT);
    assert_eq!(code(&device, &lease, SnapshotId::random(), &record), Code::SnapshotInvalid);
    assert_eq!(code(&device, &lease, SnapshotId::random(), b"nonsense"), Code::SnapshotInvalid);
    assert!(device.snapshots().is_empty());
    let (id, record) = empty(&device.agent, DEFAULT);
    assert!(commit(&device, &lease, id, &record).is_ok());
}

#[test]
fn a_checkpoint_keeps_the_lease_and_goes_with_the_next_commit() {
    let site = Site::new();
    let device = site.device("anna");
    let lease = device.grant("default");
    let checkpoint = Shape { complete: false, ..DEFAULT };
    let send = |shape| {
        let tree = device.agent.tree(&[noise(7, 100)], shape);
        device.send(&lease, &tree.data);
        device.send(&lease, &tree.hunks);
        commit(&device, &lease, tree.snapshot, &tree.record).unwrap();
        tree.snapshot
    };
    let first = send(checkpoint);
    assert_eq!(device.snapshots(), [first]);
    assert!(!device.remote.snapshot_rows().unwrap()[0].complete);
    let second = send(checkpoint);
    assert_eq!(device.snapshots(), [second]);
    let complete = send(DEFAULT);
    assert_eq!(device.snapshots(), [complete]);
    let undelete = Command::SnapshotUndelete { ids: vec![first.to_string()] };
    assert_eq!(site.refusal(undelete), Code::SnapshotUnknown);
}

#[test]
fn a_commit_that_nobody_waited_for_is_there() {
    let site = Site::new();
    let device = site.device("anna");
    let lease = device.grant("default");
    let tree = device.agent.tree(&[noise(1, 100)], DEFAULT);
    device.send(&lease, &tree.data);
    device.send(&lease, &tree.hunks);
    let counter = device.counter.0.lock().unwrap().unwrap();
    let line = format!("PUT {}", api::routes::commit(device.vault(), lease.id, tree.snapshot));
    let headers = format!("content-type: application/octet-stream\r\nholdfast-counter: {counter}\r\n");
    let mut stream = site.stream();
    let head = crate::support::raw::head(&device, &line, &headers, tree.record.len());
    std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
    std::io::Write::write_all(&mut stream, &tree.record).unwrap();
    std::io::Write::flush(&mut stream).unwrap();
    drop(stream);
    // Whether the server saw the request at all, the repeat is answered.
    assert_eq!(commit(&device, &lease, tree.snapshot, &tree.record).unwrap(), 1);
    assert_eq!(device.snapshots(), [tree.snapshot]);
}

#[test]
fn an_id_that_another_vault_has_harms_nobody() {
    let mut site = Site::new();
    let (anna, bert) = (site.device("anna"), site.device("bert"));
    let id = SnapshotId::random();
    let empty = |device: &Device| device.agent.record(id, RangeList::new(), &[], DEFAULT);
    commit(&anna, &anna.grant("default"), id, &empty(&anna)).unwrap();
    // The same words as to a record that says nothing, so that nobody learns which ids there are.
    let refused = bert.remote.commit(bert.grant("default").id, id, &empty(&bert)).unwrap_err();
    assert_eq!(refused.code, Code::SnapshotInvalid);
    let text = format!("{refused:?}");
    assert!(!text.contains(&anna.vault().to_string()) && !text.contains("exist"), "{text}");
    assert!(site.objects(&format!("vaults/{}/snapshots/", bert.vault())).is_empty());
    site.restart();
    let [anna, bert] = [&anna, &bert].map(|device| site.again(device, device.counter.clone()));
    assert!(bert.snapshots().is_empty());
    assert_eq!(anna.snapshots(), [id]);
    let tree = bert.agent.tree(&[noise(1, 100)], DEFAULT);
    assert_eq!(bert.back_up(&tree, DEFAULT), tree.snapshot);
}
