//! Too much of something: fields, bodies, requests at once, failed attempts. Each is refused with its code, and whoever
//! behaves goes on.

use crate::attacker::Attacker;
use api::{limits, routes};
use e2e::raw::{Answer, Raw};
use e2e::{Agent, Site};
use model::Code;
use serde_json::{Value, json};
use std::io::{Read, Write};

/// Attempts after which a limit of 20 a minute has shown itself on any machine.
const MANY: usize = 1_000;

fn scene() -> (Site, Agent, Attacker) {
    let site = Site::new();
    let agent = site.device("laptop");
    let attacker = Attacker::of(&site, &agent);
    (site, agent, attacker)
}

#[test]
fn bodies_above_their_limits_are_refused() {
    let (site, _, attacker) = scene();
    let (raw, vault) = (&attacker.raw, attacker.vault);
    let lease = attacker.lease();

    let padded = |length: usize| json!({"set": attacker.set, "counter": null, "more": "x".repeat(length)});
    let grant = |length| raw.request("POST", routes::leases(vault)).json(&padded(length)).send();
    grant(limits::JSON_BODY).refused(Code::RequestTooLarge);
    let create = |length| raw.request("POST", routes::vaults()).json(&padded(length)).send();
    create(limits::CREATE_VAULT_BODY).refused(Code::RequestTooLarge);
    // Below its limit it is read, and found to be something else.
    create(limits::JSON_BODY).refused(Code::RequestInvalid);
    let below =
        |path: String, body: Vec<u8>| raw.request("POST", path).counter(lease.counter).binary(body).send();
    let look_up = |length: usize| below(routes::lookup(vault, lease.id), vec![7; length]);
    let frames = |length: usize| below(routes::lease_frames(vault, lease.id), vec![7; length]);
    look_up(16 * limits::LOOKUP_IDS).expect(200);
    look_up(16 * (limits::LOOKUP_IDS + 1)).refused(Code::RequestTooLarge);
    frames(20 * limits::FRAMES).expect(200);
    frames(20 * (limits::FRAMES + 1)).refused(Code::RequestTooLarge);
    for wrong in [0, 15, 17] {
        look_up(wrong).refused(Code::RequestInvalid);
        frames(wrong).refused(Code::RequestInvalid);
    }
    let own = api::vaults::Holder::Device(attacker.device);
    let key = |length| raw.request("PUT", routes::key(vault, own)).binary(vec![7; length]).send();
    key(limits::SMALL_OBJECT + 1).refused(Code::RequestTooLarge);
    assert_eq!(site.server.json(["stats"])["uploads"]["packs"], 0);
    site.server.verify();
}

/// Packs and records are refused by the length that they say, before a byte of them is sent.
#[test]
fn large_bodies_are_refused_by_their_length() {
    let (site, _, attacker) = scene();
    let lease = attacker.lease();
    let pack = attacker.pack_request(lease, model::PackId::random());
    let record = routes::commit(attacker.vault, lease.id, model::SnapshotId::random());
    let record = attacker.raw.request("PUT", record).counter(lease.counter);
    let record = record.header("content-type", "application/octet-stream");
    for (request, limit) in [(pack, limits::PACK), (record, limits::SNAPSHOT)] {
        for length in [limit as u64 + 1, i64::MAX as u64] {
            let mut stream = request.clone().header("content-length", &length.to_string()).begin();
            Answer::read(&mut stream).refused(Code::RequestTooLarge);
        }
        let mut unsized_body = request.clone().header("transfer-encoding", "chunked").begin();
        unsized_body.write_all(b"1\r\nx\r\n0\r\n\r\n").unwrap();
        Answer::read(&mut unsized_body).refused(Code::RequestInvalid);
    }
    assert_eq!(site.server.json(["stats"])["uploads"]["packs"], 0);
    site.server.verify();
}

