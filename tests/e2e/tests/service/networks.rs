//! On which networks backups run, in networks of the test's own: routes, prefixes and the router's address are real.

use super::*;
use e2e::Lan;
use testkit::doubles::{Managed, NetworkManager, PowerState, UPower};
use testkit::message_bus::MessageBus;
use testkit::network::INTERFACE;

/// A device behind its router, with a folder to back up.
struct Place {
    lan: Lan,
    scene: Scene,
}

impl Place {
    fn new() -> Option<Self> {
        let Some(lan) = Lan::begin() else {
            testkit::not_run("no network namespaces here");
            return None;
        };
        let site = lan.site();
        let agent = lan.device(&site, "laptop");
        Some(Self { scene: Scene::of(site, agent), lan })
    }

    /// A backup that takes long on the first network, and is in its middle.
    #[track_caller]
    fn begin_slow(&self, service: &Service<'_>) -> Child {
        self.lan.slow_down("8mbit");
        self.scene.add_large_file();
        let child = self.scene.ask_backup();
        service.await_code("backup_in_progress");
        child
    }
}

/// What came up on the desktop and was over, the first first.
fn told(agent: &Agent) -> Vec<Value> {
    let rows = agent.run(["history", "--limit", "1000", "--json"]).ok().json();
    let mut told: Vec<_> =
        rows.as_array().unwrap().iter().filter(|row| row["change"] == "told").cloned().collect();
    told.reverse();
    told
}

#[test]
fn root_backup_interrupted_network_disabled_by_the_user() {
    let Some(place) = Place::new() else { return };
    let (scene, agent) = (&place.scene, &place.scene.agent);
    let service = Service::start(agent);
    service.await_code("no_folders");
    // The control: a backup on a network that nobody blocked.
    outcome(scene.ask_backup()).ok();
    assert_never(&service, "backup_interrupted_network_disabled");

    let asked = place.begin_slow(&service);
    let began = Instant::now();
    agent.run(["networks", "block", INTERFACE]).ok();
    let status = service.await_code("backup_interrupted_network_disabled");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(status["next_attempt"], Value::Null, "it is not a matter of time");
    let (_, body) = words(&status["line"]);
    assert_eq!(body, format!("Backup disabled on {INTERFACE}. Holdfast will retry after some time."));
    outcome(asked).fails_with(model::Code::NetworkBlocked);
    outcome(scene.ask_backup()).fails_with(model::Code::NetworkBlocked);
    let uploads = || scene.site.server.json(["stats"])["uploads"].clone();
    std::thread::sleep(Duration::from_secs(2));
    let before = uploads();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(uploads(), before);
    // A new service does not begin either.
    service.stop();
    let service = Service::start(agent);
    service.await_code("backup_interrupted_network_disabled");
    assert_eq!(service.status()["step"], "idle");
    let mut desk = Desk::of(agent);
    let words = desk.assert_shows(&service, "backup_interrupted_network_disabled");

    agent.run(["networks", "unblock", INTERFACE]).ok();
    // It goes on by itself from what has arrived.
    service.await_code("backup_in_progress");
    place.lan.move_to_second();
    service.await_status("two backups", |_| scene.snapshots() == 2);
    service.await_code("backup_complete");
    desk.assert_withdrawn(&words);
    scene.assert_told("backup_interrupted_network_disabled");
    assert_never(&service, "internal_error");
    scene.site.server.verify();
}

/// A backup that is due waits for another network, and begins there by itself.
#[test]
fn root_backup_interrupted_network_disabled_until_the_device_moves() {
    let Some(place) = Place::new() else { return };
    let (scene, agent) = (&place.scene, &place.scene.agent);
    let service = Service::start(agent);
    service.await_code("no_folders");
    service.await_status("on a network", |_| {
        let known = agent.run(["networks", "list", "--json"]).ok().json();
        known[0]["name"] == INTERFACE && known[0]["prefix"] == "192.0.2.0/24"
    });
    agent.run(["networks", "block"]).ok();
    // The control: nothing is due that the network could hold back.
    std::thread::sleep(Duration::from_secs(1));
    assert_never(&service, "backup_interrupted_network_disabled");
    agent.run(["folders", "add", scene.documents.to_str().unwrap()]).ok();
    service.await_code("backup_interrupted_network_disabled");
    assert_eq!(scene.snapshots(), 0, "the server is asked all the same");

    place.lan.move_to_second();
    service.await_code("backup_complete");
    assert_eq!(scene.snapshots(), 1);
    let rows = agent.run(["networks", "list", "--json"]).ok().json();
    let seen: Vec<_> = rows.as_array().unwrap().iter().map(|row| (&row["name"], &row["blocked"])).collect();
    assert_eq!(seen, [(&"lan1".into(), &false.into()), (&INTERFACE.into(), &true.into())]);
    scene.assert_told("backup_interrupted_network_disabled");
}

#[test]
fn root_a_large_network_cannot_be_blocked() {
    let Some(place) = Place::new() else { return };
    let (scene, agent) = (&place.scene, &place.scene.agent);
    place.lan.widen();
    let service = Service::start(agent);
    service.await_code("no_folders");
    outcome(scene.ask_backup()).ok();
    service.await_code("backup_complete");
    let refused = agent.run(["networks", "block"]).fails_with(model::Code::NotAllowed);
    assert!(refused.stderr.contains("192.0.0.0/16 is too large a network"), "{refused}");
    outcome(scene.ask_backup()).ok();
    assert_never(&service, "backup_interrupted_network_disabled");
    // Nothing is offered that would be refused.
    assert_eq!(told(agent), [] as [Value; 0]);
}

