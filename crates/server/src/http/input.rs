//! Parts of requests as typed values: ids of the path, the lease's counter, bodies within their limits.

use super::refusal::{Handled, Refusal};
use api::headers;
use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use model::Code;
use serde::de::DeserializeOwned;

/// The ids in the path. What is no id names nothing.
pub(super) struct Ids<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Ids<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(ids)) => Ok(Self(ids)),
            Err(_) => Err(Refusal::new(Code::NotFound, "a part of the path is no id")),
        }
    }
}

/// The query.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(query)) => Ok(Self(query)),
            Err(_) => Err(Refusal::new(Code::RequestInvalid, "the query cannot be read")),
        }
    }
}

/// The number that came with the lease.
pub(super) struct Shown(pub(super) u64);

impl<S: Send + Sync> FromRequestParts<S> for Shown {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let text = parts.headers.get(headers::COUNTER).and_then(|value| value.to_str().ok());
        let number = text.and_then(|text| text.parse().ok());
        number
            .map(Self)
            .ok_or_else(|| Refusal::new(Code::RequestInvalid, "header holdfast-counter is no number"))
    }
}

/// A JSON body of at most `LIMIT` bytes.
pub(super) struct JsonBody<T, const LIMIT: usize>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync, const LIMIT: usize> FromRequest<S> for JsonBody<T, LIMIT> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        check_type(request.headers(), headers::JSON)?;
        let bytes = read(request.into_body(), LIMIT).await?;
        match serde_json::from_slice(&bytes) {
            Ok(value) => Ok(Self(value)),
            // serde's words may repeat what was sent, which may be a secret.
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                let detail = format!("the body cannot be read, at line {line} column {column}");
                Err(Refusal::new(Code::RequestInvalid, detail))
            }
        }
    }
}

/// A binary body of at most `LIMIT` bytes.
pub(super) struct BinaryBody<const LIMIT: usize>(pub(super) Bytes);

impl<S: Send + Sync, const LIMIT: usize> FromRequest<S> for BinaryBody<LIMIT> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        check_type(request.headers(), headers::BINARY)?;
        Ok(Self(read(request.into_body(), LIMIT).await?))
    }
}

/// A binary body whose length is known beforehand, not yet read.
pub(super) struct SizedBody<const LIMIT: usize> {
    /// Its length.
    pub(super) length: u64,
    /// The body.
    pub(super) body: Body,
}

impl<S: Send + Sync, const LIMIT: usize> FromRequest<S> for SizedBody<LIMIT> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        check_type(request.headers(), headers::BINARY)?;
        let text = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let length = text.and_then(|text| text.parse::<u64>().ok());
        let length =
            length.ok_or_else(|| Refusal::new(Code::RequestInvalid, "content-length is required here"))?;
        if length > LIMIT as u64 {
            return Err(too_large(LIMIT));
        }
        Ok(Self { length, body: request.into_body() })
    }
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(mut body: Body, limit: usize) -> Handled<Bytes> {
    let announced = body.size_hint();
    if announced.lower() > limit as u64 {
        return Err(too_large(limit));
    }
    let mut parts: Vec<Bytes> = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| Refusal::of_body(&error))?.into_data() else { continue };
        length += data.len();
        if length > limit {
            return Err(too_large(limit));
        }
        parts.push(data);
    }
    if parts.len() == 1
        && let Some(whole) = parts.pop()
    {
        return Ok(whole);
    }
    let mut whole = Vec::with_capacity(length);
    for part in parts {
        whole.extend_from_slice(&part);
    }
    Ok(whole.into())
}

fn too_large(limit: usize) -> Refusal {
    Refusal::new(Code::RequestTooLarge, format!("the body has more than {limit} bytes"))
}

fn check_type(headers: &HeaderMap, expected: &str) -> Handled<()> {
    let found = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = found.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(Refusal::new(Code::RequestInvalid, format!("content-type must be {expected}")))
}
