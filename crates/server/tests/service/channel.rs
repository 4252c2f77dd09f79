//! What the server wants of a device: state, policy and orders, asked for and told over the control channel.

use crate::support::Site;
use crate::support::device::Device;
use api::control::{DeviceState, OrderAnswer, OrderKind};
use client::Connection;
use engine::remote::RemoteError;
use model::Code;
use serde_json::{Value, json};
use server::admin::{Command, Deed};
use server::http::Limits;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// A test that waits for longer than this waits for what does not come.
const HANG: Duration = Duration::from_secs(60);

/// A channel that a device has open.
struct Open {
    states: Receiver<DeviceState>,
    ended: Receiver<Result<(), RemoteError>>,
}

impl Open {
    fn new(connection: Connection) -> Self {
        let ((tell, states), (end, ended)) = (channel(), channel());
        std::thread::spawn(move || {
            let _ = end.send(connection.listen(|state| tell.send(state).is_ok()));
        });
        Self { states, ended }
    }

    #[track_caller]
    fn next(&self) -> DeviceState {
        self.states.recv_timeout(HANG).expect("a state")
    }

    #[track_caller]
    fn ended(&self) -> Result<(), RemoteError> {
        let ended = self.ended.recv_timeout(HANG).expect("the channel ends");
        assert_eq!(self.states.try_recv().ok(), None, "nothing was told that was not read");
        ended
    }

    /// Nothing is told, and the channel stays.
    #[track_caller]
    fn stays_silent(&self) {
        let told = self.states.recv_timeout(Duration::from_millis(300));
        assert!(matches!(told, Err(RecvTimeoutError::Timeout)), "{told:?}");
    }
}

impl Site {
    fn open(&self, device: &Device) -> Open {
        Open::new(self.connect(Some(device.credential.clone())))
    }

    fn order(&self, command: fn(String) -> Command, device: &Device) -> Value {
        self.json(command(device.answer.device_id.to_string()))
    }

    fn events(&self, device: &Device) -> Vec<(String, Value)> {
        let id = device.answer.device_id.to_string();
        let view = self.json(Command::DeviceEvents { device: id, before: None, limit: 10 });
        let events = view["events"].as_array().unwrap().iter();
        events.map(|event| (event["code"].as_str().unwrap().to_owned(), event["params"].clone())).collect()
    }
}

fn start(device: String) -> Command {
    Command::DeviceStart { device }
}

fn cancel(device: String) -> Command {
    Command::DeviceCancel { device }
}

fn change(value: &Value) -> Command {
    Command::PolicyChange { group: None, change: value.as_object().unwrap().clone() }
}

fn disable(device: &Device, deed: Deed) -> Command {
    Command::DeviceChange { device: device.answer.device_id.to_string(), deed }
}

#[test]
fn changes_are_told_at_once_and_can_be_asked_for() {
    let site = Site::new();
    let (device, other) = (site.device("anna"), site.device("bert"));
    let connection = device.remote.connection();
    let (open, others) = (site.open(&device), site.open(&other));
    let first = open.next();
    assert_eq!((&first.refused_with, first.orders.len()), (&None, 0));
    assert!(first.says_the_same(&connection.device_state().unwrap()));
    others.next();

    site.run(change(&json!({"tray_icon": false}))).unwrap();
    let told = open.next();
    assert_ne!(told.policy, first.policy);
    let policy = connection.policy().unwrap();
    assert_eq!((policy.version.as_str(), policy.policy.tray_icon), (told.policy.as_str(), false));
    assert_eq!(others.next().policy, told.policy, "the same values have the same version");
    // A change that changes nothing is none.
    site.run(change(&json!({"tray_icon": false}))).unwrap();
    open.stays_silent();

    let view = site.order(start, &device);
    assert_eq!((&view["kind"], &view["connected"]), (&json!("start"), &json!(true)));
    let told = open.next();
    assert_eq!(told.orders.iter().map(|order| order.kind).collect::<Vec<_>>(), [OrderKind::Start]);
    site.clock.advance(Duration::from_secs(9));
    assert_eq!(connection.device_state().unwrap().orders[0].age_seconds, 9);
    connection.answer_order(told.orders[0].id, &OrderAnswer::refused(Code::BackupPaused)).unwrap();
    connection.answer_order(told.orders[0].id, &OrderAnswer::done()).unwrap();
    assert!(open.next().orders.is_empty());
    others.stays_silent();
    let events = site.events(&device);
    assert_eq!(events[0].0, "order_answered");
    assert_eq!((&events[0].1["outcome"], &events[0].1["code"]), (&json!("refused"), &json!("backup_paused")));
    assert_eq!((events[1].0.as_str(), &events[1].1["by"]), ("order_given", &json!("console")));
}

