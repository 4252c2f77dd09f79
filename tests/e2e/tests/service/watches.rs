//! Scheduled backups do not walk folders in which nothing happened, and walk everything once a day.

use super::*;

/// Backups are due four hours after the last one.
const UNTIL_DUE: i64 = 5 * 3600;

#[test]
fn folders_in_which_nothing_happened_are_not_walked_before_a_day_is_over() {
    let mut scene = Scene::new();
    let (loud, silent) = (scene.documents.join("loud/file"), scene.documents.join("silent/file"));
    for file in [&loud, &silent] {
        std::fs::create_dir(file.parent().unwrap()).unwrap();
        std::fs::write(file, "first").unwrap();
    }
    // Times that are older than the read leave no doubt.
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    let mut clock = e2e::Clock::ahead(scene.site.path("clock"), 0);
    clock.rule_agent(&mut scene.agent);
    let service = Service::start(&scene.agent);
    outcome(scene.ask_backup()).ok();
    assert_eq!(scene.snapshots(), 1);
    let content = |file: &Path| {
        let place = format!("latest:{}", file.display());
        scene.agent.run(["cat", &place]).ok().stdout
    };
    let mut back_up = |seconds: i64, snapshots: usize| {
        clock.advance(seconds);
        service.await_status("backed up", |_| scene.snapshots() == snapshots);
        service.await_code("backup_complete");
    };

    // By a name in a folder that nobody watches, so that nobody tells of it.
    let outside = scene.site.path("outside");
    std::fs::hard_link(&silent, &outside).unwrap();
    std::fs::write(&outside, "second").unwrap();
    std::fs::remove_file(&outside).unwrap();
    std::fs::write(&loud, "second").unwrap();
    back_up(UNTIL_DUE, 2);
    assert_eq!((content(&loud), content(&silent)), ("second".into(), "first".into()));

    // A day after the last full walk everything is walked, whatever was told.
    back_up(20 * 3600, 3);
    assert_eq!((content(&loud), content(&silent)), ("second".into(), "second".into()));

    // Whoever asks for a backup gets a full walk, too.
    std::fs::hard_link(&silent, &outside).unwrap();
    std::fs::write(&outside, "third one").unwrap();
    std::fs::remove_file(&outside).unwrap();
    outcome(scene.ask_backup()).ok();
    assert_eq!(content(&silent), "third one");
}
