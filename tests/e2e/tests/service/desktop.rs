//! What comes up on the desktop besides the rows of other tests: how often, after which restarts, and what a click does.

use super::*;
use e2e::screen::write_program;

#[test]
fn agent_not_running_comes_up_when_the_service_stays_away() {
    let scene = Scene::new();
    scene.agent.backup(&[&scene.documents]);
    let service = Service::start(&scene.agent);
    service.await_code("backup_complete");
    let desk = Desk::of(&scene.agent);
    let complete = words(&row(&service.status(), "backup_complete"));
    desk.screen.wait_until("all is well", || desk.screen.count(&complete) > 0);
    // The control: a restart is no news.
    service.stop();
    let service = Service::start(&scene.agent);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(desk.screen.received().len(), 1, "{:#?}", desk.screen.received());

    service.stop();
    let words = words(&row(&e2e::service::status(&scene.agent), "agent_not_running"));
    desk.screen.wait_until("the user is told", || desk.screen.count(&words) == 1);
    let service = Service::start(&scene.agent);
    desk.assert_withdrawn(&words);
    service.stop();
}

#[test]
fn a_notice_comes_up_once_whatever_restarts() {
    let scene = Scene::new();
    let service = Service::start(&scene.agent);
    service.await_code("no_folders");
    let mut desk = Desk::of(&scene.agent);
    let words = words(&row(&service.status(), "no_folders"));
    let screen = &desk.screen;
    screen.wait_until("it comes up", || screen.count(&words) == 1);
    // Helper and service.
    desk.helper.end();
    desk.helper = screen.helper(&scene.agent);
    service.kill();
    let service = Service::start(&scene.agent);
    service.await_status("no folders", |status| status["line"]["code"] != "backup_complete");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(screen.count(&words), 1, "{:#?}", screen.received());
    // What the last helper showed, the next takes away.
    outcome(scene.ask_backup()).ok();
    desk.assert_withdrawn(&words);

    // The daemon: what holds is not told again, and what comes is told.
    desk.screen.end_daemon();
    desk.screen.start_daemon();
    let before = desk.screen.received().len();
    scene.agent.run(["pause", "1h"]).ok();
    let paused = e2e::screen::words(&row(&service.status(), "backup_paused"));
    desk.screen.wait_until("the pause comes up", || desk.screen.count(&paused) == 1);
    assert_eq!(desk.screen.received().len(), before + 1, "{:#?}", desk.screen.received());
    // A second helper has nothing to do.
    scene.agent.run(["agent", "desktop"]).fails_with(model::Code::StateLocked);
    service.stop();
}

#[test]
fn clicks_do_what_they_offer() {
    let scene = Scene::new();
    let service = Service::start(&scene.agent);
    service.await_code("no_folders");
    let mut desk = Desk::of(&scene.agent);
    // What a desktop has: a program that lets the user choose, and one that opens pages.
    let programs = desk.screen.programs();
    let chosen = format!("#!/bin/sh\necho '{}'\n", scene.documents.display());
    write_program(&programs.join("zenity"), &chosen);
    let opened = scene.site.path("opened");
    write_program(&programs.join("xdg-open"), &format!("#!/bin/sh\ncp \"$1\" {}\n", opened.display()));
    desk.helper.end();
    std::fs::remove_file(scene.agent.state().join("settings/desktop.json")).unwrap();
    desk.helper = desk.screen.helper(&scene.agent);
    let words = words(&row(&service.status(), "no_folders"));
    desk.screen.wait_until("it comes up", || desk.screen.count(&words) == 2);
    desk.screen.click();
    // The folder is added, and the backup of it is made.
    service.await_code("backup_complete");
    let folders = scene.agent.run(["folders", "list", "--json"]).ok().json();
    assert_eq!(folders[0]["path"], scene.documents.to_str().unwrap());
    assert_eq!(scene.snapshots(), 1);

    scene.agent.run(["pause", "1h"]).ok();
    let paused = e2e::screen::words(&row(&service.status(), "backup_paused"));
    desk.screen.wait_until("the pause comes up", || desk.screen.count(&paused) == 1);
    desk.screen.click();
    desk.screen.wait_until("the page is opened", || opened.exists());
    let page = std::fs::read_to_string(&opened).unwrap();
    assert!(page.contains("Backup Paused") && page.contains("class=about"), "{page}");
    service.stop();
}
