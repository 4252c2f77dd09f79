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
