//! Pop-ups as a notification daemon is asked for them, and what it tells back.

use crate::daemon::Daemon;
use crate::kit::{Shown, held, not_backed_up, view};
use desktop::{Memory, View};
use notices::{Action, PauseSpan, Value};
use std::path::Path;
use std::time::Duration;
use testkit::Apart;

/// What most daemons can show.
const USUAL: &[&str] = &["actions", "body", "body-markup", "icon-static"];

#[test]
fn a_notice_comes_up_with_all_it_has_and_goes_with_its_cause() {
    Apart::new("popups::a_notice_comes_up_with_all_it_has_and_goes_with_its_cause").run(|around| {
        around.start_bus();
        let daemon = Daemon::start(USUAL, 40);
        let shown = Shown::start(around.folder(), Memory::default());
        let network = held("backup_interrupted_network_disabled", Some(("network", text("R&D <5G>"))), 2);
        shown.show(&[not_backed_up(8, 1), network.clone(), held("account_disabled", None, 3)]);

        let notified = daemon.notified(3);
        let [(_, first), (id, second), (_, third)] = &notified[..] else { unreachable!() };
        assert_eq!((&first.summary[..], first.urgency, first.timeout), ("Device not backed up", 1, 0));
        assert_eq!(first.body, "Your device has not backed up for 8 days.");
        let labels = ["default", "Details", "details", "Details", "back_up_now", "Back up now"];
        assert_eq!(first.actions, labels);
        assert_eq!((&second.application[..], second.replaces), ("Holdfast", 0));
        let body = "Backup disabled on R&amp;D &lt;5G&gt;. Holdfast will retry after some time.";
        assert_eq!(second.body, body);
        assert_eq!((&third.summary[..], third.urgency, third.timeout), ("Authentication Error", 2, 0));
        for (_, notified) in &notified {
            assert!(Path::new(&notified.icon).is_file(), "{}", notified.icon);
        }
        assert_ne!(first.icon, second.icon);

        shown.show(&[not_backed_up(8, 1), held("account_disabled", None, 3)]);
        assert_eq!(daemon.closed(1), [*id]);
        assert_eq!(daemon.count(), 3, "the others stay as they are");
    });
}

#[test]
fn clicks_are_told_with_their_notice() {
    Apart::new("popups::clicks_are_told_with_their_notice").run(|around| {
        around.start_bus();
        let daemon = Daemon::start(USUAL, 1);
        let shown = Shown::start(around.folder(), Memory::default());
        let started = ("started", Value::TimeOfDay(shown.clock.now()));
        shown.show(&[held("backup_in_progress", Some(started), 7)]);
        assert_eq!(daemon.notified(1)[0].1.urgency, 0);
        let about = || Some(("backup_in_progress".to_owned(), 7));
        // Of somebody else's notification nothing is told.
        daemon.click(99, "details");
        daemon.click(1, "pause_hour");
        assert_eq!(shown.asked(), (Action::Pause(PauseSpan::Hour), about()));
        daemon.click(1, "no_such_action");
        daemon.click(1, "default");
        assert_eq!(shown.asked(), (Action::Details, about()));
        // Some daemons say first that it is closed.
        daemon.dismiss(1);
        daemon.click(1, "cancel");
        assert_eq!(shown.asked(), (Action::Cancel, about()));

        // What the user closed does not come back, and is not closed again.
        shown.show(&[held("no_folders", None, 8)]);
        daemon.notified(2);
        assert!(daemon.has_closed_nothing());
        daemon.click(2, "default");
        assert_eq!(shown.asked(), (Action::AddFolders, Some(("no_folders".into(), 8))));
    });
}

#[test]
fn an_event_is_told_once_and_a_click_on_it_does_what_it_says() {
    Apart::new("popups::an_event_is_told_once_and_a_click_on_it_does_what_it_says").run(|around| {
        around.start_bus();
        let daemon = Daemon::start(USUAL, 1);
        let shown = Shown::start(around.folder(), Memory::default());
        let event = held("backup_started_on_network", Some(("network", text("Hotel WiFi"))), 4);
        shown.show(&[]);
        shown.desktop.tell(event.clone());
        shown.desktop.tell(event);
        shown.show(&[held("no_folders", None, 5)]);
        let notified = daemon.notified(2);
        let started = notified.iter().find(|(_, told)| told.summary == "Backup started");
        let (id, told) = started.expect("the event came up");
        assert!(told.body.starts_with("Backup started on network Hotel WiFi."));
        assert!(told.actions.contains(&"Disable on this network".to_owned()));
        daemon.click(*id, "default");
        assert_eq!(shown.asked().0, Action::DisableOnNetwork);
    });
}

