//! The vault's log for agents, in pieces of one segment at a time.

use crate::activation::vault_of;
use crate::http::auth::Caller;
use crate::http::input::{Asked, Ids};
use crate::http::refusal::Handled;
use crate::http::routes::{Step, stream};
use crate::http::state::Shared;
use api::runs::{IndexIds, IndexQuery};
use axum::extract::State;
use axum::response::Response;
use model::VaultId;
use vault::{Position, SegmentBytes, Segments};

/// What is read at once, in bytes: so much is kept while an agent is slow.
const PIECE: usize = 1 << 20;

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
    // The first one before the answer begins, since a gap has a status of its own.
    let begin = move || {
        let segments = open.vault().segments_after(after)?;
        let segments = match query.ids {
            IndexIds::All => segments,
            IndexIds::Hunks => segments.without_data_ids(),
        };
        next((segments, None))
    };
    let first = shared.job(begin).await?;
    Ok(stream(shared, first, next))
}

/// What is left of an answer: the segments that follow, and what is left of the present one.
type Rest = (Segments, Option<SegmentBytes>);

/// The next piece, with the header of its segment where one begins.
fn next((mut segments, present): Rest) -> Result<Step<Rest>, vault::Error> {
    let (mut piece, mut segment) = match present {
        Some(segment) => (Vec::new(), segment),
        None => match segments.next().transpose()? {
            Some(segment) => (api::binary::segment_header(segment.length() as u32).to_vec(), segment),
            None => return Ok(None),
        },
    };
    piece.extend(segment.read(PIECE)?);
    let is_whole = segment.left() == 0;
    Ok(Some((piece.into(), (segments, (!is_whole).then_some(segment)))))
}
