//! What is special about SQLite: the file, its mode, its path, its copies, its damage.

use crate::{Fixture, at};
use meta::{Error, Meta, SqlMeta};
use std::fs;
use std::path::Path;

async fn opened(path: &Path) -> Result<Box<dyn Meta>, Error> {
    Ok(Box::new(SqlMeta::open_sqlite(path).await?))
}

async fn refusal(path: &Path) -> Error {
    match opened(path).await {
        Err(error) => error,
        Ok(_) => panic!("{} was opened", path.display()),
    }
}

#[tokio::test]
async fn a_database_is_created_once_and_opened_where_it_is() {
    let fixture = Fixture::new().await;
    let path = fixture.path("meta.db");
    assert!(matches!(SqlMeta::create_sqlite(&path).await.err(), Some(Error::Exists { .. })));
    let user = fixture.meta.add_user("ann", at(1)).await.unwrap();
    fixture.meta.close().await;
    assert_eq!(opened(&path).await.unwrap().users().await.unwrap(), [user]);
    assert!(matches!(refusal(&fixture.path("none.db")).await, Error::Missing { .. }));
    assert!(!fixture.path("none.db").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new().await;
    fixture.meta.add_user("ann", at(1)).await.unwrap();
    fixture.meta.backup_into(&fixture.path("copy.db")).await.unwrap();
    let mut files = 0;
    for entry in fs::read_dir(fixture.folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
        files += 1;
    }
    assert!(files >= 3, "the database, its log and the copy");
}

#[tokio::test]
async fn names_that_look_like_addresses_are_names() {
    let fixture = Fixture::new().await;
    for name in ["file:x?mode=memory.db", "a b%20c#d.db", "ümlaut '\".db"] {
        let path = fixture.path(name);
        let meta: Box<dyn Meta> = Box::new(SqlMeta::create_sqlite(&path).await.unwrap());
        meta.add_user("ann", at(1)).await.unwrap();
        let copy = fixture.path(&format!("copy of {name}"));
        meta.backup_into(&copy).await.unwrap();
        meta.close().await;
        assert!(path.is_file());
        assert_eq!(opened(&copy).await.unwrap().users().await.unwrap().len(), 1);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_path_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let path = Path::new(std::ffi::OsStr::from_bytes(b"/tmp/\xff.db"));
    assert!(matches!(SqlMeta::create_sqlite(path).await.err(), Some(Error::PathNotText { .. })));
}

#[tokio::test]
async fn a_database_of_another_program_is_left_alone() {
    let fixture = Fixture::new().await;
    let path = fixture.path("other.db");
    let mut connection = sqlx_connection(&path).await;
    sqlx::raw_sql("CREATE TABLE bookmarks (url TEXT)").execute(&mut connection).await.unwrap();
    sqlx::Connection::close(connection).await.unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(refusal(&path).await, Error::Foreign { application_id: 0, .. }));
    assert_eq!(fs::read(&path).unwrap(), before);
}

async fn sqlx_connection(path: &Path) -> sqlx::SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    sqlx::ConnectOptions::connect(&options).await.unwrap()
}

#[tokio::test]
async fn what_is_no_database_is_damaged() {
    let fixture = Fixture::new().await;
    let path = fixture.path("text.db");
    fs::write(&path, "no database, but long enough to have a header of one".repeat(40)).unwrap();
    assert!(matches!(refusal(&path).await, Error::Damaged { .. }));
}

#[tokio::test]
async fn damage_is_found() {
    let fixture = Fixture::new().await;
    for number in 0..2_000 {
        fixture.meta.set_setting(&format!("setting {number}"), &"x".repeat(200).into()).await.unwrap();
    }
    assert_eq!(fixture.meta.quick_check().await.unwrap(), Vec::<String>::new());
    fixture.meta.close().await;
    let path = fixture.path("meta.db");
    let mut bytes = fs::read(&path).unwrap();
    let page = 4096;
    let third = bytes.len() / page / 3 * page;
    bytes[third..third + 20 * page].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let meta = opened(&path).await.unwrap();
    assert_ne!(meta.quick_check().await.unwrap(), Vec::<String>::new());
    let copied = meta.backup_into(&fixture.path("copy.db")).await;
    assert!(matches!(copied, Err(Error::Damaged { .. })), "{copied:?}");
    assert!(!fixture.path("copy.db").exists());
    assert!(!fixture.path("copy.db.tmp").exists());
}

#[tokio::test]
async fn rows_that_refer_to_nothing_are_found() {
    let fixture = Fixture::new().await;
    fixture.meta.close().await;
    let mut connection = sqlx_connection(&fixture.path("meta.db")).await;
    sqlx::raw_sql(
        "PRAGMA foreign_keys = OFF;
         INSERT INTO cleanups (vault_id, started) VALUES (x'00112233445566778899aabbccddeeff', 1)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    sqlx::Connection::close(connection).await.unwrap();
    let problems = opened(&fixture.path("meta.db")).await.unwrap().quick_check().await.unwrap();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains("vaults"), "{problems:?}");
}

#[tokio::test]
async fn a_copy_is_one_whole_file_and_replaces_nothing() {
    let fixture = Fixture::new().await;
    let user = fixture.meta.add_user("ann", at(1)).await.unwrap();
    let folder = fixture.path("copies");
    fs::create_dir(&folder).unwrap();
    let copy = folder.join("copy.db");
    fs::write(folder.join("copy.db.tmp"), "left by a copy that was cut off").unwrap();
    fixture.meta.backup_into(&copy).await.unwrap();
    let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["copy.db"]);
    fixture.meta.add_user("bob", at(2)).await.unwrap();
    assert!(matches!(fixture.meta.backup_into(&copy).await, Err(Error::Exists { .. })));
    assert_eq!(opened(&copy).await.unwrap().users().await.unwrap(), [user]);
    let nowhere = fixture.meta.backup_into(&fixture.path("none/copy.db")).await;
    assert!(matches!(nowhere, Err(Error::Io { .. })));
}
