//! Any sequence of events, against a model that was written without the tables: what holds follows there from the whole
//! history by searching it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

mod events;
mod history;

use events::{Named, POOL};
use history::Model;
use jiff::tz::TimeZone;
use model::Timestamp;
use model::schedule::Schedule;
use notices::Platform;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use status::{Change, Event, Kind, RULES, Reader, Rule, State, Status, Step};
use std::collections::BTreeSet;
use std::time::Duration;

/// One try to let something happen.
#[derive(Debug, Clone)]
struct Try {
    /// Which event, of those that can happen.
    pick: usize,
    /// Of those that take a run on, where one of them can happen: others end it so often that few would come far.
    forward: bool,
    minutes: u64,
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let minutes = prop_oneof![4 => 0u64..120, 1 => 0u64..6000];
    let one = (any::<usize>(), proptest::bool::weighted(0.6), minutes);
    proptest::collection::vec(one.prop_map(|(pick, forward, minutes)| Try { pick, forward, minutes }), 1..60)
}

impl Try {
    fn choose<'e>(&self, possible: &[&'e Event]) -> &'e Event {
        let takes_on = |event: &&&Event| {
            use Kind::{AllUploaded, Committed, LeaseGranted, RunAsked, UploadAccepted, UploadBegan};
            matches!(
                event.kind(),
                RunAsked | LeaseGranted | UploadBegan | UploadAccepted | AllUploaded | Committed
            )
        };
        let forward: Vec<&Event> = possible.iter().filter(takes_on).copied().collect();
        let pool = if self.forward && !forward.is_empty() { &forward } else { possible };
        pool[self.pick % pool.len()]
    }
}

fn status(state: &State, now: Timestamp) -> Status {
    let schedule = Schedule::default();
    state.status(Reader { now, zone: &TimeZone::UTC, platform: Platform::Linux, schedule: &schedule })
}

fn holding(state: &State) -> BTreeSet<Named> {
    state.held().iter().map(|held| Named::of(held.notice.code, &held.values)).collect()
}

/// Notices of which two at once would say two things of one matter.
const ONE_OF: &[&[&str]] = &[
    &["backup_complete", "backup_complete_files_missed"],
    &["backup_complete", "backup_canceled_by_user", "backup_canceled_by_administrator"],
    &["device_deactivated", "account_disabled", "agent_too_old"],
    &["server_connection_lost", "backup_interrupted_server_unreachable"],
    &["backup_initializing", "backup_in_progress", "backup_finishing", "backup_resuming"],
    &["backup_initializing", "backup_paused"],
    &["backup_in_progress", "backup_paused"],
    &["backup_resuming", "backup_paused"],
    &["quota_80_percent", "quota_95_percent"],
    &["restore_completed", "restore_completed_files_missed", "restore_failed", "restore_canceled"],
];

