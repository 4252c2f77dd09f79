//! The rule against one honest device, and against two copies of it in every order of steps.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// The server's side: the counter, and the numbers whose leases are live, voided as `grant` does it.
#[derive(Default)]
struct Server {
    counter: Counter,
    live: BTreeSet<u64>,
    cloned: bool,
}

impl Server {
    fn ask(&mut self, shown: Option<u64>) -> Option<u64> {
        let before = self.counter.confirmed.unwrap_or(0);
        match self.counter.rotate(shown) {
            CounterOutcome::Rotated { next } | CounterOutcome::Reissued { next } => {
                self.live.retain(|number| *number <= before || Some(*number) == shown);
                assert!(self.live.insert(next), "{next} was given twice");
                Some(next)
            }
            CounterOutcome::Cloned => {
                self.cloned = true;
                self.live.clear();
                None
            }
        }
    }

    fn work(&mut self, number: u64) -> bool {
        self.counter.confirm(number);
        self.live.contains(&number)
    }
}

/// The device's side: what survives a crash, and what does not.
#[derive(Clone, Copy, Default)]
struct Machine {
    stored: Option<u64>,
    lease: Option<u64>,
    runs: u32,
    asked_since_both_ran: bool,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Ask { answer_arrives: bool },
    Work,
    Crash,
}

impl Machine {
    fn step(&mut self, step: Step, server: &mut Server) {
        match step {
            Step::Ask { answer_arrives } => {
                let answer = server.ask(self.stored);
                if let (true, Some(next)) = (answer_arrives, answer) {
                    (self.stored, self.lease) = (Some(next), Some(next));
                }
            }
            Step::Work => {
                if let Some(number) = self.lease.take()
                    && server.work(number)
                {
                    self.runs += 1;
                }
            }
            Step::Crash => self.lease = None,
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<bool>().prop_map(|answer_arrives| Step::Ask { answer_arrives }),
        Just(Step::Work),
        Just(Step::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn lost_answers_and_crashes_never_lock_an_honest_device_out(steps in prop::collection::vec(step(), 0..60)) {
        let (mut server, mut machine) = (Server::default(), Machine::default());
        for step in steps {
            machine.step(step, &mut server);
            prop_assert!(!server.cloned);
        }
        machine.step(Step::Ask { answer_arrives: true }, &mut server);
        let runs = machine.runs;
        machine.step(Step::Work, &mut server);
        prop_assert_eq!(machine.runs, runs + 1);
    }

    #[test]
    fn an_older_or_rebuilt_database_locks_nobody_out(
        before in prop::collection::vec(step(), 0..20),
        lost in prop::collection::vec(step(), 0..20),
        after in prop::collection::vec(step(), 0..20),
        rebuilt in any::<bool>(),
    ) {
        let (mut server, mut machine) = (Server::default(), Machine::default());
        before.into_iter().for_each(|step| machine.step(step, &mut server));
        let copy = if rebuilt { Counter::default() } else { server.counter };
        lost.into_iter().for_each(|step| machine.step(step, &mut server));
        let mut server = Server { counter: copy, ..Server::default() };
        machine.lease = None;
        for step in after {
            machine.step(step, &mut server);
            prop_assert!(!server.cloned);
        }
    }

    #[test]
    fn a_copy_is_noticed_once_both_have_run_and_ask_again(
        before in prop::collection::vec(step(), 0..12),
        after in prop::collection::vec((any::<bool>(), step()), 0..80),
    ) {
        let (mut server, mut original) = (Server::default(), Machine::default());
        before.into_iter().for_each(|step| original.step(step, &mut server));
        // A copied disk has what is stored, not the lease of a running process.
        let fresh = Machine { lease: None, runs: 0, ..original };
        let mut machines = [fresh, fresh];
        for (which, step) in after {
            let both_ran = machines.iter().all(|machine| machine.runs > 0);
            machines[usize::from(which)].step(step, &mut server);
            if both_ran && matches!(step, Step::Ask { .. }) {
                machines[usize::from(which)].asked_since_both_ran = true;
            }
            if machines.iter().all(|machine| machine.asked_since_both_ran) {
                prop_assert!(server.cloned, "both copies ran and asked again, and nobody noticed");
            }
            if server.cloned {
                return Ok(());
            }
        }
    }
}

#[test]
fn two_copies_in_step_cannot_both_work_on_numbers_of_one_round() {
    let mut server = Server::default();
    let first = server.ask(None).unwrap();
    assert!(server.work(first));
    let (a, b) = (server.ask(Some(first)).unwrap(), server.ask(Some(first)).unwrap());
    assert!(!server.work(a), "the answer to the later copy voids the earlier one");
    assert!(server.work(b));
    assert_eq!(server.ask(Some(a)), None);
}

#[test]
fn a_number_that_was_given_and_passed_over_shows_a_copy_even_before_the_other_works() {
    let mut counter = Counter { confirmed: Some(4), given: Some(4) };
    assert_eq!(counter.rotate(Some(4)), CounterOutcome::Rotated { next: 5 });
    assert_eq!(counter.rotate(Some(4)), CounterOutcome::Reissued { next: 6 });
    assert_eq!(counter.rotate(Some(5)), CounterOutcome::Cloned);
}

#[test]
fn a_lost_answer_is_told_from_one_that_arrived() {
    let mut counter = Counter::default();
    assert_eq!(counter.rotate(None), CounterOutcome::Rotated { next: 1 });
    assert_eq!(counter.rotate(None), CounterOutcome::Reissued { next: 2 });
    assert_eq!(counter.rotate(Some(2)), CounterOutcome::Rotated { next: 3 });
    assert!(counter.confirm(3));
    assert!(!counter.confirm(3));
    assert_eq!(counter.rotate(Some(2)), CounterOutcome::Cloned);
    assert_eq!(counter, Counter { confirmed: Some(3), given: Some(3) });
}

#[test]
fn numbers_that_no_column_holds_are_refused() {
    for number in [LARGEST, u64::MAX] {
        assert_eq!(Counter::default().rotate(Some(number)), CounterOutcome::Cloned);
    }
}
