//! Opens frames and believes nothing: kind, vault, pack, number, tag, and every chunk's id are checked.

use crate::EngineError;
use crate::remote::{Remote, RemoteError};
use format::frame::{OpenFrame, PackCipher, PackKind, SealedFrame};
use format::keys::{IdKeys, Keyring};
use format::ranges::RangeList;
use model::{ChunkId, PackId, SnapshotId};

/// A frame's name: its pack and its number there.
pub type FrameName = (PackId, u32);

/// A frame that was opened and whose every chunk has the id that it is listed under.
#[derive(Debug)]
pub struct CheckedFrame {
    /// The ids of its chunks.
    pub ids: Vec<ChunkId>,
    /// For frames of hunks, the clear range list of each.
    pub references: Vec<RangeList>,
    /// The chunks.
    pub content: OpenFrame,
}

/// Opens `sealed`, which the server gave for `name`, as a frame of this kind.
pub fn open(
    keyring: &Keyring,
    ids: &IdKeys,
    kind: PackKind,
    name: FrameName,
    sealed: SealedFrame,
) -> Result<CheckedFrame, EngineError> {
    let refused = |source| EngineError::damaged(format!("frame {} of pack {}", name.1, name.0), source);
    let context = sealed.context;
    if (context.pack, sealed.number) != name || context.kind != kind || context.vault != keyring.vault() {
        return Err(refused(format::Error::Mismatch { what: "frame", check: "name" }));
    }
    let cipher = PackCipher::new(keyring, context).map_err(refused)?;
    let mut ciphertext = sealed.ciphertext;
    let content = cipher.open(sealed.number, &sealed.ids, &mut ciphertext).map_err(refused)?;
    for (ordinal, id) in sealed.ids.iter().enumerate() {
        let chunk = content.chunk(ordinal as u32).unwrap_or_default();
        let found = if kind == PackKind::Data { ids.chunk_id(chunk) } else { ids.hunk_id(chunk) };
        if found != *id {
            return Err(refused(format::Error::Mismatch { what: "chunk", check: "id" }));
        }
    }
    Ok(CheckedFrame { ids: sealed.ids, references: sealed.references, content })
}

/// Fetches frames that `snapshot` refers to, in the order asked for, and opens each.
/// A frame that is damaged or lost reaches the sink as an error and does not end the call. One that the server only
/// failed to give this time does: it must not be taken for lost.
pub fn fetch(
    remote: &dyn Remote,
    keyring: &Keyring,
    ids: &IdKeys,
    kind: PackKind,
    snapshot: SnapshotId,
    wanted: &[FrameName],
    sink: &mut dyn FnMut(FrameName, Result<CheckedFrame, EngineError>) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let mut stopped = None;
    let result = remote.frames(snapshot, wanted, &mut |name, sealed| {
        let opened = match sealed {
            Ok(sealed) => open(keyring, ids, kind, name, sealed),
            Err(error) if error.code.is_data_lost() => Err(error.into()),
            Err(error) => return Err(error),
        };
        sink(name, opened).map_err(|error| {
            let code = error.code();
            stopped = Some(error);
            RemoteError::new(code, "")
        })
    });
    match stopped {
        Some(error) => Err(error),
        None => Ok(result?),
    }
}