const COMPLETE: &[&str] = &["backup_complete", "backup_complete_files_missed"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_status_is_the_truth(tries in tries()) {
        let mut now = Timestamp::from_secs(1_795_000_000);
        let mut state = State::new(now);
        let mut model = Model::new(now);
        let mut replayed: BTreeSet<Named> = holding(&state);
        let mut next_sequence = 2;
        for (round, step) in tries.iter().enumerate() {
            now = now.after(Duration::from_secs(step.minutes * 60));
            let pool: Vec<Event> = POOL.iter().map(|make| make(now, round)).collect();
            // What can happen is what the model says, and what cannot changes nothing.
            let mut possible = Vec::new();
            for event in &pool {
                let mut copy = state.clone();
                let answer = copy.apply(event, now);
                prop_assert_eq!(answer.is_ok(), model.history().can(event), "{:?}: {:?}", event, answer);
                match answer {
                    Ok(_) => possible.push(event),
                    Err(_) => prop_assert_eq!(&copy, &state, "{:?} was refused", event),
                }
            }
            let event = step.choose(&possible);
            let transitions = state.apply(event, now).unwrap();
            model.add(event.clone(), now);

            // What changed is told completely, once, and in order.
            for transition in &transitions {
                prop_assert_eq!(transition.sequence, next_sequence);
                next_sequence += 1;
                let named = Named::of(&transition.code, &transition.values);
                match transition.change {
                    Change::Raised => prop_assert!(replayed.insert(named), "{:?}", transition),
                    Change::Cleared => prop_assert!(replayed.remove(&named), "{:?}", transition),
                    Change::Changed => prop_assert!(replayed.contains(&named), "{:?}", transition),
                    Change::Told => prop_assert!(!replayed.contains(&named), "{:?}", transition),
                }
                let complete = COMPLETE.contains(&transition.code.as_str());
                if complete && transition.change == Change::Raised {
                    prop_assert!(matches!(event, Event::Committed { .. }), "{:?} said complete", event);
                }
            }
            let holding = holding(&state);
            prop_assert_eq!(&holding, &replayed);
            prop_assert_eq!(&holding, &model.history().holding(), "after {:?}", event);

            // No two truths.
            for group in ONE_OF {
                let both: Vec<_> = holding.iter().filter(|named| group.contains(&named.code.as_str())).collect();
                prop_assert!(both.len() <= 1, "{:?}", both);
            }
            // There is always something to say, and all that holds is said.
            let status = status(&state, now);
            let line = status.line.clone();
            prop_assert!(line.is_some(), "nothing to say after {:?}", event);
            let shown = 1 + status.others.len() + status.overlays.len() + status.details.len();
            prop_assert_eq!(shown, state.held().len());
            for shown in line.iter().chain(&status.others).chain(&status.overlays) {
                prop_assert!(!format!("{}{}", shown.status, shown.sub_status).contains('<'), "{:?}", shown);
            }
            prop_assert_eq!(status.last_backup.map(|backup| backup.snapshot), model.history().last_snapshot());
            if line.is_some_and(|line| COMPLETE.contains(&line.code.as_str())) {
                prop_assert!(model.history().has_commit());
            }
            // A crash here: what was written comes back.
            let written = serde_json::to_string(&state).unwrap();
            let again: State = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(&again, &state);
            prop_assert_eq!(self::status(&again, now), status.clone());
            let sent = serde_json::to_string(&status).unwrap();
            prop_assert_eq!(serde_json::from_str::<Status>(&sent).unwrap(), status);
        }
    }
}

/// The sequences reach every rule: in every step that it names, or where it names all, in one. Else the property above
/// would prove little.
#[test]
fn every_rule_is_reached() {
    let mut runner = TestRunner::deterministic();
    let of_steps = |rule: &'static Rule| rule.steps.iter().map(|step| (rule.event, Some(*step)));
    let (any, some): (Vec<_>, Vec<_>) = RULES.iter().partition(|rule| rule.steps == Step::ALL);
    let mut missing: Vec<_> = some.into_iter().flat_map(of_steps).collect();
    missing.extend(any.into_iter().map(|rule| (rule.event, None)));
    for _ in 0..400 {
        let tries = tries().new_tree(&mut runner).unwrap().current();
        let mut now = Timestamp::from_secs(1_795_000_000);
        let mut state = State::new(now);
        for (round, step) in tries.iter().enumerate() {
            now = now.after(Duration::from_secs(step.minutes * 60));
            let pool: Vec<Event> = POOL.iter().map(|make| make(now, round)).collect();
            let possible: Vec<_> =
                pool.iter().filter(|event| state.clone().apply(event, now).is_ok()).collect();
            let event = step.choose(&possible);
            let reached = (event.kind(), state.step());
            missing.retain(|(kind, step)| (*kind, step.unwrap_or(reached.1)) != reached);
            state.apply(event, now).unwrap();
        }
        if missing.is_empty() {
            return;
        }
    }
    panic!("never reached: {missing:?}");
}
