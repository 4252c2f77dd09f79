//! The icon in the tray, read back as a panel would.

use crate::kit::{Shown, held, not_backed_up, view};
use desktop::{Memory, View};
use notices::{Action, PauseSpan};
use testkit::tray::Watcher;
use testkit::{Apart, wait_until};
use zbus::blocking::Connection;

/// The address of the test's own bus.
fn bus() -> String {
    std::env::var("DBUS_SESSION_BUS_ADDRESS").unwrap()
}

fn with_icon(view: View) -> View {
    View { has_tray_icon: true, ..view }
}

#[test]
fn the_icon_shows_the_worst_of_what_holds_and_says_it() {
    Apart::new("tray::the_icon_shows_the_worst_of_what_holds_and_says_it").run(|around| {
        around.start_bus();
        let watcher = Watcher::start(&bus());
        let shown = Shown::start(around.folder(), Memory::default());
        let complete = held("backup_complete", None, 1);
        shown.desktop.show(with_icon(view(std::slice::from_ref(&complete))));
        let item = watcher.item();
        assert_eq!(
            (item.get::<String>("Id"), item.get::<String>("Status")),
            ("holdfast".into(), "Active".into())
        );
        assert_eq!(item.tool_tip(), ("Backup Complete".into(), String::new()));
        let well = item.pictures();
        assert_eq!(well.iter().map(|(width, ..)| *width).collect::<Vec<_>>(), [16, 22, 32, 48]);
        for (width, height, bytes) in &well {
            assert_eq!((width, bytes.len()), (height, (width * height * 4) as usize));
            // Alpha comes first: a corner is empty, the middle is not.
            let middle = (width / 2 * width + width / 2) as usize * 4;
            assert_eq!((bytes[0], bytes[middle]), (0, 255));
        }

        let files = held("backup_complete_files_missed", None, 2);
        shown.desktop.show(with_icon(view(&[files.clone(), not_backed_up(8, 3)])));
        wait_until("the icon asks for attention", || item.get::<String>("Status") == "NeedsAttention");
        let (title, description) = item.tool_tip();
        assert_eq!(title, "Backup Complete");
        assert_eq!(
            description,
            "Some files missed. Click details for more info\n\
             Device not backed up: Your device has not backed up for 8 days."
        );
        assert!(item.pictures() != well);
        let worst = item.pictures();
        shown.desktop.show(with_icon(view(&[files])));
        wait_until("the icon is another one", || item.pictures() != worst);
        assert!(item.pictures() != well, "some files missed is not all well");

        shown.desktop.show(view(&[complete]));
        wait_until("the icon is taken away", || !item.is_there());
    });
}

#[test]
fn the_menu_offers_what_is_possible_and_tells_what_was_chosen() {
    Apart::new("tray::the_menu_offers_what_is_possible_and_tells_what_was_chosen").run(|around| {
        around.start_bus();
        let watcher = Watcher::start(&bus());
        let shown = Shown::start(around.folder(), Memory::default());
        let idle: Vec<Action> = [Action::BackUpNow, Action::Restore, Action::Open, Action::Settings]
            .into_iter()
            .chain(PauseSpan::ALL.map(Action::Pause))
            .collect();
        let complete = [held("backup_complete", None, 1)];
        shown.desktop.show(with_icon(View { possible: idle, ..view(&complete) }));
        let item = watcher.item();
        let menu = item.menu();
        let labels =
            ["Backup Complete", "", "Back up now", "Pause", "", "Restore files…", "Open", "Settings"];
        assert_eq!(menu.labels(), labels);
        assert!(!menu.children[0].is_enabled, "the status line is no order");
        let spans = ["For 1 hour", "For today", "Until the next backup"];
        assert_eq!(menu.find("Pause").labels(), spans);
        item.click(menu.find("Pause").find("For today"));
        assert_eq!(shown.asked(), (Action::Pause(PauseSpan::Today), None));
        for (label, action) in [
            ("Back up now", Action::BackUpNow),
            ("Restore files…", Action::Restore),
            ("Open", Action::Open),
            ("Settings", Action::Settings),
        ] {
            item.click(menu.find(label));
            assert_eq!(shown.asked(), (action, None));
        }

        let possible = vec![Action::Cancel, Action::Resume];
        shown.desktop.show(with_icon(View { possible, ..view(&complete) }));
        wait_until("the menu is another one", || item.menu().labels().contains(&"Cancel"));
        let menu = item.menu();
        assert_eq!(menu.labels()[2..4], ["Cancel", "Resume"]);
        assert!(!menu.find("Settings").is_enabled);
        item.click(menu.find("Resume"));
        assert_eq!(shown.asked(), (Action::Resume, None));
        item.activate();
        assert_eq!(shown.asked(), (Action::Open, None));
    });
}

#[test]
fn the_icon_comes_when_a_tray_does() {
    Apart::new("tray::the_icon_comes_when_a_tray_does").run(|around| {
        around.start_bus();
        let shown = Shown::start(around.folder(), Memory::default());
        shown.desktop.show(with_icon(view(&[held("backup_complete", None, 1)])));
        // The item is on the bus before there is a tray.
        let connection = Connection::session().unwrap();
        let daemon = zbus::blocking::fdo::DBusProxy::new(&connection).unwrap();
        wait_until("the item waits", || {
            let names = daemon.list_names().unwrap();
            names.iter().any(|name| name.starts_with("org.kde.StatusNotifierItem-"))
        });
        let first = Watcher::start(&bus());
        assert_eq!(first.item().tool_tip().0, "Backup Complete");
        first.end();
        let second = Watcher::start(&bus());
        assert_eq!(second.item().tool_tip().0, "Backup Complete");

        around.stop_bus();
        around.start_bus();
        let third = Watcher::start(&bus());
        assert_eq!(third.item().tool_tip().0, "Backup Complete");
    });
}
