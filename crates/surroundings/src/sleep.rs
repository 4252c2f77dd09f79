//! The machine's going to sleep and waking, from logind.

use bus::{Bus, Signal};

pub(crate) const SERVICE: &str = "org.freedesktop.login1";

const MANAGER: &str = "org.freedesktop.login1.Manager";
const PREPARE: &str = "PrepareForSleep";

/// The rules by which the bus tells of it.
pub(crate) fn signal_rules() -> Vec<String> {
    vec![format!("type='signal',interface='{MANAGER}',member='{PREPARE}',path='/org/freedesktop/login1'")]
}

/// Whether the signal says that the machine goes to sleep (true) or woke (false); none when it says neither, or when
/// somebody else says so: any program may send a signal of this name.
pub(crate) fn heard(bus: &Bus, signal: &Signal) -> Option<bool> {
    let sleeps = signal.is(MANAGER, PREPARE).then(|| signal.arguments().ok()).flatten()?;
    let owner = bus.owner(SERVICE).ok()?;
    (owner == signal.sender()).then_some(sleeps)
}
