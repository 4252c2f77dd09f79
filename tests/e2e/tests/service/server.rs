//! A server that is away.

use super::*;

#[test]
fn backup_interrupted_server_unreachable() {
    let mut scene = Scene::new();
    let agent = scene.agent.clone();
    let service = Service::start(&agent);
    service.await_code("no_folders");
    // The control: a backup whose server stays.
    outcome(scene.ask_backup()).ok();
    assert_never(&service, "backup_interrupted_server_unreachable");

    let asked = scene.begin_held(&service);
    scene.site.server.kill();
    scene.proxy.release();
    let status = service.await_code("backup_interrupted_server_unreachable");
    let wait = wait_of(&status);
    assert!((0..=600).contains(&wait), "{wait}");
    assert!(status["line"]["details"]["error"].is_string(), "{status:#}");
    outcome(asked).fails_with(model::Code::ServerUnreachable);
    let mut desk = Desk::of(&agent);
    let words = desk.assert_shows(&service, "backup_interrupted_server_unreachable");
    // It goes on by itself as soon as the server answers.
    scene.site.server.start();
    service.await_code("backup_complete");
    let raised = service.raised();
    assert!(raised.contains(&"backup_in_progress".to_owned()), "{raised:?}");
    assert_never(&service, "server_connection_lost");
    desk.assert_withdrawn(&words);
    scene.assert_told("backup_interrupted_server_unreachable");
    scene.site.server.verify();
}

#[test]
fn server_connection_lost() {
    let mut scene = Scene::new();
    scene.agent.backup(&[&scene.documents]);
    let agent = scene.agent.clone();
    let service = Service::start(&agent);
    service.await_code("backup_complete");
    // The control: it asks, and the server is there.
    std::thread::sleep(Duration::from_secs(1));
    assert_never(&service, "server_connection_lost");
    scene.site.server.stop();
    service.await_code("server_connection_lost");
    let mut desk = Desk::of(&agent);
    let words = desk.assert_shows(&service, "server_connection_lost");
    scene.site.server.start();
    service.await_code("backup_complete");
    desk.assert_withdrawn(&words);
    assert_never(&service, "backup_interrupted_server_unreachable");
    scene.assert_told("server_connection_lost");
}
