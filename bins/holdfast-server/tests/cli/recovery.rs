//! `backup` and `recover` as an administrator types them.

use crate::support::{Site, names};

#[test]
fn a_lost_folder_comes_back_from_backup_and_recovery_file() {
    let site = Site::empty();
    let (recovery, file) = (site.beside("recovery.txt"), site.beside("backup.age"));
    let (recovery, file) = (recovery.to_str().unwrap(), file.to_str().unwrap());
    let made = site.json(&[
        "init",
        "--listen",
        "127.0.0.1:0",
        "--url",
        "https://localhost:1",
        "--org-recovery",
        recovery,
    ]);
    site.json(&["user", "add", "anna"]);
    site.json(&["retention", "set", "--daily", "5"]);
    site.json(&["backup", file]);
    site.json(&["user", "add", "bert"]);
    for name in names(&site.data).into_iter().filter(|name| name != "store") {
        let path = site.data.join(name);
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
    }
    assert_eq!(site.ask(&["serve"]).code(), "data_missing");
    let view = site.json(&["recover", "--recovery-file", recovery, "--backup", file]);
    assert_eq!(view["server_id"], made["server_id"]);
    assert_eq!((view["from_backup"].as_bool(), view["users"].as_u64()), (Some(true), Some(1)));
    assert_ne!(view["administrator"]["password"], made["administrator"]["password"]);
    assert_eq!(site.json(&["user", "list"]).as_array().unwrap().len(), 2);
    assert_eq!(site.json(&["retention", "show"])["daily"], 5);
    let token = site.json(&["token", "create", "--user", "bert"]);
    assert_eq!(token["authority"], made["authority"]);
    assert_eq!(site.ask(&["recover", "--recovery-file", recovery]).code(), "data_exists");
    let serving = site.serve();
    assert_eq!(site.json(&["status"])["server_id"], made["server_id"]);
    assert_eq!(serving.stop("TERM"), 0);
}

#[test]
fn a_recovery_that_fails_leaves_no_server() {
    let site = Site::empty();
    let nothing = site.beside("nothing");
    let refused = site.ask(&["recover", "--recovery-file", nothing.to_str().unwrap()]);
    assert_eq!(refused.code(), "path_missing");
    assert_eq!(site.ask(&["user", "list"]).code(), "data_missing");
}
