//! What an agent makes of networks and servers that fail, lie, stop half-way, or say no.

use crate::support::{TestServer, health_answer, healthy, no_sleep, patient, refuse};
use api::vaults::Holder;
use api::{Problem, headers, routes};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get};
use client::{Connection, Options, RetryPolicy, Sleep, Timeouts};
use futures_util::stream;
use model::{Code, DeviceId, VaultId};
use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn open(options: Options) -> Connection {
    Connection::open(options).unwrap()
}

fn with_attempts(server: &TestServer, attempts: u32) -> Options {
    let retry = RetryPolicy { attempts, ..RetryPolicy::brief() };
    Options { retry, ..server.options() }
}

/// A router that gives every request the answers of `make`, by their number.
fn answers(make: impl Fn(usize) -> Response + Clone + Send + Sync + 'static) -> (Router, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let handler = move || {
        let answer = make(counted.fetch_add(1, Ordering::SeqCst));
        async move { answer }
    };
    (Router::new().fallback(any(handler)), count)
}

#[test]
fn a_server_that_is_down_is_asked_again_and_then_reported() {
    let server = TestServer::with(healthy(), patient());
    let mut options = with_attempts(&server, 3);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    options.urls = vec![format!("https://{free}")];
    let pauses = Arc::new(Mutex::new(Vec::new()));
    let record = pauses.clone();
    options.sleep = Sleep::new(move |pause| {
        record.lock().unwrap().push(pause);
        true
    });
    let error = open(options).health().unwrap_err();
    assert_eq!(error.code, Code::ServerUnreachable);
    assert!(error.detail.starts_with(&free.to_string()), "{}", error.detail);
    assert_eq!(pauses.lock().unwrap().len(), 2);
}

#[test]
fn a_name_without_an_address_is_unreachable() {
    let server = TestServer::with(healthy(), patient());
    let urls = vec!["https://holdfast.invalid".to_owned()];
    assert_eq!(
        open(Options { urls, ..server.options() }).health().unwrap_err().code,
        Code::ServerUnreachable
    );
}

#[test]
fn log_in_pages_and_error_pages_are_recognised() {
    let cases: [(Code, fn() -> Response); 5] = [
        (Code::ResponseInvalid, || Html("<h1>Welcome to the hotel</h1>").into_response()),
        (Code::ResponseInvalid, || {
            (StatusCode::FOUND, [(LOCATION, "https://hotel.example")]).into_response()
        }),
        (Code::ResponseInvalid, || (StatusCode::NOT_FOUND, Html("nothing here")).into_response()),
        (Code::ServerUnreachable, || (StatusCode::BAD_GATEWAY, Html("upstream is down")).into_response()),
        (Code::ResponseInvalid, || ([(CONTENT_TYPE, headers::JSON)], "{\"half\":").into_response()),
    ];
    for (code, page) in cases {
        let (router, count) = answers(move |_| page());
        let server = TestServer::with(router, patient());
        let connection = open(server.options());
        assert_eq!(connection.health().unwrap_err().code, code);
        assert_eq!(
            connection.deactivate().unwrap_err().code,
            code,
            "no page passes for an answer without a body"
        );
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }
}

#[test]
fn an_answer_that_is_not_tls_is_recognised() {
    let server = TestServer::with(healthy(), patient());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let urls = vec![format!("https://{address}")];
    assert_eq!(open(Options { urls, ..server.options() }).health().unwrap_err().code, Code::ResponseInvalid);
}

#[test]
fn an_answer_that_breaks_off_is_asked_for_again() {
    let broken = |number: usize| -> Response {
        if number < 2 {
            let parts: [Result<_, std::io::Error>; 2] =
                [Ok(Bytes::from_static(b"{\"status\":")), Err(std::io::ErrorKind::BrokenPipe.into())];
            return ([(CONTENT_TYPE, headers::JSON)], Body::from_stream(stream::iter(parts))).into_response();
        }
        health_answer().into_response()
    };
    let (router, count) = answers(broken);
    let server = TestServer::with(router, patient());
    assert!(open(with_attempts(&server, 3)).health().is_ok());
    assert_eq!(count.load(Ordering::SeqCst), 3);

    let (router, _) = answers(move |_| {
        let body = Body::from_stream(stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"{}"))]));
        ([(CONTENT_TYPE, headers::JSON), (CONTENT_LENGTH, "100")], body).into_response()
    });
    let server = TestServer::with(router, patient());
    assert_eq!(open(server.options()).health().unwrap_err().code, Code::ServerUnreachable);
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let (router, _) = answers(|_| {
        let parts = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from(vec![b' '; 1 << 20])));
        ([(CONTENT_TYPE, headers::JSON)], Body::from_stream(parts)).into_response()
    });
    let server = TestServer::with(router, patient());
    assert_eq!(open(server.options()).health().unwrap_err().code, Code::ResponseInvalid);
}

