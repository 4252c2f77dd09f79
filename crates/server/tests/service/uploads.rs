//! Packs: what is stored, what is refused, what a repeated or hostile upload gets.

use crate::support::Site;
use crate::support::agent::noise;
use crate::support::device::Device;
use crate::support::raw::{head, read};
use api::routes;
use engine::remote::{Lease, Remote};
use format::keys::Keyring;
use format::pack::TRAILER_LEN;
use model::{Code, Custody, PackId, VaultId};
use server::admin::Command;
use std::io::Write;

fn headers(device: &Device) -> String {
    let counter = device.counter.0.lock().unwrap().unwrap();
    format!("content-type: application/octet-stream\r\nholdfast-counter: {counter}\r\n")
}

fn line(device: &Device, lease: &Lease, pack: PackId) -> String {
    format!("PUT {}", routes::pack(device.vault(), lease.id, pack))
}

fn packs(site: &Site, device: &Device) -> usize {
    site.objects(&format!("vaults/{}/packs/", device.vault())).len()
}

#[test]
fn a_pack_is_stored_once_and_counted() {
    let site = Site::new();
    let device = site.device("anna");
    let lease = device.grant("default");
    let pack = device.agent.data_pack(&[vec![noise(1, 100), noise(2, 100)]]);
    assert!(device.send(&lease, &pack));
    assert!(!device.send(&lease, &pack));
    let again = device.agent.data_pack(&[vec![noise(1, 100), noise(3, 100), noise(4, 100)]]);
    let other = device.grant("another");
    assert!(device.send(&other, &again));
    // What a run has brought itself it knows, and nothing counts it.
    let own = device.agent.data_pack(&[vec![noise(3, 100)]]);
    assert!(device.send(&other, &own));
    let uploads = site.json(Command::Stats)["uploads"].clone();
    assert_eq!((uploads["packs"].as_u64(), uploads["duplicate_packs"].as_u64()), (Some(3), Some(1)));
    assert_eq!((uploads["chunks"].as_u64(), uploads["duplicate_chunks"].as_u64()), (Some(6), Some(1)));
    let bytes = (pack.bytes.len() + again.bytes.len() + own.bytes.len()) as u64;
    assert_eq!(uploads["received_bytes"].as_u64(), Some(bytes));
}

#[test]
fn the_counters_outlive_the_process() {
    let mut site = Site::new();
    let device = site.device("anna");
    let lease = device.grant("default");
    device.send(&lease, &device.agent.data_pack(&[vec![noise(1, 100)]]));
    let before = site.json(Command::Stats)["uploads"].clone();
    assert_eq!(before["packs"].as_u64(), Some(1));
    site.restart();
    assert_eq!(site.json(Command::Stats)["uploads"], before);
}

#[test]
fn other_bytes_under_a_known_id_are_a_conflict() {
    let site = Site::new();
    let device = site.device("anna");
    let lease = device.grant("default");
    let pack = device.agent.data_pack(&[vec![noise(1, 100)]]);
    device.send(&lease, &pack);
    let other = device.agent.data_pack(&[vec![noise(1, 100)]]);
    let renamed = site.request(&device, &line(&device, &lease, pack.id), &headers(&device), &other.bytes);
    assert_eq!(renamed.code(), "pack_invalid");
    // The same id, an own salt: made by an agent that went on with a pack that it should have thrown away.
    let mut bytes = pack.bytes.clone();
    let length = bytes.len();
    bytes[100] ^= 1;
    let damaged = site.request(&device, &line(&device, &lease, pack.id), &headers(&device), &bytes);
    assert!(["pack_invalid", "pack_conflict"].contains(&damaged.code().as_str()), "{damaged:?}");
    assert_eq!(length, pack.bytes.len());
    assert_eq!(packs(&site, &device), 1);
}

