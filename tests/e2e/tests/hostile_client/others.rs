//! What belongs to somebody else, or was deleted, or is not reached by a snapshot: knowing its id gives nothing.

use crate::attacker::Attacker;
use api::routes;
use api::vaults::Holder;
use e2e::{Agent, Site};
use format::snapshot::SnapshotRecord;
use model::{Code, PackId, SnapshotId, VaultId};
use std::path::{Path, PathBuf};

struct Victim {
    attacker: Attacker,
    snapshot: SnapshotId,
    frame: (PackId, u32),
}

/// Backs a file up and tells where its list lies.
fn backed_up(site: &Site, agent: &Agent, folder: &Path, content: &str) -> Victim {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("file"), content).unwrap();
    let summary = agent.backup(&[folder]);
    let snapshot: SnapshotId = summary["snapshot"].as_str().unwrap().parse().unwrap();
    let attacker = Attacker::of(site, agent);
    let answer = attacker.raw.get(routes::snapshot(attacker.vault, snapshot)).expect(200);
    let record = SnapshotRecord::decode(&answer.body).unwrap();
    let first = record.clear.hunks.as_slice()[0];
    Victim { attacker, snapshot, frame: (first.pack, first.frame) }
}

fn bert(site: &Site) -> Agent {
    site.server.add_user("bert", &[]);
    let agent = Agent::at(&site.path("state-bert"));
    agent.activate(&site.server.token("bert"), &[]);
    agent
}

/// What the server says to a wish for one frame of a snapshot: its record's code, or nothing when it was given.
#[track_caller]
fn frame_code(by: &Attacker, snapshot: SnapshotId, frame: (PackId, u32)) -> Option<String> {
    let list = api::binary::write_frame_list(&[frame]);
    let request = by.raw.request("POST", routes::snapshot_frames(by.vault, snapshot));
    let answer = request.binary(list).send().expect(200);
    let mut reader = api::binary::RecordReader::frames();
    match reader.next_record(&mut answer.body.as_slice()).unwrap().expect("one record") {
        api::binary::Record::Object(_) => None,
        api::binary::Record::Refusal(code) => Some(code),
    }
}

#[test]
fn another_users_things_are_answered_like_what_does_not_exist() {
    let site = Site::new();
    let own = backed_up(&site, &site.device("laptop"), &site.path("own"), "own content");
    let victim = backed_up(&site, &bert(&site), &site.path("victim"), "the victim's content");
    let (raw, vault) = (&own.attacker.raw, victim.attacker.vault);
    let device = victim.attacker.device;

    let same = |path: &dyn Fn(VaultId) -> String, code: Code| {
        // Word for word, but for the id that was asked for.
        let of = |vault: VaultId| {
            raw.get(path(vault)).refused(code)["detail"].to_string().replace(&vault.to_string(), "")
        };
        assert_eq!(of(vault), of(VaultId::random()));
    };
    same(&routes::vault, Code::VaultUnknown);
    same(&routes::snapshots, Code::VaultUnknown);
    same(&routes::index, Code::VaultUnknown);
    same(&routes::damage, Code::VaultUnknown);
    same(&routes::labels, Code::VaultUnknown);
    same(&|vault| routes::snapshot_labels(vault, victim.snapshot), Code::VaultUnknown);
    let request = raw.request("PUT", routes::snapshot_labels(vault, victim.snapshot));
    request.binary("labels").send().refused(Code::VaultUnknown);
    same(&|vault| routes::snapshot(vault, victim.snapshot), Code::VaultUnknown);
    for holder in [Holder::Org, Holder::Recovery, Holder::Device(device), Holder::Device(own.attacker.device)]
    {
        same(&|vault| routes::key(vault, holder), Code::VaultUnknown);
    }
    let list = api::binary::write_frame_list(&[victim.frame]);
    let request = raw.request("POST", routes::snapshot_frames(vault, victim.snapshot));
    request.binary(list).send().refused(Code::VaultUnknown);
    let request = raw.request("POST", routes::leases(vault));
    let wish = serde_json::json!({"set": own.attacker.set, "counter": null});
    request.json(&wish).send().refused(Code::VaultUnknown);
    let request = raw.request("PUT", routes::key(vault, Holder::Device(own.attacker.device)));
    request.binary("a key").send().refused(Code::VaultUnknown);

    // In the attacker's own vault the victim's ids mean nothing.
    raw.get(routes::snapshot(own.attacker.vault, victim.snapshot)).refused(Code::SnapshotUnknown);
    raw.get(routes::snapshot_labels(own.attacker.vault, victim.snapshot)).refused(Code::SnapshotUnknown);
    assert_eq!(frame_code(&own.attacker, own.snapshot, victim.frame).as_deref(), Some("not_found"));
    assert_eq!(frame_code(&own.attacker, own.snapshot, own.frame), None, "its own frame is given");
    let lease = own.attacker.lease();
    let request = raw.request("POST", routes::lease_frames(own.attacker.vault, lease.id));
    let answer = request.counter(lease.counter).binary(api::binary::write_frame_list(&[victim.frame])).send();
    assert!(answer.expect(200).body.ends_with(b"not_found"));
    // A commit that refers to them finds them missing.
    let snapshot = SnapshotId::random();
    let hunks = [format::ranges::Address { pack: victim.frame.0, frame: victim.frame.1, ordinal: 0 }];
    let clear = own.attacker.clear(snapshot, hunks.into_iter().collect());
    let hunk = own.attacker.hunk(&format::ranges::RangeList::new(), &[]);
    own.attacker.commit(lease, snapshot, &own.attacker.record(clear, &hunk)).refused(Code::RangesMissing);
}

