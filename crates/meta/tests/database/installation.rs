//! The server record, settings, and the names of administrators and users.

use crate::{Fixture, at};
use meta::{Administrator, Error, ServerRecord};
use model::ServerId;
use serde_json::json;

#[tokio::test]
async fn there_is_one_server_record() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.meta.server().await.unwrap(), None);
    let record = ServerRecord { id: ServerId::random(), name: "office".to_owned(), created: at(1) };
    fixture.meta.create_server(&record).await.unwrap();
    let other = ServerRecord { id: ServerId::random(), ..record.clone() };
    assert!(matches!(fixture.meta.create_server(&other).await, Err(Error::ServerExists)));
    assert_eq!(fixture.meta.server().await.unwrap(), Some(record));
}

#[tokio::test]
async fn settings_keep_the_last_value() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.meta.setting("retention").await.unwrap(), None);
    for value in [json!({"keep_last": 3}), json!({"keep_last": 4, "name": "für \"alle\"\n"}), json!(null)] {
        fixture.meta.set_setting("retention", &value).await.unwrap();
        assert_eq!(fixture.meta.setting("retention").await.unwrap(), Some(value));
    }
    assert_eq!(fixture.meta.setting("schedule").await.unwrap(), None);
}

#[tokio::test]
async fn administrators_are_found_whatever_the_case() {
    let fixture = Fixture::new().await;
    let admin = Administrator {
        name: "Ärztin".to_owned(),
        password_hash: "$argon2id$one".to_owned(),
        must_change: true,
        created: at(1),
    };
    fixture.meta.add_administrator(&admin).await.unwrap();
    let again = Administrator { name: "ÄRZTIN".to_owned(), ..admin.clone() };
    match fixture.meta.add_administrator(&again).await {
        Err(Error::NameTaken { name }) => assert_eq!(name, "ÄRZTIN"),
        other => panic!("{other:?}"),
    }
    assert_eq!(fixture.meta.administrator("äRZTIN").await.unwrap(), Some(admin.clone()));
    assert_eq!(fixture.meta.administrator("someone").await.unwrap(), None);

    fixture.meta.set_admin_password("ärztin", "$argon2id$two", false).await.unwrap();
    let changed =
        Administrator { password_hash: "$argon2id$two".to_owned(), must_change: false, ..admin.clone() };
    assert_eq!(fixture.meta.administrator("ärztin").await.unwrap(), Some(changed));
    let unknown = fixture.meta.set_admin_password("someone", "x", false).await;
    assert!(matches!(unknown, Err(Error::AdministratorUnknown { .. })));
}

#[tokio::test]
async fn user_names_are_unique_whatever_the_case() {
    let fixture = Fixture::new().await;
    let zoe = fixture.meta.add_user("Zoë", at(1)).await.unwrap();
    let ann = fixture.meta.add_user("ann", at(2)).await.unwrap();
    assert!(matches!(fixture.meta.add_user("ZOË", at(3)).await, Err(Error::NameTaken { .. })));
    assert_eq!(fixture.meta.find_user("zoË").await.unwrap().as_ref(), Some(&zoe));
    assert_eq!(fixture.meta.find_user("bob").await.unwrap(), None);
    assert_eq!(fixture.meta.users().await.unwrap(), [ann, zoe]);
}
