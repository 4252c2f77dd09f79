//! A server on a free port with an authority of its own, and a client that speaks raw bytes over TLS.

use api::Problem;
use api::activation::Health;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use client::{Options, RetryPolicy, Sleep, Trust};
use model::{Clock, ServerId, Timestamp};
use rustls::pki_types::ServerName;
use server::http::{Drained, Limits, listen};
use server::tls::{Authority, Certificates, Names};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Long enough never to be reached by a test that does not mean to.
pub(crate) const LONG: Duration = Duration::from_secs(600);

/// Limits none of which a test reaches.
pub(crate) fn patient() -> Limits {
    Limits {
        connections: 1_000,
        connections_per_peer: 1_000,
        handshake: LONG,
        head: LONG,
        body_idle: LONG,
        body_grace: LONG,
        body_rate: 1,
        answer_idle: LONG,
        idle: LONG,
        drain: LONG,
    }
}

/// A time at which the certificates of tests are made.
pub(crate) fn clock() -> Clock {
    Clock::manual(Timestamp::from_secs(1_800_000_000))
}

/// A server that runs until it is stopped or dropped. It has a runtime of its own.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) certificates: Arc<Certificates>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<Drained>>,
    _dir: tempfile::TempDir,
}

impl TestServer {
    /// A server with certificates for `urls` and the loopback, by the time of `clock`.
    pub(crate) fn start(router: Router, limits: Limits, clock: Clock, urls: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Authority::create(dir.path(), "test", clock.now()).unwrap();
        let urls: Vec<_> = urls.iter().map(|url| (*url).to_owned()).collect();
        let names = Names::collect(&urls, &[], None).unwrap();
        let certificates = Arc::new(Certificates::open(dir.path(), names, clock).unwrap());
        let tls = certificates.server_config().unwrap();
        let (thread, address, stop) = listening((Ipv4Addr::LOCALHOST, 0).into(), tls, router, limits);
        Self { address, certificates, stop: Some(stop), thread: Some(thread), _dir: dir }
    }

    pub(crate) fn with(router: Router, limits: Limits) -> Self {
        Self::start(router, limits, clock(), &[])
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// What an agent is told by a token, and nothing tried twice.
    pub(crate) fn options(&self) -> Options {
        let trust = Trust::Pin(self.certificates.authority().pin());
        Options {
            clock: clock(),
            retry: RetryPolicy::never(),
            sleep: no_sleep(),
            ..Options::new(vec![self.url()], trust)
        }
    }

    /// Gives the signal to stop, without waiting.
    pub(crate) fn signal(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits until the server has stopped.
    pub(crate) fn drained(mut self) -> Drained {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap()
    }

    /// A TLS connection, or why there is none.
    pub(crate) async fn try_connect(&self, alpn: &[u8]) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.certificates.authority().certificate().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ClientConfig::builder_with_details(provider, Arc::new(FixedTime))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![alpn.to_vec()];
        let tcp = TcpStream::connect(self.address).await?;
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), tcp).await
    }

    pub(crate) async fn connect(&self) -> TlsStream<TcpStream> {
        self.try_connect(b"http/1.1").await.unwrap()
    }
}

type Listening = (std::thread::JoinHandle<Drained>, SocketAddr, oneshot::Sender<()>);

/// A server in a thread and a runtime of its own, so that tests may block.
pub(crate) fn listening(
    at: SocketAddr,
    tls: Arc<rustls::ServerConfig>,
    router: Router,
    limits: Limits,
) -> Listening {
    let (bound, address) = std::sync::mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.worker_threads(2).enable_all().build().unwrap().block_on(async {
            let listener = listen::bind(at).await.unwrap();
            bound.send(listener.local_addr().unwrap()).unwrap();
            let stopped = async {
                let _ = stopped.await;
            };
            listen::serve(listener, tls, router, limits, stopped).await
        })
    });
    (thread, address.recv().unwrap(), stop)
}

/// Tests do not wait between two tries.
pub(crate) fn no_sleep() -> Sleep {
    Sleep::new(|_| true)
}

/// The answer to a request for health.
pub(crate) fn health_answer() -> Json<Health> {
    Json(Health {
        status: "ok".into(),
        version: "test".into(),
        protocol: 1,
        oldest_protocol: 1,
        server_id: ServerId::from_bytes([7; 16]),
        time: clock().now(),
    })
}

/// A router that answers only that it is there.
pub(crate) fn healthy() -> Router {
    Router::new().route(api::routes::HEALTH, axum::routing::get(|| async { health_answer() }))
}

/// A refusal.
pub(crate) fn refuse(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap();
    (status, [(CONTENT_TYPE, api::headers::PROBLEM)], serde_json::to_string(problem).unwrap()).into_response()
}

impl Drop for TestServer {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

/// The moment of `clock()`.
#[derive(Debug)]
struct FixedTime;

impl rustls::time_provider::TimeProvider for FixedTime {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        Some(rustls::pki_types::UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000)))
    }
}

/// Sends a request without body and reads its answer: the status line and the rest.
pub(crate) async fn get(stream: &mut TlsStream<TcpStream>, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    read_answer(stream).await
}

/// Reads one answer with a `content-length`.
pub(crate) async fn read_answer(stream: &mut TlsStream<TcpStream>) -> String {
    let mut text = Vec::new();
    loop {
        let read = stream.read_u8().await;
        let Ok(byte) = read else { return String::from_utf8_lossy(&text).into_owned() };
        text.push(byte);
        if text.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let head = String::from_utf8(text).unwrap().to_ascii_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map(|n| n.parse().unwrap());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.unwrap();
    head + std::str::from_utf8(&body).unwrap()
}

/// Waits until the peer has closed the connection, in whatever manner.
pub(crate) async fn closed(stream: &mut (impl AsyncReadExt + Unpin)) {
    let mut bytes = [0; 1024];
    while matches!(stream.read(&mut bytes).await, Ok(read) if read > 0) {}
}
