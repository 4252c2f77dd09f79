//! What the administrator does to the account, the device and the quota.

use super::*;

/// A device with one backup, whose service asks the server now and then.
fn at_rest() -> Scene {
    let scene = Scene::new();
    scene.agent.backup(&[&scene.documents]);
    scene
}

/// The administrator does `what` while nothing runs: the status says `code`, a backup is refused with `refusal`, and it
/// is over when `undone`, without any new activation. Without the cause the code does not come.
#[track_caller]
fn told_and_taken_back(what: &[&str], undone: &[&str], code: &str, refusal: model::Code) {
    let scene = at_rest();
    let service = Service::start(&scene.agent);
    service.await_code("backup_complete");
    outcome(scene.ask_backup()).ok();
    assert_never(&service, code);

    scene.site.server.json(what.iter().copied());
    service.await_code(code);
    let mut desk = Desk::of(&scene.agent);
    let words = desk.assert_shows(&service, code);
    outcome(scene.ask_backup()).fails_with(refusal);
    assert_eq!(service.code(), code);
    scene.site.server.json(undone.iter().copied());
    service.await_code("backup_complete");
    desk.assert_withdrawn(&words);
    scene.back_up();
    assert_never(&service, "internal_error");
    scene.assert_told(code);
    scene.site.server.verify();
}

#[test]
fn account_disabled() {
    told_and_taken_back(
        &["user", "disable", "anna"],
        &["user", "enable", "anna"],
        "account_disabled",
        model::Code::AccountDisabled,
    );
}

#[test]
fn account_disabled_for_one_device() {
    told_and_taken_back(
        &["device", "disable", "laptop"],
        &["device", "enable", "laptop"],
        "account_disabled",
        model::Code::DeviceDisabled,
    );
}

#[test]
fn device_deactivated() {
    told_and_taken_back(
        &["device", "delete", "laptop"],
        &["device", "undelete", "laptop"],
        "device_deactivated",
        model::Code::DeviceDeleted,
    );
}

#[test]
fn device_deactivated_when_another_took_its_place() {
    let scene = at_rest();
    let service = Service::start(&scene.agent);
    service.await_code("backup_complete");
    let history = scene.snapshots();
    let token = scene.site.server.run(["device", "replace", "laptop"]).ok().stdout;
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_never(&service, "device_deactivated");
    let heir = Agent::at(&scene.site.path("state-heir"));
    heir.activate(token.trim(), &["--name", "laptop"]);
    service.await_code("device_deactivated");
    outcome(scene.ask_backup()).fails_with(model::Code::DeviceReplaced);
    // Its history goes on at the other one.
    assert_eq!(heir.snapshots().len(), history);
    assert_never(&service, "internal_error");
}

#[test]
fn account_disabled_in_mid_run() {
    let scene = at_rest();
    let service = Service::start(&scene.agent);
    service.await_code("backup_complete");
    let asked = scene.begin_held(&service);
    scene.site.server.json(["user", "disable", "anna"]);
    scene.proxy.release();
    outcome(asked).fails_with(model::Code::AccountDisabled);
    service.await_code("account_disabled");
    scene.site.server.json(["user", "enable", "anna"]);
    // It goes on by itself.
    service.await_status("two backups", |_| scene.snapshots() == 2);
    service.await_code("backup_complete");
    scene.assert_told("account_disabled");
    scene.site.server.verify();
}

/// The codes beside the status line.
fn overlays(status: &Value) -> Vec<&str> {
    let overlays = status["overlays"].as_array().unwrap().iter();
    overlays.map(|overlay| overlay["code"].as_str().unwrap()).collect()
}

/// `quota_80_percent` and `quota_95_percent`, one after the other.
#[test]
fn quota_80_percent() {
    let scene = at_rest();
    let service = Service::start(&scene.agent);
    service.await_code("backup_complete");
    let size = std::fs::metadata(scene.documents.join("letter")).unwrap().len();
    let quota = |bytes: u64| scene.site.server.json(["user", "quota", "anna", &bytes.to_string()]);
    // The control: a quota of which less is used.
    quota(size * 2);
    std::thread::sleep(Duration::from_secs(2));
    assert_never(&service, "quota_80_percent");

    quota(size * 100 / 85);
    let status = service.await_status("80 %", |status| overlays(status) == ["quota_80_percent"]);
    assert_eq!(e2e::service::code(&status), "backup_complete", "backups go on");
    let mut desk = Desk::of(&scene.agent);
    let low = desk.assert_shows(&service, "quota_80_percent");
    quota(size);
    let status = service.await_status("95 %", |status| overlays(status) == ["quota_95_percent"]);
    let words = status["overlays"][0]["sub_status"].as_str().unwrap();
    assert!(words.starts_with("100 % of the user quota is used."), "{words}");
    desk.assert_withdrawn(&low);
    let full = desk.assert_shows(&service, "quota_95_percent");
    quota(0);
    service.await_status("no quota", |status| overlays(status).is_empty());
    desk.assert_withdrawn(&full);
    scene.assert_told("quota_80_percent");
    scene.assert_told("quota_95_percent");
}

/// What is refused for the quota is tried again as soon as there is more room.
#[test]
fn quota_reached_until_it_is_raised() {
    let scene = at_rest();
    let service = Service::start(&scene.agent);
    service.await_code("backup_complete");
    let size = std::fs::metadata(scene.documents.join("letter")).unwrap().len();
    scene.site.server.json(["user", "quota", "anna", &size.to_string()]);
    service.await_status("full", |status| overlays(status) == ["quota_95_percent"]);
    std::fs::write(scene.documents.join("more"), "one more").unwrap();
    outcome(scene.ask_backup()).fails_with(model::Code::QuotaReached);
    let status = service.await_code("quota_reached");
    assert!(wait_of(&status) > 3 * 3600, "{status:#}");
    let mut desk = Desk::of(&scene.agent);
    let words = desk.assert_shows(&service, "quota_reached");
    let before = scene.snapshots();
    scene.site.server.json(["user", "quota", "anna", &(size * 10).to_string()]);
    service.await_code("backup_complete");
    assert_eq!(scene.snapshots(), before + 1, "it was tried again");
    desk.assert_withdrawn(&words);
    scene.assert_told("quota_reached");
}

#[test]
fn quota_reached() {
    let scene = at_rest();
    let service = Service::start(&scene.agent);
    service.await_code("backup_complete");
    // Exactly full still passes.
    let size = std::fs::metadata(scene.documents.join("letter")).unwrap().len();
    scene.site.server.json(["user", "quota", "anna", &size.to_string()]);
    outcome(scene.ask_backup()).ok();
    assert_never(&service, "quota_reached");

    std::fs::write(scene.documents.join("more"), "one more").unwrap();
    outcome(scene.ask_backup()).fails_with(model::Code::QuotaReached);
    service.await_code("quota_reached");
    assert!(scene.agent.snapshots().iter().all(|row| row["files"] == 1), "what is too much is not there");
    // What is there can be restored.
    let target = tempfile::tempdir_in(scene.site.folder()).unwrap();
    scene.agent.restore(&format!("latest:{}", scene.documents.display()), target.path());
    scene.site.server.json(["user", "quota", "anna", "0"]);
    service.await_code("backup_complete");
    assert_never(&service, "internal_error");
    scene.assert_told("quota_reached");
}
