//! The database file itself: its path, its creation, and whether it is ours.

use super::errors::failed;
use crate::{Error, Result};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Set by the first migration: 'HFmt'.
const APPLICATION_ID: i64 = 1_212_575_092;

/// The path as SQLite can take it: absolute, since a relative one may begin with `file:` and be read as a URI.
pub(super) fn checked(path: &Path) -> Result<PathBuf> {
    if path.to_str().is_none() {
        return Err(Error::PathNotText { path: path.to_owned() });
    }
    std::path::absolute(path).map_err(|source| Error::Io { path: path.to_owned(), source })
}

/// Makes an empty file for its owner alone (SQLite gives its log the same mode); durable when this returns.
pub(super) fn create(path: &Path) -> Result<()> {
    platform::permissions::create_new_file(path, 0o600).map_err(|error| {
        if error.is_already_exists() {
            Error::Exists { path: path.to_owned() }
        } else {
            Error::Io { path: path.to_owned(), source: error.into() }
        }
    })?;
    sync_parent(path)
}

/// Makes the names in the folder of a file durable.
pub(super) fn sync_parent(path: &Path) -> Result<()> {
    let parent = path.parent().unwrap_or(path);
    File::open(parent)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| Error::Io { path: parent.to_owned(), source })
}

/// Refuses a database that another program made, before anything is changed in it.
pub(super) async fn refuse_foreign(path: &Path, options: SqliteConnectOptions) -> Result<()> {
    let mut connection = options.connect().await.map_err(failed)?;
    let application_id: i64 =
        sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut connection).await.map_err(failed)?;
    let tables: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_schema WHERE name <> 'schema_migrations'")
            .fetch_one(&mut connection)
            .await
            .map_err(failed)?;
    connection.close().await.map_err(failed)?;
    let unfinished = application_id == 0 && tables == 0;
    if application_id == APPLICATION_ID || unfinished {
        Ok(())
    } else {
        Err(Error::Foreign { path: path.to_owned(), application_id })
    }
}
