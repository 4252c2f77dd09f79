//! Doubles of services of the system, which speak their published interfaces on a bus of the test's own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use zbus::blocking::{Connection, connection::Builder};
use zbus::zvariant::{OwnedObjectPath, Value};
use zbus::{Address, fdo};

const NETWORK_MANAGER: &str = "/org/freedesktop/NetworkManager";
const DEVICE: &str = "/org/freedesktop/NetworkManager/Devices/1";
const ACCESS_POINT: &str = "/org/freedesktop/NetworkManager/AccessPoint/1";
const ACTIVE: &str = "/org/freedesktop/NetworkManager/ActiveConnection/1";
const VPN: &str = "/org/freedesktop/NetworkManager/ActiveConnection/2";
const POWER: &str = "/org/freedesktop/UPower";
const BATTERY: &str = "/org/freedesktop/UPower/devices/DisplayDevice";
const LOGIN: &str = "/org/freedesktop/login1";

/// What a double says when its bus does not let it in.
const BUS: &str = "the test's own bus";

fn address(bus: &str) -> Address {
    bus.parse().expect("the address of a bus")
}

/// What NetworkManager says of the only interface that it manages, in its own numbers.
#[derive(Clone)]
pub struct Managed {
    /// The interface's name.
    pub interface: &'static str,
    /// `NMDeviceType`.
    pub device_type: u32,
    /// `NMMetered`.
    pub metered: u32,
    /// The name of the wireless network.
    pub ssid: Vec<u8>,
    /// Name and UUID of the connection.
    pub connection: (&'static str, &'static str),
    /// The same of a VPN over it.
    pub vpn: Option<(&'static str, &'static str)>,
}

/// A running double of NetworkManager.
pub struct NetworkManager {
    connection: Connection,
    managed: Arc<Mutex<Managed>>,
}

struct Manager(Arc<Mutex<Managed>>);
struct Device(Arc<Mutex<Managed>>);
struct Wireless;
struct AccessPoint(Arc<Mutex<Managed>>);
struct Active {
    managed: Arc<Mutex<Managed>>,
    is_vpn: bool,
}

fn path(path: &str) -> OwnedObjectPath {
    path.try_into().expect("a path")
}

#[zbus::interface(name = "org.freedesktop.NetworkManager")]
impl Manager {
    fn get_device_by_ip_iface(&self, iface: &str) -> fdo::Result<OwnedObjectPath> {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).interface == iface {
            return Ok(path(DEVICE));
        }
        Err(fdo::Error::Failed("No device found for the requested iface.".into()))
    }

    #[zbus(property)]
    fn active_connections(&self) -> Vec<OwnedObjectPath> {
        let vpn = self.0.lock().unwrap_or_else(PoisonError::into_inner).vpn.map(|_| path(VPN));
        [path(ACTIVE)].into_iter().chain(vpn).collect()
    }
}

#[zbus::interface(name = "org.freedesktop.NetworkManager.Device")]
impl Device {
    #[zbus(property)]
    fn device_type(&self) -> u32 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).device_type
    }

    #[zbus(property)]
    fn metered(&self) -> u32 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).metered
    }

    #[zbus(property)]
    fn active_connection(&self) -> OwnedObjectPath {
        path(ACTIVE)
    }
}

#[zbus::interface(name = "org.freedesktop.NetworkManager.Device.Wireless")]
impl Wireless {
    #[zbus(property)]
    fn active_access_point(&self) -> OwnedObjectPath {
        path(ACCESS_POINT)
    }
}

#[zbus::interface(name = "org.freedesktop.NetworkManager.AccessPoint")]
impl AccessPoint {
    #[zbus(property)]
    fn ssid(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).ssid.clone()
    }
}

#[zbus::interface(name = "org.freedesktop.NetworkManager.Connection.Active")]
impl Active {
    #[zbus(property)]
    fn id(&self) -> &'static str {
        self.names().0
    }

    #[zbus(property)]
    fn uuid(&self) -> &'static str {
        self.names().1
    }

    #[zbus(property)]
    fn vpn(&self) -> bool {
        self.is_vpn
    }
}

impl Active {
    fn names(&self) -> (&'static str, &'static str) {
        let managed = self.managed.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_vpn { managed.vpn.expect("a VPN") } else { managed.connection }
    }
}

