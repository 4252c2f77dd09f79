//! Backup and recovery of the server itself.

use crate::labels::sealed;
use crate::support::agent::{DEFAULT, noise};
use crate::support::device::Device;
use crate::support::{DAY, Site, problems};
use api::Secret;
use format::wrap::Identity;
use model::{Code, Custody};
use server::admin::{self, Command, RecoverOptions, RecoverView, SettingsChange};
use server::data::DataDir;
use server::watch::Watch;
use server::{Error, Result};

impl Site {
    pub(crate) fn recover(&self, options: RecoverOptions) -> Result<RecoverView> {
        self.block_on(admin::recover(&self.data(), &self.clock, options, &Watch::silent()))
    }

    pub(crate) fn recovery(&self) -> RecoverOptions {
        RecoverOptions { recovery_file: self.made.recovery_file.clone(), backup: None, store: None }
    }

    /// Everything of the data folder but the object store is lost.
    pub(crate) fn lose_all_but_the_store(&mut self) {
        self.stop();
        let store = self.data().store();
        let aside = self.path("aside");
        std::fs::rename(&store, &aside).unwrap();
        std::fs::remove_dir_all(self.data().path()).unwrap();
        self.data().create().unwrap();
        std::fs::rename(&aside, &store).unwrap();
    }
}

fn back_up(device: &Device, seed: u64) -> crate::support::agent::Tree {
    let tree = device.agent.tree(&[noise(seed, 1_000)], DEFAULT);
    device.back_up(&tree, DEFAULT);
    tree
}

#[test]
fn the_store_and_the_recovery_file_are_enough() {
    let mut site = Site::new();
    let (anna, bert) = (site.device("anna"), site.device("bert"));
    let first = back_up(&anna, 1);
    let hidden = back_up(&anna, 2);
    back_up(&bert, 3);
    let labels = [&first, &hidden].map(|tree| {
        let object = sealed(&anna, tree.snapshot, "milestone");
        anna.remote.put_labels(tree.snapshot, None, object.clone()).unwrap();
        object
    });
    site.run(Command::SnapshotDelete { ids: vec![hidden.snapshot.to_string()] }).unwrap();
    let pin = site.certificates().authority().pin();
    site.lose_all_but_the_store();
    assert_eq!(site.try_start().unwrap_err().code(), Code::DataMissing);
    let view = site.recover(site.recovery()).unwrap();
    assert_eq!(view.server_id, site.made.server_id);
    assert_eq!((view.users, view.devices, view.vaults, view.snapshots), (2, 2, 2, 3));
    assert!(!view.from_backup);
    site.start();
    assert_eq!(site.certificates().authority().pin(), pin);
    let anna = site.again(&anna, anna.counter.clone());
    assert_eq!(anna.snapshots(), [first.snapshot]);
    assert!(anna.unreadable(&first).is_empty());
    site.run(Command::SnapshotUndelete { ids: vec![hidden.snapshot.to_string()] }).unwrap();
    assert!(anna.unreadable(&hidden).is_empty());
    for (tree, labels) in [&first, &hidden].into_iter().zip(labels) {
        assert_eq!(anna.remote.labels_of(tree.snapshot).unwrap(), Some(labels));
    }
    // The next run goes on where the last one was, a new device gets its key, and all is well.
    back_up(&anna, 4);
    let sister = site.device("anna");
    assert_eq!(sister.snapshots().len(), 3);
    let check = site.run(Command::Check).unwrap();
    assert_eq!(check.exit_status(), 0, "{}", check.to_json().unwrap());
    assert_eq!(site.run(Command::Verify { read_data: true }).unwrap().exit_status(), 0);
    assert_eq!(site.refusal(Command::UserAdd { name: "anna".into(), custody: None }), Code::NameTaken);
}

