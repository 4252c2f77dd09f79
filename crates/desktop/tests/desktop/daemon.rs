//! A notification daemon that shows nothing and tells what it was asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use testkit::wait_until;
use zbus::blocking::{Connection, connection::Builder};
use zbus::zvariant::OwnedValue;

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// What it was asked to show.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Notified {
    pub(crate) application: String,
    pub(crate) replaces: u32,
    pub(crate) icon: String,
    pub(crate) summary: String,
    pub(crate) body: String,
    pub(crate) actions: Vec<String>,
    pub(crate) urgency: u8,
    pub(crate) timeout: i32,
}

#[derive(Default)]
struct Told {
    notified: Vec<(u32, Notified)>,
    closed: Vec<u32>,
}

struct Interface {
    capabilities: Vec<String>,
    first_id: u32,
    told: Arc<Mutex<Told>>,
}

/// The running double.
pub(crate) struct Daemon {
    connection: Connection,
    told: Arc<Mutex<Told>>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Interface {
    fn get_capabilities(&self) -> Vec<String> {
        self.capabilities.clone()
    }

    #[allow(clippy::too_many_arguments, clippy::needless_pass_by_value, reason = "the specification's own")]
    fn notify(
        &self,
        application: String,
        replaces: u32,
        icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        timeout: i32,
    ) -> u32 {
        let urgency = hints.get("urgency").and_then(|hint| u8::try_from(hint).ok()).expect("an urgency");
        let notified = Notified { application, replaces, icon, summary, body, actions, urgency, timeout };
        let mut told = self.told.lock().unwrap();
        let id = if replaces == 0 {
            self.first_id + u32::try_from(told.notified.len()).unwrap()
        } else {
            replaces
        };
        told.notified.push((id, notified));
        id
    }

    fn close_notification(&self, id: u32) {
        self.told.lock().unwrap().closed.push(id);
    }
}

impl Daemon {
    /// Takes the name; its numbers begin with this one.
    pub(crate) fn start(capabilities: &[&str], first_id: u32) -> Self {
        let told = Arc::new(Mutex::default());
        let capabilities = capabilities.iter().map(ToString::to_string).collect();
        let interface = Interface { capabilities, first_id, told: Arc::clone(&told) };
        let connection = Builder::session().unwrap().serve_at(PATH, interface).unwrap().name(NAME).unwrap();
        Self { connection: connection.build().unwrap(), told }
    }

    /// Waits until it was asked this often to show something, and tells what.
    pub(crate) fn notified(&self, count: usize) -> Vec<(u32, Notified)> {
        wait_until("the daemon is asked to show something", || self.count() >= count);
        let notified = self.told.lock().unwrap().notified.clone();
        assert_eq!(notified.len(), count, "{notified:?}");
        notified
    }

    pub(crate) fn count(&self) -> usize {
        self.told.lock().unwrap().notified.len()
    }

    /// Waits until it was asked this often to take something away, and tells what.
    pub(crate) fn closed(&self, count: usize) -> Vec<u32> {
        wait_until("the daemon is asked to take something away", || {
            self.told.lock().unwrap().closed.len() >= count
        });
        self.told.lock().unwrap().closed.clone()
    }

    pub(crate) fn has_closed_nothing(&self) -> bool {
        self.told.lock().unwrap().closed.is_empty()
    }

    /// The user clicks on an action, or on the notification itself (`default`).
    pub(crate) fn click(&self, id: u32, action: &str) {
        self.connection.emit_signal(None::<&str>, PATH, NAME, "ActionInvoked", &(id, action)).unwrap();
    }

    /// The user closes a notification.
    pub(crate) fn dismiss(&self, id: u32) {
        self.connection.emit_signal(None::<&str>, PATH, NAME, "NotificationClosed", &(id, 2_u32)).unwrap();
    }

    /// Ends, as a daemon that crashes.
    pub(crate) fn end(self) {
        self.connection.close().unwrap();
    }
}
