//! What every row must keep to.

use super::*;
use crate::template::{Piece, forms, pieces};
use crate::{Action, NONE, Role};
use std::collections::BTreeSet;

/// Every text in which a notice may be told: its status, its sub-status and those of its variants.
fn texts(notice: &Notice) -> impl Iterator<Item = &'static str> {
    let variants = notice.variants.iter().map(|variant| variant.sub_status);
    [notice.status, notice.sub_status].into_iter().chain(variants)
}

fn placeholders(text: &str) -> Vec<&str> {
    let names = pieces(text).filter_map(|piece| match piece {
        Piece::Placeholder(name) => Some(name),
        Piece::Words(_) => None,
    });
    names.collect()
}

#[test]
fn codes_are_used_once_and_are_snake_case() {
    let codes: BTreeSet<_> = all().iter().map(|notice| notice.code).collect();
    assert_eq!(codes.len(), all().len());
    for notice in all() {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(notice.code.starts_with(|c: char| c.is_ascii_lowercase()), "{}", notice.code);
        assert!(notice.code.chars().all(is_plain), "{}", notice.code);
        assert_eq!(find(notice.code).map(|found| found.code), Some(notice.code));
    }
    assert_eq!(find("no_such_notice"), None);
}

#[test]
fn every_row_is_filled_in() {
    for notice in all() {
        let code = notice.code;
        assert!(!notice.status.is_empty() && !notice.sub_status.is_empty(), "{code}");
        for sentence in [notice.description, notice.next, notice.action] {
            assert!(sentence.ends_with('.') && !sentence.contains("  "), "{code}: {sentence}");
            assert!(sentence.starts_with(|c: char| c.is_ascii_uppercase()), "{code}: {sentence}");
        }
        assert_eq!(notice.role == Role::Event, notice.clears == crate::Clearing::AtOnce, "{code}");
        assert!(notice.variants.iter().all(|variant| !variant.platforms.is_empty()), "{code}");
    }
}

#[test]
fn every_placeholder_has_its_parameter_and_every_parameter_its_placeholder() {
    for notice in all() {
        let code = notice.code;
        for text in texts(notice) {
            assert!(!text.contains("inSync"), "{text}");
            let found = placeholders(text);
            // Nothing is left that looks like half of one.
            let whole: String = found.iter().map(|name| format!("<{name}>")).collect();
            assert_eq!(text.matches(['<', '>']).count(), whole.matches(['<', '>']).count(), "{text}");
            for name in found {
                let bound = notice.parameters.iter().filter(|parameter| parameter.placeholder == name);
                assert_eq!(bound.count(), 1, "{code}: <{name}>");
            }
        }
        let names: BTreeSet<_> = notice.parameters.iter().map(|parameter| parameter.name).collect();
        assert_eq!(names.len(), notice.parameters.len(), "{code}: a name is used twice");
        for parameter in notice.parameters {
            // On each platform, each value that must be given is told.
            let told = |sub_status| {
                placeholders(notice.status)
                    .into_iter()
                    .chain(placeholders(sub_status))
                    .any(|name| name == parameter.placeholder)
            };
            assert!(texts(notice).skip(1).all(told), "{code}: {}", parameter.name);
        }
    }
}

#[test]
fn forms_differ_in_the_day_alone() {
    for text in all().iter().flat_map(|notice| texts(notice)) {
        let mut forms = forms(text);
        let first = forms.next().unwrap();
        let others: Vec<_> = forms.collect();
        assert!(others.is_empty() || others == [first.replace("today", "yesterday")], "{text}");
    }
}

#[test]
fn a_headline_of_its_own_stands_above_every_detail() {
    for detail in all().iter().filter(|notice| notice.role == Role::Detail) {
        let is_headline = |notice: &&&Notice| notice.role == Role::State && notice.status == detail.status;
        assert!(all().iter().any(|notice| is_headline(&notice)), "{}", detail.code);
        assert_ne!(detail.sub_status, NONE);
    }
}

#[test]
fn what_a_text_says_of_clicks_is_offered() {
    for notice in all() {
        let (code, offers) = (notice.code, notice.offers);
        // More than three do not fit beside each other on a pop-up.
        assert!((1..=3).contains(&offers.len()), "{code}");
        let labels: BTreeSet<_> = offers.iter().map(|action| action.label()).collect();
        assert_eq!(labels.len(), offers.len(), "{code}: two look the same");
        assert!(offers.contains(&Action::Details), "{code}: each has more to say than fits");
        let disables = texts(notice).any(|text| text.contains("Click here to disable backup"));
        assert_eq!(disables, offers[0] == Action::DisableOnNetwork, "{code}");
    }
}
