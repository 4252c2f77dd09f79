//! The settings of the connections, and values on their way through SQLite.

use super::super::value::args;
use super::*;

async fn value(rows: Result<Vec<Row>>) -> String {
    let mut rows = rows.unwrap();
    let row = rows.first_mut().unwrap();
    row.next::<String>().unwrap()
}

#[tokio::test]
async fn the_writer_is_durable_and_strict_and_the_readers_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::create(&folder.path().join("meta.db")).await.unwrap();
    let mut tx = sqlite.begin().await.unwrap();
    for (pragma, expected) in [
        ("SELECT CAST(journal_mode AS TEXT) FROM pragma_journal_mode", "wal"),
        ("SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous", "2"),
        ("SELECT CAST(foreign_keys AS TEXT) FROM pragma_foreign_keys", "1"),
        ("SELECT CAST(trusted_schema AS TEXT) FROM pragma_trusted_schema", "0"),
    ] {
        assert_eq!(value(tx.rows(pragma, args![]).await).await, expected, "{pragma}");
    }
    tx.run("CREATE TABLE t (a INTEGER)", args![]).await.unwrap();
    tx.commit().await.unwrap();
    let written = sqlite.read("INSERT INTO t VALUES (1) RETURNING a", args![]).await;
    assert!(matches!(written, Err(Error::Denied { .. })), "{written:?}");
}

#[tokio::test]
async fn nulls_and_every_kind_of_value_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::create(&folder.path().join("meta.db")).await.unwrap();
    let sql = "SELECT $1, $2, $3, $4, $5, $6";
    let args = args![i64::MIN, "tëxt\0", [1_u8, 0, 255], None::<i64>, None::<String>, None::<[u8; 3]>];
    let mut rows = sqlite.read(sql, args).await.unwrap();
    let row = &mut rows[0];
    assert_eq!(row.next::<i64>().unwrap(), i64::MIN);
    assert_eq!(row.next::<String>().unwrap(), "tëxt\0");
    assert_eq!(row.next::<[u8; 3]>().unwrap(), [1, 0, 255]);
    assert_eq!(row.next::<Option<i64>>().unwrap(), None);
    assert!(matches!(row.next::<String>(), Err(Error::Damaged { .. })), "a null where none may be");
    assert_eq!(row.next::<Option<[u8; 3]>>().unwrap(), None);
    assert!(matches!(row.next::<i64>(), Err(Error::Damaged { .. })), "past the last column");
    let real = sqlite.read("SELECT 1.5", args![]).await;
    assert!(matches!(real, Err(Error::Damaged { .. })), "a kind that we never store");
}

#[tokio::test]
async fn a_full_disk_is_told_and_leaves_nothing_half_done() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::create(&folder.path().join("meta.db")).await.unwrap();
    let mut tx = sqlite.begin().await.unwrap();
    tx.script("CREATE TABLE t (a TEXT); PRAGMA max_page_count = 20").await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = sqlite.begin().await.unwrap();
    tx.run("INSERT INTO t VALUES ('small')", args![]).await.unwrap();
    let large = "x".repeat(200_000);
    assert!(matches!(tx.run("INSERT INTO t VALUES ($1)", args![large]).await, Err(Error::DiskFull)));
    drop(tx);
    let mut tx = sqlite.begin().await.unwrap();
    tx.run("INSERT INTO t VALUES ('after')", args![]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(value(sqlite.read("SELECT group_concat(a) FROM t", args![]).await).await, "after");
}
