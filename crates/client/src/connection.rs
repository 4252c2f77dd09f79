//! The connection to one server: how it is opened, and the blocking forms of a request.

use crate::failure::failure;
use crate::request::{Answer, Call, Endpoint, Refused, Transport};
use crate::retry::{Attempts, RetryPolicy, Sleep, repeat};
use crate::traffic::Traffic;
use crate::trust::{Found, Trust, client_config};
use api::binary::{Record, RecordReader};
use api::{Credential, limits};
use engine::Gate;
use engine::remote::RemoteError;
use model::{Clock, Code};
use reqwest::header::HeaderValue;
use serde::de::DeserializeOwned;
use std::future::Future;
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};

/// Time limits of `docs/protocol.md`. They look at progress, never at the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Connecting, TLS included.
    pub connect: Duration,
    /// Bytes sent that the other side's system does not acknowledge.
    pub unacknowledged: Duration,
    /// No byte sent or received, the wait for an answer included. Long, since buffers of the system and of proxies
    /// take much at once and pass it on slowly.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            unacknowledged: Duration::from_secs(60),
            idle: Duration::from_secs(180),
        }
    }
}

/// How to reach a server.
#[derive(Clone)]
pub struct Options {
    /// Its addresses, tried in this order.
    pub urls: Vec<String>,
    /// What to trust.
    pub trust: Trust,
    /// The device's credentials; none before activation.
    pub credential: Option<Credential>,
    /// How often to try.
    pub retry: RetryPolicy,
    /// How to wait between two tries.
    pub sleep: Sleep,
    /// Time limits.
    pub timeouts: Timeouts,
    /// The time by which certificates are judged.
    pub clock: Clock,
    /// What every byte passes that is sent or taken in.
    pub gate: Gate,
}

impl Options {
    /// The usual settings, without credentials.
    pub fn new(urls: Vec<String>, trust: Trust) -> Self {
        Self {
            urls,
            trust,
            credential: None,
            retry: RetryPolicy::brief(),
            sleep: Sleep::thread(),
            timeouts: Timeouts::default(),
            clock: Clock::system(),
            gate: Gate::default(),
        }
    }
}

/// A connection to one server, with threads of its own. Its calls block, and may come from several threads at once:
/// each then has a TCP connection to itself. They must not come from inside an asynchronous task.
#[derive(Debug)]
pub struct Connection {
    runtime: OwnRuntime,
    transport: Transport,
    found: Found,
    trust: Trust,
    retry: RetryPolicy,
    sleep: Sleep,
}

impl Connection {
    /// Prepares the connection; nothing is sent before the first call.
    pub fn open(options: Options) -> Result<Self, RemoteError> {
        let Options { urls, trust, credential, retry, sleep, timeouts, clock, gate } = options;
        let (tls, found) = client_config(&trust, clock)?;
        let build = |loopback: bool| {
            let mut builder = reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .http1_only()
                .https_only(true)
                .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(timeouts.connect)
                .tcp_user_timeout(timeouts.unacknowledged)
                // Below the server's own limit, so that a connection is seldom closed just when it is used again.
                .pool_idle_timeout(Duration::from_secs(20))
                .pool_max_idle_per_host(8);
            if loopback {
                builder = builder.no_proxy();
            }
            builder.build().map_err(|error| failure(Code::Internal, error.to_string()))
        };
        let endpoints: Result<Vec<_>, _> = urls.iter().map(|url| Endpoint::new(url, build)).collect();
        let endpoints = endpoints?;
        if endpoints.is_empty() {
            return Err(failure(Code::Usage, "the server has no address"));
        }
        let credential = credential.map(|credential| {
            let value = HeaderValue::try_from(credential.to_header());
            value.map_err(|error| failure(Code::Internal, error.to_string())).map(|mut value| {
                value.set_sensitive(true);
                value
            })
        });
        let transport = Transport::new(endpoints, credential.transpose()?, timeouts.idle, gate);
        Ok(Self { runtime: OwnRuntime::new()?, transport, found, trust, retry, sleep })
    }

