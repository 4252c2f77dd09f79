//! What the administrator wants of a connected device: told at once, and not lost while the way is cut.

#![allow(clippy::print_stdout, reason = "what was measured is for whoever reads the test's output")]

use super::*;
use std::time::{Duration, Instant};

/// A test that waits for longer than this waits for what does not come.
const HANG: Duration = Duration::from_secs(60);
/// Changes whose way to the device is measured.
const PUSHES: usize = 50;

/// A device with one backup, whose service is connected and asks by itself only once a minute or more seldom.
struct Connected {
    scene: Scene,
}

impl Connected {
    fn new() -> Self {
        let mut scene = Scene::new();
        scene.agent.backup(&[&scene.documents]);
        // Polling must not be what brings the news.
        scene.agent.set("HOLDFAST_TEST_CONTACT_SECONDS", "3600");
        Self { scene }
    }

    #[track_caller]
    fn start(&self) -> Service<'_> {
        let service = Service::start(&self.scene.agent);
        service.await_code("backup_complete");
        self.await_connected(true);
        service
    }

    /// Waits for one more backup than `before`, and until nothing is under way.
    #[track_caller]
    fn await_backup(&self, service: &Service<'_>, before: usize) {
        service.await_status("one more backup", |status| {
            self.scene.snapshots() == before + 1 && status["step"] == "idle"
        });
    }

    fn is_connected(&self) -> bool {
        self.scene.site.server.json(["device", "list"])[0]["connected"] == true
    }

    #[track_caller]
    fn await_connected(&self, expected: bool) {
        until("the channel", || self.is_connected() == expected);
    }

    fn events(&self) -> Vec<Value> {
        let view = self.scene.site.server.json(["device", "events", "laptop"]);
        view["events"].as_array().unwrap().clone()
    }

    /// Waits until the device has answered an order of this kind, and gives what it said.
    #[track_caller]
    fn await_answer(&self, kind: &str) -> Value {
        let mut found = Value::Null;
        until("the answer", || {
            let events = self.events();
            let answer = events
                .iter()
                .find(|event| event["code"] == "order_answered" && event["params"]["kind"] == kind);
            found = answer.map(|event| event["params"].clone()).unwrap_or_default();
            !found.is_null()
        });
        found
    }
}

