//! The connection, and the thread that keeps it.

use crate::{Error, Signal};
use serde::Serialize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};
use zbus::blocking::{Connection, MessageIterator, connection::Builder};
use zbus::zvariant::{DynamicDeserialize, DynamicType, OwnedValue};

/// How long an answer is waited for: a service that hangs must not hold up ours.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long is waited before a lost bus is looked for again: at first, and at most.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

const BUS: &str = "org.freedesktop.DBus";
const BUS_PATH: &str = "/org/freedesktop/DBus";

/// One of the two buses of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Of the user's session, where the desktop is.
    Session,
    /// Of the machine.
    System,
}

/// What is heard from a bus.
#[derive(Debug)]
pub enum Heard {
    /// The connection stands, perhaps anew: what was said before may have been missed.
    Connected,
    /// Somebody said something that one of the rules asks for.
    Signal(Signal),
    /// The connection has ended.
    Lost,
}

/// A connection to a bus that comes back by itself. Ends when it is dropped.
pub struct Bus {
    shared: Arc<Shared>,
    keeper: Option<JoinHandle<()>>,
}

struct Shared {
    which: Which,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    connection: Option<Connection>,
    is_over: bool,
}

impl Bus {
    /// Keeps a connection, and hands over what matches one of `rules` (in the bus's own syntax).
    ///
    /// `heard` is called by one thread, in the order in which things happened. It must not ask the bus for anything,
    /// since nothing else is heard until it returns.
    pub fn open(
        which: Which,
        rules: Vec<String>,
        heard: impl FnMut(Heard) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared { which, state: Mutex::default(), changed: Condvar::new() });
        let keeper = Arc::clone(&shared);
        let keeper = thread::Builder::new().name("bus".into()).spawn(move || keeper.keep(&rules, heard))?;
        Ok(Self { shared, keeper: Some(keeper) })
    }

    /// The rule that hears when this service comes or goes ([`Signal::owner_changed`]).
    pub fn owner_rule(service: &str) -> String {
        format!("type='signal',sender='{BUS}',interface='{BUS}',member='NameOwnerChanged',arg0='{service}'")
    }

    /// Calls a method and waits for its answer. A service that is not running is started, where the bus knows how.
    pub fn call<R>(
        &self,
        service: &str,
        path: &str,
        (interface, method): (&str, &str),
        arguments: &(impl Serialize + DynamicType),
    ) -> Result<R, Error>
    where
        R: for<'m> DynamicDeserialize<'m>,
    {
        let connection = self.shared.state().connection.clone().ok_or(Error::NoBus)?;
        let answer = connection.call_method(Some(service), path, Some(interface), method, arguments)?;
        Ok(answer.body().deserialize()?)
    }

    /// The value of a property. A service that is not running is not started for it.
    pub fn property<T>(&self, service: &str, path: &str, (interface, name): (&str, &str)) -> Result<T, Error>
    where
        T: TryFrom<OwnedValue>,
        T::Error: Into<zbus::zvariant::Error>,
    {
        let owner = self.owner(service)?;
        let value: OwnedValue =
            self.call(&owner, path, ("org.freedesktop.DBus.Properties", "Get"), &(interface, name))?;
        T::try_from(value).map_err(|error| Error::Failed(zbus::Error::Variant(error.into())))
    }

    /// The connection that has this service's name now.
    pub fn owner(&self, service: &str) -> Result<String, Error> {
        self.call(BUS, BUS_PATH, (BUS, "GetNameOwner"), &(service,))
    }

    /// An id of the bus, another one for each of its starts.
    pub fn id(&self) -> Result<String, Error> {
        self.call(BUS, BUS_PATH, (BUS, "GetId"), &())
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.is_over = true;
        let connection = state.connection.take();
        drop(state);
        self.shared.changed.notify_all();
        if let Some(Err(error)) = connection.map(Connection::close) {
            tracing::debug!(%error, "a connection to the message bus could not be closed");
        }
        let is_keeper = |keeper: &JoinHandle<()>| keeper.thread().id() == thread::current().id();
        // The last owner may be what the keeper itself calls.
        if let Some(keeper) = self.keeper.take().filter(|keeper| !is_keeper(keeper)) {
            // A panic was reported by the thread itself.
            let _ = keeper.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, rules: &[String], mut heard: impl FnMut(Heard)) {
        let (mut wait, mut is_said) = (FIRST_WAIT, false);
        loop {
            match self.connect(rules) {
                Ok(messages) => {
                    if self.state().is_over {
                        return;
                    }
                    (wait, is_said) = (FIRST_WAIT, false);
                    heard(Heard::Connected);
                    // An error is the end of the connection.
                    for message in messages.map_while(Result::ok) {
                        if let Some(signal) = Signal::of(&message) {
                            heard(Heard::Signal(signal));
                        }
                    }
                    self.state().connection = None;
                    if self.state().is_over {
                        return;
                    }
                    heard(Heard::Lost);
                }
                Err(error) => {
                    if !std::mem::replace(&mut is_said, true) {
                        tracing::info!(bus = ?self.which, %error, "there is no message bus; it is looked for again");
                    }
                }
            }
            let state = self.state();
            let waited = self.changed.wait_timeout_while(state, wait, |state| !state.is_over);
            if waited.unwrap_or_else(PoisonError::into_inner).0.is_over {
                return;
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn connect(&self, rules: &[String]) -> Result<MessageIterator, zbus::Error> {
        let builder = match self.which {
            Which::Session => Builder::session(),
            Which::System => Builder::system(),
        };
        let connection = builder?.method_timeout(PATIENCE).build()?;
        // Before the rules are set, so that nothing is missed between.
        let messages = MessageIterator::from(&connection);
        for rule in rules {
            connection.call_method(Some(BUS), BUS_PATH, Some(BUS), "AddMatch", rule)?;
        }
        let mut state = self.state();
        // An end that came meanwhile found nothing to close.
        if !state.is_over {
            state.connection = Some(connection);
        }
        Ok(messages)
    }
}
