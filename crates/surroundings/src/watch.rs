//! Asking what is around the device, and hearing when it may have changed.

use crate::{Metered, Network, NetworkKind, Power, Way, network_manager, power, sleep};
use bus::{Bus, Heard, Signal, Which};
use platform::network::{NetworkChanges, Route, route_below_tunnels, route_to};
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};
use zbus::zvariant::OwnedValue;

/// A change of networks comes in many messages: they are told as one, when none has come for this long, or when they
/// have been coming for a while.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(1);

/// How often the thread that watches routes looks whether it is still wanted.
const WATCH_STEP: Duration = Duration::from_secs(5);

/// What may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// The machine is about to sleep.
    GoingToSleep,
    /// The machine woke.
    Woke,
    /// The way to the server, its networks, or whether one is metered.
    Network,
    /// What the machine runs on, or how full its batteries are.
    Power,
}

/// What is around the device.
pub struct Surroundings {
    bus: Arc<Bus>,
    is_over: Arc<AtomicBool>,
}

/// What reaches the thread that tells of changes.
enum Sign {
    May(Change),
    Bus(Signal),
}

impl Surroundings {
    /// Begins to watch. `changed` is called by a thread of its own, some tenths of a second after the change; also when
    /// nothing that matters has changed, so ask again. It may ask, and take its time.
    pub fn watch(changed: impl FnMut(Change) + Send + 'static) -> io::Result<Self> {
        let (signs, received) = channel();
        let is_over = Arc::new(AtomicBool::new(false));
        watch_routes(signs.clone(), Arc::clone(&is_over))?;
        let bus = Arc::new(Bus::open(Which::System, signal_rules(), move |heard| hear(&signs, heard))?);
        let told = Arc::downgrade(&bus);
        thread::Builder::new().name("surroundings".into()).spawn(move || tell(&received, &told, changed))?;
        Ok(Self { bus, is_over })
    }

    /// How this address is reached now; none when it is not.
    pub fn way_to(&self, server: IpAddr) -> Result<Option<Way>, platform::Error> {
        let Some(route) = route_to(server)? else { return Ok(None) };
        let (network, metered) = self.describe(&route);
        let below = if network.kind == NetworkKind::Vpn { route_below_tunnels()? } else { None };
        let below = below.map(|route| self.describe(&route));
        let metered = below.as_ref().map_or(metered, |(_, below)| metered.or(*below));
        Ok(Some(Way { network, underlay: below.map(|(network, _)| network), metered }))
    }

    /// What the machine runs on.
    pub fn power(&self) -> Power {
        Power::read(&self.bus)
    }

    fn describe(&self, route: &Route) -> (Network, Metered) {
        let mut network = Network::of(route);
        let metered = network_manager::describe(&self.bus, &mut network);
        (network, metered)
    }
}

impl Drop for Surroundings {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

fn signal_rules() -> Vec<String> {
    let owners = [network_manager::SERVICE, power::SERVICE, sleep::SERVICE].map(Bus::owner_rule);
    let mut rules: Vec<String> = owners.into();
    rules.extend(network_manager::signal_rules());
    rules.extend(power::signal_rules());
    rules.extend(sleep::signal_rules());
    rules
}

/// A route may change without NetworkManager. Where the system cannot tell, the bus alone does.
fn watch_routes(signs: Sender<Sign>, is_over: Arc<AtomicBool>) -> io::Result<()> {
    let changes = match NetworkChanges::watch() {
        Ok(changes) => changes,
        Err(error) => {
            tracing::info!(%error, "changes of routes are not heard");
            return Ok(());
        }
    };
    let watch = move || {
        while !is_over.load(Ordering::Relaxed) {
            match changes.wait(WATCH_STEP) {
                Ok(true) if signs.send(Sign::May(Change::Network)).is_err() => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "changes of routes are heard no longer");
                    return;
                }
            }
        }
    };
    thread::Builder::new().name("routes".into()).spawn(watch).map(drop)
}

/// Runs on the bus's thread, which must not wait.
fn hear(signs: &Sender<Sign>, heard: Heard) {
    let may = |change| {
        // Nobody listens any more: the end is near.
        let _ = signs.send(Sign::May(change));
    };
    match heard {
        // What was known from before may be wrong, and what was unknown may be known.
        Heard::Connected | Heard::Lost => {
            may(Change::Network);
            may(Change::Power);
        }
        Heard::Signal(signal) => match signal.owner_changed() {
            Some((service, _)) if service == network_manager::SERVICE => may(Change::Network),
            Some((service, _)) if service == power::SERVICE => may(Change::Power),
            Some(_) => {}
            None if network_manager::is_change(&signal) => may(Change::Network),
            None if power::is_change(&signal) => may(Change::Power),
            None => {
                let _ = signs.send(Sign::Bus(signal));
            }
        },
    }
}

/// Tells of changes until nobody sends signs any more.
fn tell(signs: &Receiver<Sign>, bus: &Weak<Bus>, mut changed: impl FnMut(Change)) {
    let mut due = BTreeSet::new();
    let mut since = Instant::now();
    loop {
        if !due.is_empty() && since.elapsed() >= LONGEST {
            std::mem::take(&mut due).into_iter().for_each(&mut changed);
        }
        let sign = if due.is_empty() {
            signs.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            signs.recv_timeout(PAUSE)
        };
        match sign {
            Ok(sign) => {
                if due.is_empty() {
                    since = Instant::now();
                }
                let signal = match sign {
                    Sign::May(change) => {
                        due.insert(change);
                        continue;
                    }
                    Sign::Bus(signal) => signal,
                };
                let Some(bus) = bus.upgrade() else { return };
                match sleep::heard(&bus, &signal) {
                    // Not put off: there may be no time left.
                    Some(true) => changed(Change::GoingToSleep),
                    Some(false) => {
                        changed(Change::Woke);
                        due.extend([Change::Network, Change::Power]);
                    }
                    None => {}
                }
            }
            // A thread that ends soon has sent a last one.
            Err(RecvTimeoutError::Timeout) if bus.strong_count() == 0 => return,
            Err(RecvTimeoutError::Timeout) => std::mem::take(&mut due).into_iter().for_each(&mut changed),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The interface and the names of its properties, of a signal that some have changed.
pub(crate) fn changed_properties(signal: &Signal) -> Option<(String, Vec<String>)> {
    if !signal.is("org.freedesktop.DBus.Properties", "PropertiesChanged") {
        return None;
    }
    let (interface, changed, invalidated): (String, HashMap<String, OwnedValue>, Vec<String>) =
        signal.arguments().ok()?;
    Some((interface, changed.into_keys().chain(invalidated).collect()))
}