#[track_caller]
fn until(what: &str, is_so: impl FnMut() -> bool) {
    let mut is_so = is_so;
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < HANG, "never {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_change_at_the_server_reaches_a_connected_agent_at_once() {
    let connected = Connected::new();
    let service = connected.start();
    let server = &connected.scene.site.server;
    let kept = connected.scene.agent.state().join("settings/policy");
    let mut times: Vec<Duration> = (0..PUSHES)
        .map(|number| {
            // A value that was not there before, and is read where the service keeps what holds.
            let value = format!("\"not_backed_up_days\": {}", 100 + number);
            let began = Instant::now();
            server.run(["policy", "set", &format!("not_backed_up_days={}", 100 + number)]).ok();
            until("the policy", || std::fs::read_to_string(&kept).is_ok_and(|text| text.contains(&value)));
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1].as_millis();
    println!("{PUSHES} changes, with the command itself: p50 {} ms, p99 {} ms", at(50), at(99));
    assert_never(&service, "internal_error");
}

#[test]
fn backup_canceled_by_administrator() {
    let connected = Connected::new();
    let service = connected.start();
    // The control: nobody cancels.
    connected.scene.back_up();
    let before = connected.scene.snapshots();
    assert_never(&service, "backup_canceled_by_administrator");

    connected.scene.add_large_file();
    // Slow enough to be met in its middle, without the channel being held with it.
    connected.scene.proxy.limit_rate(4 << 20);
    let asked = connected.scene.ask_backup();
    service.await_code("backup_in_progress");
    let order = connected.scene.site.server.json(["device", "cancel-backup", "laptop"]);
    assert_eq!(order["connected"], true);
    service.await_code("backup_canceled_by_administrator");
    outcome(asked).fails_with(model::Code::Interrupted);
    assert_eq!(connected.await_answer("cancel")["outcome"], "done");
    connected.scene.proxy.release();
    assert_eq!(connected.scene.snapshots(), before);
    assert_never(&service, "backup_canceled_by_user");
    connected.scene.back_up();
    service.await_code("backup_complete");
    connected.scene.site.server.verify();
}

#[test]
fn an_administrator_starts_a_backup() {
    let connected = Connected::new();
    let service = connected.start();
    let before = connected.scene.snapshots();
    connected.scene.site.server.json(["device", "start", "laptop"]);
    connected.await_backup(&service, before);
    assert_eq!(connected.await_answer("start")["outcome"], "done");
    // What cannot be is answered: the user has paused.
    connected.scene.agent.run(["pause", "1h"]).ok();
    connected.scene.site.server.json(["device", "start", "laptop"]);
    until("the refusal", || connected.await_answer("start")["code"] == "backup_paused");
    assert_eq!(connected.scene.snapshots(), before + 1);
    connected.scene.agent.run(["resume"]).ok();
    // A cancel without a backup is, too.
    connected.scene.site.server.json(["device", "cancel-backup", "laptop"]);
    assert_eq!(connected.await_answer("cancel")["code"], "nothing_runs");
    assert_never(&service, "internal_error");
}

#[test]
fn account_disabled_is_told_to_an_idle_device() {
    let connected = Connected::new();
    let service = connected.start();
    let server = &connected.scene.site.server;
    let told = |arguments: [&str; 3], code: &str| {
        let began = Instant::now();
        server.json(arguments);
        service.await_code(code);
        println!("{arguments:?}: {} ms", began.elapsed().as_millis());
    };
    told(["device", "disable", "laptop"], "account_disabled");
    told(["device", "enable", "laptop"], "backup_complete");
    told(["user", "disable", "anna"], "account_disabled");
    told(["user", "enable", "anna"], "backup_complete");
    told(["device", "delete", "laptop"], "device_deactivated");
    assert_never(&service, "internal_error");
}

#[test]
fn account_disabled_ends_a_running_backup_at_once() {
    let connected = Connected::new();
    let service = connected.start();
    let before = connected.scene.snapshots();
    connected.scene.add_large_file();
    connected.scene.proxy.limit_rate(4 << 20);
    let asked = connected.scene.ask_backup();
    service.await_code("backup_in_progress");
    connected.scene.site.server.json(["device", "disable", "laptop"]);
    service.await_code("account_disabled");
    outcome(asked).fails_with(model::Code::DeviceDisabled);
    connected.scene.proxy.release();
    connected.scene.site.server.json(["device", "enable", "laptop"]);
    // It goes on by itself.
    connected.await_backup(&service, before);
    assert_never(&service, "internal_error");
}

#[test]
fn orders_are_not_lost_while_the_channel_is_cut() {
    let mut connected = Connected::new();
    connected.scene.agent.set("HOLDFAST_TEST_CONTACT_SECONDS", "1");
    let service = connected.start();
    let before = connected.scene.snapshots();
    connected.scene.proxy.cut();
    connected.await_connected(false);
    let server = &connected.scene.site.server;
    let order = server.json(["device", "start", "laptop"]);
    assert_eq!(order["connected"], false);
    server.run(["policy", "set", "not_backed_up_days=33"]).ok();
    service.await_code("server_connection_lost");
    connected.scene.proxy.release();
    connected.await_backup(&service, before);
    let answer = connected.await_answer("start");
    assert_eq!((&answer["order"], &answer["outcome"]), (&order["id"], &Value::from("done")));
    let kept = connected.scene.agent.state().join("settings/policy");
    until("the policy", || {
        std::fs::read_to_string(&kept).is_ok_and(|text| text.contains("\"not_backed_up_days\": 33"))
    });
    connected.await_connected(true);
    // A restart of the service does nothing twice.
    service.stop();
    let service = connected.start();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(connected.scene.snapshots(), before + 1);
    assert_eq!(service.code(), "backup_complete");
}
