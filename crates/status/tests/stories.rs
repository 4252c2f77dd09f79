//! What a device goes through, told step by step, with the words that its user reads.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "helpers of tests fail by panicking, and take what is made in place"
)]

use jiff::tz::TimeZone;
use model::schedule::{Due, Schedule, Window};
use model::{SnapshotId, Timestamp};
use notices::Platform;
use status::{Asker, Canceler, Event, Reader, State, Status, Step, Why};
use std::time::Duration;

/// A device, and the time there.
struct Device {
    state: State,
    now: Timestamp,
    schedule: Schedule,
}

impl Device {
    fn new() -> Self {
        let now = "2026-11-24T10:00:00Z".parse().unwrap();
        Self { state: State::new(now), now, schedule: Schedule::default() }
    }

    fn let_pass(&mut self, minutes: u64) {
        self.now = self.now.after(Duration::from_secs(minutes * 60));
    }

    fn apply(&mut self, event: Event) -> &mut Self {
        self.state.apply(&event, self.now).unwrap_or_else(|refusal| panic!("{event:?}: {refusal:?}"));
        self
    }

    fn refused(&mut self, event: &Event) -> Why {
        self.state.apply(event, self.now).unwrap_err().why
    }

    fn begin(&mut self) -> &mut Self {
        self.apply(Event::RunAsked { by: Asker::Schedule, beside: false }).apply(Event::LeaseGranted)
    }

    fn commit(&mut self, missed: u64) -> &mut Self {
        let snapshot = SnapshotId::from_bytes([1; 16]);
        self.apply(Event::AllUploaded);
        self.apply(Event::Committed { snapshot, missed, denied: 0, missing_folders: vec![] })
    }

    fn status(&self) -> Status {
        let schedule = &self.schedule;
        self.state.status(Reader { now: self.now, zone: &TimeZone::UTC, platform: Platform::Linux, schedule })
    }

    fn code(&self) -> String {
        self.status().line.unwrap().code
    }

    fn words(&self) -> String {
        self.status().line.unwrap().sub_status
    }

    /// Minutes until the next try.
    fn wait(&self) -> Option<u64> {
        self.status().next_attempt.map(|time| time.since(self.now).as_secs() / 60)
    }
}

#[test]
fn a_first_day() {
    let mut device = Device::new();
    assert_eq!((device.code().as_str(), device.wait()), ("activated", Some(0)));
    device.begin();
    assert_eq!(device.words(), "Started today at 10:00 AM");
    device.apply(Event::UploadBegan);
    assert_eq!((device.code().as_str(), device.wait()), ("backup_in_progress", None));
    device.let_pass(20);
    device.apply(Event::AllUploaded);
    assert_eq!(device.code(), "backup_finishing");
    let snapshot = SnapshotId::from_bytes([1; 16]);
    device.apply(Event::Committed { snapshot, missed: 0, denied: 0, missing_folders: vec![] });
    assert_eq!((device.code().as_str(), device.wait()), ("backup_complete", Some(240)));
    assert_eq!(device.status().line.unwrap().since, device.now);
    device.let_pass(240);
    device.begin().commit(2);
    assert_eq!(device.code(), "backup_complete_files_missed");
    device.let_pass(240);
    device.begin().commit(0);
    assert_eq!(device.status().others, []);
}

#[test]
fn a_pause_hides_the_work_that_it_holds_back_and_survives() {
    let mut device = Device::new();
    device.begin().apply(Event::UploadBegan);
    let until = device.now.after(Duration::from_secs(3600));
    device.apply(Event::Paused { until });
    assert_eq!(device.words(), "Paused today at 10:00");
    assert!(device.status().others.is_empty(), "it is not in progress");
    // The computer is switched off, and on again on the next day.
    device.let_pass(24 * 60);
    device.apply(Event::StartedAfterRestart);
    assert_eq!((device.words().as_str(), device.wait()), ("Paused yesterday at 10:00", Some(0)));
    device.apply(Event::PauseEnded);
    assert_eq!(device.code(), "backup_resuming");
    device.apply(Event::RunAsked { by: Asker::Schedule, beside: false });
    assert_eq!(device.code(), "backup_resuming");
    device.apply(Event::LeaseGranted);
    assert_eq!(device.code(), "backup_initializing");
}