#[test]
fn a_backup_brings_back_what_the_store_does_not_have() {
    let mut site = Site::new();
    let anna = site.device("anna");
    back_up(&anna, 1);
    let token = site.token("anna");
    let file = site.path("backup.age");
    let written = site.json(Command::Backup { file: file.clone() });
    assert_eq!(written["bytes"].as_u64(), Some(std::fs::metadata(&file).unwrap().len()));
    let uploads = site.json(Command::Stats)["uploads"].clone();
    // Made after the backup, so only the store knows of it.
    let later = back_up(&anna, 2);
    let bert = site.device("bert");
    back_up(&bert, 3);
    site.lose_all_but_the_store();
    let view = site.recover(RecoverOptions { backup: Some(file), ..site.recovery() }).unwrap();
    assert!(view.from_backup);
    assert_eq!((view.users, view.devices, view.vaults, view.snapshots), (1, 1, 1, 2));
    site.start();
    assert_eq!(site.json(Command::Stats)["uploads"], uploads);
    let anna = site.again(&anna, anna.counter.clone());
    assert_eq!(anna.snapshots().len(), 2);
    assert!(anna.unreadable(&later).is_empty());
    // The token was in the backup, and may have been used since.
    let (identity, secret) = (Identity::generate(), Secret::random());
    let body = crate::support::device::request(token.secret(), &identity, &secret);
    assert_eq!(site.connect(None).activate(&body).unwrap_err().code, Code::TokenExpired);
}

#[test]
fn a_user_whom_the_backup_does_not_know_stays_private() {
    let mut site = Site::new();
    let file = site.path("backup.age");
    site.run(Command::Backup { file: file.clone() }).unwrap();
    site.run(Command::UserAdd { name: "anna".into(), custody: Some(Custody::Private) }).unwrap();
    site.lose_all_but_the_store();
    let view = site.recover(RecoverOptions { backup: Some(file.clone()), ..site.recovery() }).unwrap();
    assert_eq!(view.problems, []);
    site.start();
    assert_eq!(site.device("anna").answer.custody_default, Custody::Private);
    // Other settings are those of the backup, and somebody is told.
    site.set(SettingsChange { leases_max: Some(7), ..SettingsChange::default() });
    site.lose_all_but_the_store();
    let view = site.recover(RecoverOptions { backup: Some(file), ..site.recovery() }).unwrap();
    assert!(view.to_string().contains("\nwarning: store: the settings of the backup differ"), "{view}");
    assert_eq!(admin::Answer::Recover(view).exit_status(), 0);
    site.start();
    assert_ne!(site.instance().settings().leases_max, 7);
}

#[test]
fn a_store_elsewhere_is_taken_over() {
    let mut site = Site::new();
    let anna = site.device("anna");
    let tree = back_up(&anna, 1);
    site.stop();
    let moved = site.path("moved");
    std::fs::rename(site.data().store(), &moved).unwrap();
    std::fs::remove_dir_all(site.data().path()).unwrap();
    site.recover(RecoverOptions { store: Some(moved), ..site.recovery() }).unwrap();
    site.start();
    let anna = site.again(&anna, anna.counter.clone());
    assert!(anna.unreadable(&tree).is_empty());
    assert!(!site.data().store().exists());
}

#[test]
fn recovery_refuses_what_does_not_fit() {
    let mut site = Site::new();
    let file = site.path("backup.age");
    site.run(Command::Backup { file: file.clone() }).unwrap();
    site.stop();
    let code = |site: &Site, options| site.recover(options).unwrap_err().code();
    assert_eq!(code(&site, site.recovery()), Code::DataExists);
    std::fs::write(site.data().database(), vec![7; 100_000]).unwrap();
    let wrong = site.path("wrong.txt");
    let other = format::wrap::recovery_file(&Identity::generate(), &["another"]);
    std::fs::write(&wrong, other.as_bytes()).unwrap();
    let with = |recovery_file| RecoverOptions { recovery_file, ..site.recovery() };
    assert_eq!(code(&site, with(wrong.clone())), Code::RecoveryWrong);
    std::fs::write(&wrong, "nonsense").unwrap();
    assert_eq!(code(&site, with(wrong)), Code::RecoveryWrong);
    assert_eq!(code(&site, with(site.path("missing"))), Code::PathMissing);
    let store = RecoverOptions { store: Some(site.path("nowhere")), ..site.recovery() };
    assert_eq!(code(&site, store), Code::StoreMissing);
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() - 10]).unwrap();
    let cut = RecoverOptions { backup: Some(file.clone()), ..site.recovery() };
    assert_eq!(code(&site, cut), Code::DatabaseDamaged);
    let strange = Site::new();
    strange.run(Command::Backup { file: file.clone() }).unwrap();
    let foreign = RecoverOptions { backup: Some(file), ..site.recovery() };
    assert_eq!(code(&site, foreign), Code::RecoveryWrong);
    // None of that has made a server; with the right file it becomes one, and the damaged database is kept.
    site.recover(site.recovery()).unwrap();
    site.start();
    let names: Vec<_> =
        std::fs::read_dir(site.data().path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(names.iter().any(|name| name.to_string_lossy().starts_with("server.db.damaged-")), "{names:?}");
}