impl NetworkManager {
    /// Takes its name on the bus with this address.
    pub fn start(bus: &str, managed: Managed) -> Self {
        let managed = Arc::new(Mutex::new(managed));
        let shared = || Arc::clone(&managed);
        let active = |is_vpn| Active { managed: shared(), is_vpn };
        let build = || {
            Builder::address(address(bus))?
                .serve_at(NETWORK_MANAGER, Manager(shared()))?
                .serve_at(DEVICE, Device(shared()))?
                .serve_at(DEVICE, Wireless)?
                .serve_at(ACCESS_POINT, AccessPoint(shared()))?
                .serve_at(ACTIVE, active(false))?
                .serve_at(VPN, active(true))?
                .name("org.freedesktop.NetworkManager")?
                .build()
        };
        Self { connection: build().expect(BUS), managed }
    }

    /// Changes something and says that this property has changed.
    pub fn change(&self, change: impl FnOnce(&mut Managed), interface: &str, property: &str) {
        change(&mut self.managed.lock().unwrap_or_else(PoisonError::into_inner));
        say_changed(&self.connection, DEVICE, interface, property);
    }
}

/// A running double of UPower.
pub struct UPower {
    connection: Connection,
    state: Arc<Mutex<PowerState>>,
}

/// What UPower says.
#[derive(Clone, Copy)]
pub struct PowerState {
    /// The machine runs on battery.
    pub on_battery: bool,
    /// It has one.
    pub is_present: bool,
    /// How full it is.
    pub percentage: f64,
}

struct Power(Arc<Mutex<PowerState>>);
struct Battery(Arc<Mutex<PowerState>>);

#[zbus::interface(name = "org.freedesktop.UPower")]
impl Power {
    #[zbus(property)]
    fn on_battery(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).on_battery
    }
}

#[zbus::interface(name = "org.freedesktop.UPower.Device")]
impl Battery {
    #[zbus(property)]
    fn is_present(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_present
    }

    #[zbus(property)]
    fn percentage(&self) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).percentage
    }
}

impl UPower {
    /// Takes its name on the bus with this address.
    pub fn start(bus: &str, state: PowerState) -> Self {
        let state = Arc::new(Mutex::new(state));
        let build = || {
            Builder::address(address(bus))?
                .serve_at(POWER, Power(Arc::clone(&state)))?
                .serve_at(BATTERY, Battery(Arc::clone(&state)))?
                .name("org.freedesktop.UPower")?
                .build()
        };
        Self { connection: build().expect(BUS), state }
    }

    /// The plug is pulled.
    pub fn unplug(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).on_battery = true;
        say_changed(&self.connection, POWER, "org.freedesktop.UPower", "OnBattery");
    }

    /// The battery is this full.
    pub fn drain_to(&self, percentage: f64) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).percentage = percentage;
        say_changed(&self.connection, BATTERY, "org.freedesktop.UPower.Device", "Percentage");
    }

    /// Leaves the bus.
    pub fn end(self) {
        self.connection.close().expect(BUS);
    }
}

/// A connection that says what logind would, with its name or without.
pub struct Login(Connection);

impl Login {
    /// With the name, on the bus with this address.
    pub fn start(bus: &str) -> Self {
        let builder = Builder::address(address(bus)).expect(BUS);
        Self(builder.name("org.freedesktop.login1").expect(BUS).build().expect(BUS))
    }

    /// Somebody else.
    pub fn impostor(bus: &str) -> Self {
        Self(Builder::address(address(bus)).expect(BUS).build().expect(BUS))
    }

    /// Says that the machine goes to sleep, or woke.
    pub fn prepare_for_sleep(&self, begins: bool) {
        let interface = "org.freedesktop.login1.Manager";
        self.0.emit_signal(None::<&str>, LOGIN, interface, "PrepareForSleep", &begins).expect(BUS);
    }
}

/// Says that a property has changed, without its value, as services may.
fn say_changed(connection: &Connection, path: &str, interface: &str, property: &str) {
    let arguments = (interface, HashMap::<&str, Value<'_>>::new(), vec![property]);
    let member = "PropertiesChanged";
    connection
        .emit_signal(None::<&str>, path, "org.freedesktop.DBus.Properties", member, &arguments)
        .expect(BUS);
}
