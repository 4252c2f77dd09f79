//! The accept loop: bounds, slow and silent peers, refusals during an upload, and the end.

use crate::support::{TestServer, closed, get, patient, read_answer};
use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use axum::routing::{get as route, put};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use server::http::{BodyIdle, Drained, Limits};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

const SHORT: Duration = Duration::from_millis(300);

fn hello() -> Router {
    Router::new().route("/", route(|| async { "hello" }))
}

/// Reads the body and answers with its length, or 408.
fn upload() -> Router {
    Router::new().route("/", put(read_body).get(|| async { "hello" }))
}

async fn read_body(mut body: Body) -> (StatusCode, String) {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => length += frame.into_data().unwrap().len(),
            Err(error) if BodyIdle::is_cause_of(&error) => {
                return (StatusCode::REQUEST_TIMEOUT, String::new());
            }
            Err(_) => return (StatusCode::BAD_REQUEST, String::new()),
        }
    }
    (StatusCode::OK, length.to_string())
}

#[tokio::test]
async fn handlers_know_the_peer() {
    let router = Router::new()
        .route("/", route(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() }));
    let server = TestServer::with(router, patient());
    let mut stream = server.connect().await;
    let own = stream.get_ref().0.local_addr().unwrap().to_string();
    assert!(get(&mut stream, "/").await.ends_with(&own));
    assert!(get(&mut stream, "/").await.ends_with(&own), "the connection is kept");
}

#[tokio::test]
async fn who_says_nothing_is_shown_out() {
    let server = TestServer::with(hello(), Limits { handshake: SHORT, ..patient() });
    closed(&mut TcpStream::connect(server.address).await.unwrap()).await;

    let server = TestServer::with(hello(), Limits { head: SHORT, ..patient() });
    closed(&mut server.connect().await).await;

    let server = TestServer::with(hello(), Limits { idle: SHORT, ..patient() });
    let mut stream = server.connect().await;
    assert!(get(&mut stream, "/").await.starts_with("http/1.1 200"));
    closed(&mut stream).await;
}

#[tokio::test]
async fn a_head_in_single_bytes_does_not_buy_time() {
    let server = TestServer::with(hello(), Limits { head: SHORT, ..patient() });
    let mut stream = server.connect().await;
    // Never a whole head. The loop ends because the server closes, or not at all.
    while stream.write_all(b"a").await.is_ok() && stream.flush().await.is_ok() {
        tokio::time::sleep(SHORT / 20).await;
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = TestServer::with(hello(), patient());
    let mut stream = server.connect().await;
    let many: String = (0..100).map(|n| format!("x-{n}: 1\r\n")).collect();
    stream.write_all(format!("GET / HTTP/1.1\r\nhost: a\r\n{many}\r\n").as_bytes()).await.unwrap();
    assert!(read_answer(&mut stream).await.starts_with("http/1.1 431"));
    let mut stream = server.connect().await;
    let long = "a".repeat(200_000);
    let _ = stream.write_all(format!("GET / HTTP/1.1\r\nhost: a\r\nx: {long}\r\n\r\n").as_bytes()).await;
    // Bytes that nobody reads make the system reset the connection, which may swallow the answer.
    let answer = read_answer(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("http/1.1 431"), "{answer}");
}

#[tokio::test]
async fn one_address_has_a_bounded_number_of_connections() {
    for limits in [Limits { connections_per_peer: 2, ..patient() }, Limits { connections: 2, ..patient() }] {
        let server = TestServer::with(hello(), limits);
        let mut first = server.connect().await;
        let mut second = server.connect().await;
        assert!(server.try_connect(b"http/1.1").await.is_err());
        assert!(get(&mut first, "/").await.ends_with("hello"));
        drop(first);
        // The server notices the end of the first in its own time.
        let mut third = loop {
            if let Ok(stream) = server.try_connect(b"http/1.1").await {
                break stream;
            }
        };
        assert!(get(&mut third, "/").await.ends_with("hello"));
        assert!(get(&mut second, "/").await.ends_with("hello"));
    }
}

#[tokio::test]
async fn other_bytes_than_tls_do_no_harm() {
    let server = TestServer::with(hello(), patient());
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    closed(&mut plain).await;
    assert!(get(&mut server.connect().await, "/").await.ends_with("hello"));
}

#[tokio::test]
async fn an_upload_that_falls_silent_is_given_up() {
    let server = TestServer::with(upload(), Limits { body_idle: SHORT, ..patient() });
    let mut stream = server.connect().await;
    stream.write_all(b"PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345").await.unwrap();
    assert!(read_answer(&mut stream).await.starts_with("http/1.1 408"));
    closed(&mut stream).await;
}

#[tokio::test]
async fn a_refusal_during_an_upload_is_heard() {
    let refuse = || async { (StatusCode::PAYLOAD_TOO_LARGE, "no") };
    let server = TestServer::with(Router::new().route("/", put(refuse)), patient());
    let mut stream = server.connect().await;
    for _ in 0..2 {
        // More than the buffers of both sockets hold, and all of it before the answer is looked at.
        let body = vec![0; 24 << 20];
        let head = format!("PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert!(answer.starts_with("http/1.1 413") && answer.ends_with("no"), "{answer}");
    }
}

/// A body without end, that tells when it is dropped.
struct Endless(mpsc::UnboundedSender<()>);

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 16_384])))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[tokio::test]
async fn a_peer_that_takes_nothing_is_cut_off() {
    let (dropped, mut drops) = mpsc::unbounded_channel();
    let endless = move || async move { Body::new(Endless(dropped.clone())) };
    let server = TestServer::with(
        Router::new().route("/", route(endless)),
        Limits { answer_idle: SHORT, ..patient() },
    );

    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    drops.recv().await.unwrap();
    drop(stream);

    let mut sender = http2(&server).await;
    let answer =
        sender.send_request(Request::get("https://localhost/").body(empty()).unwrap()).await.unwrap();
    drops.recv().await.unwrap();
    drop(answer);
}

