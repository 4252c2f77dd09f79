//! Before ids are trusted that another device, or a hostile server, put into the index, a few frames are
//! opened and compared.

use super::index::Index;
use crate::remote::{Remote, RemoteError};
use crate::{EngineError, frames};
use format::frame::PackKind;
use format::keys::Keyring;
use model::{Code, LeaseId, PackId};
use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Frames that are opened at each run.
const SAMPLE: usize = 3;

/// The packs that this device sent itself, as far as the cache remembers.
pub(super) struct OwnPacks {
    path: PathBuf,
    packs: HashSet<PackId>,
}

impl OwnPacks {
    /// Reads the list; an absent one only means that more is looked at.
    pub(super) fn read(cache: &Path) -> Self {
        let path = cache.join("own-packs");
        let bytes = std::fs::read(&path).unwrap_or_default();
        let packs = bytes.as_chunks::<16>().0.iter().map(|id| PackId::from_bytes(*id)).collect();
        Self { path, packs }
    }

    /// Appends packs that the server has acknowledged.
    pub(super) fn add(&self, packs: &[PackId]) {
        if packs.is_empty() {
            return;
        }
        let bytes: Vec<u8> = packs.iter().flat_map(|pack| *pack.as_bytes()).collect();
        let append =
            || std::fs::File::options().create(true).append(true).open(&self.path)?.write_all(&bytes);
        if let Err(error) = append() {
            tracing::debug!(%error, "the list of own packs was not kept");
        }
    }
}

/// Opens a random sample of frames of others; an error means that the index cannot be trusted.
/// Gives those that the server cannot read itself: their content has to be brought anew.
pub(super) fn check(
    remote: &dyn Remote,
    keyring: &Keyring,
    lease: LeaseId,
    index: &Index,
    own: &OwnPacks,
) -> Result<Vec<frames::FrameName>, EngineError> {
    if !index.lists_data() {
        // There are no ids to be trusted. Those that the server tells are looked at when they were used.
        return Ok(Vec::new());
    }
    let mut foreign = index.foreign_frames(&own.packs);
    let mut sample = Vec::new();
    while sample.len() < SAMPLE && !foreign.is_empty() {
        let at = u64::from_le_bytes(model::ids::random_bytes()) % foreign.len() as u64;
        sample.push(foreign.swap_remove(at as usize));
    }
    if sample.is_empty() {
        return Ok(Vec::new());
    }
    open_each(remote, keyring, lease, &sample, &mut |name, frame| {
        let listed = index.lists(name, &frame.ids);
        let wrong = format::Error::Mismatch { what: "index", check: "list of ids" };
        if listed { Ok(()) } else { Err(EngineError::damaged("the index", wrong)) }
    })
}

/// Opens these data frames, and fails when one is not what it must be or `check` refuses it. Gives those that the
/// server cannot read.
pub(super) fn open_each(
    remote: &dyn Remote,
    keyring: &Keyring,
    lease: LeaseId,
    names: &[frames::FrameName],
    check: &mut dyn FnMut(frames::FrameName, &frames::CheckedFrame) -> Result<(), EngineError>,
) -> Result<Vec<frames::FrameName>, EngineError> {
    let mut unreadable = Vec::new();
    let ids = keyring.id_keys();
    let mut bad = None;
    remote
        .sample_frames(lease, names, &mut |name, sealed| {
            let opened = match sealed {
                Ok(sealed) => frames::open(keyring, &ids, PackKind::Data, name, sealed)
                    .and_then(|frame| check(name, &frame)),
                Err(error) if error.code == Code::DataDamaged => {
                    unreadable.push(name);
                    Ok(())
                }
                Err(error) => Err(error.into()),
            };
            opened.map_err(|error| {
                let refusal = RemoteError::new(Code::DataDamaged, error.to_string());
                bad = Some(error);
                refusal
            })
        })
        .map_err(|error| bad.unwrap_or_else(|| error.into()))?;
    Ok(unreadable)
}
