//! Data folders: what may become a server, what is refused, and what it must not open.

use crate::support::{Site, names, program};
use serde_json::Value;
use sqlx::{ConnectOptions, Connection};
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_new_server_is_private_and_says_what_it_made() {
    let site = Site::empty();
    let made = site.init();
    for (path, mode) in
        [("", 0o700), ("org-key", 0o600), ("tls", 0o700), ("tls/authority.pem", 0o600), ("server.db", 0o600)]
    {
        let found = std::fs::metadata(site.data.join(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(found, mode, "{path}");
    }
    let recovery = std::fs::read_to_string(made["recovery_file"].as_str().unwrap()).unwrap();
    assert!(recovery.contains("AGE-SECRET-KEY-1") && recovery.contains(made["server_id"].as_str().unwrap()));
    assert_eq!(made["administrator"]["name"], "admin");
    let password = made["administrator"]["password"].as_str().unwrap();
    assert!(
        !std::fs::read(site.data.join("server.db")).unwrap().windows(23).any(|w| w == password.as_bytes())
    );
    // Disks of test machines may be fuller than the usual reserve allows.
    site.json(&["settings", "set", "--reserve", "0"]);
    let check = site.ask(&["check"]);
    assert_eq!((check.status, check.json()["problems"][0]["area"].as_str()), (3, Some("keys")));
    std::fs::rename(made["recovery_file"].as_str().unwrap(), site.beside("safe")).unwrap();
    let check = site.ask(&["check"]);
    assert_eq!(check.status, 0, "{check:?}");
}

#[test]
fn init_is_refused_where_something_is() {
    let site = Site::made();
    let before = names(&site.data);
    assert_eq!(site.ask(&["init"]).code(), "data_exists");
    assert_eq!(names(&site.data), before);
    let foreign = Site::empty();
    std::fs::create_dir(&foreign.data).unwrap();
    std::fs::write(foreign.data.join("thesis.tex"), "x").unwrap();
    assert_eq!(foreign.ask(&["init"]).code(), "data_exists");
    assert_eq!(names(&foreign.data), ["thesis.tex"]);
    std::fs::remove_file(foreign.data.join("thesis.tex")).unwrap();
    std::fs::create_dir(foreign.data.join("lost+found")).unwrap();
    foreign.init();
    let file = Site::named("file");
    std::fs::write(&file.data, "x").unwrap();
    assert_eq!(file.ask(&["init"]).status, 8);
}

#[test]
fn an_init_that_was_killed_is_finished_by_the_next() {
    let site = Site::made();
    let authority = std::fs::read(site.data.join("tls/authority.pem")).unwrap();
    for name in ["server.db", "server.db-wal", "server.db-shm"] {
        let _ = std::fs::remove_file(site.data.join(name));
    }
    assert_eq!(site.ask(&["user", "list"]).code(), "data_missing");
    let made = site.init();
    assert_eq!(std::fs::read(site.data.join("tls/authority.pem")).unwrap(), authority);
    assert_eq!(site.json(&["status"])["server_id"], made["server_id"]);
    // Of one that was killed while it made the database, what SQLite then goes back to.
    let early = Site::empty();
    std::fs::create_dir(&early.data).unwrap();
    for name in ["lock", "server.db", "server.db-journal"] {
        std::fs::write(early.data.join(name), "").unwrap();
    }
    early.init();
}

#[test]
fn a_recovery_file_is_never_overwritten() {
    let site = Site::empty();
    let taken = site.beside("taken");
    std::fs::write(&taken, "mine").unwrap();
    let init = ["init", "--org-recovery", taken.to_str().unwrap()];
    assert_eq!(site.ask(&init).code(), "data_exists");
    assert_eq!(std::fs::read_to_string(&taken).unwrap(), "mine");
    std::fs::remove_file(&taken).unwrap();
    site.ask(&init).ok();
    assert!(std::fs::read_to_string(&taken).unwrap().contains("AGE-SECRET-KEY-1"));
    assert!(!names(&site.data).contains(&"organisation-recovery.txt".to_owned()));
}

#[test]
fn addresses_that_no_token_can_hold_are_refused_before_anything_is_made() {
    let site = Site::empty();
    for url in ["http://plain.example", "https://", "nonsense", "https://a b"] {
        assert_eq!(site.ask(&["init", "--url", url]).status, 2, "{url}");
    }
    assert!(!site.data.exists());
}

#[test]
fn without_a_server_every_command_says_so() {
    let site = Site::empty();
    for command in [&["serve"][..], &["user", "list"], &["status"], &["stats"], &["cleanup"], &["check"]] {
        assert_eq!(site.ask(command).code(), "data_missing", "{command:?}");
    }
    assert!(!site.data.exists());
    std::fs::create_dir(&site.data).unwrap();
    assert_eq!(site.ask(&["serve"]).code(), "data_missing");
    assert!(names(&site.data).is_empty());
    let none = program(&["user", "list", "--json"]);
    assert_eq!((none.status, none.json()["error"]["code"].as_str()), (2, Some("usage")));
    assert_eq!(program(&["user"]).status, 2);
    assert_eq!(program(&["--version"]).status, 0);
    assert!(program(&["--help"]).stdout.contains("recover"));
}

#[test]
fn a_missing_or_other_store_is_refused() {
    let site = Site::made();
    let (store, aside) = (site.data.join("store"), site.beside("aside"));
    std::fs::rename(&store, &aside).unwrap();
    assert_eq!(site.ask(&["serve"]).code(), "store_missing");
    assert_eq!(site.ask(&["stats"]).code(), "store_missing");
    let other = Site::made();
    std::fs::rename(other.data.join("store"), &store).unwrap();
    assert_eq!(site.ask(&["serve"]).code(), "store_missing");
    std::fs::remove_dir_all(&store).unwrap();
    std::fs::rename(&aside, &store).unwrap();
    site.json(&["stats"]);
}

#[test]
fn a_store_may_lie_elsewhere() {
    let site = Site::empty();
    let store = site.beside("elsewhere");
    let init = ["init", "--store", store.to_str().unwrap()];
    assert_eq!(site.json(&init)["store"].as_str(), store.to_str());
    assert!(store.join("HOLDFAST-STORE").exists() && !site.data.join("store").exists());
    site.json(&["user", "add", "anna"]);
}

fn in_database(site: &Site, statement: &'static str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(site.data.join("server.db"));
        let mut connection = options.connect().await.unwrap();
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

#[test]
fn a_newer_or_damaged_database_is_left_alone() {
    let newer = Site::made();
    in_database(
        &newer,
        "INSERT INTO schema_migrations SELECT number + 1000, name, applied FROM schema_migrations LIMIT 1",
    );
    let before = std::fs::read(newer.data.join("server.db")).unwrap();
    assert_eq!(newer.ask(&["serve"]).code(), "database_newer");
    assert_eq!(newer.ask(&["user", "list"]).code(), "database_newer");
    assert_eq!(std::fs::read(newer.data.join("server.db")).unwrap(), before);
    let damaged = Site::made();
    std::fs::write(damaged.data.join("server.db"), vec![b'x'; 50_000]).unwrap();
    assert_eq!(damaged.ask(&["serve"]).code(), "database_damaged");
    assert_eq!(damaged.ask(&["check"]).code(), "database_damaged");
    let keyless = Site::made();
    std::fs::remove_file(keyless.data.join("org-key")).unwrap();
    assert_eq!(keyless.ask(&["serve"]).code(), "database_damaged");
}

#[test]
fn errors_have_words_for_people_and_a_document_for_programs() {
    let site = Site::made();
    let outcome = site.ask(&["token", "create", "--user", "nobody"]);
    let document = outcome.json();
    let error: &Value = &document["error"];
    assert_eq!(error["code"], "user_unknown");
    assert!(error["message"].as_str().unwrap().contains("nobody"));
    assert!(error["advice"].as_str().unwrap().contains("user add"));
    let plain = site.run(&["token", "create", "--user", "nobody"]);
    assert_eq!((plain.status, plain.stdout.as_str()), (9, ""));
    assert!(plain.stderr.starts_with("error: ") && plain.stderr.contains("\n  "), "{plain:?}");
}
