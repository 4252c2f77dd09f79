//! A service that ends without being stopped.

use super::*;

#[test]
fn internal_error() {
    let scene = Scene::new();
    let service = Service::start(&scene.agent);
    service.await_code("no_folders");
    let asked = scene.begin_held(&service);
    service.kill();
    outcome(asked).fails_with(model::Code::AgentSilent);
    assert_eq!(e2e::service::code(&e2e::service::status(&scene.agent)), "agent_not_running");
    scene.proxy.release();
    let service = Service::start(&scene.agent);
    let status = service.status();
    assert_eq!(e2e::service::code(&status), "internal_error");
    let incident = status["line"]["details"]["incident"].as_str().unwrap().to_owned();
    assert!(service.log().contains(&incident), "the log tells of {incident}");
    let wait = wait_of(&status);
    assert!((500..=600).contains(&wait), "{wait}");
    let mut desk = Desk::of(&scene.agent);
    let words = desk.assert_shows(&service, "internal_error");
    // A backup that is made ends it.
    outcome(scene.ask_backup()).ok();
    service.await_code("backup_complete");
    desk.assert_withdrawn(&words);
    scene.assert_told("internal_error");
    scene.site.server.verify();
}

/// The control of [`internal_error`]: a service that is stopped in the middle of a backup goes on with it.
#[test]
fn backup_resuming_after_a_stop() {
    let scene = Scene::new();
    let service = Service::start(&scene.agent);
    service.await_code("no_folders");
    let asked = scene.begin_held(&service);
    service.stop();
    assert_ne!(outcome(asked).status, 0);
    scene.proxy.release();
    let service = Service::start(&scene.agent);
    service.await_code("backup_complete");
    assert_never(&service, "internal_error");
    let raised = service.raised();
    assert!(raised.contains(&"backup_resuming".to_owned()), "{raised:?}");
    scene.assert_told("backup_resuming");
    assert_eq!(scene.snapshots(), 1);
}