/// The first backup on a network is told, with a way to want none there.
#[test]
fn root_backup_started_on_network() {
    let Some(place) = Place::new() else { return };
    let (scene, agent) = (&place.scene, &place.scene.agent);
    let service = Service::start(agent);
    service.await_code("no_folders");
    let desk = Desk::of(agent);
    let words = |network: &str| {
        let body =
            format!("Backup started on network {network}. Click here to disable backup on this network.");
        ("Backup started".to_owned(), body)
    };
    let screen = &desk.screen;
    // The control: nothing ran on it yet.
    assert_eq!(screen.count(&words(INTERFACE)), 0);
    outcome(scene.ask_backup()).ok();
    screen.wait_until("it is told", || screen.count(&words(INTERFACE)) == 1);
    outcome(scene.ask_backup()).ok();
    place.lan.move_to_second();
    service.await_status("on the second network", |_| {
        agent.run(["networks", "list", "--json"]).ok().json()[0]["name"] == "lan1"
    });
    agent.run(["settings", "notifications", "informative", "off"]).ok();
    outcome(scene.ask_backup()).ok();
    let names: Vec<_> = told(agent).iter().map(|row| row["values"]["network"]["value"].clone()).collect();
    assert_eq!(names, [INTERFACE, "lan1"]);
    assert_eq!((screen.count(&words(INTERFACE)), screen.count(&words("lan1"))), (1, 0));
    let told = scene.site.server.told_by("laptop");
    assert!(told.iter().any(|event| event["code"] == "backup_started_on_network"), "{told:#?}");
}

#[test]
fn root_a_click_keeps_backups_off_the_network() {
    let Some(place) = Place::new() else { return };
    let agent = &place.scene.agent;
    let service = Service::start(agent);
    service.await_code("no_folders");
    for category in ["high", "warning"] {
        agent.run(["settings", "notifications", category, "off"]).ok();
    }
    agent.run(["settings", "notifications", "informative", "on"]).ok();
    let screen = Screen::start();
    let _helper = screen.helper(agent);
    let asked = place.begin_slow(&service);
    screen.wait_until("it is told", || {
        screen.received().iter().any(|pop_up| pop_up.summary == "Backup started")
    });
    // The newest is the one about the backup itself.
    agent.run(["settings", "notifications", "informative", "off"]).ok();
    screen.wait_until("the event stays alone", || screen.displayed() == 1);
    screen.click();
    service.await_code("backup_interrupted_network_disabled");
    outcome(asked).fails_with(model::Code::NetworkBlocked);
}

/// A metered link, as a double of NetworkManager says it.
#[test]
fn root_backup_interrupted_network_disabled_when_it_is_metered() {
    let Some(mut place) = Place::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let bus = MessageBus::start(folder.path());
    place.scene.agent.set("DBUS_SYSTEM_BUS_ADDRESS", bus.address());
    let (scene, agent) = (&place.scene, &place.scene.agent);
    let managed = Managed {
        interface: INTERFACE,
        device_type: 2,
        metered: 2,
        ssid: b"Hotel WiFi".into(),
        connection: ("Hotel WiFi 1", "8f2d-1"),
        vpn: None,
    };
    let manager = NetworkManager::start(bus.address(), managed);
    let metered = |number: u32| {
        let device = "org.freedesktop.NetworkManager.Device";
        manager.change(|managed| managed.metered = number, device, "Metered");
    };
    let service = Service::start(agent);
    service.await_code("no_folders");
    // The control: the same network, while it is not.
    outcome(scene.ask_backup()).ok();
    assert_never(&service, "backup_interrupted_network_disabled");

    let asked = place.begin_slow(&service);
    metered(1);
    let status = service.await_code("backup_interrupted_network_disabled");
    let (_, body) = words(&status["line"]);
    assert_eq!(body, "Backup disabled on Hotel WiFi. Holdfast will retry after some time.");
    outcome(asked).fails_with(model::Code::NetworkBlocked);
    let mut desk = Desk::of(agent);
    let words = desk.assert_shows(&service, "backup_interrupted_network_disabled");
    metered(2);
    service.await_code("backup_in_progress");
    desk.assert_withdrawn(&words);
    scene.assert_told("backup_interrupted_network_disabled");
}

/// A battery that is nearly empty, as a double of UPower says it.
#[test]
fn root_backup_paused_battery() {
    let Some(mut place) = Place::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let bus = MessageBus::start(folder.path());
    place.scene.agent.set("DBUS_SYSTEM_BUS_ADDRESS", bus.address());
    let (scene, agent) = (&place.scene, &place.scene.agent);
    let upower =
        UPower::start(bus.address(), PowerState { on_battery: true, is_present: true, percentage: 60.0 });
    let service = Service::start(agent);
    service.await_code("no_folders");
    // The control: on battery, and that is full enough.
    outcome(scene.ask_backup()).ok();
    assert_never(&service, "backup_paused_battery");

    let asked = place.begin_slow(&service);
    upower.drain_to(19.5);
    let status = service.await_code("backup_paused_battery");
    assert_eq!((&status["step"], &status["next_attempt"]), (&"idle".into(), &Value::Null));
    outcome(asked).fails_with(model::Code::BatteryLow);
    outcome(scene.ask_backup()).fails_with(model::Code::BatteryLow);
    let mut desk = Desk::of(agent);
    let words = desk.assert_shows(&service, "backup_paused_battery");
    // It goes on by itself.
    upower.drain_to(55.0);
    service.await_code("backup_in_progress");
    desk.assert_withdrawn(&words);
    scene.assert_told("backup_paused_battery");
}