#[test]
fn a_damaged_database_is_refused_and_said_so() {
    let mut site = Site::new();
    site.stop();
    std::fs::write(site.data().database(), vec![7; 100_000]).unwrap();
    assert_eq!(site.try_start().unwrap_err().code(), Code::DatabaseDamaged);
}

#[test]
fn a_server_is_not_made_over_backups() {
    let mut site = Site::new();
    let anna = site.device("anna");
    back_up(&anna, 1);
    site.lose_all_but_the_store();
    let data = DataDir::new(site.data().path()).unwrap();
    let refused = site.block_on(admin::init(&data, &site.clock, admin::InitOptions::default())).unwrap_err();
    assert!(matches!(refused, Error::DataExists { .. }), "{refused}");
    assert!(refused.to_string().contains("recover"), "{refused}");
}

/// Killed after it had written the recovery file, and before the object that keeps the server's id.
#[test]
fn an_init_that_was_killed_is_finished_with_the_recovery_file_that_it_wrote() {
    let site = Site::new();
    let data = DataDir::new(&site.path("new")).unwrap();
    let file = site.path("new-recovery.txt");
    let options = || {
        let urls = vec!["https://localhost".to_owned()];
        admin::InitOptions { urls, recovery_file: Some(file.clone()), ..admin::InitOptions::default() }
    };
    let first = site.block_on(admin::init(&data, &site.clock, options())).unwrap();
    for path in [data.database(), data.store().join("blobs/server/record")] {
        std::fs::remove_file(path).unwrap();
    }
    let second = site.block_on(admin::init(&data, &site.clock, options())).unwrap();
    assert_ne!(second.server_id, first.server_id);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(&second.server_id.to_string()), "{text}");
    // The file of another organisation stays as it is.
    std::fs::copy(&site.made.recovery_file, &file).unwrap();
    for path in [data.database(), data.store().join("blobs/server/record")] {
        std::fs::remove_file(path).unwrap();
    }
    let refused = site.block_on(admin::init(&data, &site.clock, options())).unwrap_err();
    assert_eq!(refused.code(), Code::DataExists);
    assert_eq!(std::fs::read(&file).unwrap(), std::fs::read(&site.made.recovery_file).unwrap());
}

/// What SQLite left beside the database of a server that was killed, while only the database itself was moved away.
#[test]
fn what_is_left_of_a_database_gets_into_no_other() {
    let mut site = Site::new();
    let anna = site.device("anna");
    let tree = back_up(&anna, 1);
    let beside = |suffix: &str| {
        let mut name = site.data().database().into_os_string();
        name.push(suffix);
        std::path::PathBuf::from(name)
    };
    let wal = beside("-wal");
    let left = std::fs::read(&wal).unwrap();
    assert!(!left.is_empty(), "the running server writes ahead");
    site.stop();
    std::fs::remove_file(site.data().database()).unwrap();
    std::fs::write(&wal, &left).unwrap();
    // A step that fails takes nothing away that was there before it, and no new server is made over it.
    let missing = RecoverOptions { recovery_file: site.path("missing"), ..site.recovery() };
    assert_eq!(site.recover(missing).unwrap_err().code(), Code::PathMissing);
    let refused = site.block_on(admin::init(&site.data(), &site.clock, admin::InitOptions::default()));
    assert!(refused.unwrap_err().to_string().contains("server.db-wal"));
    assert_eq!(std::fs::read(&wal).unwrap(), left);
    let view = site.recover(site.recovery()).unwrap();
    assert_eq!((view.users, view.devices, view.vaults, view.snapshots), (1, 1, 1, 1));
    assert_eq!(view.problems, []);
    let aside = std::fs::read_dir(site.data().path()).unwrap().map(|entry| entry.unwrap().path());
    let aside: Vec<_> =
        aside.filter(|path| path.to_str().unwrap().contains("server.db-wal.damaged-")).collect();
    assert_eq!(std::fs::read(&aside[0]).unwrap(), left);
    site.start();
    let anna = site.again(&anna, anna.counter.clone());
    assert!(anna.unreadable(&tree).is_empty());
    assert_eq!(site.run(Command::Check).unwrap().exit_status(), 0);
}

