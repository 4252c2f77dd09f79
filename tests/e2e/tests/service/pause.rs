//! Pausing: what stops, and what stays paused.

use super::*;
use e2e::Clock;

/// Bytes that a process has read so far.
fn read_bytes(pid: u32) -> u64 {
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap();
    let line = io.lines().find(|line| line.starts_with("rchar")).unwrap();
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn backup_paused() {
    let scene = Scene::new();
    let service = Service::start(&scene.agent);
    service.await_code("no_folders");
    // The control: a backup that nobody pauses.
    outcome(scene.ask_backup()).ok();
    assert_never(&service, "backup_paused");
    scene.agent.run(["resume"]).fails_with(model::Code::NotPaused);

    let asked = scene.begin_held(&service);
    scene.agent.run(["pause", "1h"]).ok();
    let status = service.status();
    assert_eq!(e2e::service::code(&status), "backup_paused");
    assert_eq!(status["step"], "in_progress", "it goes on later");
    assert!(status["others"].as_array().unwrap().is_empty(), "and is not in progress: {status:#}");
    scene.agent.run([Path::new("backup"), &scene.documents]).fails_with(model::Code::BackupRuns);
    // The way is free, and nothing goes on it. What was in the buffers of the system has two seconds.
    scene.proxy.release();
    std::thread::sleep(Duration::from_secs(2));
    let uploads = || scene.site.server.json(["stats"])["uploads"].clone();
    let before = (read_bytes(service.pid()), uploads());
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(uploads(), before.1);
    let read = read_bytes(service.pid()) - before.0;
    assert!(read < 64 << 10, "{read} bytes were read in a pause");

    let mut desk = Desk::of(&scene.agent);
    let words = desk.assert_shows(&service, "backup_paused");
    scene.agent.run(["resume"]).ok();
    outcome(asked).ok();
    service.await_code("backup_complete");
    desk.assert_withdrawn(&words);
    scene.assert_told("backup_paused");
    scene.site.server.verify();
}

/// A pause keeps its end whatever becomes of the service, and ends by itself.
#[test]
fn backup_paused_after_a_restart() {
    let mut scene = Scene::new();
    let mut clock = Clock::ahead(scene.site.path("clock"), 0);
    clock.rule_agent(&mut scene.agent);
    scene.agent.backup(&[&scene.documents]);
    let service = Service::start(&scene.agent);
    service.await_code("backup_complete");
    scene.agent.run(["pause", "2h"]).ok();
    let until = service.status()["pause"]["until"].clone();
    service.kill();
    clock.advance(3600);
    let service = Service::start(&scene.agent);
    let status = service.await_code("backup_paused");
    assert_eq!(status["pause"]["until"], until);
    scene.agent.run([Path::new("backup"), &scene.documents]).fails_with(model::Code::BackupPaused);
    clock.advance(3600);
    let status = service.await_status("resumed", |status| status["pause"].is_null());
    assert_ne!(e2e::service::code(&status), "backup_paused");
    scene.assert_told("backup_paused");
}
