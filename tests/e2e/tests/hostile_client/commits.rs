//! Commits: of what is not there, of what cannot be, of what is another's, and twice.

use crate::attacker::Attacker;
use e2e::Site;
use format::ranges::{Range, RangeList};
use format::snapshot::ClearPart;
use model::{Code, DeviceId, PackId, SetId, SnapshotId, VaultId};
use serde_json::json;

fn scene() -> (Site, Attacker) {
    let site = Site::new();
    let agent = site.device("laptop");
    let attacker = Attacker::of(&site, &agent);
    (site, attacker)
}

/// A list of one range.
fn range(pack: PackId, frame: u32, first: u32, count: u32) -> RangeList {
    let mut list = RangeList::new();
    list.push_range(Range { pack, frame, first, count });
    list
}

#[test]
fn a_commit_is_accepted_only_when_all_its_packs_are_there() {
    let (site, attacker) = scene();
    let lease = attacker.lease();
    let forged = attacker.forge(b"content that is never sent at first");
    let commit = || attacker.commit(lease, forged.snapshot, &forged.record);

    let refused = commit().refused(Code::RangesMissing);
    assert_eq!(refused["missing"], json!([[forged.hunks.id, 0]]), "the hunks are not there yet");
    attacker.store_pack(lease, &forged.hunks);
    let refused = commit().refused(Code::RangesMissing);
    assert_eq!(refused["missing"], json!([[forged.data.id, 0]]), "the content is not there yet");
    assert_eq!(attacker.snapshots(), [], "a refused snapshot is not visible");
    assert_eq!(site.server.json(["stats"])["snapshots"], 0);
    site.server.verify();

    attacker.store_pack(lease, &forged.data);
    commit().expect(200);
    assert_eq!(attacker.snapshots(), [forged.snapshot]);
    site.server.verify();
}

#[test]
fn ranges_that_cannot_be_are_refused() {
    let (site, attacker) = scene();
    let lease = attacker.lease();
    let content = b"two chunks".as_slice();
    let data = attacker.data_pack(&[content, b"the second"]);
    attacker.store_pack(lease, &data);
    let honest = attacker.hunk(&range(data.id, 0, 0, 1), &[content]);

    // A range that no frame can have does not even pass as a part of a pack.
    let absurd = attacker.hunk_pack(&honest, range(data.id, 0, 0, u32::MAX));
    attacker.send_pack(lease, &absurd).refused(Code::PackInvalid);
    // Of the content, in the clear table of the hunk's pack.
    for (lie, code) in [
        (range(data.id, 0, 1, 2), Code::SnapshotInvalid),
        (range(data.id, 0, 2, 1), Code::SnapshotInvalid),
        (range(data.id, 1, 0, 1), Code::RangesMissing),
        (range(PackId::random(), 0, 0, 1), Code::RangesMissing),
    ] {
        let hunks = attacker.hunk_pack(&honest, lie.clone());
        attacker.store_pack(lease, &hunks);
        let snapshot = SnapshotId::random();
        let clear = attacker.clear(snapshot, [hunks.at(0, 0)].into_iter().collect());
        attacker.commit(lease, snapshot, &attacker.record(clear, &honest)).refused(code);
    }
    // Content that says it lies in a pack of hunks, and hunks that say they lie in a pack of content.
    let hunks = attacker.hunk_pack(&honest, honest.references.clone());
    attacker.store_pack(lease, &hunks);
    let confused = attacker.hunk_pack(&honest, range(hunks.id, 0, 0, 1));
    attacker.store_pack(lease, &confused);
    for hunks in [range(confused.id, 0, 0, 1), range(data.id, 0, 0, 1), range(hunks.id, 0, 1, 1)] {
        let snapshot = SnapshotId::random();
        let record = attacker.record(attacker.clear(snapshot, hunks), &honest);
        attacker.commit(lease, snapshot, &record).refused(Code::SnapshotInvalid);
    }
    assert_eq!(attacker.snapshots(), []);
    site.server.verify();
}

#[test]
fn a_clear_list_that_differs_from_the_sealed_one_shows_as_damage_of_that_snapshot() {
    const DAMAGED: i32 = model::code::exit::DAMAGED as i32;
    let site = Site::new();
    let agent = site.device("laptop");
    let documents = site.path("documents");
    std::fs::create_dir(&documents).unwrap();
    std::fs::write(documents.join("letter"), "an honest letter").unwrap();
    let honest_summary = agent.backup(&[&documents]);

    // The server cannot see it: both chunks exist.
    let attacker = Attacker::of(&site, &agent);
    let lease = attacker.lease();
    let data = attacker.data_pack(&[b"one", b"two"]);
    let hunk = attacker.hunk(&range(data.id, 0, 0, 1), &[b"one"]);
    let hunks = attacker.hunk_pack(&hunk, range(data.id, 0, 1, 1));
    attacker.store_pack(lease, &data);
    attacker.store_pack(lease, &hunks);
    let snapshot = SnapshotId::random();
    let clear = attacker.clear(snapshot, [hunks.at(0, 0)].into_iter().collect());
    attacker.commit(lease, snapshot, &attacker.record(clear, &hunk)).expect(200);

    // Every reader can.
    let id = snapshot.to_string();
    for arguments in [["verify", &id].as_slice(), &["verify", &id, "--read-data"]] {
        let outcome = agent.run(arguments).expect(DAMAGED);
        assert!(outcome.stdout.contains("is damaged"), "{outcome}");
    }
    agent.run(["cat", &format!("{id}:/forged")]).fails_with(Code::DataDamaged);
    agent.run(["ls", "--recursive", &format!("{id}:/")]).fails_with(Code::DataDamaged);
    let target = site.path("forged");
    let outcome = agent.run(["restore", &id, "--to", target.to_str().unwrap()]);
    assert!([3, DAMAGED].contains(&outcome.status), "{outcome}");
    assert!(!target.join("forged").exists(), "nothing is restored of what is not certain");

    let honest = honest_summary["snapshot"].as_str().unwrap();
    agent.run(["verify", honest, "--read-data"]).ok();
    let target = site.path("restored");
    agent.restore(&format!("{honest}:{}", documents.display()), &target);
    e2e::tree::assert_equal(&documents, &target);
}

