//! [`SqlMeta`]: the traits written once, in the SQL that the databases share.
//! It never names a database product outside its constructors.

mod admin_tokens;
mod cleanups;
mod damages;
mod devices;
mod dialect;
mod events;
mod grant;
mod groups;
mod installation;
mod leases;
mod migrate;
mod orders;
mod snapshots;
mod sqlite;
mod standing;
mod tokens;
mod upkeep;
mod users;
mod value;
mod vaults;
mod waiting;

use crate::Result;
use dialect::{Dialect, Transaction};
use model::failpoint;
use std::path::Path;
use value::{Arg, FromRow};

/// The server's database in a database that speaks SQL.
pub struct SqlMeta {
    dialect: Box<dyn Dialect>,
}

impl SqlMeta {
    /// Creates an SQLite database in a new file; refuses a file that exists.
    pub async fn create_sqlite(path: &Path) -> Result<Self> {
        Self::brought_forward(sqlite::Sqlite::create(path).await?).await
    }

    /// Opens an SQLite database and brings it forward to the schema of this version.
    /// Refuses a missing file, another program's database and a newer schema without changing them.
    pub async fn open_sqlite(path: &Path) -> Result<Self> {
        Self::brought_forward(sqlite::Sqlite::open(path).await?).await
    }

    async fn brought_forward(dialect: impl Dialect + 'static) -> Result<Self> {
        let meta = Self { dialect: Box::new(dialect) };
        let now = model::Clock::system().now();
        match migrate::bring_forward(&meta, now).await {
            Ok(()) => Ok(meta),
            Err(error) => {
                meta.dialect.close().await;
                Err(error)
            }
        }
    }

    async fn begin(&self) -> Result<Write> {
        Ok(Write(self.dialect.begin().await?))
    }

    async fn all<T: FromRow>(&self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<T>> {
        self.dialect.read(sql, args).await?.iter_mut().map(T::from_row).collect()
    }

    async fn one<T: FromRow>(&self, sql: &'static str, args: Vec<Arg>) -> Result<Option<T>> {
        self.dialect.read(sql, args).await?.first_mut().map(T::from_row).transpose()
    }
}

/// A transaction that nobody else writes beside.
struct Write(Box<dyn Transaction>);

impl Write {
    async fn all<T: FromRow>(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<T>> {
        self.0.rows(sql, args).await?.iter_mut().map(T::from_row).collect()
    }

    async fn one<T: FromRow>(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Option<T>> {
        self.0.rows(sql, args).await?.first_mut().map(T::from_row).transpose()
    }

    async fn run(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<u64> {
        self.0.run(sql, args).await
    }

    async fn script(&mut self, sql: &'static str) -> Result<()> {
        self.0.script(sql).await
    }

    async fn commit(self) -> Result<()> {
        failpoint::hit("meta.commit.before");
        self.0.commit().await?;
        failpoint::hit("meta.commit.after");
        Ok(())
    }
}
