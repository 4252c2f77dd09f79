//! Addresses of chunks by their ids.

use crate::http::auth::Caller;
use crate::http::input::{BinaryBody, Ids, Shown};
use crate::http::refusal::Handled;
use crate::http::routes::binary;
use crate::http::state::Shared;
use crate::{damage, leases};
use api::binary::{Place, read_ids, write_places};
use api::limits;
use axum::extract::State;
use axum::response::Response;
use format::ranges::Address;
use model::{LeaseId, VaultId};

const BODY: usize = limits::LOOKUP_IDS * 16;

/// Looks ids up.
pub(in crate::http) async fn look_up(
    State(shared): State<Shared>,
    Caller(device): Caller,
    Ids((vault, lease)): Ids<(VaultId, LeaseId)>,
    Shown(counter): Shown,
    BinaryBody(body): BinaryBody<BODY>,
) -> Handled<Response> {
    let (open, _) = leases::claim(&shared.instance, &device, vault, lease, counter).await?;
    let ids = read_ids(&body)?;
    let damaged = damage::known(&shared.instance, vault).await?.into_iter().collect();
    let found = shared.job(move || open.vault().look_up(&ids, &damaged)).await?;
    let place = |Address { pack, frame, ordinal }| Place { pack, frame, ordinal };
    let places: Vec<_> = found.into_iter().map(|address| address.map(place)).collect();
    Ok(binary(write_places(&places)))
}
