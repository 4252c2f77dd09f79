//! Our three kinds of value as SQLite's.

use crate::sql::value::{Arg, Kind, Row, Value};
use crate::{Error, Result};
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};
use sqlx::{Column, Row as _, TypeInfo, ValueRef};

/// A statement with its parameters.
pub(super) fn bound(sql: &'static str, args: Vec<Arg>) -> Query<'static, Sqlite, SqliteArguments> {
    args.into_iter().fold(sqlx::query(sql), |query, arg| match (arg.value, arg.kind) {
        (Some(Value::Integer(integer)), _) => query.bind(integer),
        (Some(Value::Text(text)), _) => query.bind(text),
        (Some(Value::Bytes(bytes)), _) => query.bind(bytes),
        (None, Kind::Integer) => query.bind(None::<i64>),
        (None, Kind::Text) => query.bind(None::<String>),
        (None, Kind::Bytes) => query.bind(None::<Vec<u8>>),
    })
}

/// The columns of one row.
pub(super) fn row(row: &SqliteRow) -> Result<Row> {
    (0..row.columns().len()).map(|place| column(row, place)).collect::<Result<_>>().map(Row::new)
}

fn column(row: &SqliteRow, place: usize) -> Result<Option<Value>> {
    let damaged = |problem: &dyn std::fmt::Display| Error::Damaged {
        problem: format!("column {}: {problem}", row.column(place).name()),
    };
    let kind = {
        let raw = row.try_get_raw(place).map_err(|error| damaged(&error))?;
        if raw.is_null() {
            return Ok(None);
        }
        raw.type_info().name().to_owned()
    };
    match kind.as_str() {
        "INTEGER" => row.try_get_unchecked(place).map(Value::Integer),
        "TEXT" => row.try_get_unchecked(place).map(Value::Text),
        "BLOB" => row.try_get_unchecked(place).map(Value::Bytes),
        other => return Err(damaged(&format_args!("type {other}"))),
    }
    .map(Some)
    .map_err(|error| damaged(&error))
}
