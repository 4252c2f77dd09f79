//! What the machine runs on, from UPower.

use bus::{Bus, Error, Signal};
use serde::{Deserialize, Serialize};
use zbus::zvariant::OwnedValue;

pub(crate) const SERVICE: &str = "org.freedesktop.UPower";

const PATH: &str = "/org/freedesktop/UPower";
/// All batteries as one.
const BATTERY_PATH: &str = "/org/freedesktop/UPower/devices/DisplayDevice";
const BATTERY: &str = "org.freedesktop.UPower.Device";

/// What the machine runs on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Power {
    /// It runs on battery; none when nobody knows.
    pub on_battery: Option<bool>,
    /// How full its batteries are, in parts of a hundred; none without a battery, and when nobody knows.
    pub percent: Option<u8>,
}

impl Power {
    pub(crate) fn read(bus: &Bus) -> Self {
        let told = |error: Error| tracing::debug!(%error, "UPower does not tell what the machine runs on");
        let on_battery = bus.property(SERVICE, PATH, (SERVICE, "OnBattery")).map_err(told).ok();
        if on_battery.is_none() {
            return Self::default();
        }
        Self { on_battery, percent: percent(bus).map_err(told).ok().flatten() }
    }
}

fn percent(bus: &Bus) -> Result<Option<u8>, Error> {
    fn get<T>(bus: &Bus, name: &str) -> Result<T, Error>
    where
        T: TryFrom<OwnedValue>,
        T::Error: Into<zbus::zvariant::Error>,
    {
        bus.property(SERVICE, BATTERY_PATH, (BATTERY, name))
    }
    if !get::<bool>(bus, "IsPresent")? {
        return Ok(None);
    }
    let percent: f64 = get(bus, "Percentage")?;
    // Rounded down: what is below a limit stays below it.
    Ok(Some(percent.clamp(0.0, 100.0) as u8))
}

/// The rules by which the bus tells of its changes.
pub(crate) fn signal_rules() -> Vec<String> {
    let rule = |(path, interface)| {
        format!(
            "type='signal',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',\
             path='{path}',arg0='{interface}'"
        )
    };
    [(PATH, SERVICE), (BATTERY_PATH, BATTERY)].map(rule).into()
}

/// Whether a signal says that it may run on something else, or that its batteries are fuller or emptier.
pub(crate) fn is_change(signal: &Signal) -> bool {
    const TELLING: [&str; 3] = ["OnBattery", "Percentage", "IsPresent"];
    crate::watch::changed_properties(signal).is_some_and(|(interface, changed)| {
        [SERVICE, BATTERY].contains(&&interface[..])
            && changed.iter().any(|name| TELLING.contains(&&name[..]))
    })
}