#[test]
fn a_daemon_gets_nothing_that_it_cannot_show_and_users_nothing_that_they_may_not() {
    Apart::new("popups::a_daemon_gets_nothing_that_it_cannot_show_and_users_nothing_that_they_may_not").run(
        |around| {
            around.start_bus();
            let poor = Daemon::start(&["body"], 1);
            let shown = Shown::start(around.folder(), Memory::default());
            let network = held("backup_interrupted_network_disabled", Some(("network", text("R&D"))), 1);
            shown.show(&[network]);
            let notified = poor.notified(1);
            assert!(notified[0].1.body.starts_with("Backup disabled on R&D."), "no markup");
            assert!(notified[0].1.actions.is_empty());
            poor.end();

            let usual = Daemon::start(USUAL, 1);
            let possible = vec![Action::Details];
            shown.desktop.show(View { possible, ..view(&[not_backed_up(8, 2)]) });
            assert_eq!(usual.notified(1)[0].1.actions, ["default", "Details", "details", "Details"]);
        },
    );
}

#[test]
fn what_holds_comes_up_when_there_is_a_desktop() {
    Apart::new("popups::what_holds_comes_up_when_there_is_a_desktop").run(|around| {
        // No bus at all, then a bus without a daemon, then one that restarts.
        let shown = Shown::start(around.folder(), Memory::default());
        shown.show(&[not_backed_up(8, 1)]);
        around.start_bus();
        let first = Daemon::start(USUAL, 1);
        assert_eq!(first.notified(1)[0].0, 1);
        first.end();

        // The numbers of the next one are about other notifications.
        let second = Daemon::start(USUAL, 1);
        shown.show(&[not_backed_up(8, 1), held("no_folders", None, 2)]);
        assert_eq!(second.notified(1)[0].1.summary, "No Folders to backup", "nothing is shown twice");
        shown.show(&[held("no_folders", None, 2), held("account_disabled", None, 3)]);
        second.notified(2);
        assert!(second.has_closed_nothing());

        around.stop_bus();
        shown.show(&[held("internal_error", None, 4)]);
        around.start_bus();
        let third = Daemon::start(USUAL, 1);
        assert_eq!(third.notified(1)[0].1.summary, "Error");
    });
}

#[test]
fn the_next_start_takes_over_what_stands_there() {
    Apart::new("popups::the_next_start_takes_over_what_stands_there").run(|around| {
        around.start_bus();
        let daemon = Daemon::start(USUAL, 1);
        let shown = Shown::start(around.folder(), Memory::default());
        shown.show(&[not_backed_up(8, 1), held("no_folders", None, 2)]);
        daemon.notified(2);
        let memory = loop {
            // Kept as text, as a file would.
            let memory = serde_json::to_string(&shown.remembered()).unwrap();
            if memory.contains("no_folders") {
                break serde_json::from_str(&memory).unwrap();
            }
        };
        drop(shown);

        let shown = Shown::start(around.folder(), memory);
        shown.show(&[held("no_folders", None, 2)]);
        let folders = daemon.notified(2).into_iter().find(|(_, told)| told.summary.contains("Folders"));
        assert_eq!(daemon.closed(1).len(), 1);
        assert!(!daemon.closed(1).contains(&folders.unwrap().0), "only what no longer holds");
    });
}

#[test]
fn what_asks_for_action_comes_up_again_after_a_day_in_its_place() {
    Apart::new("popups::what_asks_for_action_comes_up_again_after_a_day_in_its_place").run(|around| {
        around.start_bus();
        let daemon = Daemon::start(USUAL, 5);
        let shown = Shown::start(around.folder(), Memory::default());
        shown.show(&[not_backed_up(8, 1)]);
        daemon.notified(1);
        shown.clock.advance(Duration::from_hours(23));
        shown.show(&[not_backed_up(9, 1)]);
        shown.clock.advance(Duration::from_hours(1));
        shown.show(&[not_backed_up(9, 1)]);
        let notified = daemon.notified(2);
        assert_eq!((notified[1].0, notified[1].1.replaces), (5, 5));
        assert_eq!(notified[1].1.body, "Your device has not backed up for 9 days.");
    });
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}