#[test]
fn a_transfer_in_which_nothing_moves_is_given_up() {
    let holds_still = any(|body: Body| async move {
        std::future::pending::<()>().await;
        drop(body);
    });
    let server = TestServer::with(Router::new().fallback(holds_still), patient());
    let timeouts = Timeouts { idle: Duration::from_millis(300), ..Timeouts::default() };
    let connection = open(Options { timeouts, ..server.options() });
    // More than the buffers of both sockets hold.
    let body = vec![0; 64 << 20];
    let error = connection.put_key(VaultId::random(), Holder::Recovery, body).unwrap_err();
    assert_eq!(error.code, Code::ServerUnreachable);
    assert!(error.detail.contains("nothing moved"), "{}", error.detail);
    assert!(connection.traffic().sent_bytes < 64 << 20);
    assert_eq!(connection.health().unwrap_err().code, Code::ServerUnreachable);
}

#[test]
fn a_refusal_during_an_upload_arrives_and_ends_it() {
    let (router, count) = answers(|_| refuse(&Problem::new(Code::PackConflict, "another pack has this id")));
    let server = TestServer::with(router, patient());
    let connection = open(with_attempts(&server, 5));
    for _ in 0..3 {
        let key = vec![0; 32 << 20];
        let holder = Holder::Device(DeviceId::random());
        let error = connection.put_key(VaultId::random(), holder, key).unwrap_err();
        assert_eq!((error.code, error.detail.as_str()), (Code::PackConflict, "another pack has this id"));
    }
    assert_eq!(count.load(Ordering::SeqCst), 3);
    assert_eq!(connection.traffic().acknowledged_bytes, 0);
}

#[test]
fn a_busy_server_is_a_state_and_not_a_fault() {
    let (router, count) = answers(|_| {
        let problem = Problem::new(Code::ServerBusy, "12 of 12 backups are running");
        ([(RETRY_AFTER, "40")], refuse(&problem)).into_response()
    });
    let server = TestServer::with(router, patient());
    let error = open(with_attempts(&server, 5)).health().unwrap_err();
    assert_eq!((error.code, error.retry_after_seconds), (Code::ServerBusy, Some(40)));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn the_address_that_answered_is_asked_first() {
    let (router, asked) = answers(|_| (StatusCode::SERVICE_UNAVAILABLE, Html("down")).into_response());
    let down = TestServer::with(router, patient());
    let server = TestServer::with(healthy(), patient());
    let urls = vec![down.url(), server.url()];
    // Both would be needed in the pin; the first is met with the wrong one.
    let connection = open(Options { urls, ..server.options() });
    for _ in 0..3 {
        assert!(connection.health().is_ok());
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0, "its certificate is not trusted, so nothing is sent");

    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for urls in [[format!("https://{closed}"), down.url()], [down.url(), format!("https://{closed}")]] {
        let error = open(Options { urls: urls.into(), ..server.options() }).health().unwrap_err();
        assert_eq!(error.code, Code::CertificateUntrusted, "it says more than a closed port");
    }
}

#[test]
fn a_restart_of_the_server_is_outlived() {
    let mut server = TestServer::with(healthy(), patient());
    let connection = open(Options { sleep: no_sleep(), ..with_attempts(&server, 1_000) });
    assert!(connection.health().is_ok());
    let (address, tls) = (server.address, server.certificates.server_config().unwrap());
    server.signal();
    let asking = std::thread::spawn(move || {
        loop {
            // Until the new server answers, by another version.
            let health = connection.health().unwrap();
            if health.version == "second" {
                return;
            }
        }
    });
    server.drained();
    let second = Router::new().route(
        routes::HEALTH,
        get(|| async {
            let mut health = health_answer();
            health.0.version = "second".into();
            health
        }),
    );
    let (_thread, _, _stop) = crate::support::listening(address, tls, second, patient());
    asking.join().unwrap();
}

#[test]
fn only_https_is_spoken() {
    let server = TestServer::with(healthy(), patient());
    for url in ["http://127.0.0.1", "ftp://127.0.0.1", "127.0.0.1", "https://"] {
        let refused = Connection::open(Options { urls: vec![url.to_owned()], ..server.options() });
        assert_eq!(refused.unwrap_err().code, Code::Usage, "{url}");
    }
    assert_eq!(Connection::open(Options { urls: vec![], ..server.options() }).unwrap_err().code, Code::Usage);
}