#[test]
fn fields_above_their_limits_are_refused() {
    let (site, _, _) = scene();
    let raw = Raw::stranger(&site.server);
    let token = api::Token::parse(&site.server.token("anna")).unwrap();
    let recipient = format::wrap::Identity::generate().recipient().to_string();
    let good = json!({"token_secret": token.secret(), "device": {
        "name": "laptop", "os": "Debian", "recipient": recipient, "secret_hash": "07".repeat(32)}});
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body["device"][field] = value;
        raw.request("POST", routes::activate()).json(&body).send()
    };
    for (field, value) in [
        ("name", json!("n".repeat(limits::DEVICE_NAME + 1))),
        ("name", json!("")),
        ("name", json!(7)),
        ("os", json!("o".repeat(limits::OS_NAME + 1))),
        ("recipient", json!("age1".to_owned() + &"q".repeat(limits::RECIPIENT))),
        ("recipient", json!("no recipient")),
        ("secret_hash", json!("07".repeat(31))),
        ("secret_hash", json!("no hexadecimal digits")),
    ] {
        let answer = with(field, value.clone());
        let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
        assert!(
            ["request_invalid", "request_too_large"].contains(&code.as_str()),
            "{field} {value}: {answer}"
        );
    }
    for body in [json!(null), json!([]), json!({}), json!({"device": {}})] {
        raw.request("POST", routes::activate()).json(&body).send().refused(Code::RequestInvalid);
    }
    for body in ["", "{", "\u{0}", "{\"token_secret\": \"\\ud800\"}"] {
        let request = raw.request("POST", routes::activate()).body("application/json", body);
        request.send().refused(Code::RequestInvalid);
    }
    let nested = "[".repeat(10_000);
    raw.request("POST", routes::activate())
        .body("application/json", nested)
        .send()
        .refused(Code::RequestInvalid);
    let request = raw.request("POST", routes::activate()).json(&good).header("content-type", "text/plain");
    request.send().refused(Code::RequestInvalid);
    assert_eq!(site.server.json(["stats"])["devices"], 1, "none of this made a device");

    // The token is still good, and names of the greatest length are fine.
    with("name", json!("n".repeat(limits::DEVICE_NAME))).expect(201);
    assert_eq!(site.server.json(["stats"])["devices"], 2);
}

#[test]
fn heads_above_their_limits_are_refused() {
    let (site, agent, attacker) = scene();
    let health = || attacker.raw.request("GET", routes::health());
    let mut many = health();
    for number in 0..70 {
        many = many.header(&format!("x-field-{number}"), "value");
    }
    assert_eq!(many.send().status, 431);
    // A head that is still being sent when it is refused may be cut off.
    let long = health().header("x-long", &"x".repeat(200_000)).send_if_heard();
    assert!(long.is_none_or(|answer| answer.status == 431));
    health().send().expect(200);
    agent.run(["snapshots"]).ok();
    site.server.verify();
}

#[test]
fn nonsense_for_http_ends_its_connection_only() {
    let (_site, agent, attacker) = scene();
    for nonsense in [b"\x00\x01\x02\x03\r\n\r\n".to_vec(), b"GET\r\n\r\n".to_vec(), vec![b'x'; 300_000]] {
        let mut stream = attacker.raw.connect();
        let _ = stream.write_all(&nonsense).and_then(|()| stream.flush());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || text.starts_with("HTTP/1.1 4"), "{text}");
    }
    agent.run(["snapshots"]).ok();
}

#[test]
fn a_device_has_so_many_requests_at_once_and_no_more() {
    let (site, agent, attacker) = scene();
    let lease = attacker.lease();
    let pack = attacker.data_pack(&[b"content"]);
    let length = pack.bytes.len().to_string();
    let held: Vec<_> = (0..16)
        .map(|_| {
            let request = attacker.pack_request(lease, model::PackId::random());
            request.header("content-length", &length).begin_body()
        })
        .collect();
    let refused = attacker.raw.get(routes::snapshots(attacker.vault)).refused(Code::RateLimited);
    assert!(refused["retry_after_seconds"].as_u64() >= Some(1), "{refused}");
    // Another device of the same user is not held up.
    site.device("desktop").run(["snapshots"]).ok();
    drop(held);
    // The agent waits as it is told and then gets through.
    agent.run(["snapshots"]).ok();
    assert_eq!(site.server.json(["stats"])["uploads"]["packs"], 0);
}

