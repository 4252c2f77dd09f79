//! Before a commit trusts the ids that the server lists in the index, a few frames are opened and compared. That goes on
//! beside the walk: over a slow network the frames are long on their way.

use super::index::Index;
use crate::remote::{Remote, RemoteError};
use crate::{EngineError, frames};
use format::frame::PackKind;
use format::keys::Keyring;
use model::{Code, LeaseId};
use std::thread::ScopedJoinHandle;

/// Frames that are opened at each run.
const SAMPLE: usize = 2;

/// A check under way.
pub(super) struct Sampling<'s>(Option<ScopedJoinHandle<'s, Checked>>);

/// The frames that the server cannot read itself.
type Checked = Result<Vec<frames::FrameName>, EngineError>;

impl<'s> Sampling<'s> {
    /// `None` where nothing is left to be checked.
    pub(super) const fn new(check: Option<ScopedJoinHandle<'s, Checked>>) -> Self {
        Self(check)
    }

    /// Tells what the check found when it has ended; costs nothing after that.
    pub(super) fn look(&mut self) -> Result<(), EngineError> {
        if self.0.as_ref().is_some_and(ScopedJoinHandle::is_finished) { self.end() } else { Ok(()) }
    }

    /// Waits for its end. A frame that the server cannot read fails like a refused commit: the run is repeated
    /// without it.
    pub(super) fn end(&mut self) -> Result<(), EngineError> {
        let Some(check) = self.0.take() else { return Ok(()) };
        let unreadable = check.join().unwrap_or(Err(EngineError::Defect("the check of the index failed")))?;
        all_readable(unreadable)
    }
}

/// The error of a run that may not go on with these frames.
pub(super) fn all_readable(unreadable: Vec<frames::FrameName>) -> Result<(), EngineError> {
    if unreadable.is_empty() {
        return Ok(());
    }
    let error = RemoteError::new(Code::RangesMissing, "the server cannot read frames that it listed");
    Err(RemoteError { missing: unreadable, ..error }.into())
}

/// Opens a random sample of all frames, those that this device sent too: what the index says of them comes from the
/// server as well. An error means that the index cannot be trusted.
/// Gives those that the server cannot read itself: their content has to be brought anew.
pub(super) fn check(
    remote: &dyn Remote,
    keyring: &Keyring,
    lease: LeaseId,
    index: &Index,
) -> Result<Vec<frames::FrameName>, EngineError> {
    if !index.lists_data() {
        // There are no ids to be trusted. Those that the server tells are looked at when they were used.
        return Ok(Vec::new());
    }
    let mut frames = index.live_data_frames();
    let mut sample = Vec::new();
    while sample.len() < SAMPLE && !frames.is_empty() {
        let at = u64::from_le_bytes(model::ids::random_bytes()) % frames.len() as u64;
        sample.push(frames.swap_remove(at as usize));
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
