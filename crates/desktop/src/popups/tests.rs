//! Single cases by hand, and any order of beginnings, ends, restarts and hours against the rules as they are said.

use super::*;
use notices::{Value, catalogue};
use proptest::prelude::*;
use std::borrow::Cow;

const HOUR: Duration = Duration::from_hours(1);

fn start() -> Timestamp {
    Timestamp::from_secs(1_800_000_000)
}

fn held(code: &str, values: &[(&'static str, Value)], episode: u64) -> Held {
    let notice = catalogue::find(code).unwrap();
    let values = values.iter().map(|(name, value)| (Cow::from(*name), value.clone())).collect();
    Held { notice, values, episode, since: start() }
}

fn days(number: u32, episode: u64) -> Held {
    held("device_not_backed_up", &[("days", Value::Days(number))], episode)
}

fn folder(name: &str, episode: u64) -> Held {
    held("folder_misconfigured", &[("folder", Value::Text(name.into()))], episode)
}

fn on() -> BTreeSet<Category> {
    [Category::Critical, Category::High, Category::Warning].into()
}

fn place(id: u32) -> Place {
    Place { daemon: "one".into(), id }
}

/// Shows all that is due and says what came up, and takes away what must go.
fn carry_out(memory: &mut Memory, holding: &[Held], on: &BTreeSet<Category>, now: Timestamp) -> Vec<u64> {
    let plan = memory.plan(holding, on, now);
    for place in &plan.withdraw {
        assert!(memory.note_gone(place));
    }
    let shown: Vec<Held> = plan.show.into_iter().cloned().collect();
    for held in &shown {
        memory.note_shown(held, place(u32::try_from(held.episode).unwrap()), now);
    }
    memory.tidy(holding, now);
    shown.iter().map(|held| held.episode).collect()
}

#[test]
fn what_asks_for_action_comes_up_once_a_day_while_it_lasts() {
    let mut memory = Memory::default();
    assert_eq!(carry_out(&mut memory, &[days(7, 1)], &on(), start()), [1]);
    assert_eq!(memory.plan(&[days(7, 1)], &on(), start()).next, Some(start().after(QUIET)));
    // Another number of days in the same episode is no other trouble, and the same trouble again is none either.
    assert_eq!(carry_out(&mut memory, &[days(8, 1)], &on(), start().after(23 * HOUR)), [0; 0]);
    assert_eq!(carry_out(&mut memory, &[], &on(), start().after(23 * HOUR)), [0; 0]);
    assert_eq!(carry_out(&mut memory, &[days(7, 2)], &on(), start().after(23 * HOUR)), [0; 0]);
    assert_eq!(carry_out(&mut memory, &[days(7, 2)], &on(), start().after(24 * HOUR)), [2]);
}

#[test]
fn what_mends_itself_comes_up_once_in_an_episode() {
    let mut memory = Memory::default();
    let busy = |episode| held("backup_interrupted_server_busy", &[], episode);
    assert_eq!(carry_out(&mut memory, &[busy(1)], &on(), start()), [1]);
    assert_eq!(memory.plan(&[busy(1)], &on(), start()).next, None);
    assert_eq!(carry_out(&mut memory, &[busy(1)], &on(), start().after(100 * HOUR)), [0; 0]);
    assert_eq!(carry_out(&mut memory, &[busy(2)], &on(), start().after(101 * HOUR)), [2]);
}

#[test]
fn a_device_that_is_offline_is_calm() {
    let lost = [held("server_connection_lost", &[], 1)];
    assert_eq!(carry_out(&mut Memory::default(), &lost, &on(), start()), [0; 0]);
    assert_eq!(carry_out(&mut Memory::default(), &lost, &Category::ALL.into(), start()), [1]);
}

#[test]
fn a_pop_up_goes_with_its_cause_and_with_its_category() {
    let mut memory = Memory::default();
    carry_out(&mut memory, &[days(7, 1), folder("a", 2)], &on(), start());
    assert_eq!(memory.plan(&[folder("a", 2)], &on(), start()).withdraw, [place(1)]);
    assert_eq!(memory.plan(&[days(7, 1), folder("a", 2)], &BTreeSet::new(), start()).withdraw.len(), 2);
    // What the user has closed is not taken away once more, and does not come back.
    assert!(memory.note_gone(&place(1)) && !memory.note_gone(&place(1)));
    assert_eq!(
        memory.plan(&[folder("a", 2)], &on(), start()),
        Plan { withdraw: vec![], show: vec![], next: Some(start().after(QUIET)) }
    );
}

#[test]
fn the_numbers_of_a_daemon_that_ended_are_never_used() {
    let mut memory = Memory::default();
    carry_out(&mut memory, &[days(7, 1)], &on(), start());
    assert!(!memory.keep_places_of("one"));
    let about = About { code: "device_not_backed_up".into(), values: days(7, 1).values, episode: 1 };
    assert_eq!(memory.find(&place(1)), Some(about.clone()));
    memory.note_gone(&place(1));
    assert_eq!(memory.find(&place(1)), Some(about), "a click may be told after the end");
    assert!(memory.keep_places_of("two"));
    assert_eq!((memory.find(&place(1)), memory.place_of(&days(7, 1))), (None, None));
    assert!(memory.plan(&[], &on(), start()).withdraw.is_empty());
}

#[test]
fn many_folders_at_once_bring_a_few_pop_ups() {
    let mut memory = Memory::default();
    let holding: Vec<_> = (0..500).map(|number| folder(&format!("folder {number}"), number)).collect();
    assert_eq!(carry_out(&mut memory, &holding, &on(), start()).len(), MOST_OF_ONE);
    assert_eq!(carry_out(&mut memory, &holding, &on(), start().after(HOUR)), [0; 0]);
    assert_eq!(carry_out(&mut memory, &holding, &on(), start().after(25 * HOUR)).len(), MOST_OF_ONE);
    // One that is put right makes room.
    let rest = &holding[1..];
    assert_eq!(carry_out(&mut memory, rest, &on(), start().after(26 * HOUR)), [3]);
}

#[test]
fn the_most_important_comes_last_and_so_on_top() {
    let holding = [held("device_deactivated", &[], 1), days(7, 2), held("no_folders", &[], 3)];
    assert_eq!(carry_out(&mut Memory::default(), &holding, &on(), start()), [2, 3, 1]);
}

#[test]
fn an_event_is_told_once_and_lines_below_another_never() {
    let mut memory = Memory::default();
    let event = held("backup_started_on_network", &[("network", Value::Text("Hotel".into()))], 1);
    assert!(!memory.is_wanted(&event, &on()), "Informative is off");
    assert!(memory.is_wanted(&event, &Category::ALL.into()));
    memory.note_shown(&event, place(1), start());
    assert!(!memory.is_wanted(&event, &Category::ALL.into()));
    // It stays until it is closed, and is forgotten after a day.
    assert!(memory.plan(&[], &on(), start()).withdraw.is_empty());
    assert!(!memory.tidy(&[], start().after(HOUR)));
    assert!(memory.tidy(&[], start().after(QUIET)));
    assert_eq!(memory, Memory::default());
    let detail = held("mail_item_errors", &[], 2);
    assert!(memory.plan(&[detail], &Category::ALL.into(), start()).show.is_empty());
}

#[test]
fn a_clock_that_was_years_ahead_silences_nothing_for_years() {
    let mut memory = Memory::default();
    let ahead = start().after(9000 * HOUR);
    carry_out(&mut memory, &[days(7, 1)], &on(), ahead);
    assert!(memory.tidy(&[days(7, 1)], start()));
    assert_eq!(memory.plan(&[days(7, 1)], &on(), start()).next, Some(start().after(QUIET)));
}

/// What can happen.
#[derive(Debug, Clone)]
enum Happening {
    Begins(usize),
    Ends(usize),
    Passes(u32),
    Switched(Category),
    Closed(usize),
    /// No daemon takes anything until it comes back, under another name.
    DaemonEnds,
    DaemonBegins,
    /// What is in memory is lost but for what was kept.
    Restart,
}

/// Notices that can hold, of each category, with and without names, some twice.
fn subjects() -> Vec<Held> {
    let mut subjects: Vec<_> = ["device_deactivated", "no_folders", "backup_canceled_by_administrator"]
        .iter()
        .chain(&["backup_interrupted_server_busy", "server_connection_lost", "backup_complete"])
        .map(|code| held(code, &[], 0))
        .collect();
    subjects.extend(["a", "b", "c", "d", "e"].map(|name| folder(name, 0)));
    subjects.extend([days(7, 0), days(8, 0)]);
    subjects
}

fn happening() -> impl Strategy<Value = Happening> {
    let subject = 0..subjects().len();
    prop_oneof![
        6 => subject.clone().prop_map(Happening::Begins),
        4 => subject.prop_map(Happening::Ends),
        4 => (1..60_u32).prop_map(Happening::Passes),
        1 => proptest::sample::select(Category::ALL.to_vec()).prop_map(Happening::Switched),
        1 => (0..8_usize).prop_map(Happening::Closed),
        1 => Just(Happening::DaemonEnds),
        2 => Just(Happening::DaemonBegins),
        1 => Just(Happening::Restart),
    ]
}

/// A pop-up that came up.
struct CameUp {
    held: Held,
    at: Timestamp,
}

proptest! {
    #[test]
    fn the_rules_hold_whatever_happens(happenings in proptest::collection::vec(happening(), 1..120)) {
        let subjects = subjects();
        let (mut memory, mut on, mut now) = (Memory::default(), on(), start());
        let mut holding: Vec<Held> = Vec::new();
        let (mut episodes, mut lives, mut daemon) = (0, 0, Some(0));
        // What the desktop saw and shows, kept apart from what the code remembers.
        let (mut log, mut there): (Vec<CameUp>, Vec<(Place, Held)>) = (Vec::new(), Vec::new());
        for happening in happenings {
            match happening {
                Happening::Begins(number) => {
                    let subject = &subjects[number];
                    if !holding.iter().any(|h| h.notice == subject.notice && h.values == subject.values) {
                        episodes += 1;
                        holding.push(Held { episode: episodes, since: now, ..subject.clone() });
                    }
                }
                Happening::Ends(number) => holding
                    .retain(|h| h.notice != subjects[number].notice || h.values != subjects[number].values),
                Happening::Passes(hours) => now = now.after(hours * HOUR / 2),
                Happening::Switched(category) => {
                    if !on.remove(&category) {
                        on.insert(category);
                    }
                }
                Happening::Closed(number) if number < there.len() => {
                    prop_assert!(memory.note_gone(&there.remove(number).0));
                }
                Happening::DaemonEnds => {
                    daemon = None;
                    there.clear();
                }
                Happening::DaemonBegins if daemon.is_none() => {
                    lives += 1;
                    daemon = Some(lives);
                }Happening::Restart => {
                    let kept = serde_json::to_string(&memory).unwrap();
                    memory = serde_json::from_str(&kept).unwrap();
                }
                Happening::Closed(_) | Happening::DaemonBegins => {}
            }
            memory.tidy(&holding, now);
            let Some(life) = daemon else { continue };
            let name = format!("daemon {life}");
            memory.keep_places_of(&name);
            let plan = memory.plan(&holding, &on, now);
            let (withdraw, show) = (plan.withdraw, plan.show.into_iter().cloned().collect::<Vec<_>>());
            for place in withdraw {
                let found = there.iter().position(|(other, _)| *other == place);
                prop_assert!(found.is_some(), "taken away, though it is not there");
                there.remove(found.unwrap());
                memory.note_gone(&place);
            }
            for held in show {
                prop_assert!(on.contains(&held.notice.category) && holding.contains(&held));
                let place = memory.place_of(&held).cloned();
                let place = place.unwrap_or(Place { daemon: name.clone(), id: u32::try_from(log.len()).unwrap() });
                memory.note_shown(&held, place.clone(), now);
                there.retain(|(other, _)| *other != place);
                there.push((place, held.clone()));
                log.push(CameUp { held, at: now });
            }
            // Nothing stands there that does not hold, or is switched off.
            for (_, held) in &there {
                prop_assert!(on.contains(&held.notice.category));
                prop_assert!(holding.iter().any(|h| h.episode == held.episode));
            }
            // Nothing that holds and is switched on was left untold.
            for held in holding.iter().filter(|held| on.contains(&held.notice.category)) {
                let urgent = matches!(held.notice.category, Category::Critical | Category::High);
                let told = |up: &CameUp| {
                    let same = up.held.episode == held.episode
                        || (urgent && up.held.notice == held.notice && up.held.values == held.values);
                    same && (!urgent || now.since(up.at) < QUIET)
                };
                let others = holding.iter().filter(|other| other.notice == held.notice).count();
                prop_assert!(log.iter().any(told) || others > MOST_OF_ONE, "{held:?} was never told");
            }
        }
        // Nothing came up more often than it may.
        for (number, later) in log.iter().enumerate() {
            for earlier in &log[..number] {
                let same_episode = earlier.held.episode == later.held.episode;
                let same_words = earlier.held.notice == later.held.notice && earlier.held.values == later.held.values;
                match later.held.notice.category {
                    Category::Critical | Category::High if same_episode || same_words => {
                        prop_assert!(later.at.since(earlier.at) >= QUIET);
                    }
                    Category::Critical | Category::High => {}
                    Category::Warning | Category::Informative => prop_assert!(!same_episode),
                }
            }
        }
    }
}
