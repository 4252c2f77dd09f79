//! The commands of `holdfast-server`: exit status and the fields of their documents, asked of a running server and of
//! its data folder alone.

use crate::shape::{assert_document, assert_error, shape};
use e2e::{Agent, Outcome, Server, Site};
use model::Code;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn backed_up(site: &Site) -> (Agent, String) {
    let root = site.path("documents");
    fs::create_dir_all(&root).unwrap();
    fs::write(root.join("letter"), "a letter").unwrap();
    let agent = site.device("laptop");
    let snapshot = agent.backup(&[&root])["snapshot"].as_str().unwrap().to_owned();
    (agent, snapshot)
}

#[test]
fn init_makes_a_server_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::at(&folder.path().join("data"), 0);
    assert_error(server.run(["status", "--json"]), Code::DataMissing);
    assert_error(server.run(["serve", "--json"]), Code::DataMissing);
    let recovery = folder.path().join("recovery.txt");
    let init = ["init", "--json", "--listen", "127.0.0.1:7640", "--org-recovery", recovery.to_str().unwrap()];
    let document = assert_document(
        &server.run(init).ok(),
        "administrator:object authority:text data:text listen:text recovery_file:text \
         server_id:text store:text urls:list",
    );
    assert_eq!(shape(&document["administrator"]), "name:text password:text");
    assert!(document["administrator"]["password"].as_str().unwrap().len() >= 12, "a weak password");
    let text = fs::read_to_string(&recovery).unwrap();
    assert!(text.contains("AGE-SECRET-KEY-"), "no key in the recovery file");
    assert_error(server.run(["init", "--json"]), Code::DataExists);
    let text = server.run(["init"]).fails_with(Code::DataExists);
    assert!(text.stdout.is_empty(), "{text}");

    // For people it prints the password and where the recovery file is, and that it has to be moved.
    // A folder that was there is closed to others as well.
    let other = Server::at(&folder.path().join("other"), 0);
    fs::create_dir(other.data()).unwrap();
    fs::set_permissions(other.data(), fs::Permissions::from_mode(0o755)).unwrap();
    let text = other.run(["init"]).ok();
    assert!(text.stdout.contains("password") && text.stdout.to_lowercase().contains("recovery"), "{text}");
    assert_eq!(fs::metadata(other.data()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn the_data_folder_is_named_by_option_or_variable() {
    let site = Site::new();
    let program = e2e::command::program("holdfast-server");
    let run = |data: Option<&Path>| {
        let mut command = e2e::command::clean(&program);
        command.args(["user", "list", "--json"]);
        if let Some(data) = data {
            command.env("HOLDFAST_DATA", data);
        }
        Outcome::of(&mut command)
    };
    assert_eq!(run(Some(site.server.data())).ok().json()[0]["name"], "anna");
    assert_error(run(None), Code::Usage);
    assert_error(run(Some(&site.path("nowhere"))), Code::DataMissing);
    // The option wins over the variable.
    let mut both = site.server.command();
    both.args(["user", "list", "--json"]).env("HOLDFAST_DATA", site.path("nowhere"));
    assert_eq!(Outcome::of(&mut both).ok().json()[0]["name"], "anna");
}

/// Every command that changes little, against the server as it is: running or not.
fn assert_all_commands(site: &Site, running: bool, user: &str) {
    let server = &site.server;
    let run = |arguments: &[&str]| server.run(arguments.iter().copied().chain(["--json"]));
    let listen = if running { "text" } else { "null" };
    let status = assert_document(
        &run(&["status"]).ok(),
        &format!("listen:{listen} running:bool server_id:text time:text urls:list version:text"),
    );
    assert_eq!(status["running"], running);

    let user_fields = "created:text custody:text devices:whole group:text has_vault:bool id:text name:text quota_bytes:whole state:text \
                       state_since:text undo_until:null used_bytes:whole";
    let added = assert_document(&run(&["user", "add", user]).ok(), user_fields);
    assert_eq!(
        (&added["name"], &added["devices"], &added["has_vault"]),
        (&user.into(), &0.into(), &false.into())
    );
    assert_error(run(&["user", "add", user]), Code::NameTaken);
    assert_error(run(&["user", "add", "no name"]), Code::NameInvalid);
    let users = run(&["user", "list"]).ok().json();
    assert!(users.as_array().unwrap().iter().all(|user| shape(user) == user_fields), "{users}");
    assert!(users.as_array().unwrap().contains(&added), "{users}");

    let token = assert_document(
        &run(&["token", "create", "--user", user, "--expires", "30m"]).ok(),
        "authority:text expires:text replaces:null token:text urls:list user:text",
    );
    assert!(token["token"].as_str().unwrap().starts_with("hf1-"), "{token}");
    assert_error(run(&["token", "create", "--user", "nobody"]), Code::UserUnknown);

    let password =
        |outcome: &Outcome| assert_document(outcome, "name:text password:text")["password"].clone();
    let first = password(&run(&["admin", "reset"]).ok());
    assert_ne!(first, password(&run(&["admin", "reset"]).ok()));

    let retention = assert_document(
        &run(&["retention", "set", "--keep-last", "7", "--daily", "30"]).ok(),
        "daily:whole hourly:whole keep_last:whole monthly:whole weekly:whole",
    );
    assert_eq!((&retention["keep_last"], &retention["daily"]), (&7.into(), &30.into()));
    assert_eq!(run(&["retention", "show"]).ok().json(), retention);
    let settings = run(&["settings", "set", "--backups-at-once", "9"]).ok().json();
    assert_eq!(run(&["settings", "show"]).ok().json(), settings);
    assert!(settings.as_object().unwrap().values().any(|value| value == 9), "{settings}");
    assert_error(run(&["settings", "set", "--backups-at-once", "0"]), Code::Usage);

    for arguments in [&["cleanup", "--dry-run"][..], &["cleanup"]] {
        let cleanup =
            assert_document(&run(arguments).ok(), "dry_run:bool failed:list removed:object vaults:list");
        assert_eq!(cleanup["dry_run"], arguments.len() == 2);
        assert_eq!(cleanup["vaults"].as_array().unwrap().len(), 1, "{cleanup}");
    }
    for arguments in [&["verify"][..], &["verify", "--read-data"]] {
        let verify = assert_document(&run(arguments).ok(), "read_data:bool vaults:list");
        let vault = &verify["vaults"][0];
        assert_eq!(vault["damage_count"], 0, "{verify}");
        assert!(vault["packs"].as_u64().unwrap() > 0, "{verify}");
        assert_eq!(vault["read_bytes"].as_u64().unwrap() > 0, arguments.len() == 2, "{verify}");
    }
    let stats = assert_document(
        &run(&["stats"]).ok(),
        "active_leases:whole devices:whole disk_available_bytes:whole disk_reserve_bytes:whole disk_total_bytes:whole \
         snapshots:whole stored_bytes:whole uploads:object users:whole vaults:list waiting:whole",
    );
    assert_eq!(
        (&stats["devices"], &stats["snapshots"], &stats["active_leases"]),
        (&1.into(), &1.into(), &0.into())
    );
    assert!(stats["uploads"]["received_bytes"].as_u64().unwrap() > 0, "{stats}");

    // The recovery file still lies with the server, which is the one thing that a check has to say.
    let check =
        assert_document(&run(&["check"]).expect(3), "certificate_until:text problems:list vaults:whole");
    let problems = check["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{check}");
    assert_eq!(shape(&problems[0]), "area:text code:text message:text severity:text");

    let file = site.path(&format!("backup-{running}"));
    let backup = assert_document(&run(&["backup", file.to_str().unwrap()]).ok(), "bytes:whole file:text");
    assert_eq!(backup["bytes"], fs::metadata(&file).unwrap().len());
}

#[test]
fn commands_work_beside_a_running_server_and_without_one() {
    let mut site = Site::new();
    backed_up(&site);
    assert_all_commands(&site, true, "bert");
    site.server.stop();
    assert_all_commands(&site, false, "carla");
    // What was done without it is known to the server when it runs again.
    site.server.start();
    let users = site.server.json(["user", "list"]);
    let names: Vec<&Value> = users.as_array().unwrap().iter().map(|user| &user["name"]).collect();
    assert_eq!(names, ["anna", "bert", "carla"]);
}

#[test]
fn snapshots_are_listed_deleted_and_brought_back() {
    let site = Site::new();
    let (agent, snapshot) = backed_up(&site);
    let run = |arguments: &[&str]| site.server.run([&["--json", "snapshot"], arguments].concat());
    let list =
        |arguments: &[&str]| run(&[&["list"], arguments].concat()).ok().json().as_array().unwrap().clone();
    let rows = list(&[]);
    assert_eq!(
        shape(&rows[0]),
        "bytes:whole complete:bool deleted:null deleted_by:null device:text device_name:text files:whole \
         findings:whole id:text sequence:whole set:text stored_bytes:whole time:text user:text vault:text"
    );
    assert_eq!(
        (rows.len(), &rows[0]["id"], &rows[0]["user"]),
        (1, &snapshot.as_str().into(), &"anna".into())
    );
    // Names of sets and paths are no business of the server.
    assert!(!rows[0].to_string().contains("documents"), "{rows:?}");
    assert_eq!(list(&["--user", "anna"]).len(), 1);
    assert_error(run(&["list", "--user", "nobody"]), Code::UserUnknown);

    let deleted = assert_document(
        &run(&["delete", &snapshot[..8]]).ok(),
        "action:text forgotten:list snapshots:list undo_until:text",
    );
    assert_eq!(
        (&deleted["action"], &deleted["snapshots"][0]),
        (&"deleted".into(), &snapshot.as_str().into())
    );
    assert_eq!((list(&[]).len(), agent.snapshots().len()), (0, 0));
    let hidden = &list(&["--deleted"])[0];
    assert!(hidden["deleted"].is_string() && hidden["deleted_by"].is_string(), "{hidden}");
    let back = run(&["undelete", &snapshot]).ok().json();
    assert_eq!(back["action"], "undeleted");
    assert_eq!(agent.snapshots().len(), 1);

    let unknown = if snapshot.starts_with("00000000") { "11111111" } else { "00000000" };
    assert_error(run(&["delete", unknown]), Code::SnapshotUnknown);
    assert_error(run(&["delete", &snapshot[..3]]), Code::SnapshotUnknown);
    assert_error(run(&["delete"]), Code::Usage);
    // All or none.
    assert_error(run(&["delete", &snapshot, unknown]), Code::SnapshotUnknown);
    assert_eq!(agent.snapshots().len(), 1);
    let text = site.server.run(["snapshot", "delete", &snapshot]).ok();
    assert!(text.stdout.contains("holdfast-server snapshot undelete"), "{text}");
}

#[test]
fn recover_makes_the_server_again_from_its_store() {
    let mut site = Site::new();
    let (agent, snapshot) = backed_up(&site);
    site.server.stop();
    let recovery = site.path("recovery.txt");
    let mut file = fs::read_dir(site.server.data()).unwrap().map(|entry| entry.unwrap().path());
    let kept = file.find(|path| path.to_string_lossy().contains("recovery")).expect("a recovery file");
    fs::rename(kept, &recovery).unwrap();
    for entry in fs::read_dir(site.server.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::remove_file(path).unwrap();
        }
    }
    assert_error(site.server.run(["--json", "status"]), Code::DataMissing);
    let arguments = ["--json", "recover", "--recovery-file", recovery.to_str().unwrap()];
    let document = assert_document(
        &site.server.run(arguments).ok(),
        "administrator:object data:text devices:whole from_backup:bool problems:list server_id:text \
         snapshots:whole users:whole vaults:whole",
    );
    assert_eq!(
        (&document["users"], &document["devices"], &document["snapshots"]),
        (&1.into(), &1.into(), &1.into())
    );
    site.server.start();
    assert_eq!(agent.snapshots()[0]["id"], snapshot.as_str());
    site.server.verify();
}
