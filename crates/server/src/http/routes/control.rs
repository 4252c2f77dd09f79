//! What the server wants of the calling device: state, policy, orders, and the channel that tells of changes.

use crate::channels::Channel;
use crate::device_state::{self, Told};
use crate::http::auth::Caller;
use crate::http::channel::OpenChannel;
use crate::http::input::{Ids, JsonBody};
use crate::http::refusal::{Handled, Refusal};
use crate::http::state::Shared;
use crate::{Error, Result, detached, orders};
use api::control::{DeviceState, OrderAnswer, PolicyAnswer};
use api::{headers, limits};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use meta::{Device, Hash};
use model::{Code, OrderId};
use std::time::Duration;

/// How often a channel on which nothing happens shows that it is there.
const BEAT: Duration = Duration::from_secs(15);
/// When a device asks again for a channel that it did not get, in seconds.
const FULL_RETRY_SECONDS: u64 = 300;

/// Where the device stands, and what is wanted of it.
pub(in crate::http) async fn state(
    State(shared): State<Shared>,
    Caller(device): Caller,
) -> Handled<Json<DeviceState>> {
    Ok(Json(told(&shared, &device).await?.state))
}

/// What holds for it.
pub(in crate::http) async fn policy(
    State(shared): State<Shared>,
    Caller(device): Caller,
) -> Handled<Json<PolicyAnswer>> {
    Ok(Json(device_state::policy(&shared.instance, device.user).await?))
}

/// It says what became of an order.
pub(in crate::http) async fn answer(
    State(shared): State<Shared>,
    Caller(device): Caller,
    Ids(order): Ids<OrderId>,
    JsonBody(answer): JsonBody<OrderAnswer, { limits::JSON_BODY }>,
) -> Handled<StatusCode> {
    let instance = shared.instance.clone();
    // Done whether the agent waits or not.
    detached(async move { orders::answered(&instance, device.id, order, &answer).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Opens the channel: the state now, and again whenever it says something else.
pub(in crate::http) async fn open(State(shared): State<Shared>, Caller(device): Caller) -> Handled<Response> {
    let Some(channel) = shared.instance.channels.open(device.id, shared.channels_max) else {
        let detail = "as many devices are connected as the server holds; ask now and then";
        let problem = api::Problem::new(Code::ServerBusy, detail).retry_after(FULL_RETRY_SECONDS);
        return Err(Refusal::from(problem));
    };
    let first = told(&shared, &device).await?;
    let secret_hash = device.secret_hash.unwrap_or_default();
    let talk = Talk { shared, device, secret_hash, channel, last: None, goes_on: true };
    let lines = futures_util::stream::try_unfold((talk, Some(first)), |(mut talk, first)| async move {
        let line = match first {
            Some(first) => Some(talk.say(first)),
            None => talk.next().await?,
        };
        Ok::<_, Error>(line.map(|line| (line, (talk, None))))
    });
    let mut response = Response::new(Body::from_stream(lines));
    let head = response.headers_mut();
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static(headers::LINES));
    // What stands between must neither keep lines back nor use the connection for anything else.
    head.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    head.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.extensions_mut().insert(OpenChannel);
    Ok(response)
}

async fn told(shared: &Shared, device: &Device) -> Result<Told> {
    device_state::of(&shared.instance, device.id, device.secret_hash.unwrap_or_default()).await
}

/// One channel.
struct Talk {
    shared: Shared,
    device: Device,
    /// That of the machine that opened it: another one may go on as the device.
    secret_hash: Hash,
    channel: Channel,
    last: Option<DeviceState>,
    goes_on: bool,
}

impl Talk {
    fn say(&mut self, Told { state, goes_on }: Told) -> Bytes {
        // Plain values with text keys: they always have a JSON form.
        let mut line = serde_json::to_vec(&state).unwrap_or_default();
        line.push(b'\n');
        self.last = Some(state);
        self.goes_on = goes_on;
        line.into()
    }

    /// The next line: a state that says something else, or an empty one as a sign of life; none at the end.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        while self.goes_on && !self.channel.is_replaced() {
            if tokio::time::timeout(BEAT, self.channel.woken()).await.is_err() {
                return Ok(Some(Bytes::from_static(b"\n")));
            }
            if self.channel.is_replaced() {
                break;
            }
            let told = device_state::of(&self.shared.instance, self.device.id, self.secret_hash).await;
            let told = told.inspect_err(|error| {
                tracing::warn!(device = %self.device.id, %error, "a control channel broke off");
            })?;
            if self.last.as_ref().is_none_or(|last| !last.says_the_same(&told.state)) {
                return Ok(Some(self.say(told)));
            }
        }
        Ok(None)
    }
}
