//! What one database product does in its own way. The statements of the areas know nothing of it.

use super::migrate::Migration;
use super::value::{Arg, Row};
use crate::Result;
use async_trait::async_trait;
use std::path::Path;

/// A database product. A second product is a second implementation of this.
#[async_trait]
pub(crate) trait Dialect: Send + Sync {
    /// The scripts that make the tables, in order.
    fn migrations(&self) -> &'static [Migration];

    /// Begins a transaction during which no other transaction writes, so that what is read in it stays true
    /// until the commit. Dropped without a commit it leaves nothing.
    async fn begin(&self) -> Result<Box<dyn Transaction>>;

    /// Runs one reading statement and gives its rows. Never waits for a writer.
    async fn read(&self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<Row>>;

    /// Writes a consistent copy into a new file, durable when this returns.
    async fn copy_to(&self, path: &Path) -> Result<()>;

    /// Looks for damage, gives what was found.
    async fn check(&self) -> Result<Vec<String>>;

    /// Ends all connections.
    async fn close(&self);
}

/// A transaction that may write.
#[async_trait]
pub(crate) trait Transaction: Send {
    /// Runs one statement and gives its rows.
    async fn rows(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<Row>>;

    /// Runs one statement and gives the number of rows that it changed.
    async fn run(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<u64>;

    /// Runs statements without parameters.
    async fn script(&mut self, sql: &'static str) -> Result<()>;

    /// Makes everything durable.
    async fn commit(self: Box<Self>) -> Result<()>;
}