#[test]
fn a_device_reads_no_keys_but_its_own() {
    let site = Site::new();
    let (laptop, desktop) = (site.device("laptop"), site.device("desktop"));
    let (laptop, desktop) = (Attacker::of(&site, &laptop), Attacker::of(&site, &desktop));
    let key = |holder| laptop.raw.get(routes::key(laptop.vault, holder));
    key(Holder::Device(laptop.device)).expect(200);
    key(Holder::Device(desktop.device)).refused(Code::KeyMissing);
    key(Holder::Org).refused(Code::KeyMissing);
    key(Holder::Recovery).refused(Code::KeyMissing);
    // Nor does it write another's.
    for holder in [Holder::Device(desktop.device), Holder::Org, Holder::Recovery] {
        let request = laptop.raw.request("PUT", routes::key(laptop.vault, holder));
        request.binary("another key").send().refused(Code::RequestInvalid);
    }
    let stored = desktop.raw.get(routes::key(desktop.vault, Holder::Device(desktop.device))).expect(200);
    assert!(stored.body.starts_with(b"age-encryption.org/"), "it is still the wrapped key");
}

#[test]
fn frames_are_reached_through_a_snapshot_that_refers_to_them() {
    let site = Site::new();
    let agent = site.device("laptop");
    let first = backed_up(&site, &agent, &site.path("first"), "the first content");
    let second = backed_up(&site, &agent, &site.path("second"), "the second content");
    assert_ne!(first.frame.0, second.frame.0);
    let code = |snapshot, frame| frame_code(&first.attacker, snapshot, frame);
    assert_eq!(code(first.snapshot, first.frame), None);
    assert_eq!(code(second.snapshot, second.frame), None);
    assert_eq!(code(first.snapshot, second.frame).as_deref(), Some("not_found"));
    assert_eq!(code(second.snapshot, first.frame).as_deref(), Some("not_found"));
    assert_eq!(code(first.snapshot, (first.frame.0, 99)).as_deref(), Some("not_found"));
    assert_eq!(code(first.snapshot, (PackId::random(), 0)).as_deref(), Some("not_found"));

    // A deleted snapshot reaches nothing any more.
    site.server.run(["snapshot", "delete", &second.snapshot.to_string()]).ok();
    let raw = &first.attacker.raw;
    raw.get(routes::snapshot(first.attacker.vault, second.snapshot)).refused(Code::SnapshotUnknown);
    let request = raw.request("POST", routes::snapshot_frames(first.attacker.vault, second.snapshot));
    request.binary(api::binary::write_frame_list(&[second.frame])).send().refused(Code::SnapshotUnknown);
}

#[test]
fn a_device_can_delete_nothing() {
    let site = Site::new();
    let agent = site.device("laptop");
    let own = backed_up(&site, &agent, &site.path("own"), "content");
    let (raw, vault) = (&own.attacker.raw, own.attacker.vault);
    let lease = own.attacker.lease();
    let before = stored(&site);
    let paths = [
        routes::vaults(),
        routes::vault(vault),
        routes::snapshots(vault),
        routes::snapshot(vault, own.snapshot),
        routes::pack(vault, lease.id, own.frame.0),
        routes::commit(vault, lease.id, own.snapshot),
        routes::index(vault),
        routes::damage(vault),
        routes::labels(vault),
        routes::snapshot_labels(vault, own.snapshot),
        routes::key(vault, Holder::Device(own.attacker.device)),
        routes::key(vault, Holder::Org),
        format!("/v1/vaults/{vault}/packs/{}", own.frame.0),
        format!("/v1/vaults/{vault}/deleted/{}", own.snapshot),
    ];
    for path in &paths {
        for method in ["DELETE", "PATCH", "POST"] {
            let answer = raw.request(method, path.as_str()).counter(lease.counter).json(&()).send();
            assert!((400..500).contains(&answer.status), "{method} {path}: {answer}");
        }
    }
    for path in ["admin", "users", "settings", "cleanup", "retention", "snapshots"] {
        raw.get(format!("/v1/{path}")).refused(Code::NotFound);
    }
    assert_eq!(own.attacker.snapshots(), [own.snapshot]);
    assert_eq!(stored(&site), before);
    agent.run(["verify", "latest", "--read-data"]).ok();
}

/// Everything in the store by name and size.
fn stored(site: &Site) -> Vec<(PathBuf, u64)> {
    let files = e2e::tree::files(&site.server.data().join("store/blobs"));
    files.into_iter().map(|path| (path.clone(), path.metadata().unwrap().len())).collect()
}
