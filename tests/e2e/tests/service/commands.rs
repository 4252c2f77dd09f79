//! Commands with and without a service.

use super::*;
use e2e::service::{code, status};

#[test]
fn agent_not_running() {
    let scene = Scene::new();
    assert_eq!(code(&status(&scene.agent)), "agent_not_running");
    for command in [&["cancel"][..], &["resume"], &["pause", "1h"]] {
        scene.agent.run(command).fails_with(model::Code::AgentNotRunning);
    }
    // The control: with a service it says something else, and again when that is stopped.
    let service = Service::start(&scene.agent);
    assert_ne!(service.code(), "agent_not_running");
    service.stop();
    let document = status(&scene.agent);
    assert_eq!((code(&document), &document["next_attempt"]), ("agent_not_running", &Value::Null));
}

/// The same documents and exit statuses, whoever makes the backup.
#[test]
fn a_backup_looks_the_same_with_a_service() {
    let scene = Scene::new();
    let alone = scene.agent.backup(&[&scene.documents]);
    let service = Service::start(&scene.agent);
    service.await_code("backup_complete");
    let asked = scene.agent.backup(&[&scene.documents]);
    let names = |event: &Value| event.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&alone), names(&asked));
    assert_eq!((&alone["set"], &alone["files"]), (&asked["set"], &asked["files"]));
    assert_eq!(service.status()["last_backup"]["snapshot"], asked["snapshot"]);
    let other = scene.site.path("nowhere");
    scene.agent.run([Path::new("backup"), &other]).fails_with(model::Code::PathMissing);
    // Other commands do not need the lock that the service has.
    scene.agent.run(["ls", "latest"]).ok();
    let text = scene.agent.run(["status"]).ok().stdout;
    assert!(text.starts_with("Backup Complete\n") && text.contains("Last backup: "), "{text}");
    let text = scene.agent.run(["history"]).ok().stdout;
    assert!(text.contains("Finishing Backup"), "{text}");
}

#[test]
fn others_get_no_answer_from_the_socket() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new();
    let service = Service::start(&scene.agent);
    let socket = scene.agent.state().join("socket");
    assert_eq!(socket.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    // A second service finds the state taken.
    scene.agent.run(["agent", "run"]).fails_with(model::Code::StateLocked);
    service.stop();
    assert!(!socket.exists());
}

/// Folders and choices are changed by the service where one runs, and without it else.
#[test]
fn settings_are_changed_with_and_without_a_service() {
    let scene = Scene::new();
    let (agent, documents) = (&scene.agent, scene.documents.to_str().unwrap());
    let folders = || agent.run(["folders", "list", "--json"]).ok().json();
    let chosen = || agent.run(["settings", "--json"]).ok().json();
    let usual = serde_json::json!({ "notifications": ["Critical", "High", "Warning"], "chosen": false });
    let change = |is_there: bool| {
        assert_eq!(chosen(), usual, "service: {is_there}");
        agent.run(["settings", "notifications", "high", "off"]).ok();
        agent.run(["settings", "notifications", "informative", "on"]).ok();
        let mine =
            serde_json::json!({ "notifications": ["Critical", "Warning", "Informative"], "chosen": true });
        assert_eq!(chosen(), mine);
        agent.run(["settings", "notifications", "critical", "off"]).fails_with(model::Code::NotAllowed);
        agent.run(["settings", "notifications", "default"]).ok();
        assert_eq!(chosen(), usual);
        agent.run(["settings", "notifications", "high"]).fails_with(model::Code::Usage);

        agent.run(["folders", "add", documents]).ok();
        let row = serde_json::json!([{ "set": "default", "path": documents, "is_there": true }]);
        assert_eq!(folders(), row);
        let nowhere = scene.site.path("nowhere");
        agent.run([Path::new("folders"), Path::new("add"), &nowhere]).fails_with(model::Code::PathMissing);
        agent.run(["folders", "remove", documents]).ok();
        assert_eq!(folders(), serde_json::json!([]));
        agent.run(["folders", "remove", documents]).fails_with(model::Code::PathMissing);
        agent.run(["networks", "block", "Hotel"]).fails_with(model::Code::NetworkUnknown);
    };
    change(false);
    let service = Service::start(agent);
    service.await_code("no_folders");
    change(true);
    service.stop();
}

/// A folder that is added makes a backup due at once.
#[test]
fn no_folders_until_one_is_added() {
    let scene = Scene::new();
    let service = Service::start(&scene.agent);
    service.await_code("no_folders");
    scene.agent.run([Path::new("folders"), Path::new("add"), &scene.documents]).ok();
    service.await_code("backup_complete");
    assert_eq!(scene.snapshots(), 1);
    scene.assert_told("no_folders");
}

#[test]
fn findings_are_a_table_for_other_programs() {
    let scene = Scene::new();
    let other = scene.site.path("a, \"b\"");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("file"), "content").unwrap();
    let both = [Path::new("backup"), &scene.documents, &other];
    scene.agent.run(both).ok();
    let empty = scene.agent.run(["findings", "--csv"]).ok().stdout;
    assert_eq!(empty.lines().count(), 1, "{empty}");
    std::fs::remove_dir_all(&other).unwrap();
    scene.agent.run(both).expect(3);
    let table = scene.agent.run(["findings", "--csv"]).ok().stdout;
    let row = table.lines().nth(1).unwrap();
    let path = other.to_str().unwrap().replace('"', "\"\"");
    assert!(row.starts_with("root_missing,a folder of the set is gone,") && row.contains(&path), "{table}");
    scene.agent.run(["findings", "--csv", "--json"]).fails_with(model::Code::Usage);
}

/// The file for support says how the device stands, and names nothing that is the user's.
#[test]
fn a_file_for_support_names_nothing_of_the_user() {
    let mut scene = Scene::new();
    let agent = scene.agent.clone();
    let service = Service::start(&agent);
    service.await_code("no_folders");
    outcome(scene.ask_backup()).ok();
    scene.site.server.stop();
    service.await_code("server_connection_lost");
    let file = scene.site.path("support.json");
    let arguments = [Path::new("diagnose"), Path::new("--to"), &file];
    agent.run(arguments).ok();
    let text = std::fs::read_to_string(&file).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["status"]["line"]["code"], "server_connection_lost");
    assert_eq!(document["server"]["code"], "server_unreachable");
    assert_eq!((&document["sets"][0]["folders"], &document["service"]["answers"]), (&1.into(), &true.into()));
    assert!(document["changes"]["newest"].as_array().unwrap().len() > 3, "{text}");
    let folder = scene.site.folder().to_str().unwrap();
    let port = scene.site.server.port().to_string();
    for name in ["laptop", "anna", "documents", "letter", "127.0.0.1", "secret", folder, &port] {
        assert!(!text.contains(name), "{name}: {text}");
    }
    agent.run(arguments).fails_with(model::Code::Usage);
    let page = agent.run(["open", "--json"]).ok().json();
    let page = std::fs::read_to_string(page["page"].as_str().unwrap()).unwrap();
    assert!(page.contains("Unable to Connect") && page.contains("documents"), "{page}");
}
