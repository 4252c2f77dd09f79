//! Before the ids are trusted that the server lists in the index, a few frames are opened and compared.

use super::index::Index;
use crate::remote::{Remote, RemoteError};
use crate::{EngineError, frames};
use format::frame::PackKind;
use format::keys::Keyring;
use model::{Code, LeaseId};

/// Frames that are opened at each run.
const SAMPLE: usize = 3;

/// Opens a random sample of all frames, those that this device sent too: what the index says of them comes from the
/// server as well. An error means that the index cannot be trusted.
/// Gives those that the server cannot read itself: their content has to be brought anew.
pub(super) fn check(
    remote: &dyn Remote,
    keyring: &Keyring,
    lease: LeaseId,
    index: &Index,
) -> Result<Vec<frames::FrameName>, EngineError> {
    let mut frames = index.live_data_frames();
    let mut sample = Vec::new();
    while sample.len() < SAMPLE && !frames.is_empty() {
        let at = u64::from_le_bytes(model::ids::random_bytes()) % frames.len() as u64;
        sample.push(frames.swap_remove(at as usize));
    }
    if sample.is_empty() {
        return Ok(Vec::new());
    }
    let mut unreadable = Vec::new();
    let ids = keyring.id_keys();
    let mut bad = None;
    remote
        .sample_frames(lease, &sample, &mut |name, sealed| {
            let opened = match sealed {
                Ok(sealed) => frames::open(keyring, &ids, PackKind::Data, name, sealed).and_then(|frame| {
                    let listed = index.lists(name, &frame.ids);
                    let wrong = format::Error::Mismatch { what: "index", check: "list of ids" };
                    if listed { Ok(()) } else { Err(EngineError::damaged("the index", wrong)) }
                }),
                Err(error) if error.code == Code::DataDamaged => {
                    unreadable.push(name);
                    Ok(())
                }
                Err(error) => Err(error.into()),
            };
            opened.map_err(|error| {
                let detail = error.to_string();
                bad = Some(error);
                RemoteError {
                    code: Code::DataDamaged,
                    detail,
                    transient: false,
                    retry_after_seconds: None,
                    missing: Vec::new(),
                }
            })
        })
        .map_err(|error| bad.unwrap_or_else(|| error.into()))?;
    Ok(unreadable)
}
