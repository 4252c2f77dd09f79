//! What a policy decides on a device: when backups are made, and what its user may do.

use super::*;

/// A device with one backup whose service is connected.
fn at_rest() -> Scene {
    let scene = Scene::new();
    scene.agent.backup(&[&scene.documents]);
    scene
}

fn set(scene: &Scene, value: &str) {
    scene.site.server.run(["policy", "set", value]).ok();
}

#[test]
fn backup_paused_blackout() {
    let scene = at_rest();
    let service = Service::start(&scene.agent);
    service.await_code("backup_complete");
    outcome(scene.ask_backup()).ok();
    // All day but for a minute, half a day from now: a schedule must leave some time.
    let minutes = model::Clock::system().now().as_secs() / 60 % 1_440;
    let time = |minutes: i64| format!("{:02}:{:02}", minutes % 1_440 / 60, minutes % 60);
    let (from, until) = (time(minutes + 721), time(minutes + 720));
    let window = format!(r#"{{"from":"{from}","until":"{until}"}}"#);
    set(&scene, &format!(r#"schedule={{"interval_minutes":240,"blackouts":[{window}]}}"#));
    service.await_status("no backup is begun", |_| {
        let asked = outcome(scene.ask_backup());
        asked.status != 0 && asked.stderr.contains("blackout")
    });
    scene.site.server.run(["policy", "unset", "schedule"]).ok();
    service.await_status("backups are made again", |_| outcome(scene.ask_backup()).status == 0);
    assert_never(&service, "internal_error");
}

#[test]
fn the_interval_of_the_policy_holds_at_once_and_while_the_server_is_away() {
    let mut scene = at_rest();
    let agent = scene.agent.clone();
    let service = Service::start(&agent);
    let status = service.await_code("backup_complete");
    assert!((13_000..=14_400).contains(&wait_of(&status)), "{status:#}");
    set(&scene, r#"schedule={"interval_minutes":600}"#);
    service.await_status("ten hours", |status| (35_000..=36_000).contains(&wait_of(status)));
    service.stop();
    scene.site.server.stop();
    let service = Service::start(&agent);
    service.await_status("still ten hours", |status| {
        status["next_attempt"].is_string() && (35_000..=36_000).contains(&wait_of(status))
    });
    scene.site.server.start();
}

#[test]
fn users_may_do_what_the_policy_lets_them() {
    let scene = at_rest();
    let service = Service::start(&scene.agent);
    service.await_code("backup_complete");
    scene.agent.run(["pause", "1h"]).ok();
    scene.agent.run(["resume"]).ok();
    scene.site.server.run(["policy", "set", "user_pause_max_hours=2", "user_may_cancel=false"]).ok();
    service.await_status("pauses are short", |_| {
        let paused = scene.agent.run(["pause", "3h"]);
        if paused.status == 0 {
            scene.agent.run(["resume"]).ok();
        }
        paused.status != 0
    });
    scene.agent.run(["pause", "3h"]).fails_with(model::Code::PolicyForbids);
    scene.agent.run(["cancel"]).fails_with(model::Code::PolicyForbids);
    scene.agent.run(["pause", "2h"]).ok();
    scene.agent.run(["resume"]).ok();
    set(&scene, "user_may_pause=false");
    service.await_status("no pauses", |_| {
        let paused = scene.agent.run(["pause", "1h"]);
        if paused.status == 0 {
            scene.agent.run(["resume"]).ok();
        }
        paused.status != 0
    });
    scene.agent.run(["pause", "1h"]).fails_with(model::Code::PolicyForbids);
}
