//! The handlers: they check who may what, and turn values of the protocol into calls and back.

pub(super) mod activation;
pub(super) mod commits;
pub(super) mod control;
pub(super) mod damage;
pub(super) mod device;
pub(super) mod events;
pub(super) mod frames;
pub(super) mod health;
pub(super) mod index;
pub(super) mod keys;
pub(super) mod labels;
pub(super) mod leases;
pub(super) mod lookup;
pub(super) mod packs;
pub(super) mod quota;
pub(super) mod snapshots;
pub(super) mod vaults;

use super::state::Shared;
use api::headers;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;

/// An answer in binary.
fn binary(body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(headers::BINARY));
    response
}

/// What was read, and from where to go on.
type Step<T> = Option<(Bytes, T)>;

/// An answer in binary that is read on only as the agent takes it. After an error the body breaks off, which the
/// agent sees by the length of what it has.
fn stream<T, F>(shared: Shared, first: Step<T>, next: F) -> Response
where
    T: Send + 'static,
    F: Fn(T) -> Result<Step<T>, vault::Error> + Copy + Send + 'static,
{
    enum At<T> {
        Read(Step<T>),
        Next(T),
    }
    let parts = futures_util::stream::try_unfold(At::Read(first), move |at| {
        let shared = shared.clone();
        async move {
            let step = match at {
                At::Read(step) => step,
                At::Next(rest) => match shared.job(move || next(rest)).await {
                    Ok(step) => step,
                    Err(error) => {
                        tracing::warn!(%error, "an answer broke off");
                        return Err(error);
                    }
                },
            };
            Ok(step.map(|(bytes, rest)| (bytes, At::Next(rest))))
        }
    });
    binary(Body::from_stream(parts))
}
