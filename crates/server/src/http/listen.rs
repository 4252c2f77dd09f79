//! The accept loop. It bounds the connections, hands each to a task of its own, and drains them at the end.

use super::channel::Place;
use super::connection;
use super::peers::Peers;
use axum::Router;
use rustls::ServerConfig;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Bounds of the accept loop; the defaults are those of `docs/protocol.md`.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections together, those of control channels left out.
    pub connections: usize,
    /// Connections of one address (of one /64 with IPv6).
    pub connections_per_peer: usize,
    /// Time for the TLS handshake.
    pub handshake: Duration,
    /// Time for the head of a request, the pause before it included.
    pub head: Duration,
    /// Time without a byte of a request's body.
    pub body_idle: Duration,
    /// Time that may be waited for a request's body in all, beside that which `body_rate` allows for what came.
    pub body_grace: Duration,
    /// Bytes of a request's body that must come in each second of waiting. Low: one agent sends several bodies at
    /// once, and all of them together may have a line of 20 KiB/s.
    pub body_rate: u64,
    /// Time in which the peer takes nothing of an answer.
    pub answer_idle: Duration,
    /// Time without a request, after which a connection ends.
    pub idle: Duration,
    /// Time for requests under way when the server stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            connections_per_peer: 512,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            body_idle: Duration::from_secs(30),
            body_grace: Duration::from_secs(60),
            body_rate: 4 << 10,
            answer_idle: Duration::from_secs(120),
            idle: Duration::from_secs(60),
            drain: Duration::from_secs(30),
        }
    }
}

/// How the connections ended when the server stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were open at the signal and ended by themselves.
    pub finished: usize,
    /// Connections that were cut at the deadline.
    pub cut: usize,
}

/// Pause after an error that more accepting would only repeat, such as no free file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves `router` over TLS on `listener` until `shutdown` resolves, then drains. Handlers find the peer as
/// `ConnectInfo<SocketAddr>`. A connection above a bound is closed at once: its agent tries again, whereas one left
/// waiting would take its time-out for a dead server.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> Drained {
    let acceptor = TlsAcceptor::from(tls);
    let (stop, stopped) = watch::channel(false);
    let peers = Peers::default();
    let mut connections = JoinSet::new();
    // Counted by those who hold a part of it.
    let all = Arc::new(());
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        let (tcp, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_one_connection(&error) => continue,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::select! {
                    () = &mut shutdown => break,
                    () = tokio::time::sleep(ACCEPT_PAUSE) => continue,
                }
            }
        };
        if Arc::strong_count(&all) > limits.connections {
            tracing::warn!(%peer, limit = limits.connections, "too many connections");
            continue;
        }
        let Some(counted) = peers.count(peer.ip(), limits.connections_per_peer) else {
            tracing::debug!(%peer, limit = limits.connections_per_peer, "too many connections of this address");
            continue;
        };
        let place = Arc::new(Place::new(all.clone(), counted));
        let (acceptor, router, stopped) = (acceptor.clone(), router.clone(), stopped.clone());
        connections.spawn(connection::serve(tcp, peer, acceptor, router, limits, stopped, place));
    }
    // Closed first, so that nobody waits in the queue of a server that will not come for him.
    drop(listener);
    drain(connections, stop, limits.drain).await
}

async fn drain(mut connections: JoinSet<()>, stop: watch::Sender<bool>, deadline: Duration) -> Drained {
    while connections.try_join_next().is_some() {}
    let open = connections.len();
    stop.send_replace(true);
    let all = async { while connections.join_next().await.is_some() {} };
    let in_time = tokio::time::timeout(deadline, all).await.is_ok();
    while connections.try_join_next().is_some() {}
    let cut = if in_time { 0 } else { connections.len() };
    connections.shutdown().await;
    Drained { finished: open - cut, cut }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// A listening socket on `address`.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}