#[test]
fn what_is_asked_while_backup_is_held_back_is_told_why_not() {
    let mut device = Device::new();
    let until = device.now.after(Duration::from_secs(600));
    device.apply(Event::BlackoutBegan { until });
    assert_eq!(
        device.refused(&Event::RunAsked { by: Asker::Administrator, beside: false }),
        Why::Blackout { until }
    );
    // Nothing is due: the last result stays to be seen.
    assert_eq!(device.code(), "activated");
    device.apply(Event::HeldBack);
    assert_eq!(device.words(), "Blackout window until 10:10");
    device.apply(Event::Paused { until });
    assert_eq!(device.refused(&Event::RunAsked { by: Asker::User, beside: false }), Why::Paused { until });
    device.apply(Event::PauseEnded).apply(Event::BlackoutEnded);
    assert_eq!(device.refused(&Event::PauseEnded), Why::NotPaused);
    let network = "Café".to_owned();
    device.apply(Event::NetworkBlocked { network: network.clone() });
    assert_eq!(device.words(), "Backup disabled on Café. Holdfast will retry after some time.");
    assert_eq!(device.wait(), None, "no clock says when another network is there");
    assert_eq!(
        device.refused(&Event::RunAsked { by: Asker::User, beside: false }),
        Why::NetworkBlocked { network }
    );
}

#[test]
fn a_finishing_run_can_be_neither_paused_nor_canceled() {
    let mut device = Device::new();
    let cancel = Event::Canceled { by: Canceler::User, reason: None };
    assert_eq!(device.refused(&cancel), Why::NothingRuns);
    device.begin();
    assert_eq!(device.refused(&Event::RunAsked { by: Asker::User, beside: false }), Why::RunUnderWay);
    device.apply(Event::AllUploaded);
    let until = device.now;
    assert_eq!(device.refused(&cancel), Why::Finishing);
    assert_eq!(device.refused(&Event::Paused { until }), Why::Finishing);
    // What nobody can refuse waits for its end.
    device.apply(Event::BlackoutBegan { until });
    assert_eq!(device.code(), "backup_finishing");
    assert_eq!(device.state.step(), Step::Finishing);
}

#[test]
fn a_lost_connection_is_another_trouble_in_a_run_than_at_rest() {
    let mut device = Device::new();
    let unreachable = || Event::Unreachable { error: "connection refused".into() };
    device.begin().commit(0);
    device.apply(unreachable());
    assert_eq!(device.code(), "server_connection_lost");
    device.apply(Event::Accepted);
    assert_eq!(device.code(), "backup_complete");
    device.begin().apply(Event::UploadBegan).apply(unreachable());
    assert_eq!((device.code().as_str(), device.wait()), ("backup_interrupted_server_unreachable", Some(10)));
    assert_eq!(device.status().line.unwrap().details["error"], "connection refused");
    // Another try that does not get through says the same, and the waits grow.
    device.let_pass(10);
    device.apply(Event::RunAsked { by: Asker::Schedule, beside: false }).apply(unreachable());
    assert_eq!((device.code().as_str(), device.wait()), ("backup_interrupted_server_unreachable", Some(30)));
    device.apply(Event::Accepted);
    assert_eq!((device.code().as_str(), device.wait()), ("backup_resuming", Some(0)));
}

#[test]
fn a_device_that_was_turned_away_asks_again_and_goes_on() {
    let mut device = Device::new();
    device.begin().apply(Event::Disabled { device_only: false });
    assert_eq!((device.code().as_str(), device.wait()), ("account_disabled", Some(30)));
    device.apply(Event::DeviceRemoved { replaced: false });
    assert_eq!(device.code(), "device_deactivated");
    assert_eq!(device.status().others, []);
    device.apply(Event::Accepted);
    assert_eq!((device.code().as_str(), device.wait()), ("backup_resuming", Some(0)));
}

#[test]
fn a_crash_is_told_until_a_backup_is_made() {
    let mut device = Device::new();
    device.begin().apply(Event::UploadBegan);
    device.apply(Event::StartedAfterCrash { incident: "5f3a".into() });
    let line = device.status().line.unwrap();
    assert_eq!((line.code.as_str(), line.details["incident"].as_str()), ("internal_error", "5f3a"));
    assert_eq!(device.wait(), Some(10));
    device.begin();
    assert_eq!(device.code(), "backup_initializing");
    device.commit(0);
    assert_eq!(device.code(), "backup_complete");
}

