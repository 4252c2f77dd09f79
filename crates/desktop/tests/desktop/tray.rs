//! The icon in the tray, read back as a panel would.

use crate::kit::{Shown, held, not_backed_up, view};
use desktop::{Memory, View};
use notices::{Action, PauseSpan};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use testkit::{Apart, wait_until};
use zbus::blocking::{Connection, Proxy, connection::Builder};
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

const MENU: &str = "com.canonical.dbusmenu";

/// An entry of a menu as it is sent: its number, its properties, what is below it.
type Layout = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

/// A watcher of trays, as a panel has one.
struct Watcher {
    connection: Connection,
    registered: Arc<Mutex<Vec<String>>>,
}

struct Interface(Arc<Mutex<Vec<String>>>);

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Interface {
    fn register_status_notifier_item(&self, service: String) {
        self.0.lock().unwrap().push(service);
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }
}

/// An entry of a menu.
#[derive(Debug, Clone)]
struct Entry {
    id: i32,
    label: String,
    is_enabled: bool,
    children: Vec<Entry>,
}

impl Entry {
    fn read(value: OwnedValue) -> Self {
        let (id, properties, children) = Layout::try_from(value).unwrap();
        Self::of(id, &properties, children)
    }

    fn of(id: i32, properties: &HashMap<String, OwnedValue>, children: Vec<OwnedValue>) -> Self {
        let label = properties.get("label").map(|label| String::try_from(label.clone()).unwrap());
        // What is not said has its usual value.
        let is_enabled = properties.get("enabled").is_none_or(|enabled| bool::try_from(enabled).unwrap());
        let children = children.into_iter().map(Self::read).collect();
        Self { id, label: label.unwrap_or_default(), is_enabled, children }
    }

    fn labels(&self) -> Vec<&str> {
        self.children.iter().map(|child| &child.label[..]).collect()
    }

    fn find(&self, label: &str) -> &Self {
        let found = self.children.iter().find(|child| child.label == label);
        found.unwrap_or_else(|| panic!("no entry {label} in {:?}", self.labels()))
    }
}

/// The item that registered last.
struct Item {
    connection: Connection,
    service: String,
}

impl Item {
    fn get<T>(&self, name: &str) -> T
    where
        T: TryFrom<OwnedValue>,
        T::Error: Into<zbus::Error>,
    {
        let proxy = Proxy::new(
            &self.connection,
            &self.service[..],
            "/StatusNotifierItem",
            "org.kde.StatusNotifierItem",
        );
        let properties = proxy.unwrap();
        properties.get_property(name).unwrap()
    }

    fn tool_tip(&self) -> (String, String) {
        let (_, _, title, description): (String, Vec<OwnedValue>, String, String) = self.get("ToolTip");
        (title, description)
    }

    /// Width, height and bytes of each picture.
    fn pictures(&self) -> Vec<(i32, i32, Vec<u8>)> {
        self.get("IconPixmap")
    }

    fn menu_call<B>(&self, method: &str, arguments: &B) -> zbus::Message
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        let path: OwnedObjectPath = self.get("Menu");
        self.connection.call_method(Some(&self.service[..]), path, Some(MENU), method, arguments).unwrap()
    }

    fn menu(&self) -> Entry {
        let answer = self.menu_call("GetLayout", &(0_i32, -1_i32, Vec::<String>::new()));
        let (_, (id, properties, children)): (u32, Layout) = answer.body().deserialize().unwrap();
        Entry::of(id, &properties, children)
    }

    fn click(&self, entry: &Entry) {
        self.menu_call("Event", &(entry.id, "clicked", Value::from(0_i32), 0_u32));
    }
}

impl Watcher {
    fn start() -> Self {
        let registered = Arc::new(Mutex::default());
        let builder = Builder::session().unwrap();
        let builder = builder.serve_at("/StatusNotifierWatcher", Interface(Arc::clone(&registered))).unwrap();
        let connection = builder.name("org.kde.StatusNotifierWatcher").unwrap().build().unwrap();
        Self { connection, registered }
    }

    fn count(&self) -> usize {
        self.registered.lock().unwrap().len()
    }

    fn item(&self) -> Item {
        wait_until("an icon registers", || self.count() > 0);
        let service = self.registered.lock().unwrap().last().unwrap().clone();
        Item { connection: self.connection.clone(), service }
    }
}

fn with_icon(view: View) -> View {
    View { has_tray_icon: true, ..view }
}

#[test]
fn the_icon_shows_the_worst_of_what_holds_and_says_it() {
    Apart::new("tray::the_icon_shows_the_worst_of_what_holds_and_says_it").run(|around| {
        around.start_bus();
        let watcher = Watcher::start();
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
        wait_until("the icon is taken away", || {
            let proxy = zbus::blocking::fdo::DBusProxy::new(&watcher.connection).unwrap();
            !proxy.name_has_owner(item.service.as_str().try_into().unwrap()).unwrap()
        });
    });
}

#[test]
fn the_menu_offers_what_is_possible_and_tells_what_was_chosen() {
    Apart::new("tray::the_menu_offers_what_is_possible_and_tells_what_was_chosen").run(|around| {
        around.start_bus();
        let watcher = Watcher::start();
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
        let path = "/StatusNotifierItem";
        let interface = Some("org.kde.StatusNotifierItem");
        let service = Some(&item.service[..]);
        item.connection.call_method(service, path, interface, "Activate", &(0_i32, 0_i32)).unwrap();
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
        let bus = zbus::blocking::fdo::DBusProxy::new(&connection).unwrap();
        wait_until("the item waits", || {
            let names = bus.list_names().unwrap();
            names.iter().any(|name| name.starts_with("org.kde.StatusNotifierItem-"))
        });
        let first = Watcher::start();
        assert_eq!(first.item().tool_tip().0, "Backup Complete");
        first.connection.close().unwrap();
        let second = Watcher::start();
        assert_eq!(second.item().tool_tip().0, "Backup Complete");

        around.stop_bus();
        around.start_bus();
        let third = Watcher::start();
        assert_eq!(third.item().tool_tip().0, "Backup Complete");
    });
}
