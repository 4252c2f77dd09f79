//! The steps of a backup, and how it ends.

use super::*;

#[test]
fn no_folders() {
    let scene = Scene::new();
    let service = Service::start(&scene.agent);
    let status = service.await_code("no_folders");
    assert!(wait_of(&status) > 3 * 3600, "{status:#}");
    let mut desk = Desk::of(&scene.agent);
    let words = desk.assert_shows(&service, "no_folders");
    // Named folders are backed up, and the notice goes.
    outcome(scene.ask_backup()).ok();
    service.await_code("backup_complete");
    desk.assert_withdrawn(&words);
    service.stop();
    // The control: with a set that is there.
    let service = Service::start(&scene.agent);
    service.await_code("backup_complete");
    let status = service.status();
    assert_eq!(status["others"].as_array().unwrap().len(), 0, "{status:#}");
    // And once more: the folder of the set is gone.
    service.stop();
    std::fs::remove_dir_all(&scene.documents).unwrap();
    let mut clock = e2e::Clock::ahead(scene.site.path("clock"), 0);
    let mut agent = scene.agent.clone();
    clock.rule_agent(&mut agent);
    clock.advance(5 * 3600);
    let service = Service::start(&agent);
    service.await_code("no_folders");
    assert_eq!(service.status()["last_backup"]["missed"], 0, "what was backed up stays");
    scene.assert_told("no_folders");
}

/// `backup_initializing`, `backup_in_progress`, `backup_finishing` and `backup_complete`, in this order.
#[test]
fn backup_in_progress() {
    let scene = Scene::new();
    let service = Service::start(&scene.agent);
    service.await_code("no_folders");
    // The control: nothing is under way.
    assert_never(&service, "backup_in_progress");
    assert_eq!(service.status()["step"], "idle");

    let asked = scene.begin_held(&service);
    let status = service.status();
    assert_eq!((&status["step"], &status["next_attempt"]), (&"in_progress".into(), &Value::Null));
    let words = status["line"]["sub_status"].as_str().unwrap();
    assert!(words.starts_with("Started "), "{words}");
    let mut desk = Desk::of(&scene.agent);
    let running = desk.assert_shows(&service, "backup_in_progress");
    assert!(status["last_backup"].is_null(), "nothing is complete that is not committed");
    scene.proxy.release();
    outcome(asked).ok();
    let status = service.await_code("backup_complete");
    desk.assert_withdrawn(&running);
    desk.assert_shows(&service, "backup_complete");
    let id = scene.agent.snapshots()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(status["last_backup"]["snapshot"], id.as_str());
    let wait = wait_of(&status);
    assert!((4 * 3600 - 60..=4 * 3600).contains(&wait), "{wait}");
    let steps = ["backup_initializing", "backup_in_progress", "backup_finishing", "backup_complete"];
    let raised = service.raised();
    assert!(raised.ends_with(&steps.map(str::to_owned)), "{raised:?}");
    for step in &steps[..3] {
        scene.assert_told(step);
    }
}

#[test]
fn backup_complete_files_missed() {
    let scene = Scene::new();
    let other = scene.site.path("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("file"), "content").unwrap();
    let service = Service::start(&scene.agent);
    let both = [Path::new("backup"), &scene.documents, &other];
    scene.agent.run(both).ok();
    // The control: nothing is missed.
    service.await_code("backup_complete");
    assert_never(&service, "backup_complete_files_missed");

    std::fs::remove_dir_all(&other).unwrap();
    scene.agent.run(both).expect(3);
    let status = service.await_code("backup_complete_files_missed");
    assert_eq!(status["last_backup"]["missed"], 1);
    let overlay = &status["overlays"][0];
    assert_eq!(overlay["code"], "folder_misconfigured");
    assert!(overlay["sub_status"].as_str().unwrap().contains("other"), "{overlay:#}");
    let mut desk = Desk::of(&scene.agent);
    let missed = desk.assert_shows(&service, "backup_complete_files_missed");
    let missing = desk.assert_shows(&service, "folder_misconfigured");

    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("file"), "content").unwrap();
    scene.agent.run(both).ok();
    let status = service.await_code("backup_complete");
    assert_eq!(status["overlays"].as_array().unwrap().len(), 0, "{status:#}");
    desk.assert_withdrawn(&missed);
    desk.assert_withdrawn(&missing);
    scene.assert_told("backup_complete_files_missed");
    scene.assert_told("folder_misconfigured");
}

/// Ctrl-C in the command that asked for a backup is a cancel.
#[test]
fn backup_canceled_by_user_with_a_signal() {
    let scene = Scene::new();
    let service = Service::start(&scene.agent);
    service.await_code("no_folders");
    let asked = scene.begin_held(&service);
    e2e::server::signal(&asked, "INT");
    service.await_code("backup_canceled_by_user");
    outcome(asked).expect(130);
    scene.proxy.release();
    assert_eq!(scene.snapshots(), 0);
}

#[test]
fn backup_canceled_by_user() {
    let scene = Scene::new();
    let service = Service::start(&scene.agent);
    service.await_code("no_folders");
    scene.agent.run(["cancel"]).fails_with(model::Code::NothingRuns);
    let asked = scene.begin_held(&service);
    scene.agent.run(["cancel"]).ok();
    let status = service.status();
    assert_eq!(e2e::service::code(&status), "backup_canceled_by_user");
    assert!(wait_of(&status) > 3 * 3600, "{status:#}");
    outcome(asked).expect(130);
    let mut desk = Desk::of(&scene.agent);
    let words = desk.assert_shows(&service, "backup_canceled_by_user");
    scene.proxy.release();
    assert_eq!(scene.snapshots(), 0);
    // The control: one that nobody cancels, which ends the notice.
    service.await_status("idle", |_| scene.agent.run([Path::new("backup"), &scene.documents]).status == 0);
    service.await_code("backup_complete");
    assert_eq!(scene.snapshots(), 1);
    desk.assert_withdrawn(&words);
    let raised = service.raised();
    assert_eq!(raised.iter().filter(|code| *code == "backup_canceled_by_user").count(), 1, "{raised:?}");
    scene.assert_told("backup_canceled_by_user");
}