/// Repeats until the address is told to wait; the answers before that have this code.
#[track_caller]
fn until_limited(code: Code, attempt: impl Fn() -> Answer) {
    for tried in 0..MANY {
        let answer = attempt();
        if answer.json()["code"] == Code::RateLimited.as_str() {
            let refused = answer.refused(Code::RateLimited);
            assert!(refused["retry_after_seconds"].as_u64() >= Some(1), "{refused}");
            assert!(answer.head.contains("retry-after: "), "{answer}");
            assert!(tried >= 20, "refused after {tried} attempts");
            return;
        }
        answer.refused(code);
    }
    panic!("nobody stopped {MANY} attempts");
}

#[test]
fn failed_attempts_of_an_address_are_bounded() {
    let (site, agent, attacker) = scene();
    let secret = api::Secret::random();
    let guess = api::Credential { device: attacker.device, secret: secret.clone() };
    let guessing = Raw::stranger(&site.server).with_authorization(&guess.to_header());
    until_limited(Code::DeviceUnknown, || guessing.get(routes::vault(attacker.vault)));
    // Tokens are guessed no faster.
    let recipient = format::wrap::Identity::generate().recipient().to_string();
    let body = json!({"token_secret": secret, "device": {
        "name": "laptop", "os": "", "recipient": recipient, "secret_hash": "07".repeat(32)}});
    let stranger = Raw::stranger(&site.server);
    let refused = stranger.request("POST", routes::activate()).json(&body).send();
    let code = refused.json()["code"].clone();
    assert!(["rate_limited", "token_unknown"].iter().any(|known| code == *known), "{refused}");
    // Whoever has good credentials is not punished for its neighbour.
    agent.run(["snapshots"]).ok();
    attacker.raw.get(routes::vault(attacker.vault)).expect(200);
}

#[test]
fn guessed_tokens_are_bounded() {
    let (site, agent, _) = scene();
    let stranger = Raw::stranger(&site.server);
    let recipient = format::wrap::Identity::generate().recipient().to_string();
    until_limited(Code::TokenUnknown, || {
        let body = json!({"token_secret": api::Secret::random(), "device": {
            "name": "laptop", "os": "", "recipient": recipient, "secret_hash": "07".repeat(32)}});
        stranger.request("POST", routes::activate()).json(&body).send()
    });
    agent.run(["snapshots"]).ok();
    // A good token is none of the failures.
    site.device("desktop").run(["snapshots"]).ok();
}

#[test]
fn wrong_credentials_of_every_form_get_one_answer() {
    let (site, _, attacker) = scene();
    let path = routes::vault(attacker.vault);
    let stranger = Raw::stranger(&site.server);
    let real = attacker.device;
    let other = api::Credential { device: model::DeviceId::random(), secret: api::Secret::random() };
    let wrong = api::Credential { device: real, secret: api::Secret::random() };
    let mut answers = vec![stranger.get(path.as_str())];
    for value in
        [other.to_header(), wrong.to_header(), "Bearer".into(), "Basic x".into(), format!("Bearer {real}.")]
    {
        answers.push(stranger.clone().with_authorization(&value).get(path.as_str()));
    }
    let first = answers[0].refused(Code::DeviceUnknown);
    for answer in &answers {
        assert_eq!(answer.refused(Code::DeviceUnknown), first, "which part was wrong is not told");
    }
}

#[test]
fn a_flood_of_connections_leaves_room_for_others() {
    let (_site, agent, attacker) = scene();
    // Silent connections, as many as one address may have, and more.
    let held: Vec<_> = (0..600)
        .map_while(|_| std::net::TcpStream::connect(("127.0.0.1", _site.server.port())).ok())
        .collect();
    assert!(held.len() > 512, "only {} connections were taken", held.len());
    drop(held);
    agent.run(["snapshots"]).ok();
    attacker.raw.get(routes::vault(attacker.vault)).expect(200);
}
