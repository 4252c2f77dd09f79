//! Commands when a server runs, and servers that start and end.

use crate::support::{Site, names};
use std::net::TcpListener;

#[test]
fn commands_go_to_the_running_server() {
    let site = Site::made();
    let serving = site.serve();
    let status = site.json(&["status"]);
    assert_eq!((status["running"].as_bool(), &status["listen"]), (Some(true), &serving.started["listen"]));
    assert_eq!(status["server_id"], serving.started["server_id"]);
    site.json(&["user", "add", "anna"]);
    assert_eq!(site.ask(&["user", "add", "anna"]).code(), "name_taken");
    assert_eq!(site.ask(&["token", "create", "--user", "bert"]).code(), "user_unknown");
    assert!(site.json(&["token", "create", "--user", "anna"])["token"].as_str().unwrap().starts_with("hf1-"));
    for command in [&["stats"][..], &["cleanup"], &["verify"], &["settings", "show"], &["snapshot", "list"]] {
        site.json(command);
    }
    let file = site.beside("backup.age");
    site.json(&["backup", file.to_str().unwrap()]);
    assert!(std::fs::read(&file).unwrap().starts_with(b"age-encryption.org/v1"));
    // Another one takes its place, and a folder that is not there is said so.
    site.json(&["backup", file.to_str().unwrap()]);
    assert_eq!(site.ask(&["backup", site.beside("none/x").to_str().unwrap()]).code(), "path_missing");
    assert!(!names(&site.data).iter().any(|name| name.contains("backup")));
    assert_eq!(serving.stop("TERM"), 0);
    assert!(!site.data.join("control.sock").exists());
    assert_eq!(site.json(&["user", "list"])[0]["name"], "anna");
}

#[test]
fn a_second_server_is_refused() {
    let site = Site::made();
    let serving = site.serve();
    assert_eq!(site.ask(&["serve"]).code(), "data_locked");
    assert_eq!(site.json(&["status"])["running"], true);
    assert_eq!(site.ask(&["init"]).code(), "data_exists");
    let recovery = site.data.join("organisation-recovery.txt");
    assert_eq!(site.ask(&["recover", "--recovery-file", recovery.to_str().unwrap()]).code(), "data_locked");
    assert_eq!(serving.stop("INT"), 0);
}

#[test]
fn an_address_that_is_taken_is_named() {
    let site = Site::made();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = site.ask(&["serve", "--listen", &address]);
    assert_eq!(refused.code(), "listen_failed");
    assert!(refused.stderr.contains(&address), "{refused:?}");
    // It holds nothing any more.
    site.json(&["user", "add", "anna"]);
}

#[test]
fn a_killed_server_leaves_nothing_in_the_way() {
    let site = Site::made();
    let serving = site.serve();
    site.json(&["user", "add", "anna"]);
    serving.stop("KILL");
    assert!(site.data.join("control.sock").exists());
    assert_eq!(site.json(&["user", "list"])[0]["name"], "anna");
    let serving = site.serve();
    site.json(&["user", "add", "bert"]);
    assert_eq!(serving.stop("TERM"), 0);
}

#[test]
fn a_folder_may_lie_deep() {
    let site = Site::named(&format!("{}/{}", "deep".repeat(20), "deeper".repeat(20)));
    site.init();
    let serving = site.serve();
    assert_eq!(site.json(&["status"])["running"], true);
    site.json(&["user", "add", "anna"]);
    assert_eq!(serving.stop("TERM"), 0);
}

#[test]
fn the_socket_is_for_its_owner_alone() {
    use std::io::{Read, Write};
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;
    let site = Site::made();
    let _serving = site.serve();
    let socket = site.data.join("control.sock");
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let answer = |text: &str| {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    for nonsense in ["{\n", "[]\n", "{\"version\":\"0.0.0\",\"command\":{\"command\":\"status\"}}\n"] {
        assert!(answer(nonsense).contains("request_invalid"), "{nonsense}");
    }
    assert_eq!(site.json(&["status"])["running"], true);
}
