//! SQLite: one file, one writing connection, a few reading ones.
//!
//! All writers wait in the queue of a pool with a single connection and begin with `BEGIN IMMEDIATE`, so a
//! transaction never finds the database locked half-way. Readers see the last commit and wait for nobody.

mod copy;
mod errors;
mod file;
mod values;

use super::dialect::{Dialect, Transaction};
use super::migrate::Migration;
use super::value::{Arg, Row};
use crate::{Error, Result};
use async_trait::async_trait;
use errors::failed;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Sqlite as Driver, SqliteConnection};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// In order; the numbers count from 1.
const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "first", sql: include_str!("migrations/0001_first.sql") },
    Migration { number: 2, name: "damage", sql: include_str!("migrations/0002_damage.sql") },
    Migration { number: 3, name: "standing", sql: include_str!("migrations/0003_standing.sql") },
    Migration { number: 4, name: "events", sql: include_str!("migrations/0004_events.sql") },
    Migration { number: 5, name: "admission", sql: include_str!("migrations/0005_admission.sql") },
    Migration { number: 6, name: "groups", sql: include_str!("migrations/0006_groups.sql") },
    Migration { number: 7, name: "orders", sql: include_str!("migrations/0007_orders.sql") },
];

/// How long a call waits for its turn, and for a process of another program that holds the file.
const PATIENCE: Duration = Duration::from_secs(30);

const READERS: u32 = 4;

/// One database file.
pub(super) struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Sqlite {
    /// Makes a new, empty database file.
    pub(super) async fn create(path: &Path) -> Result<Self> {
        let path = file::checked(path)?;
        file::create(&path)?;
        Self::connect(path).await
    }

    /// Opens a database file that is ours, or empty since its creation was cut off.
    pub(super) async fn open(path: &Path) -> Result<Self> {
        let path = file::checked(path)?;
        if !path.is_file() {
            return Err(Error::Missing { path });
        }
        file::refuse_foreign(&path, options(&path)).await?;
        Self::connect(path).await
    }

    async fn connect(path: PathBuf) -> Result<Self> {
        let writing = options(&path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true);
        let reading = options(&path).read_only(true);
        let writer = pool(1)
            .after_release(|connection, _| Box::pin(usable(connection)))
            .connect_with(writing)
            .await
            .map_err(failed)?;
        Ok(Self { writer, readers: pool(READERS).connect_lazy_with(reading) })
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(PATIENCE)
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging()
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

/// Whether a connection can serve another writer; if not, the pool closes it and makes a new one.
///
/// On a full disk SQLite rolls back by itself. The driver does not notice, its own rollback fails, and it
/// would take the connection to be inside that transaction for ever.
async fn usable(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    // The answer comes after a rollback that was queued when the transaction was dropped.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

#[async_trait]
impl Dialect for Sqlite {
    fn migrations(&self) -> &'static [Migration] {
        MIGRATIONS
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>> {
        let transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        Ok(Box::new(SqliteTransaction(transaction)))
    }

    async fn read(&self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<Row>> {
        let rows = values::bound(sql, args).fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(values::row).collect()
    }

    async fn copy_to(&self, path: &Path) -> Result<()> {
        copy::copy(&self.readers, &file::checked(path)?).await
    }

    async fn check(&self) -> Result<Vec<String>> {
        copy::check(&self.readers).await
    }

    async fn close(&self) {
        // The writer last: the connection that ends last moves the log into the database file.
        self.readers.close().await;
        self.writer.close().await;
    }
}

struct SqliteTransaction(sqlx::Transaction<'static, Driver>);

#[async_trait]
impl Transaction for SqliteTransaction {
    async fn rows(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<Row>> {
        let rows = values::bound(sql, args).fetch_all(&mut *self.0).await.map_err(failed)?;
        rows.iter().map(values::row).collect()
    }

    async fn run(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<u64> {
        let done = values::bound(sql, args).execute(&mut *self.0).await.map_err(failed)?;
        Ok(done.rows_affected())
    }

    async fn script(&mut self, sql: &'static str) -> Result<()> {
        sqlx::raw_sql(sql).execute(&mut *self.0).await.map_err(failed)?;
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<()> {
        self.0.commit().await.map_err(failed)
    }
}

#[cfg(test)]
mod tests;
