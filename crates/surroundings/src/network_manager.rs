//! What NetworkManager knows of an interface. It need not run, nor manage the interface.

use crate::network::{Connection, Metered, Network, NetworkKind};
use bus::{Bus, Error, Signal};
use zbus::zvariant::{OwnedObjectPath, OwnedValue};

pub(crate) const SERVICE: &str = "org.freedesktop.NetworkManager";

const PATH: &str = "/org/freedesktop/NetworkManager";
const DEVICE: &str = "org.freedesktop.NetworkManager.Device";
const WIRELESS: &str = "org.freedesktop.NetworkManager.Device.Wireless";
const ACCESS_POINT: &str = "org.freedesktop.NetworkManager.AccessPoint";
const ACTIVE: &str = "org.freedesktop.NetworkManager.Connection.Active";

/// Interfaces whose properties say on which network the device is.
const WATCHED: [&str; 4] = [SERVICE, DEVICE, WIRELESS, ACTIVE];

/// Properties that change every few seconds and say nothing about that.
const RESTLESS: [&str; 4] = ["Bitrate", "LastScan", "AccessPoints", "Strength"];

/// Numbers of `NMDeviceType`.
const DEVICE_WIFI: u32 = 2;
const DEVICE_BLUETOOTH: u32 = 5;
const DEVICE_MODEM: u32 = 8;

/// The rules by which the bus tells of its changes.
pub(crate) fn signal_rules() -> Vec<String> {
    let rule = |interface| {
        format!(
            "type='signal',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',\
             path_namespace='{PATH}',arg0='{interface}'"
        )
    };
    WATCHED.map(rule).into()
}

/// Whether a signal says that the device may be on another network.
pub(crate) fn is_change(signal: &Signal) -> bool {
    let Some((interface, changed)) = crate::watch::changed_properties(signal) else { return false };
    WATCHED.contains(&&interface[..]) && changed.iter().any(|name| !RESTLESS.contains(&&name[..]))
}

/// Adds what it knows about the network's interface, and tells whether that is metered.
pub(crate) fn describe(bus: &Bus, network: &mut Network) -> Metered {
    let told = Device::find(bus, &network.interface).and_then(|device| device.describe(bus, network));
    told.unwrap_or_else(|error| {
        tracing::debug!(%error, interface = network.interface, "NetworkManager does not know the interface");
        Metered::Unknown
    })
}

/// An interface, in its words.
struct Device(OwnedObjectPath);

impl Device {
    fn find(bus: &Bus, interface: &str) -> Result<Self, Error> {
        // Asked of its present owner: a call by name would start it.
        let owner = bus.owner(SERVICE)?;
        bus.call(&owner, PATH, (SERVICE, "GetDeviceByIpIface"), &(interface,)).map(Self)
    }

    fn describe(&self, bus: &Bus, network: &mut Network) -> Result<Metered, Error> {
        match self.get::<u32>(bus, DEVICE, "DeviceType")? {
            DEVICE_WIFI => network.kind = NetworkKind::Wifi,
            DEVICE_BLUETOOTH | DEVICE_MODEM => network.kind = NetworkKind::Mobile,
            _ => {}
        }
        if network.kind == NetworkKind::Wifi {
            network.ssid = self.ssid(bus)?;
        }
        network.connection = self.connection(bus, network.kind)?;
        let connection = network.connection.as_ref().map(|connection| &connection.id);
        if let Some(name) = network.ssid.as_ref().or(connection) {
            network.name.clone_from(name);
        }
        Ok(metered(self.get(bus, DEVICE, "Metered")?))
    }

    /// None while no access point was chosen, or when it hides its name.
    fn ssid(&self, bus: &Bus) -> Result<Option<String>, Error> {
        let access_point: OwnedObjectPath = self.get(bus, WIRELESS, "ActiveAccessPoint")?;
        if is_none(&access_point) {
            return Ok(None);
        }
        let bytes: Vec<u8> = bus.property(SERVICE, access_point.as_str(), (ACCESS_POINT, "Ssid"))?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()).filter(|ssid| !ssid.is_empty()))
    }

    /// The connection by which it is up. That of a VPN often belongs to the interface below: it is the one that says so.
    fn connection(&self, bus: &Bus, kind: NetworkKind) -> Result<Option<Connection>, Error> {
        let own: OwnedObjectPath = self.get(bus, DEVICE, "ActiveConnection")?;
        let mut paths = vec![own];
        if kind == NetworkKind::Vpn {
            let all: Vec<OwnedObjectPath> = bus.property(SERVICE, PATH, (SERVICE, "ActiveConnections"))?;
            for path in all {
                if bus.property(SERVICE, path.as_str(), (ACTIVE, "Vpn"))? {
                    paths.insert(0, path);
                }
            }
        }
        let Some(path) = paths.iter().find(|path| !is_none(path)) else { return Ok(None) };
        let text = |name| bus.property::<String>(SERVICE, path.as_str(), (ACTIVE, name));
        Ok(Some(Connection { id: text("Id")?, uuid: text("Uuid")? }))
    }

    fn get<T>(&self, bus: &Bus, interface: &str, name: &str) -> Result<T, Error>
    where
        T: TryFrom<OwnedValue>,
        T::Error: Into<zbus::zvariant::Error>,
    {
        bus.property(SERVICE, self.0.as_str(), (interface, name))
    }
}

/// The path that stands for no object.
fn is_none(path: &OwnedObjectPath) -> bool {
    path.as_str() == "/"
}

/// Numbers of `NMMetered`, of which two are guesses.
fn metered(number: u32) -> Metered {
    match number {
        1 | 3 => Metered::Yes,
        2 | 4 => Metered::No,
        _ => Metered::Unknown,
    }
}
