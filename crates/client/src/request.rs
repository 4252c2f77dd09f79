//! One request to the first address that answers, and its answer as far as it comes from a server of ours.

use crate::failure::{failure, of_network, of_problem, of_stranger};
use crate::traffic::Counters;
use crate::transfer::{GivenUp, MeteredBody, Progress, opened, watched};
use api::{Problem, headers, limits};
use bytes::Bytes;
use engine::Gate;
use engine::remote::RemoteError;
use model::{Code, VaultId};
use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, Url};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long a run that was stopped waits for what it still says, such as the end of its lease.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Path and query below the address.
    pub(crate) path: String,
    /// Type and bytes of the body.
    pub(crate) body: Option<(&'static str, Bytes)>,
    pub(crate) counter: Option<u64>,
    /// The type of the answer; `None` when it has status 204 and no body.
    pub(crate) expects: Option<&'static str>,
}

impl Call {
    pub(crate) const fn new(method: Method, path: String, expects: Option<&'static str>) -> Self {
        Self { method, path, body: None, counter: None, expects }
    }

    pub(crate) fn binary(mut self, body: Bytes) -> Self {
        self.body = Some((headers::BINARY, body));
        self
    }

    pub(crate) fn json(mut self, body: &impl serde::Serialize) -> Result<Self, RemoteError> {
        let bytes = serde_json::to_vec(body).map_err(|error| failure(Code::Internal, error.to_string()))?;
        self.body = Some((headers::JSON, bytes.into()));
        Ok(self)
    }

    pub(crate) const fn counter(mut self, counter: Option<u64>) -> Self {
        self.counter = counter;
        self
    }
}

/// One address of the server.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Without a slash at its end.
    base: String,
    /// Host and port, for messages.
    host: String,
    client: reqwest::Client,
}

impl Endpoint {
    /// `build` makes the client; it is told whether the address is one of the loopback.
    pub(crate) fn new(
        url: &str,
        build: impl FnOnce(bool) -> Result<reqwest::Client, RemoteError>,
    ) -> Result<Self, RemoteError> {
        let refused = |rule: &str| failure(Code::Usage, format!("{url}: {rule}"));
        let parsed = Url::parse(url).map_err(|error| refused(&error.to_string()))?;
        if parsed.scheme() != "https" {
            return Err(refused("the server is asked over https only"));
        }
        let Some(name) = parsed.host_str() else { return Err(refused("no host")) };
        let host = parsed.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let loopback = name == "localhost" || address.is_ok_and(|address| address.is_loopback());
        Ok(Self { base: url.trim_end_matches('/').to_owned(), host, client: build(loopback)? })
    }
}

/// What every request needs.
#[derive(Debug)]
pub(crate) struct Transport {
    endpoints: Vec<Endpoint>,
    /// The endpoint that answered last.
    preferred: AtomicUsize,
    credential: Option<HeaderValue>,
    idle: Duration,
    pub(crate) gate: Gate,
    pub(crate) counters: Arc<Counters>,
}

/// A refusal, with the field of it that has no place in [`RemoteError`].
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) error: RemoteError,
    pub(crate) vault: Option<VaultId>,
    /// Nobody of ours has answered: another address may do better.
    elsewhere: bool,
}

impl From<RemoteError> for Refused {
    fn from(error: RemoteError) -> Self {
        Self { error, vault: None, elsewhere: false }
    }
}

impl From<Refused> for RemoteError {
    fn from(refused: Refused) -> Self {
        refused.error
    }
}

fn elsewhere(error: RemoteError) -> Refused {
    Refused { error, vault: None, elsewhere: true }
}

impl Transport {
    pub(crate) fn new(
        endpoints: Vec<Endpoint>,
        credential: Option<HeaderValue>,
        idle: Duration,
        gate: Gate,
    ) -> Self {
        Self { endpoints, preferred: AtomicUsize::new(0), credential, idle, gate, counters: Arc::default() }
    }

    /// Sends the request to one address after the other, beginning with the one that answered last. When none
    /// answers, the most telling error is given: a wrong certificate says more than a closed port.
    pub(crate) async fn send(&self, call: &Call) -> Result<Answer, Refused> {
        let start = self.preferred.load(Ordering::Relaxed);
        let count = self.endpoints.len();
        let mut told: Option<Refused> = None;
        for at in (0..count).map(|offset| (start + offset) % count) {
            match self.send_to(&self.endpoints[at], call).await {
                Err(refused) if refused.elsewhere => {
                    let more = told.as_ref().is_none_or(|told| weight(&refused.error) > weight(&told.error));
                    if more {
                        told = Some(refused);
                    }
                }
                answered => {
                    self.preferred.store(at, Ordering::Relaxed);
                    return answered;
                }
            }
        }
        Err(told.unwrap_or_else(|| failure(Code::Usage, "the server has no address").into()))
    }

