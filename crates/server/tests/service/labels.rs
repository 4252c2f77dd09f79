//! Labels of snapshots: who may give and take them, how much, and what becomes of two that write at once.

use crate::support::Site;
use crate::support::agent::{DEFAULT, noise};
use crate::support::device::Device;
use api::{Hash, limits, routes};
use format::labels::SealedLabels;
use model::{Code, SnapshotId};
use server::admin::Command;

const BINARY: &str = "content-type: application/octet-stream\r\n";

fn back_up(device: &Device, seed: u64) -> SnapshotId {
    device.back_up(&device.agent.tree(&[noise(seed, 100)], DEFAULT), DEFAULT)
}

/// The object with one label.
pub(crate) fn sealed(device: &Device, snapshot: SnapshotId, label: &str) -> Vec<u8> {
    let labels = [label.to_owned()].into();
    SealedLabels::seal(snapshot, model::ids::random_bytes(), &labels, &device.agent.keyring).unwrap().encode()
}

fn hash(object: &[u8]) -> Option<Hash> {
    Some(Hash(*blake3::hash(object).as_bytes()))
}

#[test]
fn labels_are_given_for_all_snapshots_and_for_one() {
    let site = Site::new();
    let device = site.device("anna");
    assert!(device.remote.labels().unwrap().is_empty());
    // More than are read at once.
    let ids: Vec<SnapshotId> = (0..70).map(|seed| back_up(&device, seed)).collect();
    let unlabelled = back_up(&device, 99);
    let put = |id: &SnapshotId| {
        let object = sealed(&device, *id, "milestone");
        device.remote.put_labels(*id, None, object.clone()).unwrap();
        (*id, object)
    };
    let mut labels: std::collections::HashMap<_, _> = ids.iter().map(put).collect();
    assert_eq!(device.remote.labels().unwrap(), labels);
    assert_eq!(device.remote.labels_of(ids[3]).unwrap().as_ref(), labels.get(&ids[3]));
    assert_eq!(device.remote.labels_of(unlabelled).unwrap(), None);
    // Another device of the user sees them; hidden snapshots show none until they are back.
    let sister = site.device("anna");
    site.run(Command::SnapshotDelete { ids: vec![ids[0].to_string()] }).unwrap();
    let hidden = labels.remove(&ids[0]).unwrap();
    assert_eq!(sister.remote.labels().unwrap(), labels);
    assert_eq!(sister.remote.labels_of(ids[0]).unwrap_err().code, Code::SnapshotUnknown);
    let refused = sister.remote.put_labels(ids[0], hash(&hidden), sealed(&sister, ids[0], "new"));
    assert_eq!(refused.unwrap_err().code, Code::SnapshotUnknown);
    site.run(Command::SnapshotUndelete { ids: vec![ids[0].to_string()] }).unwrap();
    assert_eq!(sister.remote.labels_of(ids[0]).unwrap(), Some(hidden));
    // One that is damaged hides no other.
    std::fs::write(site.object_path(&format!("vaults/{}/labels/{}", device.vault(), ids[1])), [7; 9_000])
        .unwrap();
    let given = device.remote.labels().unwrap();
    assert_eq!((given.len(), given[&ids[1]].len()), (70, 0));
    let looks = || [Command::Check, Command::Verify { read_data: false }].map(|look| site.run(look).unwrap());
    for found in looks() {
        assert_eq!(found.exit_status(), model::code::exit::DAMAGED);
        assert!(found.to_string().contains(&ids[1].to_string()), "{found}");
    }
    let anew = sealed(&device, ids[1], "anew");
    device.remote.put_labels(ids[1], hash(b""), anew.clone()).unwrap();
    assert_eq!(device.remote.labels_of(ids[1]).unwrap(), Some(anew));
    assert_eq!(looks().map(|found| found.exit_status()), [0, 0]);
}

#[test]
fn of_two_devices_the_later_one_is_told() {
    let site = Site::new();
    let (device, sister) = (site.device("anna"), site.device("anna"));
    let id = back_up(&device, 1);
    let [first, second] = ["first", "second"].map(|label| sealed(&device, id, label));
    device.remote.put_labels(id, None, first.clone()).unwrap();
    let refused = sister.remote.put_labels(id, None, second.clone()).unwrap_err();
    assert_eq!(refused.code, Code::LabelsChanged);
    sister.remote.put_labels(id, hash(&first), second.clone()).unwrap();
    // An answer that was lost: the same again.
    sister.remote.put_labels(id, hash(&first), second.clone()).unwrap();
    assert_eq!(device.remote.put_labels(id, hash(&first), first).unwrap_err().code, Code::LabelsChanged);
    assert_eq!(device.remote.labels_of(id).unwrap(), Some(second));
}

#[test]
fn what_is_too_large_malformed_or_not_ones_own_is_refused() {
    let site = Site::new();
    let device = site.device("anna");
    let id = back_up(&device, 1);
    let path = routes::snapshot_labels(device.vault(), id);
    let put = |query: &str, headers: &str, body: &[u8]| {
        let answer = site.request(&device, &format!("PUT {path}{query}"), headers, body);
        (answer.status, answer.code())
    };
    let good = sealed(&device, id, "milestone");
    let invalid = (400, "request_invalid".to_owned());
    let large = vec![0; limits::LABELS + 1];
    assert_eq!(put("", BINARY, &large), (413, "request_too_large".to_owned()));
    assert_eq!(put("", BINARY, &large[1..]), invalid);
    assert_eq!(put("", BINARY, b""), invalid);
    assert_eq!(put("", BINARY, &sealed(&device, SnapshotId::random(), "another's")), invalid);
    assert_eq!(put("?replaces=abc", BINARY, &good), invalid);
    assert_eq!(put("", "content-type: application/json\r\n", &good), invalid);
    let replaced = format!("?replaces={}", hash(b"nothing that is there").unwrap());
    assert_eq!(put(&replaced, BINARY, &good), (409, "labels_changed".to_owned()));
    let unknown = routes::snapshot_labels(device.vault(), SnapshotId::random());
    let answer = site.request(&device, &format!("PUT {unknown}"), BINARY, &good);
    assert_eq!((answer.status, answer.code().as_str()), (404, "snapshot_unknown"));
    let stranger = site.device("bert");
    for line in
        [format!("GET {}", routes::labels(device.vault())), format!("GET {path}"), format!("PUT {path}")]
    {
        let answer = site.request(&stranger, &line, BINARY, &good);
        assert_eq!((answer.status, answer.code().as_str()), (404, "vault_unknown"), "{line}");
    }
    assert!(site.objects(&format!("vaults/{}/labels/", device.vault())).is_empty());
}
