//! The database is lost, or an older one takes its place. Agents know more than it then.

use crate::{History, clean_up, lose_all_but_the_store, refused, take_recovery_file};
use e2e::{Agent, Site};
use model::Code;
use serde_json::Value;
use std::path::Path;

#[test]
fn an_older_database_adopts_what_the_store_has() {
    let mut site = Site::new();
    let recovery = take_recovery_file(&site);
    let mut laptop = History::new(&site, "laptop");
    laptop.back_up();
    laptop.back_up();
    let backup = site.path("server-backup");
    let open_token = site.server.token("anna");
    site.server.run([Path::new("backup"), &backup]).ok();

    // Much happens that the backup does not know.
    laptop.back_up();
    laptop.back_up();
    let mut desktop = History::new(&site, "desktop");
    desktop.back_up();
    let deleted = laptop.snapshots[0].clone();
    site.server.run(["snapshot", "delete", &deleted]).ok();
    let ended = site.device("old");
    let kept = Agent::at(&site.path("kept"));
    crate::files::copy(ended.state(), kept.state());
    ended.run(["deactivate"]).ok();
    site.server.add_user("bert", &[]);
    let unused_token = site.server.token("anna");
    site.server.stop();
    lose_all_but_the_store(site.server.data());

    let arguments =
        ["recover", "--recovery-file", recovery.to_str().unwrap(), "--backup", backup.to_str().unwrap()];
    let view = site.server.json(arguments);
    assert_eq!(view["from_backup"], true);
    assert_eq!((&view["users"], &view["devices"]), (&1.into(), &2.into()), "{view}");
    assert_eq!((&view["vaults"], &view["snapshots"]), (&0.into(), &3.into()), "{view}");
    site.server.start();

    laptop.assert_all_restore(&site, &[&deleted]);
    desktop.assert_all_restore(&site, &[]);
    refused(kept.run(["snapshots"]), Code::DeviceDeactivated);
    let users = site.server.json(["user", "list"]);
    let names: Vec<&Value> = users.as_array().unwrap().iter().map(|user| &user["name"]).collect();
    assert_eq!(names, ["anna", "bert"]);
    // Tokens are in the database alone: those made later are gone, and a new one is easily made.
    let machine = Agent::at(&site.path("machine"));
    refused(machine.run(["activate", &unused_token]), Code::TokenUnknown);
    // One that the backup has may have been used since.
    refused(machine.run(["activate", &open_token]), Code::TokenExpired);
    machine.activate(&site.server.token("anna"), &[]);

    // The agents' caches are newer than the database, and so are their counters.
    let received = |site: &Site| site.server.json(["stats"])["uploads"]["duplicate_chunks"].as_u64().unwrap();
    let before = received(&site);
    for history in [&mut laptop, &mut desktop] {
        history.back_up();
        history.back_up();
    }
    assert_eq!(received(&site), before, "nothing is sent that the vault has");
    site.server.verify();
    site.server.run(["snapshot", "undelete", &deleted]).ok();
    laptop.assert_all_restore(&site, &[]);
    site.server.run(["snapshot", "delete", &deleted]).ok();
    clean_up(&site);
    site.server.verify();
    laptop.assert_all_restore(&site, &[&deleted]);
    desktop.assert_all_restore(&site, &[]);
    site.server.need_no_free_disk();
    let view = site.server.run(["check", "--json"]).ok().json();
    assert_eq!(view["problems"], serde_json::json!([]));
}

#[test]
fn a_backup_takes_the_place_of_an_earlier_one_and_of_nothing_else() {
    let site = Site::new();
    let backup = site.path("server-backup");
    std::fs::write(&backup, "").unwrap();
    for _ in 0..2 {
        site.server.run([Path::new("backup"), &backup]).ok();
        assert!(std::fs::read(&backup).unwrap().starts_with(b"age-encryption.org/v1"));
    }
    let (database, link) = (site.server.data().join("server.db"), site.path("link"));
    let letter = site.path("letter");
    std::fs::write(&letter, "dear").unwrap();
    std::os::unix::fs::symlink(&letter, &link).unwrap();
    for taken in [&database, &letter, &link, Path::new("/dev/null")] {
        let outcome = site.server.run([Path::new("backup"), taken]);
        assert!(outcome.stderr.contains("would take its place"), "{outcome}");
        refused(outcome, Code::Usage);
    }
    assert_eq!(std::fs::read(&letter).unwrap(), b"dear");
    site.server.run(["stats"]).ok();
}