#[test]
fn what_is_no_pack_leaves_nothing() {
    let site = Site::new();
    let device = site.device("anna");
    let lease = device.grant("default");
    let pack = device.agent.data_pack(&[vec![noise(1, 5_000)], vec![noise(2, 5_000)]]);
    let stranger = Keyring::create(VaultId::random(), Custody::Managed);
    let foreign =
        crate::support::agent::Agent::new(stranger, device.agent.device).data_pack(&[vec![noise(1, 10)]]);
    let flipped = |at: usize| {
        let mut bytes = pack.bytes.clone();
        bytes[at] ^= 1;
        bytes
    };
    let end = pack.bytes.len();
    let mut later = pack.bytes.clone();
    later[12..16].copy_from_slice(&7u32.to_le_bytes());
    let cases: Vec<(PackId, Vec<u8>)> = vec![
        (pack.id, Vec::new()),
        (pack.id, b"nonsense".to_vec()),
        (pack.id, pack.bytes[..end / 2].to_vec()),
        (pack.id, pack.bytes[..end - 1].to_vec()),
        (pack.id, [&pack.bytes[..], b"more"].concat()),
        (pack.id, flipped(90)),
        (pack.id, flipped(end - TRAILER_LEN + 5)),
        (pack.id, later),
        (PackId::random(), pack.bytes.clone()),
        (foreign.id, foreign.bytes.clone()),
    ];
    for (number, (id, bytes)) in cases.into_iter().enumerate() {
        let answer = site.request(&device, &line(&device, &lease, id), &headers(&device), &bytes);
        assert_eq!((answer.status, answer.code().as_str()), (422, "pack_invalid"), "case {number}");
        assert_eq!(packs(&site, &device), 0, "case {number}");
    }
    assert!(device.send(&lease, &pack));
}

#[test]
fn a_pack_says_its_length_and_keeps_to_it() {
    let site = Site::new();
    let device = site.device("anna");
    let lease = device.grant("default");
    let pack = device.agent.data_pack(&[vec![noise(1, 100)]]);
    let line = line(&device, &lease, pack.id);
    let head = head(&device, &line, &headers(&device), pack.bytes.len());
    let without =
        head.replace(&format!("content-length: {}\r\n", pack.bytes.len()), "transfer-encoding: chunked\r\n");
    assert_eq!(site.send(&without, b"0\r\n\r\n").code(), "request_invalid");
    let too_large =
        head.replace(&format!("length: {}", pack.bytes.len()), &format!("length: {}", (40 << 20) + 1));
    assert_eq!(site.send(&too_large, b"").code(), "request_too_large");
    let json = head.replace("application/octet-stream", "application/json");
    assert_eq!(site.send(&json, &pack.bytes).code(), "request_invalid");
    // A connection that breaks in the middle leaves nothing, and the next try is as good as the first.
    let mut stream = site.stream();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&pack.bytes[..50]).unwrap();
    stream.flush().unwrap();
    drop(stream);
    assert!(device.send(&lease, &pack));
    assert_eq!(packs(&site, &device), 1);
}

#[test]
fn a_pack_may_come_slowly() {
    let site = Site::new();
    let device = site.device("anna");
    let lease = device.grant("default");
    let pack = device.agent.data_pack(&[vec![noise(1, 2_000)]]);
    let mut stream = site.stream();
    let head = head(&device, &line(&device, &lease, pack.id), &headers(&device), pack.bytes.len());
    stream.write_all(head.as_bytes()).unwrap();
    for piece in pack.bytes.chunks(97) {
        stream.write_all(piece).unwrap();
        stream.flush().unwrap();
    }
    assert_eq!(read(&mut stream).status, 200);
    assert_eq!(packs(&site, &device), 1);
}

#[test]
fn look_ups_find_what_is_there() {
    let site = Site::new();
    let device = site.device("anna");
    let lease = device.grant("default");
    let chunks = [noise(1, 100), noise(2, 100)];
    let pack = device.agent.data_pack(&[chunks.to_vec()]);
    device.send(&lease, &pack);
    let ids = [&chunks[1], &noise(3, 100)].map(|chunk| device.agent.keys.chunk_id(chunk));
    let found = device.remote.look_up(lease.id, &ids).unwrap();
    assert_eq!(found, [Some(pack.at(0, 1)), None]);
    let refused = |body: &[u8]| {
        let line = format!("POST {}", routes::lookup(device.vault(), lease.id));
        site.request(&device, &line, &headers(&device), body).code()
    };
    assert_eq!(refused(&[0; 15]), "request_invalid");
    assert_eq!(refused(&[]), "request_invalid");
    assert_eq!(refused(&vec![0; 16 * 16_385]), "request_too_large");
    assert_eq!(device.remote.look_up(lease.id, &vec![ids[0]; 16_384]).unwrap().len(), 16_384);
    let stranger = site.device("bert");
    let theirs = stranger.grant("default");
    assert_eq!(stranger.remote.look_up(theirs.id, &ids).unwrap(), [None, None]);
    assert_eq!(device.remote.look_up(theirs.id, &ids).unwrap_err().code, Code::LeaseUnknown);
}