#[test]
fn a_vault_that_cannot_be_brought_in_keeps_neither_the_password_nor_the_others() {
    let mut site = Site::new();
    let (anna, bert) = (site.device("anna"), site.device("bert"));
    let file = site.path("backup.age");
    site.run(Command::Backup { file: file.clone() }).unwrap();
    let (_, theirs) = (back_up(&anna, 1), back_up(&bert, 2));
    let format = site.object_path(&format!("vaults/{}/format", anna.vault()));
    let second = format.with_extension("copy");
    let user = site.object_path(&format!("server/users/{}", anna.answer.user_id));
    let whole = std::fs::read(&format).unwrap();
    for options in [RecoverOptions { backup: Some(file), ..site.recovery() }, site.recovery()] {
        site.lose_all_but_the_store();
        std::fs::write(&format, b"damaged").unwrap();
        std::fs::write(&second, b"damaged").unwrap();
        std::fs::write(&user, b"").unwrap();
        let view = site.recover(options).unwrap();
        assert!(!view.administrator.password.is_empty());
        let text = view.to_string();
        assert!(text.contains(&view.administrator.password), "{text}");
        let vault = anna.vault().to_string();
        assert!(view.problems.iter().any(|problem| problem.message.contains(&vault)), "{text}");
        assert!(text.contains("[data_damaged]"), "{text}");
        assert_eq!(admin::Answer::Recover(view).exit_status(), model::code::exit::DAMAGED);
        site.start();
        let bert = site.again(&bert, bert.counter.clone());
        assert!(bert.unreadable(&theirs).is_empty());
    }
    // Once it is whole again the next start finds it.
    std::fs::write(&format, whole).unwrap();
    site.restart();
    let anna = site.again(&anna, anna.counter.clone());
    assert_eq!(anna.snapshots().len(), 1);
}

#[test]
fn a_record_that_cannot_be_read_is_named_and_can_be_given_up_although_no_database_knows_it() {
    let mut site = Site::new();
    let anna = site.device("anna");
    let (broken, kept) = (back_up(&anna, 1).snapshot, back_up(&anna, 2).snapshot);
    let object = site.object_path(&format!("vaults/{}/snapshots/{broken}", anna.vault()));
    site.lose_all_but_the_store();
    std::fs::write(object, "broken").unwrap();
    let view = site.recover(site.recovery()).unwrap();
    assert_eq!(view.snapshots, 1);
    let text = view.to_string();
    assert!(text.contains(&broken.to_string()) && text.contains("[data_damaged]"), "{text}");
    assert_eq!(admin::Answer::Recover(view).exit_status(), model::code::exit::DAMAGED);

    site.start();
    let status = |command| site.run(command).unwrap().exit_status();
    let cleanup = || status(Command::Cleanup { dry_run: false });
    let check = site.json(Command::Check);
    assert_eq!(problems(&check), ["data_damaged"]);
    assert!(check.to_string().contains(&broken.to_string()), "{check}");
    assert_eq!(cleanup(), model::code::exit::DAMAGED);
    let ids = || vec![broken.to_string()[..8].to_owned()];
    for _ in 0..2 {
        let deleted = site.json(Command::SnapshotDelete { ids: ids() });
        assert_eq!(deleted["snapshots"][0].as_str(), Some(broken.to_string().as_str()));
        site.clock.advance(DAY * 6);
        assert_eq!(cleanup(), model::code::exit::DAMAGED, "it may be repaired and brought back");
        site.run(Command::SnapshotUndelete { ids: ids() }).unwrap();
        site.clock.advance(DAY * 6);
        assert_eq!(cleanup(), model::code::exit::DAMAGED);
    }
    site.run(Command::SnapshotDelete { ids: ids() }).unwrap();
    site.clock.advance(DAY * 7);
    assert_eq!((cleanup(), status(Command::Check), status(Command::Verify { read_data: true })), (0, 0, 0));
    assert_eq!(site.again(&anna, anna.counter.clone()).snapshots(), [kept]);
}

