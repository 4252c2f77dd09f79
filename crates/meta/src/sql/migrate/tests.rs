//! Bringing databases forward, with scripts that this version does not have.

use super::super::dialect::{Dialect, Transaction};
use super::super::sqlite::Sqlite;
use super::super::value::{Arg, Row};
use super::*;
use crate::{Damages, Devices, Standing, State, Upkeep, Users};
use async_trait::async_trait;
use std::path::Path;

/// SQLite with another list of scripts.
struct Other(Sqlite, &'static [Migration]);

#[async_trait]
impl Dialect for Other {
    fn migrations(&self) -> &'static [Migration] {
        self.1
    }
    async fn begin(&self) -> Result<Box<dyn Transaction>> {
        self.0.begin().await
    }
    async fn read(&self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<Row>> {
        self.0.read(sql, args).await
    }
    async fn copy_to(&self, path: &Path) -> Result<()> {
        self.0.copy_to(path).await
    }
    async fn check(&self) -> Result<Vec<String>> {
        self.0.check().await
    }
    async fn close(&self) {
        self.0.close().await;
    }
}

const FIRST: Migration =
    Migration { number: 1, name: "first", sql: include_str!("../sqlite/migrations/0001_first.sql") };
const SECOND: Migration =
    Migration { number: 2, name: "damage", sql: include_str!("../sqlite/migrations/0002_damage.sql") };
const THIRD: Migration =
    Migration { number: 3, name: "standing", sql: include_str!("../sqlite/migrations/0003_standing.sql") };
const FOURTH: Migration =
    Migration { number: 4, name: "events", sql: include_str!("../sqlite/migrations/0004_events.sql") };
const FIFTH: Migration =
    Migration { number: 5, name: "admission", sql: include_str!("../sqlite/migrations/0005_admission.sql") };
const SIXTH: Migration =
    Migration { number: 6, name: "groups", sql: include_str!("../sqlite/migrations/0006_groups.sql") };
const SEVENTH: Migration =
    Migration { number: 7, name: "orders", sql: include_str!("../sqlite/migrations/0007_orders.sql") };
const THE_FIRST: &[Migration] = &[FIRST];
const UP_TO_DAMAGE: &[Migration] = &[FIRST, SECOND];
const WITH_ONE_MORE: &[Migration] = &[
    FIRST,
    SECOND,
    THIRD,
    FOURTH,
    FIFTH,
    SIXTH,
    SEVENTH,
    Migration { number: 8, name: "eighth", sql: "CREATE TABLE later (id INTEGER PRIMARY KEY);" },
];
const WITH_A_BROKEN_ONE: &[Migration] = &[
    FIRST,
    SECOND,
    THIRD,
    FOURTH,
    FIFTH,
    SIXTH,
    SEVENTH,
    Migration {
        number: 8,
        name: "eighth",
        sql: "CREATE TABLE later (id INTEGER); CREATE TABLE users (id INTEGER);",
    },
];

async fn opened(path: &Path, migrations: &'static [Migration]) -> Result<SqlMeta> {
    SqlMeta::brought_forward(Other(Sqlite::open(path).await?, migrations)).await
}

/// The newest script that was applied; 0 before the first.
async fn version(meta: &SqlMeta) -> Result<u32> {
    Ok(meta.one(VERSION, args![]).await?.unwrap_or(0))
}

async fn tables_named_later(meta: &SqlMeta) -> i64 {
    meta.one("SELECT COUNT(*) FROM sqlite_schema WHERE name = 'later'", args![]).await.unwrap().unwrap()
}

#[tokio::test]
async fn an_empty_file_becomes_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meta.db");
    std::fs::write(&path, b"").unwrap();
    let meta = SqlMeta::open_sqlite(&path).await.unwrap();
    let newest = meta.dialect.migrations().last().unwrap().number;
    assert_eq!(version(&meta).await.unwrap(), newest);
}

#[tokio::test]
async fn scripts_are_numbered_from_one_and_applied_once() {
    let folder = tempfile::tempdir().unwrap();
    let meta = SqlMeta::create_sqlite(&folder.path().join("meta.db")).await.unwrap();
    for (number, migration) in (1..).zip(meta.dialect.migrations()) {
        assert_eq!(migration.number, number, "{}", migration.name);
    }
    let count = || meta.one::<u32>("SELECT COUNT(*) FROM schema_migrations", args![]);
    let before = count().await.unwrap();
    bring_forward(&meta, Timestamp::from_secs(1)).await.unwrap();
    assert_eq!(count().await.unwrap(), before);
}