    /// The certificate (DER) of the server's authority, which later connections shall trust: the one that the pin has
    /// found, once a call succeeded. `None` before, and when the operating system's store decides.
    pub fn authority(&self) -> Option<Vec<u8>> {
        match &self.trust {
            Trust::Os => None,
            Trust::Pin(_) => self.found.get().map(|certificate| certificate.to_vec()),
            Trust::Authority(certificate) => Some(certificate.clone()),
        }
    }

    /// How much went over the network so far.
    pub fn traffic(&self) -> Traffic {
        self.transport.counters.read()
    }

    pub(crate) fn acknowledged(&self, bytes: usize) {
        self.transport.counters.acknowledged(bytes);
    }

    pub(crate) fn repeat<T>(
        &self,
        attempt: impl FnMut(&mut Attempts) -> Result<T, RemoteError>,
    ) -> Result<T, RemoteError> {
        repeat(self.retry, &self.sleep, attempt)
    }

    /// A request whose answer is JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T, RemoteError> {
        self.repeat(|_| Ok(self.json_once(call)?))
    }

    /// The same, once, with all that a refusal says.
    pub(crate) fn json_once<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Refused> {
        self.runtime.block_on(async {
            let mut answer = self.transport.send(call).await?;
            let body = answer.read_to_end(limits::JSON_ANSWER).await?;
            Ok(serde_json::from_slice(&body).map_err(|error| answer.invalid(&error.to_string()))?)
        })
    }

    /// A request whose answer is binary, at most `limit` bytes.
    pub(crate) fn binary(&self, call: &Call, limit: usize) -> Result<Vec<u8>, RemoteError> {
        self.repeat(|_| {
            self.runtime.block_on(async { self.transport.send(call).await?.read_to_end(limit).await })
        })
    }

    /// A request whose answer has no body.
    pub(crate) fn nothing(&self, call: &Call) -> Result<(), RemoteError> {
        self.repeat(|_| {
            self.runtime.block_on(async { self.transport.send(call).await.map(drop) }).map_err(Into::into)
        })
    }

    /// A request whose answer is read by the caller; one attempt.
    pub(crate) fn answer(&self, call: &Call) -> Result<Answer, RemoteError> {
        Ok(self.wait(self.transport.send(call))?)
    }

    /// Waits for work on the connection.
    pub(crate) fn wait<F: Future>(&self, work: F) -> F::Output {
        self.runtime.block_on(work)
    }

    /// A request whose answer is a stream of records; one attempt. `sink` runs on the calling thread, outside of the
    /// runtime, so it may make calls of its own. The inner result is the sink's: its errors end the call and are not
    /// repeated.
    pub(crate) fn records(
        &self,
        call: &Call,
        mut reader: RecordReader,
        sink: &mut dyn FnMut(Record) -> Result<(), RemoteError>,
    ) -> Result<Result<(), RemoteError>, RemoteError> {
        let mut answer = self.runtime.block_on(self.transport.send(call))?;
        while let Some(bytes) = self.runtime.block_on(answer.next())? {
            let mut input = &bytes[..];
            while let Some(record) =
                reader.next_record(&mut input).map_err(|error| answer.invalid(&error.to_string()))?
            {
                if let Err(error) = sink(record) {
                    return Ok(Err(error));
                }
            }
        }
        if reader.is_between() { Ok(Ok(())) } else { Err(answer.invalid("the answer ends inside a record")) }
    }
}

/// The connection's runtime. Dropping it never waits, so a connection may be dropped anywhere.
#[derive(Debug)]
struct OwnRuntime {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl OwnRuntime {
    fn new() -> Result<Self, RemoteError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("holdfast-net")
            .enable_all()
            .build()
            .map_err(|error| failure(Code::LocalFailed, format!("no threads for the network: {error}")))?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.handle.block_on(future)
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
