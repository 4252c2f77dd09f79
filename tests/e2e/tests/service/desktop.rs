//! What comes up on the desktop besides the rows of other tests: how often, after which restarts, and what a click does.

use super::*;
use e2e::screen::write_program;
use testkit::tray::Watcher;

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
    let complete = e2e::screen::words(&row(&service.status(), "backup_complete"));
    desk.screen.wait_until("the backup is told", || desk.screen.count(&complete) == 1);

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
    // What a desktop has: a program that lets the user choose, and one that opens pages.
    let screen = Screen::start();
    let programs = screen.programs();
    let chosen = format!("#!/bin/sh\necho '{}'\n", scene.documents.display());
    write_program(&programs.join("zenity"), &chosen);
    let opened = scene.site.path("opened");
    write_program(&programs.join("xdg-open"), &format!("#!/bin/sh\ncp \"$1\" {}\n", opened.display()));
    let desk = Desk::on(&scene.agent, screen);
    let words = words(&row(&service.status(), "no_folders"));
    desk.screen.wait_until("it comes up", || desk.screen.count(&words) == 1);
    for category in ["warning", "informative"] {
        scene.agent.run(["settings", "notifications", category, "off"]).ok();
    }
    desk.screen.wait_until("it is alone", || desk.screen.displayed() == 1);
    desk.screen.click();
    // The folder is added, and the backup of it is made.
    desk.screen.wait_until("the folder is added", || {
        let folders = scene.agent.run(["folders", "list", "--json"]).ok().json();
        folders.as_array().unwrap().len() == 1
    });
    service.await_code("backup_complete");
    let folders = scene.agent.run(["folders", "list", "--json"]).ok().json();
    assert_eq!(folders[0]["path"], scene.documents.to_str().unwrap());
    assert_eq!(scene.snapshots(), 1);

    scene.agent.run(["settings", "notifications", "informative", "on"]).ok();
    scene.agent.run(["pause", "1h"]).ok();
    let paused = e2e::screen::words(&row(&service.status(), "backup_paused"));
    desk.screen.wait_until("the pause comes up", || desk.screen.count(&paused) == 1);
    desk.screen.close_all_but_the_last();
    desk.screen.click();
    desk.screen.wait_until("the page is opened", || opened.exists());
    let page = std::fs::read_to_string(&opened).unwrap();
    assert!(page.contains("Backup Paused") && page.contains("class=about"), "{page}");
    service.stop();
}

/// The icon in the tray says how the device stands, and its menu asks the service.
#[test]
fn the_tray_tells_and_asks() {
    let scene = Scene::new();
    scene.agent.backup(&[&scene.documents]);
    let service = Service::start(&scene.agent);
    service.await_code("backup_complete");
    let desk = Desk::of(&scene.agent);
    let watcher = Watcher::start(desk.screen.bus());
    let item = watcher.item();
    desk.screen.wait_until("the icon says it", || item.tool_tip().0 == "Backup Complete");
    let before = scene.snapshots();
    item.click(item.menu().find("Back up now"));
    service.await_status("another backup", |_| scene.snapshots() == before + 1);
    service.await_code("backup_complete");

    desk.screen.wait_until("it can be paused", || item.menu().labels().contains(&"Pause"));
    item.click(item.menu().find("Pause").find("For 1 hour"));
    service.await_code("backup_paused");
    desk.screen.wait_until("it can be resumed", || item.menu().labels().contains(&"Resume"));
    item.click(item.menu().find("Resume"));
    service.await_code("backup_complete");

    let asked = scene.begin_held(&service);
    desk.screen.wait_until("it can be canceled", || item.menu().labels().contains(&"Cancel"));
    item.click(item.menu().find("Cancel"));
    service.await_code("backup_canceled_by_user");
    outcome(asked).expect(130);
    scene.proxy.release();
}
