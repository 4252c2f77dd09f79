//! What the server is told: everything, once, in order, whatever happens to service and server meanwhile.

use super::*;

/// The number and code of each change of the status.
type Log = Vec<(u64, Value)>;

/// The device's own log and the server's of it.
fn both(scene: &Scene) -> (Log, Log) {
    let row = |sequence: &Value, code: &Value| (sequence.as_u64().unwrap(), code.clone());
    let rows = scene.agent.run(["history", "--limit", "1000", "--json"]).ok().json();
    let own = rows.as_array().unwrap().iter().rev().map(|change| row(&change["sequence"], &change["code"]));
    let told = scene.site.server.told_by("laptop");
    let told = told.iter().map(|event| row(&event["sequence"], &event["code"]));
    (own.collect(), told.collect())
}

#[track_caller]
fn await_same(scene: &Scene) -> Log {
    let began = Instant::now();
    loop {
        let (own, told) = both(scene);
        if own == told {
            return own;
        }
        assert!(began.elapsed() < HANG, "the server has {told:#?} of {own:#?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_server_has_every_change_once_after_kills_of_both() {
    let mut scene = Scene::new();
    let agent = scene.agent.clone();
    let service = Service::start(&agent);
    service.await_code("no_folders");
    outcome(scene.ask_backup()).ok();
    let before = await_same(&scene).len();

    // What happens while the server is away survives the service that saw it.
    scene.site.server.kill();
    service.await_code("server_connection_lost");
    agent.run(["pause", "1h"]).ok();
    service.kill();
    let service = Service::start(&agent);
    agent.run(["resume"]).ok();
    service.kill();
    scene.site.server.start();
    let service = Service::start(&agent);
    outcome(scene.ask_backup()).ok();
    service.await_code("backup_complete");
    let all = await_same(&scene);
    assert!(all.len() >= before + 4, "{all:#?}");
    let numbers: Vec<_> = all.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=all.len() as u64).collect::<Vec<_>>());

    // What was noted of the telling is lost: nothing is stored twice, and nothing gets another number.
    service.kill();
    let noted = agent.state().join("settings/told.json");
    let text = std::fs::read_to_string(&noted).unwrap();
    std::fs::write(&noted, text.replace(&format!(":{}", all.len()), ":0")).unwrap();
    let service = Service::start(&agent);
    outcome(scene.ask_backup()).ok();
    assert!(await_same(&scene).len() > all.len());
    service.stop();
}

/// A machine that goes on as a device has a log of its own, which begins above that of the machine before it.
#[test]
fn the_log_of_a_device_goes_on_with_the_machine_that_took_its_place() {
    let scene = Scene::new();
    let service = Service::start(&scene.agent);
    service.await_code("no_folders");
    let before = await_same(&scene).len();
    service.stop();
    let token = scene.site.server.run(["device", "replace", "laptop"]).ok().stdout;
    let heir = Agent::at(&scene.site.path("state-heir"));
    heir.activate(token.trim(), &["--name", "laptop"]);
    let service = Service::start(&heir);
    service.await_code("no_folders");
    let began = Instant::now();
    let told = loop {
        let told = scene.site.server.told_by("laptop");
        if told.len() > before + 1 {
            break told;
        }
        assert!(began.elapsed() < HANG, "the other machine told nothing: {told:#?}");
        std::thread::sleep(Duration::from_millis(50));
    };
    // The numbers of the machine that was replaced are forgotten: the other one counts anew.
    let numbers: Vec<_> = told.iter().map(|event| event["sequence"].as_u64()).collect();
    let own = (1..=(told.len() - before) as u64).map(Some);
    assert_eq!(numbers, std::iter::repeat_n(None, before).chain(own).collect::<Vec<_>>());
    assert_eq!(told[before]["code"], "activated");
}
