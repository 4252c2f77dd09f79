//! Uploads: packs that break the format, that are another's, that stop half-way.

use crate::attacker::{Attacker, BuiltPack, Lease};
use e2e::Site;
use e2e::raw::Answer;
use model::{Code, PackId, VaultId};
use std::io::Write;
use std::path::PathBuf;

struct Scene {
    site: Site,
    attacker: Attacker,
    lease: Lease,
}

impl Scene {
    fn new() -> Self {
        let site = Site::new();
        let agent = site.device("laptop");
        let attacker = Attacker::of(&site, &agent);
        let lease = attacker.lease();
        Self { site, attacker, lease }
    }

    /// The packs that lie in the store under their names.
    fn stored(&self) -> Vec<PathBuf> {
        let packs = self.site.server.data().join(format!("store/blobs/vaults/{}/packs", self.attacker.vault));
        if packs.exists() { e2e::tree::files(&packs) } else { Vec::new() }
    }

    #[track_caller]
    fn assert_nothing_stored(&self) {
        assert_eq!(self.stored(), [] as [PathBuf; 0]);
        let stats = self.site.server.json(["stats"]);
        assert_eq!(
            (&stats["uploads"]["packs"], &stats["vaults"][0]["packs"]),
            (&0.into(), &0.into()),
            "{stats}"
        );
    }

    fn send(&self, pack: PackId, bytes: &[u8]) -> Answer {
        self.attacker.pack_request(self.lease, pack).binary(bytes).send()
    }
}

/// Content that compression leaves as it is.
fn noise(length: usize) -> Vec<u8> {
    e2e::random::Random::new().bytes(length)
}

#[test]
fn packs_that_break_the_format_are_refused_and_not_kept() {
    let scene = Scene::new();
    let good = scene.attacker.data_pack(&[&noise(40_000), b"a second chunk"]);
    let refused = |bytes: &[u8]| {
        scene.send(good.id, bytes).refused(Code::PackInvalid);
    };
    refused(b"");
    refused(b"no pack");
    refused(&noise(1 << 20));
    let length = good.bytes.len();
    for cut in [1, 79, 80, 100, length / 2, length - 45, length - 1] {
        refused(&good.bytes[..cut]);
    }
    refused(&[good.bytes.as_slice(), b"more"].concat());
    refused(&[good.bytes.as_slice(), &good.bytes].concat());
    // In the header, the salt, the length of a frame, the frame, the table, its hash.
    for at in [0, 9, 40, 80, length / 2, length - 60, length - 20, length - 1] {
        let mut bytes = good.bytes.clone();
        bytes[at] ^= 0x40;
        let answer = scene.send(good.id, &bytes);
        assert!(!answer.refused(Code::PackInvalid).is_null(), "byte {at}");
    }
    scene.assert_nothing_stored();
    scene.attacker.store_pack(scene.lease, &good);
    assert_eq!(scene.stored().len(), 1);
    scene.site.server.verify();
}

#[test]
fn a_pack_of_another_vault_or_id_is_refused() {
    let scene = Scene::new();
    let attacker = &scene.attacker;
    let foreign = attacker.data_pack_as(VaultId::random(), PackId::random(), &[b"content"]);
    attacker.send_pack(scene.lease, &foreign).refused(Code::PackInvalid);
    let good = attacker.data_pack(&[b"content"]);
    let renamed = BuiltPack { id: PackId::random(), bytes: good.bytes.clone() };
    attacker.send_pack(scene.lease, &renamed).refused(Code::PackInvalid);
    // Generations above 0 are for the server alone.
    let mut later = good.clone();
    later.bytes[12] = 1;
    attacker.send_pack(scene.lease, &later).refused(Code::PackInvalid);
    scene.assert_nothing_stored();
}

#[test]
fn the_same_pack_again_is_answered_and_another_one_under_its_id_is_a_conflict() {
    let scene = Scene::new();
    let attacker = &scene.attacker;
    let pack = attacker.data_pack(&[b"content"]);
    let first = attacker.send_pack(scene.lease, &pack).expect(200).json();
    let again = attacker.send_pack(scene.lease, &pack).expect(200).json();
    assert_eq!((&first["stored"], &again["stored"]), (&true.into(), &false.into()));
    assert_eq!(first["sequence"], again["sequence"]);
    let uploads = &scene.site.server.json(["stats"])["uploads"];
    assert_eq!((&uploads["packs"], &uploads["duplicate_packs"]), (&1.into(), &1.into()));

    let before = std::fs::read(&scene.stored()[0]).unwrap();
    let other = attacker.data_pack_as(attacker.vault, pack.id, &[b"something else"]);
    attacker.send_pack(scene.lease, &other).refused(Code::PackConflict);
    assert!(std::fs::read(&scene.stored()[0]).unwrap() == before, "the first one stays");
    scene.site.server.verify();
}

#[test]
fn an_upload_that_breaks_off_leaves_nothing_visible() {
    let scene = Scene::new();
    let pack = scene.attacker.data_pack(&[&noise(3 << 20)]);
    let length = pack.bytes.len();
    for part in [1, length / 2, length - 1] {
        let request = scene.attacker.pack_request(scene.lease, pack.id);
        let mut stream = request.header("content-length", &length.to_string()).begin_body();
        stream.write_all(&pack.bytes[..part]).unwrap();
        stream.flush().unwrap();
        drop(stream);
    }
    scene.assert_nothing_stored();
    scene.attacker.store_pack(scene.lease, &pack);
    scene.site.server.verify();
}

#[test]
fn two_uploads_of_one_pack_at_once_are_one_pack() {
    let scene = Scene::new();
    let pack = scene.attacker.data_pack(&[&noise(200_000)]);
    let length = pack.bytes.len().to_string();
    let request = || scene.attacker.pack_request(scene.lease, pack.id).header("content-length", &length);
    let mut first = request().begin_body();
    let mut second = request().begin_body();
    first.write_all(&pack.bytes[..1_000]).unwrap();
    second.write_all(&pack.bytes).unwrap();
    let answer = Answer::read(&mut second).expect(200);
    assert_eq!(answer.json()["stored"], true);
    first.write_all(&pack.bytes[1_000..]).unwrap();
    let answer = Answer::read(&mut first).expect(200);
    assert_eq!(answer.json()["stored"], false);
    assert_eq!(scene.stored().len(), 1);
    scene.site.server.verify();
}

#[test]
fn a_body_that_stops_coming_is_given_up_and_holds_nobody_up() {
    let scene = Scene::new();
    let pack = scene.attacker.data_pack(&[b"content"]);
    let length = pack.bytes.len();
    let request = scene.attacker.pack_request(scene.lease, pack.id);
    let mut slow = request.header("content-length", &length.to_string()).begin_body();
    slow.write_all(&pack.bytes[..length / 2]).unwrap();
    slow.flush().unwrap();
    // Meanwhile the same pack goes through.
    scene.attacker.store_pack(scene.lease, &pack);
    Answer::read(&mut slow).refused(Code::RequestTimeout);
    scene.site.server.verify();
}
