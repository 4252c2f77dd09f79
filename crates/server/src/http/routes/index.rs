//! The vault's log for agents, one segment at a time.

use crate::activation::vault_of;
use crate::http::auth::Caller;
use crate::http::input::{Asked, Ids};
use crate::http::refusal::Handled;
use crate::http::routes::stream;
use crate::http::state::Shared;
use api::runs::{IndexIds, IndexQuery};
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use model::VaultId;
use vault::{Position, Segments};

/// Gives what follows a number.
pub(in crate::http) async fn read(
    State(shared): State<Shared>,
    Caller(device): Caller,
    Ids(id): Ids<VaultId>,
    Asked(query): Asked<IndexQuery>,
) -> Handled<Response> {
    let after = query.position()?;
    let after = after.map(|(incarnation, sequence)| Position { incarnation: incarnation.0, sequence });
    let open = vault_of(&shared.instance, &device, id).await?;
    let next = |mut segments: Segments| {
        let record = segments.next().transpose()?.map(|segment| {
            let mut record = Vec::with_capacity(segment.len() + 4);
            record.extend_from_slice(&api::binary::segment_header(segment.len() as u32));
            record.extend_from_slice(&segment);
            Bytes::from(record)
        });
        Ok::<_, vault::Error>(record.map(|record| (record, segments)))
    };
    // The first one before the answer begins, since a gap has a status of its own.
    let begin = move || {
        let segments = open.vault().segments_after(after)?;
        next(match query.ids {
            IndexIds::All => segments,
            IndexIds::Hunks => segments.without_data_ids(),
        })
    };
    let first = shared.job(begin).await?;
    Ok(stream(shared, first, next))
}
