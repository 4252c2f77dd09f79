//! Everything in a SQLite database as bytes: a value that goes over several pages stands in no part of the file in one
//! piece.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Row};
use std::path::Path;

/// All values of all tables, with their names.
pub(crate) fn dump(database: &Path) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = SqliteConnectOptions::new().filename(database).connect().await.unwrap();
        let tables = sqlx::query("SELECT name FROM sqlite_schema WHERE type = 'table'");
        let tables = tables.fetch_all(&mut connection).await.unwrap();
        let mut out = Vec::new();
        for table in tables {
            let table: String = table.get(0);
            out.extend_from_slice(format!("\n{table}:").as_bytes());
            let rows = sqlx::query(AssertSqlSafe(format!("SELECT * FROM \"{table}\"")));
            for row in rows.fetch_all(&mut connection).await.unwrap() {
                for column in row.columns() {
                    let value: Option<Vec<u8>> = row.get_unchecked(column.ordinal());
                    out.extend_from_slice(format!("\n{}=", column.name()).as_bytes());
                    out.extend_from_slice(&value.unwrap_or_default());
                }
            }
        }
        out
    })
}

/// Runs a statement; gives the number of rows that it changed.
pub(crate) fn run(database: &Path, statement: &'static str) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = SqliteConnectOptions::new().filename(database).connect().await.unwrap();
        sqlx::query(statement).execute(&mut connection).await.unwrap().rows_affected()
    })
}