#[test]
fn without_an_agent_nothing_runs_and_nothing_is_tried() {
    let mut device = Device::new();
    device.begin().apply(Event::UploadBegan).apply(Event::FoundNoAgent);
    assert_eq!((device.code().as_str(), device.wait()), ("agent_not_running", None));
    assert_eq!(device.status().step, Step::Idle);
    assert_eq!(device.status().others, []);
}

#[test]
fn days_without_a_backup_stand_beside_the_reason() {
    let mut device = Device::new();
    device.apply(Event::Unreachable { error: "no route".into() });
    device.let_pass(3 * 24 * 60);
    device.apply(Event::DaysCounted { limit: 3 });
    let status = device.status();
    assert_eq!(status.line.unwrap().code, "server_connection_lost");
    assert_eq!(status.overlays[0].sub_status, "Your device has not backed up for 3 days.");
    let episode = status.overlays[0].episode;
    device.let_pass(24 * 60);
    device.apply(Event::DaysCounted { limit: 3 });
    let overlay = &device.status().overlays[0];
    assert_eq!((overlay.episode, overlay.sub_status.contains("4 days")), (episode, true));
    device.begin().commit(0);
    assert_eq!(device.status().overlays, []);
}

#[test]
fn each_missing_folder_is_told_by_itself() {
    let mut device = Device::new();
    let missing = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let snapshot = SnapshotId::from_bytes([2; 16]);
    device.begin().apply(Event::AllUploaded).apply(Event::Committed {
        snapshot,
        missed: 2,
        denied: 7,
        missing_folders: missing(&["/a", "/b"]),
    });
    let words = |device: &Device| {
        let overlays = device.status().overlays;
        overlays.iter().map(|shown| (shown.sub_status.clone(), shown.episode)).collect::<Vec<_>>()
    };
    let before = words(&device);
    assert_eq!(before.len(), 3);
    assert!(before[0].0.contains("not allowed to read 7 files"), "{before:?}");
    device.apply(Event::FoldersFound { missing_folders: missing(&["/b"]) });
    assert_eq!(words(&device), [before[0].clone(), before[2].clone()], "the other one goes on");
}

#[test]
fn a_backup_of_another_set_puts_the_scheduled_one_off_no_more_than_it_lasts() {
    let mut device = Device::new();
    device.begin().commit(0);
    let scheduled = device.status().last_backup;
    device.let_pass(5 * 24 * 60);
    device.apply(Event::DaysCounted { limit: 3 });
    let aside = Event::RunAsked { by: Asker::User, beside: true };
    device.apply(aside.clone()).apply(Event::LeaseGranted).commit(0);
    assert_eq!((device.code().as_str(), device.wait()), ("backup_complete", Some(0)));
    assert_eq!(device.status().last_backup, scheduled);
    assert_eq!(device.status().overlays[0].code, "device_not_backed_up");
    // It does not finish what was cut short either.
    device.begin().apply(Event::Stopped).apply(Event::Started);
    device.apply(aside).apply(Event::LeaseGranted).commit(0);
    assert_eq!(device.code(), "backup_resuming");
}

#[test]
fn the_schedule_is_asked_with_what_the_machine_knows() {
    let mut device = Device::new();
    device.begin().commit(0);
    device.let_pass(300);
    let blackout = Window {
        days: model::schedule::Weekday::ALL.to_vec(),
        from: "14:00".parse().unwrap(),
        until: "16:00".parse().unwrap(),
    };
    device.schedule.blackouts.push(blackout);
    let due = device.state.due(&device.schedule, device.now, &TimeZone::UTC);
    assert!(matches!(due, Due::Blocked { until: Some(_), .. }), "{due:?}");
    assert_eq!(device.wait(), Some(60));
}

#[test]
fn a_state_of_another_version_is_not_taken_for_ours() {
    let mut written = serde_json::to_value(Device::new().state).unwrap();
    written["version"] = 2.into();
    let error = serde_json::from_value::<State>(written.clone()).unwrap_err();
    assert!(error.to_string().contains("version 2"), "{error}");
    written["version"] = 1.into();
    written["held"][0]["code"] = "no_such_notice".into();
    assert!(serde_json::from_value::<State>(written).is_err());
}