#[test]
fn orders_wait_for_a_device_that_is_away() {
    let mut site = Site::new();
    let device = site.device("anna");
    let view = site.order(start, &device);
    assert_eq!(view["connected"], false);
    site.order(start, &device);
    site.restart();
    let device = site.again(&device, device.counter.clone());
    let waiting = site.open(&device).next().orders;
    assert_eq!(waiting.len(), 1, "two starts are one");
    assert_eq!(waiting[0].id.to_string(), view["id"].as_str().unwrap());
    // A cancel takes it back.
    site.order(cancel, &device);
    let kinds: Vec<_> =
        device.remote.connection().device_state().unwrap().orders.iter().map(|order| order.kind).collect();
    assert_eq!(kinds, [OrderKind::Cancel]);
    site.clock.advance(Duration::from_secs(7 * 86_400 + 1));
    assert!(device.remote.connection().device_state().unwrap().orders.is_empty(), "not for ever");
    site.run(disable(&device, Deed::Disable)).unwrap();
    assert_eq!(site.refusal(start(device.answer.device_id.to_string())), Code::DeviceDisabled);
}

#[test]
fn a_disabled_device_waits_on_its_channel_and_a_deleted_one_is_told_and_let_go() {
    let site = Site::new();
    let device = site.device("anna");
    let open = site.open(&device);
    open.next();
    let told = |open: &Open| open.next().refused_with;
    site.run(disable(&device, Deed::Disable)).unwrap();
    assert_eq!(told(&open).as_deref(), Some("device_disabled"));
    assert_eq!(device.remote.connection().device_state().unwrap_err().code, Code::DeviceDisabled);
    let again = site.open(&device);
    assert_eq!(told(&again).as_deref(), Some("device_disabled"));
    open.ended().unwrap();
    site.run(disable(&device, Deed::Enable)).unwrap();
    assert_eq!(told(&again), None);
    site.run(Command::UserChange { name: "anna".to_owned(), deed: Deed::Disable }).unwrap();
    assert_eq!(told(&again).as_deref(), Some("account_disabled"));
    site.run(Command::UserChange { name: "anna".to_owned(), deed: Deed::Enable }).unwrap();
    assert_eq!(told(&again), None);
    site.run(disable(&device, Deed::Delete)).unwrap();
    assert_eq!(told(&again).as_deref(), Some("device_deleted"));
    again.ended().unwrap();
    assert_eq!(site.open(&device).ended().unwrap_err().code, Code::DeviceDeleted);

    site.run(disable(&device, Deed::Undelete)).unwrap();
    let open = site.open(&device);
    assert_eq!(told(&open), None);
    device.remote.connection().deactivate().unwrap();
    assert_eq!(told(&open).as_deref(), Some("device_deactivated"));
    open.ended().unwrap();
    let nobody = api::Credential { secret: api::Secret::random(), ..device.credential.clone() };
    let refused = site.connect(Some(nobody)).listen(|_| true).unwrap_err();
    assert_eq!(refused.code, Code::DeviceUnknown);
}

#[test]
fn channels_take_no_place_among_connections_and_keep_no_server_from_its_end() {
    let mut site = Site::new();
    let ids: Vec<_> = (0..4).map(|_| site.device("anna").credential).collect();
    site.limits = Limits { connections: 2, drain: HANG, ..Limits::default() };
    site.restart();
    let open: Vec<Open> = ids
        .iter()
        .map(|credential| {
            let open = Open::new(site.connect(Some(credential.clone())));
            open.next();
            open
        })
        .collect();
    site.connect(Some(ids[0].clone())).device_state().unwrap();
    let listed = site.json(Command::DeviceList { user: None });
    assert!(listed.as_array().unwrap().iter().all(|device| device["connected"] == true), "{listed}");
    let began = Instant::now();
    site.stop();
    assert!(began.elapsed() < HANG / 2, "{:?}", began.elapsed());
    for open in open {
        open.ended().unwrap();
    }
}

#[test]
fn programs_give_orders_as_the_commands_do() {
    let site = Site::new();
    let device = site.device("anna");
    let path = format!("/v1/admin/devices/{}", device.answer.device_id);
    let start = site.admin(&format!("POST {path}/start"), None);
    assert_eq!((&start["kind"], &start["by"]), (&json!("start"), &json!("admin")));
    let cancel = site.admin(&format!("POST {path}/cancel-backup"), None);
    assert_eq!(cancel["kind"], "cancel");
    let ids: Vec<_> = device.remote.connection().device_state().unwrap().orders;
    assert_eq!(ids.len(), 1);
    assert_eq!(ids[0].id.to_string(), cancel["id"].as_str().unwrap());
    device.remote.snapshot_rows().unwrap();
}