    async fn send_to(&self, endpoint: &Endpoint, call: &Call) -> Result<Answer, Refused> {
        let url = format!("{}{}", endpoint.base, call.path);
        let mut request = endpoint
            .client
            .request(call.method.clone(), url)
            .header(headers::PROTOCOL, api::version::PROTOCOL.to_string());
        if let Some(credential) = &self.credential {
            request = request.header(reqwest::header::AUTHORIZATION, credential.clone());
        }
        if let Some(counter) = call.counter {
            request = request.header(headers::COUNTER, counter.to_string());
        }
        opened(&self.gate).await;
        let idle = if self.gate.is_stopped() { self.idle.min(LAST_WORDS) } else { self.idle };
        let progress = Progress::new();
        if let Some((kind, body)) = &call.body {
            let body =
                MeteredBody::new(body.clone(), progress.clone(), self.counters.clone(), self.gate.clone());
            request = request.header(CONTENT_TYPE, *kind).body(reqwest::Body::wrap(body));
        }
        let response = match watched(request.send(), &progress, idle, &self.gate).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(elsewhere(of_network(&error, &endpoint.host))),
            Err(GivenUp::Stopped) => {
                let detail = format!("{}: the run was stopped", endpoint.host);
                return Err(elsewhere(failure(Code::ServerUnreachable, detail)));
            }
            Err(GivenUp::Silence) => {
                let detail = format!("{}: nothing moved for {} seconds", endpoint.host, idle.as_secs());
                return Err(elsewhere(failure(Code::ServerUnreachable, detail)));
            }
        };
        let host = endpoint.host.clone();
        let (counters, gate) = (self.counters.clone(), self.gate.clone());
        let answer = Answer { response, progress, idle: self.idle, counters, gate, host };
        answer.accept(call.expects).await
    }
}

const fn weight(error: &RemoteError) -> u8 {
    match error.code {
        Code::CertificateUntrusted => 3,
        Code::CertificateExpired => 2,
        Code::ResponseInvalid => 1,
        _ => 0,
    }
}

/// An answer whose body has not been read.
pub(crate) struct Answer {
    response: Response,
    progress: Arc<Progress>,
    idle: Duration,
    counters: Arc<Counters>,
    gate: Gate,
    host: String,
}

impl Answer {
    /// Gives the answer when it is of the type expected, the refusal when it is one, and an error when a stranger
    /// has answered.
    async fn accept(mut self, expects: Option<&'static str>) -> Result<Self, Refused> {
        let status = self.response.status();
        let header = |name| self.response.headers().get(name).and_then(|value| value.to_str().ok());
        let kind = header(CONTENT_TYPE).unwrap_or("");
        let kind = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        let as_expected = match expects {
            Some(expected) => status.is_success() && kind == expected,
            None => status == StatusCode::NO_CONTENT,
        };
        if as_expected {
            return Ok(self);
        }
        let retry_after = header(RETRY_AFTER).and_then(|seconds| seconds.parse().ok());
        let (status, host) = (status.as_u16(), self.host.clone());
        if kind != headers::PROBLEM {
            return Err(elsewhere(of_stranger(status, &kind, &host)));
        }
        let body = self.read_to_end(limits::PROBLEM_BODY).await.map_err(elsewhere)?;
        let Ok(problem) = serde_json::from_slice::<Problem>(&body) else {
            return Err(elsewhere(of_stranger(status, &kind, &host)));
        };
        let vault = problem.vault;
        let mut error = of_problem(problem, status);
        error.retry_after_seconds = error.retry_after_seconds.or(retry_after);
        Err(Refused { error, vault, elsewhere: false })
    }

    /// The next bytes of the body.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, RemoteError> {
        self.next_within(self.idle).await
    }

    /// The same, when they come within this time.
    pub(crate) async fn next_within(&mut self, idle: Duration) -> Result<Option<Bytes>, RemoteError> {
        opened(&self.gate).await;
        let next = tokio::time::timeout(idle, self.response.chunk()).await;
        let bytes = next
            .map_err(|_| {
                let detail = format!("{}: no byte came for {} seconds", self.host, idle.as_secs());
                failure(Code::ServerUnreachable, detail)
            })?
            .map_err(|error| of_network(&error, &self.host))?;
        self.counters.received(bytes.as_ref().map_or(0, Bytes::len));
        Ok(bytes)
    }

    /// The whole body, at most `limit` bytes.
    pub(crate) async fn read_to_end(&mut self, limit: usize) -> Result<Vec<u8>, RemoteError> {
        let announced = self.response.content_length().and_then(|length| usize::try_from(length).ok());
        let mut body = Vec::with_capacity(announced.unwrap_or(0).min(limit).min(1 << 20));
        while let Some(bytes) = self.next().await? {
            if body.len() + bytes.len() > limit {
                return Err(self.invalid(&format!("the answer has more than {limit} bytes")));
            }
            body.extend_from_slice(&bytes);
        }
        Ok(body)
    }

    /// The answer comes from a server of ours but makes no sense.
    pub(crate) fn invalid(&self, rule: &str) -> RemoteError {
        failure(Code::ResponseInvalid, format!("{}: {rule}", self.host))
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.progress.abandon();
    }
}
