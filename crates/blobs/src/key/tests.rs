//! Tests of keys and prefixes.

use proptest::prelude::*;

use super::{Key, KeyProblem, Prefix};
use crate::{Error, ErrorKind};

fn problem(text: &str) -> KeyProblem {
    match Key::parse(text) {
        Err(error @ Error::InvalidKey { problem, .. }) => {
            assert_eq!(error.kind(), ErrorKind::Other);
            problem
        }
        other => panic!("{text:?} gave {other:?}"),
    }
}

#[test]
fn ordinary_keys_are_accepted() {
    let longest = format!("{}/{}", "a".repeat(255), "b".repeat(255));
    for text in ["a", "0", "_", "-", "a.b", "vaults/0f/packs/1-2_3.g1", "a..b", "a.", &longest] {
        assert_eq!(Key::parse(text).unwrap().as_str(), text);
    }
}

#[test]
fn paths_out_of_the_store_are_refused() {
    for text in ["..", ".", "../a", "a/..", "a/../../etc", "a/./b", "./a", ".hidden", "a/.nfs01"] {
        assert_eq!(problem(text), KeyProblem::LeadingDot, "{text}");
    }
    for text in ["/", "/etc/passwd", "a/", "a//b", "//"] {
        assert_eq!(problem(text), KeyProblem::EmptySegment, "{text}");
    }
    for (text, character) in
        [("a\\b", '\\'), ("A", 'A'), ("a b", ' '), ("a\0", '\0'), ("é", 'é'), ("c:", ':'), ("a\n", '\n')]
    {
        assert_eq!(problem(text), KeyProblem::Character(character));
    }
    assert_eq!(problem(""), KeyProblem::Empty);
    assert_eq!(problem(&"a".repeat(256)), KeyProblem::SegmentTooLong);
    assert_eq!(problem(&["a"; 257].join("/")), KeyProblem::TooLong);
}

#[test]
fn parts_of_a_key() {
    let key = Key::parse("a/b").unwrap().join("c/d.x").unwrap();
    assert_eq!(key.as_str(), "a/b/c/d.x");
    assert_eq!(key.name(), "d.x");
    assert_eq!(key.folder(), Some("a/b/c"));
    assert_eq!(key.segments().collect::<Vec<_>>(), ["a", "b", "c", "d.x"]);
    assert_eq!(key.folders().collect::<Vec<_>>(), ["a", "a/b", "a/b/c"]);
    let single = Key::parse("a").unwrap();
    assert_eq!((single.name(), single.folder(), single.folders().count()), ("a", None, 0));
    for rest in ["", "/a", "..", "a/"] {
        assert!(single.join(rest).is_err(), "{rest:?}");
    }
}

#[test]
fn prefixes_are_cut_at_the_last_slash() {
    for (text, folder, stem) in [("", "", ""), ("a", "", "a"), ("a/", "a", ""), ("a/b/c", "a/b", "c")] {
        let prefix = Prefix::parse(text).unwrap();
        assert_eq!((prefix.folder, prefix.stem), (folder, stem), "{text:?}");
    }
    for text in ["/", "..", "../", "a//", "a/..", "a/.", "A", "a\\"] {
        assert!(Prefix::parse(text).is_err(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn an_accepted_key_stays_inside(text in "[a-c./\\\\A]{0,12}") {
        if let Ok(key) = Key::parse(&text) {
            let root = std::path::Path::new("/root");
            let path = root.join(key.as_str());
            let normal = |c| matches!(c, std::path::Component::Normal(_));
            prop_assert!(path.strip_prefix(root).unwrap().components().all(normal));
            prop_assert_eq!(path.strip_prefix(root).unwrap().to_str(), Some(key.as_str()));
        }
    }

    #[test]
    fn every_beginning_of_a_key_is_a_prefix(text in "[a-z0-9_-]{1,4}(/[a-z0-9._-]{1,4}){0,3}", at in 0usize..20) {
        if let Ok(key) = Key::parse(&text) {
            let at = at.min(key.as_str().len());
            prop_assert!(Prefix::parse(&key.as_str()[..at]).is_ok());
        }
    }
}