#[test]
fn the_store_and_the_recovery_file_alone_give_everything_back() {
    let mut site = Site::new();
    let recovery = take_recovery_file(&site);
    let (mut laptop, mut desktop) = (History::new(&site, "laptop"), History::new(&site, "desktop"));
    for _ in 0..2 {
        laptop.back_up();
        desktop.back_up();
    }
    let deleted = laptop.snapshots[0].clone();
    site.server.run(["snapshot", "delete", &deleted]).ok();
    site.server.run(["retention", "set", "--keep-last", "77"]).ok();
    site.server.stop();
    lose_all_but_the_store(site.server.data());
    refused(site.server.run(["serve"]), Code::DataMissing);
    refused(site.server.run(["init"]), Code::DataExists);

    let view = site.server.json(["recover", "--recovery-file", recovery.to_str().unwrap()]);
    assert_eq!(view["from_backup"], false);
    assert_eq!((&view["users"], &view["devices"]), (&1.into(), &2.into()), "{view}");
    assert_eq!((&view["vaults"], &view["snapshots"]), (&1.into(), &4.into()), "{view}");
    assert!(
        view["administrator"]["password"].as_str().is_some_and(|password| password.len() >= 12),
        "{view}"
    );
    site.server.start();

    // Nobody is activated anew.
    laptop.assert_all_restore(&site, &[&deleted]);
    desktop.assert_all_restore(&site, &[]);
    for history in [&mut laptop, &mut desktop] {
        history.back_up();
        history.back_up();
    }
    assert_eq!(site.server.json(["retention", "show"])["keep_last"], 77);
    let mut third = History::new(&site, "third");
    third.back_up();
    site.server.run(["snapshot", "undelete", &deleted]).ok();
    laptop.assert_all_restore(&site, &[]);
    clean_up(&site);
    site.server.verify();
    for history in [&laptop, &desktop, &third] {
        history.assert_all_restore(&site, &[]);
    }
    site.server.need_no_free_disk();
    let view = site.server.run(["check", "--json"]).ok().json();
    assert_eq!(view["problems"], serde_json::json!([]));
}

/// A server, how it is recovered from its store alone, and a device with a history.
fn recoverable() -> (Site, [String; 3], History) {
    let site = Site::new();
    let recovery = take_recovery_file(&site).to_str().unwrap().to_owned();
    let laptop = History::new(&site, "laptop");
    (site, ["recover".to_owned(), "--recovery-file".to_owned(), recovery], laptop)
}

#[test]
fn a_database_moved_away_from_a_killed_server_leaves_nothing_behind() {
    let (mut site, arguments, mut laptop) = recoverable();
    for round in 0..2 {
        laptop.back_up();
        site.server.kill();
        let wal = site.server.data().join("server.db-wal");
        assert!(wal.metadata().unwrap().len() > 0, "a killed server leaves its log of writes");
        let told = refused(site.server.run(&arguments), Code::DataExists).stderr;
        for name in ["server.db", "server.db-wal", "server.db-shm"] {
            assert!(told.contains(name), "{told}");
        }
        // That look at the database has closed it. A server killed once more leaves its log again.
        site.server.start();
        site.server.run(["user", "add", &format!("user-{round}")]).ok();
        site.server.kill();
        assert!(wal.metadata().unwrap().len() > 0);
        std::fs::remove_file(site.server.data().join("server.db")).unwrap();
        site.server.run(&arguments).ok();
        site.server.start();
        laptop.assert_all_restore(&site, &[]);
    }
    laptop.back_up();
    site.server.verify();
}

#[test]
fn a_damaged_database_is_told_and_set_aside_by_recover() {
    let (mut site, arguments, mut laptop) = recoverable();
    laptop.back_up();
    site.server.stop();
    let database = site.server.data().join("server.db");
    let good = std::fs::read(&database).unwrap();
    let text = b"no database, but some text that is long enough to be one";
    for (bad, code) in [
        (text.as_slice(), Code::DatabaseDamaged),
        (&[0xff; 8192], Code::DatabaseDamaged),
        (&good[..good.len() / 2], Code::DatabaseDamaged),
        // That of an `init` that was killed at its beginning.
        (b"", Code::DataMissing),
    ] {
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(site.server.data().join(format!("server.db{suffix}")));
        }
        std::fs::write(&database, bad).unwrap();
        refused(site.server.run(["stats"]), code);
        site.server.run(&arguments).ok();
        let aside = std::fs::read_dir(site.server.data()).unwrap().map(|entry| entry.unwrap().path());
        let mut aside = aside
            .filter(|path| path.to_str().unwrap().contains("server.db.damaged"))
            .filter(|path| bad.is_empty() || std::fs::read(path).unwrap() == bad);
        assert!(aside.next().is_some(), "the damaged database is kept aside");
        site.server.start();
        laptop.assert_all_restore(&site, &[]);
        laptop.back_up();
        site.server.stop();
    }
    // One that works is never replaced.
    refused(site.server.run(&arguments), Code::DataExists);
    site.server.start();
    refused(site.server.run(&arguments), Code::DataLocked);
    laptop.assert_all_restore(&site, &[]);
}
