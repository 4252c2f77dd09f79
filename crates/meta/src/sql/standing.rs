//! States in SQL: three columns of users and of devices.

use super::value::{FromRow, Row};
use crate::{Change, Error, Result, Standing};
use model::Timestamp;

impl FromRow for Standing {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { state: row.next()?, since: row.next()?, before: row.next()? })
    }
}

/// Where a change leads, or why it is not possible.
pub(super) fn changed(standing: Standing, change: Change, now: Timestamp) -> Result<Standing> {
    standing.changed(change, now).map_err(|state| Error::StateConflict { state })
}
