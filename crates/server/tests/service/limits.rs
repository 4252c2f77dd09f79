//! What strangers and devices may use up: rates, sizes, times, and requests that make no sense.

use crate::support::Site;
use crate::support::agent::noise;
use crate::support::device::request;
use crate::support::raw::{Answer, head, read};
use api::{Secret, routes};
use format::wrap::Identity;
use server::http::Limits;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

fn get(site: &Site, path: &str, headers: &str) -> Answer {
    site.send(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n"), b"")
}

/// Repeats a refused request until its address has failed too often. What was forgiven meanwhile only costs more
/// tries, on however slow a machine.
fn until_limited(mut ask: impl FnMut() -> Answer) -> (usize, Answer) {
    for count in 0..10_000 {
        let answer = ask();
        if answer.status == 429 {
            return (count, answer);
        }
        assert_eq!(answer.code(), "device_unknown");
    }
    panic!("nobody was slowed down");
}

#[test]
fn guesses_are_slowed_down_and_good_credentials_are_not() {
    let site = Site::new();
    let device = site.device("anna");
    let wrong = "holdfast-protocol: 1\r\nauthorization: Bearer nobody\r\n";
    let (guesses, refused) = until_limited(|| get(&site, "/v1/vaults/x", wrong));
    assert!(guesses >= 20, "{guesses}");
    assert_eq!(refused.code(), "rate_limited");
    assert!(refused.head.contains("retry-after: "), "{}", refused.head);
    // Others behind the same address go on.
    assert!(device.snapshots().is_empty());
    let good = request(site.token("anna").secret(), &Identity::generate(), &Secret::random());
    assert!(site.connect(None).activate(&good).is_ok());
}

#[test]
fn tokens_cannot_be_tried_out() {
    let site = Site::new();
    for count in 0..10_000 {
        let body = request(&Secret::random(), &Identity::generate(), &Secret::random());
        match site.connect(None).activate(&body).unwrap_err().code {
            model::Code::TokenUnknown => {}
            code => {
                assert_eq!(code, model::Code::RateLimited);
                assert!(count >= 20, "{count}");
                return;
            }
        }
    }
    panic!("nobody was slowed down");
}

#[test]
fn health_needs_nothing() {
    let site = Site::new();
    let answer = get(&site, "/v1/health", "");
    assert_eq!(answer.status, 200);
    let health: api::activation::Health = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((health.server_id, health.time), (site.made.server_id, site.clock.now()));
}

#[test]
fn every_refusal_is_a_problem_document() {
    let site = Site::new();
    let device = site.device("anna");
    for (path, status, code) in [
        ("/", 404, "not_found"),
        ("/v1/nothing", 404, "not_found"),
        ("/v1/../etc/passwd", 404, "not_found"),
        ("/v1/activate", 405, "request_invalid"),
    ] {
        let answer = get(&site, path, "holdfast-protocol: 1\r\n");
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path}");
    }
    let ask = |line: &str, headers: &str, body: &[u8]| site.request(&device, line, headers, body);
    let json = "content-type: application/json\r\n";
    assert_eq!(ask("GET /v1/vaults/no-id", "", b"").code(), "not_found");
    assert_eq!(ask("POST /v1/vaults", json, b"{").code(), "request_invalid");
    assert_eq!(ask("POST /v1/vaults", json, b"{}").code(), "request_invalid");
    assert_eq!(ask("POST /v1/vaults", "", b"{}").code(), "request_invalid");
    assert_eq!(ask("POST /v1/vaults", json, &vec![b' '; (1 << 20) + 1]).code(), "request_too_large");
    assert_eq!(ask("POST /v1/activate", json, &vec![b' '; (16 << 10) + 1]).code(), "request_too_large");
    let leases = format!("POST {}", routes::leases(device.vault()));
    assert_eq!(ask(&leases, json, br#"{"set":"short","counter":1}"#).code(), "request_invalid");
    assert_eq!(
        ask(&leases, json, br#"{"set":"00000000000000000000000000000000","counter":-1}"#).code(),
        "request_invalid"
    );
    assert_eq!(ask(&leases, json, &vec![b' '; (256 << 10) + 1]).code(), "request_too_large");
    let key =
        format!("PUT {}", routes::key(device.vault(), api::vaults::Holder::Device(device.answer.device_id)));
    let binary = "content-type: application/octet-stream\r\n";
    assert_eq!(ask(&key, binary, &vec![0; (64 << 10) + 1]).code(), "request_too_large");
    assert_eq!(ask(&key, binary, b"").code(), "request_invalid");
}

#[test]
fn oversize_fields_of_an_activation_are_refused() {
    let site = Site::new();
    let token = site.token("anna");
    let good = request(token.secret(), &Identity::generate(), &Secret::random());
    let code = |change: &dyn Fn(&mut api::activation::NewDevice)| {
        let mut body = good.clone();
        change(&mut body.device);
        site.connect(None).activate(&body).unwrap_err().code
    };
    assert_eq!(code(&|device| device.name = "n".repeat(257)), model::Code::RequestTooLarge);
    assert_eq!(code(&|device| device.os = "n".repeat(257)), model::Code::RequestTooLarge);
    assert_eq!(code(&|device| device.name = "a\nb".into()), model::Code::RequestInvalid);
    assert_eq!(code(&|device| device.recipient = "age1nonsense".into()), model::Code::RequestInvalid);
    // A refused request does not use the token up.
    assert!(site.connect(None).activate(&good).is_ok());
}

#[test]
fn a_body_that_stops_is_given_up() {
    let site = Site::with_limits(Limits { body_idle: Duration::from_millis(200), ..Limits::default() });
    let device = site.device("anna");
    let lease = device.grant("default");
    let pack = device.agent.data_pack(&[vec![noise(1, 1_000)]]);
    let counter = device.counter.0.lock().unwrap().unwrap();
    let headers = format!("content-type: application/octet-stream\r\nholdfast-counter: {counter}\r\n");
    let line = format!("PUT {}", routes::pack(device.vault(), lease.id, pack.id));
    let mut stream = site.stream();
    stream.write_all(head(&device, &line, &headers, pack.bytes.len()).as_bytes()).unwrap();
    stream.write_all(&pack.bytes[..500]).unwrap();
    stream.flush().unwrap();
    let answer = read(&mut stream);
    assert_eq!((answer.status, answer.code().as_str()), (408, "request_timeout"));
    assert!(site.objects(&format!("vaults/{}/packs/", device.vault())).is_empty());
    assert!(device.send(&lease, &pack));
}

#[test]
fn a_device_has_sixteen_requests_under_way() {
    let site = Site::new();
    let device = site.device("anna");
    let lease = device.grant("default");
    let counter = device.counter.0.lock().unwrap().unwrap();
    let headers = format!("content-type: application/octet-stream\r\nholdfast-counter: {counter}\r\n");
    let begin = || {
        let pack = device.agent.data_pack(&[vec![noise(1, 1_000)]]);
        let line = format!("PUT {}", routes::pack(device.vault(), lease.id, pack.id));
        let mut stream = site.stream();
        stream.write_all(head(&device, &line, &headers, pack.bytes.len()).as_bytes()).unwrap();
        stream.write_all(&pack.bytes[..100]).unwrap();
        stream.flush().unwrap();
        (stream, pack)
    };
    let mut open: Vec<_> = (0..16).map(|_| begin()).collect();
    // Each has a file in the store as soon as it has a place. A request before that could take the place of one.
    let files = site.data().store().join("tmp");
    while std::fs::read_dir(&files).unwrap().count() < open.len() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let line = format!("GET {}", routes::vault(device.vault()));
    let refused = site.request(&device, &line, "", b"");
    assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limited"));
    let other = site.device("bert");
    assert!(other.snapshots().is_empty());
    for (stream, pack) in &mut open {
        stream.write_all(&pack.bytes[100..]).unwrap();
        stream.flush().unwrap();
        assert_eq!(read(stream).status, 200);
    }
    assert_eq!(site.request(&device, &line, "", b"").status, 200);
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let site = Site::new();
    let many: String = (0..70).map(|number| format!("x-{number}: y\r\n")).collect();
    assert_eq!(get(&site, "/v1/health", &many).status, 431);
}

#[test]
fn a_record_is_read_only_for_who_may_commit() {
    let site = Site::new();
    let device = site.device("anna");
    let lease = device.grant("default");
    let counter = device.counter.0.lock().unwrap().unwrap();
    let headers = format!("content-type: application/octet-stream\r\nholdfast-counter: {counter}\r\n");
    let begin = |lease| {
        let line = format!("PUT {}", routes::commit(device.vault(), lease, model::SnapshotId::random()));
        let mut stream = site.stream();
        stream.write_all(head(&device, &line, &headers, 64 << 20).as_bytes()).unwrap();
        stream.write_all(b"x").unwrap();
        stream.flush().unwrap();
        stream
    };
    // Answered although the body never comes.
    let answer = read(&mut begin(model::LeaseId::random()));
    assert_eq!((answer.status, answer.code().as_str()), (409, "lease_unknown"));
    // With a good lease a device has few of them at once, so that memory is left for others. The rest wait for their
    // bodies until the server ends.
    let first = first_answer((0..3).map(|_| begin(lease.id)).collect());
    assert!(first.contains(" 429 ") && first.contains("rate_limited"), "{first}");
}

/// What was sent whole is worked on to its end, so an agent that goes away has it under way all the same.
#[test]
fn going_away_makes_no_room_for_more() {
    // As many requests as a device has at once, and as many large records.
    for (most, length) in [(16, 1_000), (2, 16 << 20)] {
        let site = Site::new();
        let device = site.device("anna");
        let lease = device.grant("default");
        let counter = device.counter.0.lock().unwrap().unwrap();
        let headers = format!("content-type: application/octet-stream\r\nholdfast-counter: {counter}\r\n");
        let begin = |sent: usize| {
            let line =
                format!("PUT {}", routes::commit(device.vault(), lease.id, model::SnapshotId::random()));
            let mut stream = site.stream();
            stream.write_all(head(&device, &line, &headers, length).as_bytes()).unwrap();
            stream.write_all(&vec![0; sent]).unwrap();
            stream.flush().unwrap();
            stream
        };
        let open = site.block_on(site.instance().vault(device.vault())).unwrap();
        let another = site.block_on(open.commits.lock());
        let alone = Arc::strong_count(&open);
        let streams: Vec<_> = (0..most).map(|_| begin(length)).collect();
        // Each has the vault for a moment when it comes, and from then on when it waits for the commit before it.
        let mut seen = 0;
        while seen < 3 {
            std::thread::sleep(Duration::from_millis(5));
            seen = if Arc::strong_count(&open) >= alone + most { seen + 1 } else { 0 };
        }
        drop(streams);
        // However soon the server sees that they are gone.
        for _ in 0..20 {
            let mut one_more = begin(1);
            one_more.sock.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            assert_eq!(read(&mut one_more).code(), "rate_limited");
        }
        drop(another);
        while Arc::strong_count(&open) > alone {
            std::thread::sleep(Duration::from_millis(1));
        }
        let line = format!("GET {}", routes::vault(device.vault()));
        let is_answered = |_: &u32| site.request(&device, &line, "", b"").status == 200;
        (0..10_000).find(is_answered).expect("no place became free");
    }
}

#[test]
fn a_body_that_trickles_is_given_up() {
    let limits = Limits { body_grace: Duration::from_millis(500), body_rate: 1 << 20, ..Limits::default() };
    let site = Site::with_limits(limits);
    let mut stream = site.stream();
    let head = "POST /v1/activate HTTP/1.1\r\nhost: localhost\r\nholdfast-protocol: 1\r\n\
                content-type: application/json\r\ncontent-length: 10000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream.flush().unwrap();
    let answer = read(&mut stream);
    assert_eq!((answer.status, answer.code().as_str()), (408, "request_timeout"));
    let text = String::from_utf8(answer.body).unwrap();
    assert!(text.contains("slowly"), "{text}");
}

#[test]
fn tables_of_packs_are_bounded_together() {
    let site = Site::new();
    let device = site.device("anna");
    let lease = device.grant("default");
    let counter = device.counter.0.lock().unwrap().unwrap();
    let headers = format!("content-type: application/octet-stream\r\nholdfast-counter: {counter}\r\n");
    // Almost all of each pack is said to be its table.
    let send = |_| {
        let pack = device.agent.data_pack(&[vec![noise(1, 2_000_000)]]);
        let line = format!("PUT {}", routes::pack(device.vault(), lease.id, pack.id));
        let mut stream = site.stream();
        stream.write_all(head(&device, &line, &headers, 39 << 20).as_bytes()).unwrap();
        stream.write_all(&pack.bytes).unwrap();
        // A part is handed on when it has a mebibyte.
        stream.write_all(&vec![0; 3 << 20]).unwrap();
        stream.flush().unwrap();
        stream
    };
    let first = first_answer((0..4).map(send).collect());
    assert!(first.contains(" 429 ") && first.contains("rate_limited"), "{first}");
    // A table of the usual size takes nothing of it.
    let other = site.device("bert");
    let tree = other.agent.tree(&[noise(2, 1_000)], crate::support::agent::DEFAULT);
    other.back_up(&tree, crate::support::agent::DEFAULT);
}

/// The answer that comes first on any of these connections.
fn first_answer(streams: Vec<impl std::io::Read + Send + 'static>) -> String {
    let (sender, answers) = std::sync::mpsc::channel();
    for mut stream in streams {
        let sender = sender.clone();
        std::thread::spawn(move || {
            let mut answer = vec![0; 4_096];
            let length = stream.read(&mut answer).unwrap_or(0);
            // Nobody is there any more for the answers at the end.
            let _ = sender.send(String::from_utf8_lossy(&answer[..length]).into_owned());
        });
    }
    answers.recv().unwrap()
}