#[test]
fn a_record_of_another_vault_device_or_set_is_refused() {
    let (site, attacker) = scene();
    site.server.add_user("bert", &[]);
    let other = e2e::Agent::at(&site.path("state-bert"));
    other.activate(&site.server.token("bert"), &[]);
    let other = Attacker::of(&site, &other);

    let lease = attacker.lease();
    let forged = attacker.forge(b"content");
    attacker.store_pack(lease, &forged.data);
    attacker.store_pack(lease, &forged.hunks);
    let hunk = attacker.hunk(&range(forged.data.id, 0, 0, 1), &[b"content"]);
    let clear = || attacker.clear(SnapshotId::random(), range(forged.hunks.id, 0, 0, 1));
    let refused = |clear: ClearPart| {
        let snapshot = clear.snapshot;
        // Sealed for whatever vault it names, as far as the key goes.
        attacker.commit(lease, snapshot, &attacker.record(clear, &hunk)).refused(Code::SnapshotInvalid);
    };
    refused(ClearPart { vault: other.vault, ..clear() });
    refused(ClearPart { vault: VaultId::random(), ..clear() });
    refused(ClearPart { device: other.device, ..clear() });
    refused(ClearPart { device: DeviceId::random(), ..clear() });
    refused(ClearPart { set: SetId::random(), ..clear() });
    // Under another id than the record's own.
    let record = attacker.record(clear(), &hunk);
    attacker.commit(lease, SnapshotId::random(), &record).refused(Code::SnapshotInvalid);

    // Into the other's vault, with one's own lease and with the other's.
    let other_lease = other.lease();
    for lease in [lease, other_lease] {
        let path = api::routes::commit(other.vault, lease.id, forged.snapshot);
        let request = attacker.raw.request("PUT", path).counter(lease.counter);
        request.binary(forged.record.clone()).send().refused(Code::VaultUnknown);
    }
    attacker.commit(other_lease, forged.snapshot, &forged.record).refused(Code::LeaseUnknown);
    assert_eq!((attacker.snapshots(), other.snapshots()), (vec![], vec![]));
    attacker.commit(lease, forged.snapshot, &forged.record).expect(200);
    site.server.verify();
}

#[test]
fn a_repeated_commit_gets_the_first_answer_and_another_one_is_a_conflict() {
    let (mut site, attacker) = scene();
    let lease = attacker.lease();
    let forged = attacker.forge(b"content");
    attacker.store_pack(lease, &forged.data);
    attacker.store_pack(lease, &forged.hunks);
    let first = attacker.commit(lease, forged.snapshot, &forged.record).expect(200).json();
    let again = || attacker.commit(lease, forged.snapshot, &forged.record).expect(200).json();
    assert_eq!(again(), first, "the lease has ended by the commit, which matters to nobody who repeats it");
    site.server.kill();
    site.server.start();
    assert_eq!(again(), first);

    // The same id with another record: its salt differs.
    let lease = attacker.lease();
    let hunk = attacker.hunk(&range(forged.data.id, 0, 0, 1), &[b"content"]);
    let clear = attacker.clear(forged.snapshot, range(forged.hunks.id, 0, 0, 1));
    let conflict = attacker.record(clear, &hunk);
    attacker.commit(lease, forged.snapshot, &conflict).refused(Code::SnapshotConflict);
    let stored = attacker.raw.get(api::routes::snapshot(attacker.vault, forged.snapshot)).expect(200);
    assert!(stored.body == forged.record, "the first record stays");
    assert_eq!(attacker.snapshots(), [forged.snapshot]);
    assert_eq!(site.server.json(["stats"])["uploads"]["snapshots"], 1);
}

#[test]
fn a_record_that_breaks_the_format_is_refused() {
    let (site, attacker) = scene();
    let lease = attacker.lease();
    let forged = attacker.forge(b"content");
    attacker.store_pack(lease, &forged.data);
    attacker.store_pack(lease, &forged.hunks);
    let refused = |record: &[u8]| {
        attacker.commit(lease, forged.snapshot, record).refused(Code::SnapshotInvalid);
    };
    refused(b"");
    refused(b"no record at all");
    refused(&[0xff; 4096]);
    for length in [1, 20, forged.record.len() / 4] {
        refused(&forged.record[..length]);
    }
    assert_eq!(attacker.snapshots(), []);
    attacker.commit(lease, forged.snapshot, &forged.record).expect(200);
    site.server.verify();
}
