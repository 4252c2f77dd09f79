//! Leases: who may use one, for how long, and with which number.

use crate::attacker::{Attacker, Lease};
use e2e::raw::Answer;
use e2e::{Agent, Site};
use format::snapshot::ClearPart;
use model::{Code, LeaseId};

fn other_user(site: &Site) -> Attacker {
    site.server.add_user("bert", &[]);
    let agent = Agent::at(&site.path("state-bert"));
    agent.activate(&site.server.token("bert"), &[]);
    Attacker::of(site, &agent)
}

/// The answers to every kind of request below a lease.
fn below(attacker: &Attacker, lease: Lease) -> Vec<Answer> {
    let (vault, raw) = (attacker.vault, &attacker.raw);
    let forged = attacker.forge(b"content");
    let lookup = raw.request("POST", api::routes::lookup(vault, lease.id)).counter(lease.counter);
    let frames = raw.request("POST", api::routes::lease_frames(vault, lease.id)).counter(lease.counter);
    vec![
        attacker.send_pack(lease, &forged.data),
        attacker.commit(lease, forged.snapshot, &forged.record),
        lookup.binary([7; 16]).send(),
        frames.binary([7; 20]).send(),
    ]
}

#[track_caller]
fn all_refused(attacker: &Attacker, lease: Lease, code: Code) {
    for answer in below(attacker, lease) {
        answer.refused(code);
    }
}

#[test]
fn a_lease_is_its_devices_alone() {
    let site = Site::new();
    let (laptop, desktop) = (site.device("laptop"), site.device("desktop"));
    let (laptop, desktop) = (Attacker::of(&site, &laptop), Attacker::of(&site, &desktop));
    let stranger = other_user(&site);
    assert_eq!(laptop.vault, desktop.vault, "both devices of one user share a vault");
    let lease = laptop.lease();

    all_refused(&desktop, lease, Code::LeaseUnknown);
    all_refused(&stranger, lease, Code::LeaseUnknown);
    all_refused(&laptop, Lease { id: LeaseId::random(), counter: lease.counter }, Code::LeaseUnknown);
    // Nor can another device give it back.
    let path = api::routes::lease(laptop.vault, lease.id);
    desktop.raw.request("DELETE", path.as_str()).counter(lease.counter).send().refused(Code::LeaseUnknown);
    let pack = laptop.data_pack(&[b"content"]);
    laptop.store_pack(lease, &pack);
    laptop.raw.request("DELETE", path).counter(lease.counter).send().expect(204);
    all_refused(&laptop, lease, Code::LeaseUnknown);
}

#[test]
fn a_lease_goes_with_its_number_only() {
    let site = Site::new();
    let attacker = Attacker::of(&site, &site.device("laptop"));
    let lease = attacker.lease();
    for counter in [0, lease.counter - 1, lease.counter + 1, u64::MAX] {
        all_refused(&attacker, Lease { counter, ..lease }, Code::DeviceCloned);
    }
    let pack = attacker.data_pack(&[b"content"]);
    let request = attacker.pack_request(lease, pack.id).binary(pack.bytes.clone());
    for counter in ["", "one", "-1", "1.0", "99999999999999999999999"] {
        request.clone().header("holdfast-counter", counter).send().refused(Code::RequestInvalid);
    }
    request.without("holdfast-counter").send().refused(Code::RequestInvalid);
    attacker.store_pack(lease, &pack);
}

#[test]
fn a_later_run_of_the_set_takes_over() {
    let site = Site::new();
    let attacker = Attacker::of(&site, &site.device("laptop"));
    let first = attacker.lease();
    let kept = attacker.data_pack(&[b"sent under the first lease"]);
    attacker.store_pack(first, &kept);
    let other_set = attacker.lease_of(ClearPart::set_id(attacker.device, b"another set"));
    attacker.store_pack(first, &attacker.data_pack(&[b"a set of its own disturbs nobody"]));
    let second = attacker.lease();
    all_refused(&attacker, first, Code::LeaseSuperseded);
    attacker.store_pack(second, &attacker.data_pack(&[b"sent under the second lease"]));
    attacker.store_pack(other_set, &attacker.data_pack(&[b"and this under that of the other set"]));
    assert_eq!(attacker.send_pack(second, &kept).expect(200).json()["stored"], false);
}

#[test]
fn a_lease_ends_at_its_deadline() {
    let mut site = Site::new();
    let clock = site.path("clock");
    site.server.stop();
    site.server.set("HOLDFAST_TEST_CLOCK", clock.to_str().unwrap());
    site.server.start();
    let attacker = Attacker::of(&site, &site.device("laptop"));
    let lease = attacker.lease();
    let forged = attacker.forge(b"content");
    std::fs::write(&clock, (7 * 86_400 - 600).to_string()).unwrap();
    attacker.store_pack(lease, &forged.data);
    std::fs::write(&clock, (7 * 86_400 + 600).to_string()).unwrap();
    all_refused(&attacker, lease, Code::LeaseExpired);
    // A new one goes on with what was sent.
    let lease = attacker.lease();
    attacker.store_pack(lease, &forged.hunks);
    attacker.commit(lease, forged.snapshot, &forged.record).expect(200);
    assert_eq!(attacker.snapshots(), [forged.snapshot]);
}