fn empty() -> Full<Bytes> {
    Full::default()
}

async fn http2(server: &TestServer) -> hyper::client::conn::http2::SendRequest<Full<Bytes>> {
    let stream = server.try_connect(b"h2").await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

#[tokio::test]
async fn http2_is_spoken_too() {
    let server = TestServer::with(upload(), Limits { idle: SHORT * 4, ..patient() });
    let mut sender = http2(&server).await;
    let body = Full::new(Bytes::from(vec![0; 20 << 20]));
    let answer = sender.send_request(Request::put("https://localhost/").body(body).unwrap()).await.unwrap();
    let text = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(text, (20 << 20).to_string());
    // And a connection without requests ends.
    while sender.ready().await.is_ok() {
        tokio::time::sleep(SHORT).await;
    }
}

#[tokio::test]
async fn requests_under_way_are_answered_before_the_end() {
    let (started, mut starts) = mpsc::unbounded_channel();
    let (release, released) = tokio::sync::watch::channel(false);
    let handler = move || {
        let (started, mut released) = (started.clone(), released.clone());
        async move {
            started.send(()).unwrap();
            released.wait_for(|released| *released).await.unwrap();
            "done"
        }
    };
    let mut server = TestServer::with(Router::new().route("/", route(handler)), patient());
    let mut busy = server.connect().await;
    let mut idle = server.connect().await;
    busy.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    starts.recv().await.unwrap();
    server.signal();
    closed(&mut idle).await;
    while server.try_connect(b"http/1.1").await.is_ok() {}
    release.send_replace(true);
    assert!(read_answer(&mut busy).await.ends_with("done"));
    closed(&mut busy).await;
    assert_eq!(server.drained(), Drained { finished: 2, cut: 0 });
}

#[tokio::test]
async fn what_does_not_end_is_cut_at_the_deadline() {
    let (started, mut starts) = mpsc::unbounded_channel();
    let handler = move || {
        started.send(()).unwrap();
        std::future::pending::<&str>()
    };
    let limits = Limits { drain: SHORT, ..patient() };
    let mut server = TestServer::with(Router::new().route("/", route(handler)), limits);
    let mut busy = server.connect().await;
    busy.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    starts.recv().await.unwrap();
    server.signal();
    closed(&mut busy).await;
    assert_eq!(server.drained(), Drained { finished: 0, cut: 1 });
}