#[tokio::test]
async fn an_older_database_is_brought_forward_with_its_rows_and_never_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meta.db");
    let meta = SqlMeta::create_sqlite(&path).await.unwrap();
    let user = meta.add_user("ann", Timestamp::from_secs(5)).await.unwrap();
    meta.close().await;

    let meta = opened(&path, WITH_ONE_MORE).await.unwrap();
    assert_eq!(version(&meta).await.unwrap(), 8);
    assert_eq!(meta.users().await.unwrap(), std::slice::from_ref(&user));
    assert_eq!(tables_named_later(&meta).await, 1);
    meta.close().await;

    match SqlMeta::open_sqlite(&path).await.err() {
        Some(Error::SchemaNewer { found: 8, supported: 7 }) => {}
        other => panic!("a newer database was opened: {other:?}"),
    }
    let meta = opened(&path, WITH_ONE_MORE).await.unwrap();
    assert_eq!(meta.users().await.unwrap(), [user]);
}

#[tokio::test]
async fn a_script_that_fails_leaves_nothing_of_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meta.db");
    SqlMeta::create_sqlite(&path).await.unwrap().close().await;
    assert!(opened(&path, WITH_A_BROKEN_ONE).await.is_err());
    let meta = opened(&path, WITH_ONE_MORE).await.unwrap();
    assert_eq!(tables_named_later(&meta).await, 1);
    assert_eq!(version(&meta).await.unwrap(), 8);
}

#[tokio::test]
async fn a_database_of_the_first_schema_learns_to_remember_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meta.db");
    std::fs::write(&path, b"").unwrap();
    let meta = opened(&path, THE_FIRST).await.unwrap();
    let mut tx = meta.begin().await.unwrap();
    let user = model::UserId::from_bytes([1; 16]);
    tx.run("INSERT INTO users VALUES ($1, 'ann', 'Ann', 5)", args![user]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(version(&meta).await.unwrap(), 1);
    meta.close().await;

    let meta = SqlMeta::open_sqlite(&path).await.unwrap();
    let names: Vec<_> = meta.users().await.unwrap().into_iter().map(|user| (user.id, user.name)).collect();
    assert_eq!(names, [(user, "Ann".to_owned())]);
    assert_eq!(meta.damage(model::VaultId::random()).await.unwrap(), []);
}

#[tokio::test]
async fn users_and_devices_of_an_older_database_stand_where_they_stood() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meta.db");
    std::fs::write(&path, b"").unwrap();
    let meta = opened(&path, UP_TO_DAMAGE).await.unwrap();
    let mut tx = meta.begin().await.unwrap();
    tx.script(
        "INSERT INTO users VALUES (x'01010101010101010101010101010101', 'ann', 'Ann', 5000000);
         INSERT INTO vaults VALUES
             (x'02020202020202020202020202020202', x'01010101010101010101010101010101', 'managed', 'open', 6000000, 3);
         INSERT INTO devices VALUES
             (x'03030303030303030303030303030303', x'01010101010101010101010101010101', NULL, 'old', 'Linux',
              NULL, NULL, 'deactivated', 7000000, NULL, NULL, NULL),
             (x'04040404040404040404040404040404', x'01010101010101010101010101010101', NULL, 'new', 'Linux',
              NULL, NULL, 'active', 8000000, NULL, NULL, NULL);
         INSERT INTO snapshots VALUES
             (x'05050505050505050505050505050505', x'02020202020202020202020202020202',
              x'03030303030303030303030303030303', x'06060606060606060606060606060606', 1, 9000000, 1, 1, 1, 0, 1,
              zeroblob(32), NULL, NULL),
             (x'07070707070707070707070707070707', x'02020202020202020202020202020202',
              x'03030303030303030303030303030303', x'06060606060606060606060606060606', 2, 9500000, 1, 1, 1, 0, 0,
              zeroblob(32), NULL, NULL);",
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    meta.close().await;

    let meta = SqlMeta::open_sqlite(&path).await.unwrap();
    let at = Timestamp::from_secs;
    assert_eq!(meta.users().await.unwrap()[0].standing, Standing::active(at(5)));
    let devices = meta.devices(None).await.unwrap();
    let told: Vec<_> = devices.iter().map(|d| (d.name.as_str(), d.standing, d.last_backup)).collect();
    let old = Standing::of(State::Deactivated, at(7));
    assert_eq!(told, [("new", Standing::active(at(8)), None), ("old", old, Some(at(9)))]);
    assert!(devices.iter().all(|device| device.former_secrets.is_empty()));
}
