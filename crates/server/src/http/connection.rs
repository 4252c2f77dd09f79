//! One connection: the handshake, the HTTP version that it agreed on, and its end.

use super::Limits;
use super::activity::{Activity, Verdict};
use super::body::{IncomingBody, OutgoingBody, Patience};
use super::channel::{OpenChannel, Place, UntilStop};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, Response, Version};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tower::Service;

const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
const FRAME_MAX: u32 = 256 << 10;
const STREAMS_MAX: u32 = 64;
/// With HTTP/1.1 a head may pass it by what one read brings, which is as much again at most.
const HEAD_MAX: usize = 64 << 10;
const HEADERS_MAX: usize = 64;
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// How often a connection is looked at, as a part of the shortest limit.
const LOOKS: u32 = 4;

/// Serves one connection until it ends, is idle or stalled, or `shutdown` turns true and its requests are answered.
pub(super) async fn serve(
    tcp: TcpStream,
    peer: SocketAddr,
    acceptor: TlsAcceptor,
    router: Router,
    limits: Limits,
    mut shutdown: watch::Receiver<bool>,
    place: Arc<Place>,
) {
    // Answers are written whole: waiting for more only delays them.
    let _ = tcp.set_nodelay(true);
    let handshake = tokio::time::timeout(limits.handshake, acceptor.accept(tcp));
    let tls = tokio::select! {
        tls = handshake => tls,
        _ = shutdown.wait_for(|stop| *stop) => return,
    };
    let tls = match tls {
        Ok(Ok(tls)) => tls,
        Ok(Err(error)) => return tracing::debug!(%peer, %error, "handshake failed"),
        Err(_) => return tracing::debug!(%peer, "handshake took too long"),
    };
    let http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    let activity = Activity::new();
    let patience = Patience { idle: limits.body_idle, grace: limits.body_grace, rate: limits.body_rate };
    let service = {
        let around = Around { peer, activity: activity.clone(), patience, stop: shutdown.clone(), place };
        hyper::service::service_fn(move |request| answer(router.clone(), request, around.clone()))
    };
    let builder = builder(http2, &limits);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(tls), service));
    let mut looks = tokio::time::interval(limits.idle.min(limits.answer_idle) / LOOKS);
    let mut ending = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, error = error.as_ref(), "connection broke");
                }
                return;
            }
            _ = shutdown.wait_for(|stop| *stop), if !ending => {
                ending = true;
                connection.as_mut().graceful_shutdown();
            }
            _ = looks.tick() => match activity.verdict(limits.idle, limits.answer_idle) {
                Verdict::Keep => {}
                Verdict::Idle if !ending => {
                    ending = true;
                    connection.as_mut().graceful_shutdown();
                }
                Verdict::Idle | Verdict::Stalled => {
                    return tracing::debug!(%peer, "connection without progress closed");
                }
            },
        }
    }
}

/// The version is fixed by the handshake. Guessing it from the first bytes would wait for them without a limit.
fn builder(http2: bool, limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    if http2 {
        builder
            .http2()
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME_MAX)
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(HEAD_MAX as u32)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(limits.head);
        builder.http2_only()
    } else {
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_headers(HEADERS_MAX)
            .max_buf_size(HEAD_MAX);
        builder.http1_only()
    }
}

/// What a connection gives to each of its requests.
#[derive(Clone)]
struct Around {
    peer: SocketAddr,
    activity: Activity,
    patience: Patience,
    stop: watch::Receiver<bool>,
    place: Arc<Place>,
}

async fn answer(
    mut router: Router,
    request: Request<Incoming>,
    around: Around,
) -> Result<Response<OutgoingBody>, Infallible> {
    let Around { peer, activity, patience, stop, place } = around;
    let handling = activity.handling();
    let finish = request.version() < Version::HTTP_2;
    let mut request = request.map(|body| Body::new(IncomingBody::new(body, patience, finish)));
    request.extensions_mut().insert(ConnectInfo(peer));
    let mut response = router.call(request).await?;
    let answering = activity.answering();
    drop(handling);
    if response.extensions().get::<OpenChannel>().is_some() {
        // With HTTP/2 other requests go on beside it, so that the connection keeps its place.
        if finish {
            place.give_up();
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response = response.map(|inner| Body::new(UntilStop::new(inner, stop)));
    }
    Ok(response.map(|inner| OutgoingBody { inner, answering }))
}
