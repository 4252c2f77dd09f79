//! Copies of the database, and the search for damage.

use super::errors::failed;
use super::file::{create, sync_parent};
use crate::{Error, Result};
use sqlx::sqlite::{SqliteJournalMode, SqlitePool};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Writes a copy under a temporary name, checks it, and gives it its name.
pub(super) async fn copy(readers: &SqlitePool, path: &Path) -> Result<()> {
    if path.try_exists().map_err(|source| Error::Io { path: path.to_owned(), source })? {
        return Err(Error::Exists { path: path.to_owned() });
    }
    let temporary = temporary(path);
    remove(&temporary)?;
    // SQLite fills an empty file that is there; this one is for its owner alone.
    create(&temporary)?;
    let copied = write(readers, &temporary).await.and_then(|()| name(&temporary, path));
    if copied.is_err() {
        remove(&temporary)?;
    }
    copied
}

fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    name.into()
}

/// VACUUM INTO reads inside one transaction of its own, so a reading connection is enough and no writer waits.
async fn write(readers: &SqlitePool, temporary: &Path) -> Result<()> {
    let text = temporary.to_str().ok_or_else(|| Error::PathNotText { path: temporary.to_owned() })?;
    let source = readers.acquire().await.map_err(failed)?;
    // Not given back to the pool: the page cache of a full read is of no use to others.
    let mut source = source.detach();
    sqlx::query("VACUUM INTO $1").bind(text).execute(&mut source).await.map_err(failed)?;
    source.close().await.map_err(failed)?;

    // One file without a log beside it.
    let options = super::options(temporary).journal_mode(SqliteJournalMode::Delete);
    let mut copy = options.connect().await.map_err(failed)?;
    let problems = problems(&mut copy).await?;
    copy.close().await.map_err(failed)?;
    match problems.into_iter().next() {
        None => Ok(()),
        Some(problem) => Err(Error::Damaged { problem }),
    }
}

fn name(temporary: &Path, path: &Path) -> Result<()> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    File::open(temporary).and_then(|file| file.sync_all()).map_err(io)?;
    fs::rename(temporary, path).map_err(io)?;
    sync_parent(path)
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::Io { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// What `PRAGMA quick_check` and `foreign_key_check` find.
pub(super) async fn check(readers: &SqlitePool) -> Result<Vec<String>> {
    let mut connection = readers.acquire().await.map_err(failed)?;
    match problems(&mut connection).await {
        // Some damage ends the search itself.
        Err(Error::Damaged { problem }) => Ok(vec![problem]),
        other => other,
    }
}

async fn problems(connection: &mut SqliteConnection) -> Result<Vec<String>> {
    let mut problems: Vec<String> =
        sqlx::query_scalar("PRAGMA quick_check").fetch_all(&mut *connection).await.map_err(failed)?;
    problems.retain(|problem| problem != "ok");
    let orphans: Vec<(String, Option<i64>, String)> =
        sqlx::query_as("SELECT \"table\", rowid, parent FROM pragma_foreign_key_check")
            .fetch_all(connection)
            .await
            .map_err(failed)?;
    problems.extend(orphans.into_iter().map(|(table, row, parent)| {
        format!("row {} of {table} refers to nothing in {parent}", row.unwrap_or_default())
    }));
    Ok(problems)
}
