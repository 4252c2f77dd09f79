//! A store that is not there, cannot be written, or is full: backups are refused with a code of their own.

use crate::support::agent::{DEFAULT, noise};
use crate::support::{Site, problems};
use engine::remote::Remote;
use model::Code;
use server::admin::{Command, SettingsChange};

#[test]
fn a_store_that_is_gone_refuses_backups_until_it_is_back() {
    let site = Site::new();
    let device = site.device("anna");
    device.back_up(&device.agent.tree(&[noise(1, 100)], DEFAULT), DEFAULT);
    assert_eq!(site.json(Command::Storage)["healthy"], true);
    let (store, away) = (site.data().store(), site.path("away"));
    std::fs::rename(&store, &away).unwrap();
    let refused = device.remote.grant(device.set("default")).unwrap_err();
    assert_eq!(refused.code, Code::StoreUnusable);
    assert!(refused.retry_after_seconds.is_some_and(|seconds| (300..=900).contains(&seconds)), "{refused:?}");
    assert!(!refused.detail.contains(store.to_str().unwrap()), "{refused}");
    let storage = site.json(Command::Storage);
    assert_eq!(
        (storage["healthy"].as_bool(), storage["code"].as_str()),
        (Some(false), Some("store_unusable"))
    );
    assert_eq!(site.run(Command::Storage).unwrap().exit_status(), model::code::exit::DAMAGED);
    std::fs::rename(&away, &store).unwrap();
    device.grant("default");
    assert_eq!(site.admin("GET /v1/admin/storage", None)["healthy"], true);
}

#[test]
fn a_store_without_room_is_told_apart() {
    let site = Site::new();
    let device = site.device("anna");
    site.set(SettingsChange { reserve_bytes: Some(u64::MAX), ..SettingsChange::default() });
    assert_eq!(device.remote.grant(device.set("default")).unwrap_err().code, Code::StorageFull);
    let storage = site.json(Command::Storage);
    assert_eq!((storage["healthy"].as_bool(), storage["code"].as_str()), (Some(false), Some("storage_full")));
    assert!(storage["available_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{storage}");
    assert!(problems(&site.json(Command::Check)).contains(&"storage_full".to_owned()));
}
