//! The two tables hold together, and nothing of the catalogue is forgotten.

use notices::{Clearing, Notice, Role, catalogue};
use status::{Does, Kind, RULES, Rule, STANDING, Source, Standing, Step};
use std::collections::BTreeSet;

/// Mail is not read yet; its notices come with that.
fn is_of_mail(notice: &Notice) -> bool {
    notice.clears == Clearing::MailRead
}

fn raises() -> impl Iterator<Item = (&'static Notice, &'static [(&'static str, Source)])> {
    RULES.iter().flat_map(|rule| rule.effects).filter_map(|effect| match effect.does {
        Does::Raise(notice, values) => Some((notice, values)),
        Does::Clear(_) => None,
    })
}

fn cleared() -> Vec<Clearing> {
    let effects = RULES.iter().flat_map(|rule| rule.effects);
    let clearings = effects.filter_map(|effect| match effect.does {
        Does::Clear(clearing) => Some(clearing),
        Does::Raise(..) => None,
    });
    clearings.collect()
}

#[test]
fn each_event_has_one_rule_for_a_step_at_most() {
    for kind in Kind::ALL {
        let rules = || RULES.iter().filter(|rule| rule.event == *kind);
        assert!(rules().count() > 0, "{kind:?} can never happen");
        for step in Step::ALL {
            assert!(rules().filter(|rule| rule.steps.contains(&step)).count() <= 1, "{kind:?} in {step:?}");
        }
    }
}

#[test]
fn every_notice_is_raised_by_events_or_by_what_is_so() {
    for notice in catalogue::all() {
        let raised = raises().any(|(raised, _)| raised.code == notice.code);
        let expected = !is_of_mail(notice);
        assert_eq!(raised || Standing::is(notice), expected, "{}", notice.code);
        assert!(!(raised && Standing::is(notice)), "{}: one of both", notice.code);
    }
}

#[test]
fn every_notice_is_given_what_its_text_needs() {
    let standing = STANDING.iter().map(|row| (row.notice, row.values));
    for (notice, values) in raises().chain(standing) {
        let given: BTreeSet<_> = values.iter().map(|(name, _)| *name).collect();
        let needed: BTreeSet<_> = notice.parameters.iter().map(|parameter| parameter.name).collect();
        assert_eq!(given, needed, "{}", notice.code);
    }
}

#[test]
fn what_clears_a_notice_can_happen() {
    let (happens, mut used) = (cleared(), Vec::new());
    for (notice, _) in raises() {
        used.push(notice.clears);
        let over = notice.role == Role::Event || happens.contains(&notice.clears);
        assert!(over, "{} would hold for ever", notice.code);
    }
    for clearing in happens {
        assert!(used.contains(&clearing), "{clearing:?} clears nothing");
    }
    // A standing notice ends with its condition. What its row of the catalogue names must be nobody else's.
    for row in STANDING {
        assert!(!used.contains(&row.notice.clears), "{}", row.notice.code);
    }
}

#[test]
fn a_run_that_ends_has_an_end() {
    for Rule { event, steps, to, ends, .. } in RULES {
        assert_eq!(*to == Some(Step::Idle), ends.is_some(), "{event:?} in {steps:?}");
    }
}

#[test]
fn kinds_are_written_as_their_events() {
    for kind in Kind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        assert!(kind.meaning().ends_with('.'), "{kind:?}");
    }
    for step in Step::ALL {
        assert_eq!(serde_json::to_value(step).unwrap(), step.as_str());
    }
}
