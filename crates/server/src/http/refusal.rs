//! Errors as problem documents. What is the server's own trouble is logged in full and told in general: a detail
//! never holds paths or secrets.

use crate::Error;
use crate::http::{BodyIdle, BodySlow};
use api::{Problem, headers};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::Code;

/// Result of a handler.
pub(super) type Handled<T> = Result<T, Refusal>;

/// A refusal on its way to the agent.
#[derive(Debug)]
pub(super) struct Refusal(Box<Problem>);

/// The code of a refused request, for the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct RefusedCode(pub(super) &'static str);

impl Refusal {
    /// A refusal with this code.
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem::new(code, detail)))
    }

    /// A refusal with a status that no code has.
    pub(super) fn with_status(status: StatusCode, code: Code, detail: impl Into<String>) -> Self {
        let mut problem = Problem::new(code, detail);
        problem.status = status.as_u16();
        Self(Box::new(problem))
    }

    /// The code.
    pub(super) fn code(&self) -> Code {
        self.0.known_code().unwrap_or(Code::Internal)
    }

    /// A body that could not be read to its end.
    pub(super) fn of_body(error: &axum::Error) -> Self {
        if BodyIdle::is_cause_of(error) {
            return Self::new(Code::RequestTimeout, "no byte of the body came for a while");
        }
        if BodySlow::is_cause_of(error) {
            return Self::new(Code::RequestTimeout, "the body came too slowly");
        }
        Self::new(Code::RequestInvalid, "the body broke off")
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl From<api::Error> for Refusal {
    fn from(error: api::Error) -> Self {
        Self(Box::new(Problem::from(&error)))
    }
}

impl From<meta::Error> for Refusal {
    fn from(error: meta::Error) -> Self {
        Error::from(error).into()
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let code = match error.code() {
            // The server's disk is full: to the agent that is one state, wherever it shows.
            Code::DiskFull => Code::StorageFull,
            // So are a disk that is read-only and one that is not there.
            Code::LocalDenied | Code::StoreMissing => Code::StoreUnusable,
            // What a command line would be told.
            Code::Usage => Code::RequestInvalid,
            code if code.http_status() == 0 => Code::Internal,
            code => code,
        };
        if code.http_status() >= 500 && !matches!(code, Code::ServerBusy) {
            tracing::error!(code = code.as_str(), %error, "request failed");
        }
        let detail = match (&error, code) {
            (_, Code::Internal) => "the server failed; its log says why".to_owned(),
            (_, Code::StoreUnusable) => "the server cannot use its disk; its log says why".to_owned(),
            (_, Code::StorageFull) => "the server has no space for more".to_owned(),
            (_, Code::DataDamaged) => "stored data is damaged; the server's log says which".to_owned(),
            (Error::Meta(meta::Error::TokenUsed { .. }), _) => "the token served another device".to_owned(),
            _ => error.to_string(),
        };
        let problem = Problem::new(code, detail);
        Self(Box::new(match error {
            Error::Busy { retry_after_seconds, .. } => problem.retry_after(retry_after_seconds),
            Error::Meta(meta::Error::Busy) | Error::Vault(vault::Error::Busy { .. }) => {
                problem.retry_after(1)
            }
            Error::Meta(meta::Error::ServerBusy { place, .. }) => {
                problem.retry_after(queue_retry_seconds(place, random_unit())).queue_place(place)
            }
            Error::Meta(meta::Error::DeviceBusy { .. }) => problem.retry_after(BUSY_RETRY_SECONDS),
            _ if matches!(code, Code::StoreUnusable | Code::StorageFull) => {
                problem.retry_after(jittered(STORAGE_RETRY_SECONDS, random_unit()))
            }
            Error::Meta(meta::Error::VaultExists { vault }) => problem.vault(vault),
            Error::Vault(error) => missing(problem, error),
            _ => problem,
        }))
    }
}

/// When an agent asks again that has as many backups running as one device may, in seconds.
const BUSY_RETRY_SECONDS: u64 = 30;
/// When agents ask again while nothing can be stored, in seconds, give or take half of it.
const STORAGE_RETRY_SECONDS: u64 = 600;
/// For each place before it an agent waits so long, in seconds, give or take half of it.
const PLACE_RETRY_SECONDS: u64 = 5;
/// The longest wait for a place in the queue before the half that is given or taken. Well below the time after which
/// the place is given up.
const PLACE_RETRY_MOST_SECONDS: u64 = 300;

/// When an agent with this place in the queue asks again. The first ask often, so that a place that becomes free is
/// taken soon; those far behind seldom.
fn queue_retry_seconds(place: u64, random: f64) -> u64 {
    jittered(
        place.saturating_mul(PLACE_RETRY_SECONDS).clamp(2 * PLACE_RETRY_SECONDS, PLACE_RETRY_MOST_SECONDS),
        random,
    )
}

/// Half of it to one and a half, so that agents that were refused together do not come back together. `random` is in
/// [0, 1).
fn jittered(seconds: u64, random: f64) -> u64 {
    ((seconds as f64 * (0.5 + random)).round() as u64).max(1)
}

fn random_unit() -> f64 {
    f64::from(u32::from_le_bytes(model::ids::random_bytes())) / (f64::from(u32::MAX) + 1.0)
}

fn missing(problem: Problem, error: vault::Error) -> Problem {
    match error {
        vault::Error::RangesMissing { missing } => {
            problem.missing(missing.into_iter().map(|frame| (frame.pack, frame.frame)).collect())
        }
        _ => problem,
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let code = RefusedCode(self.code().as_str());
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Plain values with text keys: they always have a JSON form.
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(headers::PROBLEM));
        if let Some(seconds) = self.0.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(code);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_cannot_be_used_is_no_defect_of_ours() {
        let source = std::io::ErrorKind::ReadOnlyFilesystem.into();
        let read_only = blobs::Error::Io { op: blobs::Op::Put, key: None, source };
        let gone = blobs::Error::NoStore { path: "/srv/secret".into() };
        for error in [Error::Store(read_only), Error::Vault(gone.into())] {
            let Refusal(problem) = Refusal::from(error);
            assert_eq!((problem.known_code(), problem.status), (Some(Code::StoreUnusable), 503));
            assert!(!problem.detail.contains("secret"), "{problem:?}");
        }
    }

    #[test]
    fn whoever_is_told_that_the_server_is_busy_is_told_when_to_come_back() {
        for error in [
            Error::Vault(vault::Error::Busy { what: "another upload of the same pack" }),
            Error::Meta(meta::Error::Busy),
            Error::Meta(meta::Error::ServerBusy { active: 2, limit: 2, place: 1 }),
            Error::Meta(meta::Error::DeviceBusy { active: 2, limit: 2 }),
        ] {
            let Refusal(problem) = Refusal::from(error);
            assert_eq!(problem.known_code(), Some(Code::ServerBusy));
            assert!(problem.retry_after_seconds.is_some(), "{problem:?}");
        }
    }

    #[test]
    fn who_is_far_behind_asks_seldom_and_keeps_the_place() {
        assert_eq!((queue_retry_seconds(1, 0.0), queue_retry_seconds(1, 0.999)), (5, 15));
        assert_eq!(queue_retry_seconds(10, 0.5), 50);
        let longest = queue_retry_seconds(u64::MAX, 0.999);
        assert!(2 * longest <= crate::leases::WAITING.as_secs(), "{longest}");
    }
}
