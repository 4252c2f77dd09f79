//! Commands when no server runs.

use crate::support::Site;
use std::fs::File;

#[test]
fn users_and_tokens() {
    let site = Site::made();
    let added = site.json(&["user", "add", "anna"]);
    assert_eq!((added["name"].as_str(), added["custody"].as_str()), (Some("anna"), Some("managed")));
    assert_eq!(site.ask(&["user", "add", "ANNA"]).code(), "name_taken");
    for name in ["", "a b", "a/b", &"x".repeat(65)] {
        assert_eq!(site.ask(&["user", "add", name]).code(), "name_invalid", "{name}");
    }
    site.json(&["user", "add", "bert", "--custody", "private"]);
    let list = site.json(&["user", "list"]);
    let names: Vec<_> = list.as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["anna", "bert"]);
    assert_eq!(list[1]["custody"], "private");

    let made = site.json(&["token", "create", "--user", "anna", "--expires", "2h"]);
    let token = api::Token::parse(made["token"].as_str().unwrap()).unwrap();
    assert_eq!(token.urls(), ["https://localhost:1"]);
    assert_eq!(token.pin().to_string(), made["authority"].as_str().unwrap());
    assert_eq!(site.ask(&["token", "create", "--user", "carl"]).code(), "user_unknown");
    // For a shell that keeps it in a file, the token is all there is.
    let plain = site.run(&["token", "create", "--user", "anna"]).ok();
    assert!(api::Token::parse(plain.stdout.trim()).is_ok(), "{plain:?}");
    assert!(plain.stderr.contains("anna"));
}

#[test]
fn administrators() {
    let site = Site::made();
    let first = site.json(&["admin", "reset"]);
    let second = site.json(&["admin", "reset"]);
    assert_eq!(first["name"], "admin");
    assert_ne!(first["password"], second["password"]);
    assert_eq!(site.json(&["admin", "reset", "otto"])["name"], "otto");
}

#[test]
fn retention_and_settings() {
    let site = Site::made();
    let before = site.json(&["retention", "show"]);
    let set = site.json(&["retention", "set", "--daily", "9"]);
    assert_eq!(set["daily"], 9);
    assert_eq!(set["keep_last"], before["keep_last"]);
    assert_eq!(site.json(&["retention", "show"]), set);
    assert_eq!(site.run(&["retention", "set"]).status, 2);
    assert_eq!(site.run(&["retention", "set", "--daily", "-1"]).status, 2);

    let set = [
        "settings",
        "set",
        "--grace",
        "36h",
        "--reserve",
        "64MiB",
        "--custody",
        "private",
        "--url",
        "https://b.example",
    ];
    let settings = site.json(&set);
    assert_eq!(
        (settings["grace_seconds"].as_u64(), settings["reserve_bytes"].as_u64()),
        (Some(129_600), Some(64 << 20))
    );
    assert_eq!(site.json(&["settings", "show"]), settings);
    assert_eq!(site.ask(&["settings", "set", "--url", "ftp://b.example"]).code(), "usage");
    assert_eq!(site.ask(&["settings", "set", "--backups-at-once", "0"]).code(), "usage");
    assert_eq!(site.json(&["user", "add", "anna"])["custody"], "private");
    assert_eq!(site.json(&["user", "list"])[0]["custody"], "private");
}

#[test]
fn an_empty_server_is_whole() {
    let site = Site::made();
    assert!(site.json(&["snapshot", "list"]).as_array().unwrap().is_empty());
    assert!(site.json(&["cleanup", "--dry-run"])["vaults"].as_array().unwrap().is_empty());
    assert!(site.json(&["cleanup"])["failed"].as_array().unwrap().is_empty());
    assert_eq!(site.json(&["verify", "--read-data"])["read_data"], true);
    let stats = site.json(&["stats"]);
    assert_eq!((stats["users"].as_u64(), stats["stored_bytes"].as_u64()), (Some(0), Some(0)));
    assert!(stats["disk_total_bytes"].as_u64().is_some_and(|bytes| bytes > 0));
    assert_eq!(stats["uploads"]["packs"], 0);
    assert_eq!(site.ask(&["snapshot", "delete", "0123456789"]).code(), "snapshot_unknown");
    let status = site.json(&["status"]);
    assert_eq!((status["running"].as_bool(), status["listen"].is_null()), (Some(false), true));
    // People get text, and nothing of a document.
    for command in [
        &["user", "list"][..],
        &["snapshot", "list"],
        &["stats"],
        &["retention", "show"],
        &["settings", "show"],
    ] {
        let text = site.run(command).ok().stdout;
        assert!(!text.is_empty() && !text.contains('{'), "{command:?}: {text}");
    }
}

#[test]
fn many_commands_at_once_take_turns() {
    let site = Site::made();
    std::thread::scope(|scope| {
        let commands: Vec<_> = (0..4)
            .map(|number| {
                let site = &site;
                scope.spawn(move || site.ask(&["user", "add", &format!("user{number}")]).status)
            })
            .collect();
        let statuses: Vec<_> = commands.into_iter().map(|command| command.join().unwrap()).collect();
        // A machine too slow to let four take their turns in ten seconds says so.
        assert!(statuses.iter().all(|status| [0, 10].contains(status)), "{statuses:?}");
        let added = statuses.iter().filter(|status| **status == 0).count();
        assert_eq!(site.json(&["user", "list"]).as_array().unwrap().len(), added);
    });
}

/// What is shown only once must not be lost without a word.
#[test]
fn an_output_that_cannot_be_written_is_a_failure() {
    let site = Site::made();
    site.json(&["user", "add", "anna"]);
    for json in [&["--json"][..], &[]] {
        for command in [&["admin", "reset"][..], &["token", "create", "--user", "anna"]] {
            let full = File::options().write(true).open("/dev/full").unwrap();
            let ended = site.run_into(full, &[command, json].concat());
            assert_eq!(ended.status, i32::from(model::code::exit::LOCAL), "{ended:?}");
            assert!(
                ended.stderr.contains("standard output") && ended.stderr.contains("[disk_full]"),
                "{ended:?}"
            );
        }
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    site.run_into(File::from(std::os::fd::OwnedFd::from(writer)), &["admin", "reset"]).ok();
}