#[test]
fn what_the_store_lacks_of_the_backup_is_told_by_recovery() {
    let mut site = Site::new();
    let anna = site.device("anna");
    let lost = back_up(&anna, 1).snapshot;
    let file = site.path("backup.age");
    site.run(Command::Backup { file: file.clone() }).unwrap();
    let object = site.object_path(&format!("vaults/{}/snapshots/{lost}", anna.vault()));
    site.lose_all_but_the_store();
    std::fs::remove_file(object).unwrap();
    let view = site.recover(RecoverOptions { backup: Some(file), ..site.recovery() }).unwrap();
    let codes: Vec<_> = view.problems.iter().map(|problem| problem.code.as_str()).collect();
    assert_eq!(codes, ["store_disagrees"]);
    assert!(view.to_string().contains(&lost.to_string()), "{view}");
}

/// It has no backups yet, and users who wait for their first one.
#[test]
fn a_server_is_not_made_over_the_store_of_another() {
    let mut site = Site::new();
    site.token("anna");
    let before = site.objects("");
    site.stop();
    let data = DataDir::new(&site.path("second")).unwrap();
    let options = admin::InitOptions { store: Some(site.data().store()), ..admin::InitOptions::default() };
    let refused = site.block_on(admin::init(&data, &site.clock, options)).unwrap_err();
    assert!(matches!(refused, Error::DataExists { .. }), "{refused}");
    site.start();
    assert_eq!(site.objects(""), before);
    assert_eq!(site.run(Command::Check).unwrap().exit_status(), 0);
}

#[test]
fn a_record_of_the_server_that_is_lost_stops_no_recovery() {
    let mut site = Site::new();
    let anna = site.device("anna");
    let tree = back_up(&anna, 1);
    let file = site.path("backup.age");
    site.run(Command::Backup { file: file.clone() }).unwrap();
    let (id, record) = (site.made.server_id, site.object_path("server/record"));
    for (is_there, backup) in [(true, Some(&file)), (false, Some(&file)), (true, None), (false, None)] {
        site.lose_all_but_the_store();
        std::fs::remove_file(&record).unwrap();
        if is_there {
            std::fs::write(&record, "broken").unwrap();
        }
        let view = site.recover(RecoverOptions { backup: backup.cloned(), ..site.recovery() }).unwrap();
        assert_eq!(view.server_id == id, backup.is_some());
        let told = view.problems.iter().filter(|problem| problem.message.contains("server/record")).count();
        assert_eq!(told, usize::from(is_there) + usize::from(backup.is_none()), "{view}");
        site.start();
        site.set(SettingsChange { reserve_bytes: Some(0), ..SettingsChange::default() });
        assert_eq!(site.run(Command::Check).unwrap().exit_status(), 0);
        let anna = site.again(&anna, anna.counter.clone());
        assert!(anna.unreadable(&tree).is_empty());
    }
    // What tells whose store it is then is the store itself.
    let mut strange = Site::new();
    strange.lose_all_but_the_store();
    std::fs::remove_file(strange.object_path("server/record")).unwrap();
    let foreign = RecoverOptions { backup: Some(file), ..site.recovery() };
    assert_eq!(strange.recover(foreign).unwrap_err().code(), Code::RecoveryWrong);
    assert_eq!(strange.recover(site.recovery()).unwrap_err().code(), Code::RecoveryWrong);
}

