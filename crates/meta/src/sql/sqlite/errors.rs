//! SQLite's errors as ours, by its result codes.

use crate::Error;
use sqlx::error::DatabaseError;

/// The result codes of SQLite that callers act on.
mod code {
    pub(super) const PERM: i32 = 3;
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const READONLY: i32 = 8;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
    pub(super) const NOTADB: i32 = 26;
    /// An extended one: the file of shared memory beside the database cannot grow.
    pub(super) const IOERR_SHMSIZE: i32 = 4874;
}

/// What an error of the driver means.
pub(super) fn failed(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::PoolTimedOut => Error::Busy,
        sqlx::Error::Database(database) if extended(&**database) == Some(code::IOERR_SHMSIZE) => {
            Error::DiskFull
        }
        sqlx::Error::Database(database) => match extended(&**database).map(|code| code & 0xff) {
            Some(code::BUSY | code::LOCKED) => Error::Busy,
            Some(code::CORRUPT | code::NOTADB) => Error::Damaged { problem: database.message().to_owned() },
            Some(code::FULL) => Error::DiskFull,
            Some(code::PERM | code::READONLY | code::CANTOPEN) => {
                Error::Denied { problem: database.message().to_owned() }
            }
            _ => Error::Database { source: Box::new(error) },
        },
        _ => Error::Database { source: Box::new(error) },
    }
}

/// The extended result code; its low byte is the primary one.
fn extended(error: &dyn DatabaseError) -> Option<i32> {
    error.code()?.parse().ok()
}
