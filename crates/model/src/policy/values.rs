//! Kinds of values of a policy, and what each may be.

use super::NetworkMatch;
use crate::schedule::Schedule;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// The most entries of a list.
pub const ENTRIES_MAX: usize = 256;
/// The longest entry of a list, in bytes.
pub const TEXT_MAX: usize = 4_096;

/// A value that a policy may not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct PolicyError {
    /// The field.
    pub field: &'static str,
    /// What it is, and what is allowed.
    pub problem: String,
}

/// Whether files are read from a snapshot of their file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotMode {
    /// Always; without one there is no backup.
    Required,
    /// Where there can be one; otherwise files are read as they are.
    Prefer,
    /// Never.
    Off,
}

/// The categories of notices that come up on the desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notifications {
    /// No backup can begin until somebody acts.
    pub critical: bool,
    /// Backups are in danger, and the user should act.
    pub high: bool,
    /// Something went wrong that is tried again.
    pub warning: bool,
    /// Nothing has to be done.
    pub informative: bool,
}

impl Default for Notifications {
    fn default() -> Self {
        Self { critical: true, high: true, warning: true, informative: false }
    }
}

fn refused(field: &'static str, problem: String) -> PolicyError {
    PolicyError { field, problem }
}

/// Every value of the type is allowed.
pub(super) fn any<T>(_: &'static str, _: &T) -> Result<(), PolicyError> {
    Ok(())
}

/// Numbers of a range.
pub(super) fn in_range(
    allowed: RangeInclusive<u32>,
) -> impl Fn(&'static str, &u32) -> Result<(), PolicyError> {
    move |field, value| {
        if allowed.contains(value) {
            return Ok(());
        }
        Err(refused(field, format!("is {value}; allowed are {} to {}", allowed.start(), allowed.end())))
    }
}

/// What [`Schedule::check`] allows.
pub(super) fn schedule(field: &'static str, schedule: &Schedule) -> Result<(), PolicyError> {
    schedule.check().map_err(|error| refused(field, format!("cannot be used: {error}")))
}

/// A list of bounded length.
fn entries<T>(field: &'static str, list: &[T]) -> Result<(), PolicyError> {
    if list.len() > ENTRIES_MAX {
        let count = list.len();
        return Err(refused(field, format!("has {count} entries; allowed are up to {ENTRIES_MAX}")));
    }
    Ok(())
}

/// A list of short texts without line breaks.
pub(super) fn texts(field: &'static str, list: &[String]) -> Result<(), PolicyError> {
    entries(field, list)?;
    for (place, text) in (1..).zip(list) {
        if text.is_empty() || text.len() > TEXT_MAX || text.chars().any(char::is_control) {
            let problem = format!(
                "has an entry, number {place}, that is not 1 to {TEXT_MAX} bytes without control characters"
            );
            return Err(refused(field, problem));
        }
    }
    Ok(())
}

/// Absolute folders, or folders below the home folder.
pub(super) fn folders(field: &'static str, list: &[String]) -> Result<(), PolicyError> {
    texts(field, list)?;
    let is_folder = |text: &&String| text.starts_with('/') || *text == "~" || text.starts_with("~/");
    match list.iter().find(|text| !is_folder(text)) {
        None => Ok(()),
        Some(other) => Err(refused(field, format!("has {other:?}; folders begin with / or ~/"))),
    }
}

/// Networks, each of a form that can be told apart.
pub(super) fn networks(field: &'static str, list: &[NetworkMatch]) -> Result<(), PolicyError> {
    entries(field, list)?;
    match list.iter().find_map(NetworkMatch::problem) {
        None => Ok(()),
        Some(problem) => Err(refused(field, problem)),
    }
}
