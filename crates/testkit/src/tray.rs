//! A watcher of trays, as a panel has one, and what it sees of an icon.

use crate::wait_until;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use zbus::blocking::{Connection, Proxy, connection::Builder};
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

/// What is said when the test's own bus or the icon fails.
const BUS: &str = "the test's own bus, and the icon on it";

const MENU: &str = "com.canonical.dbusmenu";

/// An entry of a menu as it is sent: its number, its properties, what is below it.
type Layout = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

/// A watcher of trays, as a panel has one.
pub struct Watcher {
    connection: Connection,
    registered: Arc<Mutex<Vec<String>>>,
}

struct Interface(Arc<Mutex<Vec<String>>>);

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Interface {
    fn register_status_notifier_item(&self, service: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(service);
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }
}

/// An entry of a menu.
#[derive(Debug, Clone)]
pub struct Entry {
    id: i32,
    /// What it says.
    pub label: String,
    /// It can be chosen.
    pub is_enabled: bool,
    /// What is below it.
    pub children: Vec<Entry>,
}

impl Entry {
    fn read(value: OwnedValue) -> Self {
        let (id, properties, children) = Layout::try_from(value).expect(BUS);
        Self::of(id, &properties, children)
    }

    fn of(id: i32, properties: &HashMap<String, OwnedValue>, children: Vec<OwnedValue>) -> Self {
        let label = properties.get("label").map(|label| String::try_from(label.clone()).expect(BUS));
        // What is not said has its usual value.
        let is_enabled = properties.get("enabled").is_none_or(|enabled| bool::try_from(enabled).expect(BUS));
        let children = children.into_iter().map(Self::read).collect();
        Self { id, label: label.unwrap_or_default(), is_enabled, children }
    }

    /// What the entries below it say.
    pub fn labels(&self) -> Vec<&str> {
        self.children.iter().map(|child| &child.label[..]).collect()
    }

    /// The entry below it that says this.
    ///
    /// # Panics
    /// When there is none.
    pub fn find(&self, label: &str) -> &Self {
        let found = self.children.iter().find(|child| child.label == label);
        assert!(found.is_some(), "no entry {label} in {:?}", self.labels());
        found.expect(BUS)
    }
}

/// The item that registered last.
pub struct Item {
    connection: Connection,
    service: String,
}

impl Item {
    /// A property.
    pub fn get<T>(&self, name: &str) -> T
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
        let properties = proxy.expect(BUS);
        properties.get_property(name).expect(BUS)
    }

    /// Title and text of the tool tip.
    pub fn tool_tip(&self) -> (String, String) {
        let (_, _, title, description): (String, Vec<OwnedValue>, String, String) = self.get("ToolTip");
        (title, description)
    }

    /// Width, height and bytes of each picture.
    pub fn pictures(&self) -> Vec<(i32, i32, Vec<u8>)> {
        self.get("IconPixmap")
    }

    fn menu_call<B>(&self, method: &str, arguments: &B) -> zbus::Message
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        let path: OwnedObjectPath = self.get("Menu");
        self.connection.call_method(Some(&self.service[..]), path, Some(MENU), method, arguments).expect(BUS)
    }

    /// The menu.
    pub fn menu(&self) -> Entry {
        let answer = self.menu_call("GetLayout", &(0_i32, -1_i32, Vec::<String>::new()));
        let (_, (id, properties, children)): (u32, Layout) = answer.body().deserialize().expect(BUS);
        Entry::of(id, &properties, children)
    }

    /// Chooses an entry.
    pub fn click(&self, entry: &Entry) {
        self.menu_call("Event", &(entry.id, "clicked", Value::from(0_i32), 0_u32));
    }

    /// Clicks the icon itself.
    pub fn activate(&self) {
        let (path, interface) = ("/StatusNotifierItem", Some("org.kde.StatusNotifierItem"));
        let service = Some(&self.service[..]);
        self.connection.call_method(service, path, interface, "Activate", &(0_i32, 0_i32)).expect(BUS);
    }

    /// Whether it is still on the bus.
    pub fn is_there(&self) -> bool {
        let proxy = zbus::blocking::fdo::DBusProxy::new(&self.connection).expect(BUS);
        proxy.name_has_owner(self.service.as_str().try_into().expect(BUS)).expect(BUS)
    }
}

impl Watcher {
    /// Begins to watch, on the bus with this address.
    pub fn start(bus: &str) -> Self {
        let registered = Arc::new(Mutex::default());
        let builder = Builder::address(bus).expect(BUS);
        let builder =
            builder.serve_at("/StatusNotifierWatcher", Interface(Arc::clone(&registered))).expect(BUS);
        let connection = builder.name("org.kde.StatusNotifierWatcher").expect(BUS).build().expect(BUS);
        Self { connection, registered }
    }

    /// Leaves the bus.
    pub fn end(self) {
        self.connection.close().expect(BUS);
    }

    fn count(&self) -> usize {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The item that registered last, when there is one.
    pub fn item(&self) -> Item {
        wait_until("an icon registers", || self.count() > 0);
        let service =
            self.registered.lock().unwrap_or_else(PoisonError::into_inner).last().expect(BUS).clone();
        Item { connection: self.connection.clone(), service }
    }
}
