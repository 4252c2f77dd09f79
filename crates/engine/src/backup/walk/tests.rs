//! The order of the walk and what it leaves out.

use super::*;
use std::fs;
use std::path::PathBuf;

fn walk(roots: &[PathBuf], rules: &[&str]) -> Vec<String> {
    let rules: Vec<String> = rules.iter().map(|rule| (*rule).to_owned()).collect();
    let rules = Rules::new(&rules, true, &[]).unwrap();
    let mut walk = Walk::new(normalised(roots), &rules, false);
    let mut seen = Vec::new();
    while let Some(found) = walk.next() {
        let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
        match found {
            Found::Entry(place) => seen.push(text(&place.path)),
            Found::RootGone { path, .. } => seen.push(format!("gone {}", text(&path))),
            Found::RootEnd { path, empty: true } => seen.push(format!("empty {}", text(&path))),
            _ => {}
        }
    }
    seen
}

#[test]
fn entries_come_in_the_order_of_a_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for path in ["a/x", "a!/y", "b", "a-b/z", "skip.tmp"] {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"").unwrap();
    }
    let seen = walk(std::slice::from_ref(&root), &["*.tmp"]);
    let mut sorted = seen.clone();
    sorted.sort_by(|a, b| path::compare(a.as_bytes(), b.as_bytes()));
    assert_eq!(seen, sorted);
    assert_eq!(seen.len(), 8, "{seen:?}");
    assert!(!seen.iter().any(|path| path.ends_with(".tmp")));
}

#[test]
fn roots_are_cleaned_and_those_inside_others_dropped() {
    let paths = ["/b//c/", "/a", "/a/b", "/./d", "/a!"].map(PathBuf::from);
    let clean = normalised(&paths);
    assert_eq!(clean, [&b"/a"[..], b"/a!", b"/b/c", b"/d"].map(<[u8]>::to_vec));
    assert_eq!(normalised(&[PathBuf::from("/"), PathBuf::from("/x")]), [b"/".to_vec()]);
}

#[test]
fn missing_and_empty_roots_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let gone = root.join("gone");
    assert_eq!(walk(std::slice::from_ref(&gone), &[]), [format!("gone {}", gone.display())]);
    let seen = walk(std::slice::from_ref(&root), &[]);
    assert_eq!(seen, [root.display().to_string(), format!("empty {}", root.display())]);
}
