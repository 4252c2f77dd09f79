//! Who asks: the device's credentials, the same answer for whoever is not known, and a bound on its requests.

use super::refusal::Refusal;
use super::slots::{Counted, Slot};
use super::state::Shared;
use crate::device_state;
use api::{Credential, headers, routes};
use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use meta::{Bar, Device, KnownDevice};
use model::Code;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;
use subtle::ConstantTimeEq;

/// The device that asks. Handlers behind [`authenticate`] have one.
#[derive(Debug, Clone)]
pub(super) struct Caller(pub(super) Device);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Refusal::new(Code::DeviceUnknown, "no device credentials"))
    }
}

/// The place of a request among those of its device. What is done whether the agent waits or not keeps it to its end:
/// an agent that sends and goes away would have any number of requests under way.
#[derive(Clone)]
pub(super) struct UnderWay(#[expect(dead_code, reason = "it is kept, not used")] Arc<Slot>);

impl<S: Send + Sync> FromRequestParts<S> for UnderWay {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let place = parts.extensions.get::<Self>().cloned();
        place.ok_or_else(|| Refusal::new(Code::DeviceUnknown, "no device credentials"))
    }
}

/// The device's id, for the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallerId(pub(super) model::DeviceId);

/// Refuses protocol versions that this server does not speak.
pub(super) async fn check_version(request: Request, next: Next) -> Response {
    let header = request.headers().get(headers::PROTOCOL);
    // Bytes that are no text are no number either.
    let text = header.map(|value| value.to_str().unwrap_or("?"));
    match api::version::check(text) {
        Ok(_) => next.run(request).await,
        Err(error) => Refusal::from(error).into_response(),
    }
}

/// Lets devices through that are known and may work.
pub(super) async fn authenticate(State(shared): State<Shared>, mut request: Request, next: Next) -> Response {
    let asked = Asked::of(&request, for_requests);
    let caller = match identify(&shared, asked).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    let device = caller.0.id;
    let Some(slot) = shared.slots.take(device) else {
        let detail = "this device has too many requests under way";
        return Refusal::from(api::Problem::new(Code::RateLimited, detail).retry_after(1)).into_response();
    };
    let slot = Arc::new(slot);
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(UnderWay(slot.clone()));
    let mut response = next.run(request).await;
    response.extensions_mut().insert(CallerId(device));
    response.map(|inner| Body::new(Counted { inner, _slot: slot }))
}

/// Lets devices through that are known and may work, or may wait for that; a channel takes no place among the requests
/// of its device, of which it has one.
pub(super) async fn authenticate_channel(
    State(shared): State<Shared>,
    mut request: Request,
    next: Next,
) -> Response {
    let asked = Asked::of(&request, |bar, _| device_state::may_wait(bar));
    let caller = match identify(&shared, asked).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    let device = caller.0.id;
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    response.extensions_mut().insert(CallerId(device));
    response
}

/// Whether a device that this keeps from working may ask on this route all the same.
type Exception = fn(Bar, &str) -> bool;

/// The answer to a deactivation may have been lost.
fn for_requests(bar: Bar, route: &str) -> bool {
    bar == Bar::DeviceDeactivated && route == routes::DEACTIVATE
}

/// What of a request says who asks.
struct Asked {
    credential: Option<Credential>,
    peer: IpAddr,
    route: String,
    exception: Exception,
}

impl Asked {
    fn of(request: &Request, exception: Exception) -> Self {
        let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let route = request.extensions().get::<MatchedPath>();
        Self {
            credential: header.and_then(|header| Credential::parse(header).ok()),
            peer: peer(request),
            route: route.map(|path| path.as_str().to_owned()).unwrap_or_default(),
            exception,
        }
    }
}

async fn identify(shared: &Shared, asked: Asked) -> Result<Caller, Refusal> {
    let Asked { credential: Some(credential), peer, route, exception } = asked else {
        return Err(unknown(shared, asked.peer));
    };
    let meta = &shared.instance.meta;
    let found = meta.known_device(credential.device).await?;
    // Compared in any case, so that the time says nothing about which ids exist.
    let nobody = [0; 32];
    let hash = credential.secret.hash().0;
    let expected = found.as_ref().and_then(|known| known.device.secret_hash);
    let same: bool = hash.ct_eq(&expected.unwrap_or(nobody)).into();
    let Some(known) = found else { return Err(unknown(shared, peer)) };
    if !same || expected.is_none() {
        let was_it_before = known.device.former_secrets.iter().any(|former| hash.ct_eq(former).into());
        return Err(if was_it_before { barred(Bar::DeviceReplaced) } else { unknown(shared, peer) });
    }
    match known.bar() {
        None => {}
        Some(bar) if exception(bar, &route) => {}
        Some(bar) => return Err(barred(bar)),
    }
    let KnownDevice { device, .. } = known;
    // For people only. A database that cannot be written must not keep anybody from reading what is stored.
    if let Err(error) = meta.touch_device(device.id, shared.instance.clock.now()).await {
        tracing::warn!(device = %device.id, %error, "it was not noted that a device was heard of");
    }
    Ok(Caller(device))
}

/// The answer to a device that is known and may not work.
fn barred(bar: Bar) -> Refusal {
    Refusal::new(bar.code(), bar.to_string())
}

/// One answer for no credentials, an unknown device and a wrong secret.
fn unknown(shared: &Shared, peer: IpAddr) -> Refusal {
    failed(shared, peer, Refusal::new(Code::DeviceUnknown, "this server does not know the device"))
}

/// Counts a failure of this address; gives what to answer.
pub(super) fn failed(shared: &Shared, peer: IpAddr, refusal: Refusal) -> Refusal {
    match shared.failures.count(peer, Instant::now()) {
        Ok(()) => refusal,
        Err(seconds) => {
            let detail = "too many failed attempts of this address";
            api::Problem::new(Code::RateLimited, detail).retry_after(seconds).into()
        }
    }
}

/// The address of the other side.
pub(super) fn peer(request: &Request) -> IpAddr {
    let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
    info.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip())
}