#[test]
fn a_backup_that_is_stopped_leaves_no_copy_of_the_database() {
    let site = Site::new();
    let watch = Watch::silent();
    watch.stop();
    let backup = Command::Backup { file: site.path("backup.age") };
    let stopped = site.block_on(admin::run(site.instance(), backup, &watch)).unwrap_err();
    assert_eq!(stopped.code(), Code::Interrupted);
    assert!(!site.path("backup.age").exists() && !site.data().path().join("backup.db").exists());
}

#[test]
fn what_fails_leaves_no_traces() {
    let site = Site::new();
    let empty =
        |path: &std::path::Path| std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    let (new, there) = (site.path("new"), site.path("there"));
    std::fs::create_dir(&there).unwrap();
    std::fs::write(site.path("taken.txt"), "somebody else's").unwrap();
    let init = |path: &std::path::Path, options| {
        site.block_on(admin::init(&DataDir::new(path).unwrap(), &site.clock, options)).unwrap_err()
    };
    let elsewhere = || Some(site.path("store-elsewhere"));
    for path in [&new, &there] {
        // A recovery file that is somebody else's, and the store of a server that runs.
        let recovery_file = Some(site.path("taken.txt"));
        let options =
            admin::InitOptions { store: elsewhere(), recovery_file, ..admin::InitOptions::default() };
        assert_eq!(init(path, options).code(), Code::DataExists);
        let options =
            admin::InitOptions { store: Some(site.data().store()), ..admin::InitOptions::default() };
        assert_eq!(init(path, options).code(), Code::DataLocked);
        let data = DataDir::new(path).unwrap();
        let recover = |options| {
            site.block_on(admin::recover(&data, &site.clock, options, &Watch::silent())).unwrap_err()
        };
        let store = Some(site.data().store());
        let used = recover(RecoverOptions { store, ..site.recovery() });
        assert_eq!(used.code(), Code::DataLocked);
        assert!(used.to_string().contains(site.data().store().to_str().unwrap()), "{used}");
        let wrong = RecoverOptions { recovery_file: site.path("taken.txt"), store: None, backup: None };
        assert_eq!(recover(wrong).code(), Code::RecoveryWrong);
    }
    assert!(!new.exists() && empty(&there));
    // Nothing stands in the way of a server there now.
    let options = admin::InitOptions { store: elsewhere(), ..admin::InitOptions::default() };
    site.block_on(admin::init(&DataDir::new(&there).unwrap(), &site.clock, options)).unwrap();
}

#[test]
fn what_is_for_the_loss_of_the_store_is_not_put_into_it() {
    let site = Site::new();
    let inside = site.data().store().join("blobs/backup.age");
    let link = site.path("link");
    std::os::unix::fs::symlink(site.data().store(), &link).unwrap();
    for file in [inside.clone(), link.join("backup.age")] {
        assert_eq!(site.refusal(Command::Backup { file: file.clone() }), Code::Usage);
        assert!(!file.exists());
    }
    let data = DataDir::new(&site.path("second")).unwrap();
    let recovery_file = Some(data.store().join("recovery.txt"));
    let urls = vec!["https://localhost".to_owned()];
    let options = admin::InitOptions { urls, recovery_file, ..admin::InitOptions::default() };
    assert_eq!(site.block_on(admin::init(&data, &site.clock, options)).unwrap_err().code(), Code::Usage);
    assert!(!data.path().exists());
}

#[test]
fn a_server_that_nobody_could_reach_is_not_made() {
    let site = Site::new();
    let data = DataDir::new(&site.path("second")).unwrap();
    let listen = Some("127.0.0.1:0".parse().unwrap());
    let options = admin::InitOptions { listen, ..admin::InitOptions::default() };
    let refused = site.block_on(admin::init(&data, &site.clock, options.clone())).unwrap_err();
    assert_eq!(refused.code(), Code::Usage);
    assert!(!data.path().exists());
    let urls = vec!["https://127.0.0.1:8443".to_owned()];
    site.block_on(admin::init(&data, &site.clock, admin::InitOptions { urls, ..options })).unwrap();
}
