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
    let announced = usize::try_from(body.size_hint().lower()).ok().filter(|announced| *announced <= limit);
    let mut whole = Vec::with_capacity(announced.ok_or_else(|| too_large(limit))?);
    if collect(&mut body, limit + 1, &mut whole).await? {
        return Err(too_large(limit));
    }
    Ok(whole.into())
}

/// Adds what comes of a body to `whole` until that has `enough` bytes; false when the body ended before. What comes is
/// copied: a piece may be one byte, and keeps all of the connection's buffer that it lies in.
pub(super) async fn collect(body: &mut Body, enough: usize, whole: &mut Vec<u8>) -> Handled<bool> {
    while whole.len() < enough {
        let Some(frame) = body.frame().await else { return Ok(false) };
        if let Ok(data) = frame.map_err(|error| Refusal::of_body(&error))?.into_data() {
            whole.extend_from_slice(&data);
        }
    }
    Ok(true)
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

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{StreamExt, stream};
    use std::convert::Infallible;
    use std::sync::Arc;

    /// A piece of a body that can be counted as long as anybody keeps it.
    struct Piece(#[expect(dead_code, reason = "it is counted")] Arc<()>);

    impl AsRef<[u8]> for Piece {
        fn as_ref(&self) -> &[u8] {
            b"x"
        }
    }

    #[tokio::test]
    async fn a_body_of_many_pieces_takes_the_memory_of_its_bytes() {
        let pieces = Arc::new(());
        let counted = pieces.clone();
        let body = Body::from_stream(stream::iter(0..5_000).map(move |_| {
            let kept = Arc::strong_count(&counted);
            assert!(kept < 10, "{kept} pieces are kept");
            Ok::<_, Infallible>(Bytes::from_owner(Piece(counted.clone())))
        }));
        assert_eq!(read(body, 5_000).await.unwrap(), vec![b'x'; 5_000]);
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        let body = |length| Body::from(vec![7; length]);
        let of_unknown_length =
            |length| Body::from_stream(stream::iter([Ok::<_, Infallible>(Bytes::from(vec![7; length]))]));
        assert_eq!(read(body(10), 10).await.unwrap(), vec![7; 10]);
        assert_eq!(read(of_unknown_length(10), 10).await.unwrap(), vec![7; 10]);
        assert_eq!(read(body(0), 0).await.unwrap(), Bytes::new());
        for long in [body(11), of_unknown_length(11)] {
            assert_eq!(read(long, 10).await.unwrap_err().code(), Code::RequestTooLarge);
        }
    }
}
