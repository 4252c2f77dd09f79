//! Which set is meant, by what is named and what is stored.

use super::*;
use model::Code;

fn wish(paths: &[&str]) -> Wish {
    Wish { paths: paths.iter().map(PathBuf::from).collect(), ..Wish::default() }
}

fn named(name: &str, paths: &[&str]) -> Wish {
    Wish { set: Some(name.into()), ..wish(paths) }
}

fn pick(settings: &mut Settings, wish: &Wish) -> Result<(String, Change), Code> {
    let choice = choose(settings, wish, |path| match path.file_name().and_then(|name| name.to_str()) {
        Some("gone") => Err(io::ErrorKind::NotFound.into()),
        Some("closed") => Err(io::ErrorKind::PermissionDenied.into()),
        Some("stale") => Err(io::Error::other("the other end is not connected")),
        _ => Ok(()),
    });
    choice.map(|choice| (choice.name, choice.change)).map_err(|error| error.code())
}

fn chosen(name: &str, change: Change) -> Result<(String, Change), Code> {
    Ok((name.to_owned(), change))
}

#[test]
fn folders_make_a_set_and_find_it_again() {
    let mut settings = Settings::default();
    let documents = wish(&["/home/ada/Documents"]);
    assert_eq!(pick(&mut settings, &documents), chosen("Documents", Change::Created));
    assert_eq!(pick(&mut settings, &documents), chosen("Documents", Change::None));
    // Another folder of that name.
    assert_eq!(pick(&mut settings, &wish(&["/srv/Documents"])), chosen("Documents-2", Change::Created));
    // The order of folders makes no other set, and the same twice is once.
    assert_eq!(pick(&mut settings, &wish(&["/a", "/b"])), chosen("a", Change::Created));
    assert_eq!(pick(&mut settings, &wish(&["/b", "/a", "/b"])), chosen("a", Change::None));
    assert_eq!(pick(&mut settings, &wish(&["/"])), chosen("root", Change::Created));
    assert_eq!(pick(&mut settings, &wish(&["/x/my files: all"])), chosen("my-files--all", Change::Created));
}

#[test]
fn nothing_named_means_the_default_or_the_only_set() {
    let mut settings = Settings::default();
    assert_eq!(pick(&mut settings, &wish(&[])), Err(Code::SetEmpty));
    pick(&mut settings, &wish(&["/a"])).unwrap();
    assert_eq!(pick(&mut settings, &wish(&[])), chosen("a", Change::None));
    pick(&mut settings, &wish(&["/b"])).unwrap();
    let unclear = choose(&mut settings, &wish(&[]), |_| Ok(())).unwrap_err();
    assert!(unclear.to_string().contains("a, b") && unclear.advice().contains("--set"), "{unclear}");
    pick(&mut settings, &named("default", &["/c"])).unwrap();
    assert_eq!(pick(&mut settings, &wish(&[])), chosen("default", Change::None));
}

#[test]
fn a_set_is_never_changed_silently() {
    let mut settings = Settings::default();
    pick(&mut settings, &named("work", &["/a"])).unwrap();
    let before = settings.clone();
    let other = [
        named("work", &["/b"]),
        Wish { exclude: vec!["*.o".into()], ..wish(&["/a"]) },
        Wish { one_file_system: true, ..named("work", &[]) },
        Wish { no_default_exclusions: true, ..wish(&[]) },
    ];
    for wish in &other {
        assert_eq!(pick(&mut settings, wish), Err(Code::Usage), "{wish:?}");
    }
    assert_eq!(settings, before);
    for wish in other {
        let update = Wish { update: true, ..wish };
        assert_eq!(
            pick(&mut settings, &Wish { set: Some("work".into()), ..update }),
            chosen("work", Change::Updated)
        );
        assert_ne!(settings, before);
    }
    // What was not named has stayed.
    let set = &settings.sets["work"];
    assert_eq!(set.exclude, ["*.o"]);
    assert!(set.one_file_system && !set.default_exclusions);
}

#[test]
fn names_and_folders_that_are_not_there_are_refused() {
    let mut settings = Settings::default();
    assert_eq!(pick(&mut settings, &named("work", &[])), Err(Code::SetUnknown));
    assert_eq!(pick(&mut settings, &wish(&["/gone"])), Err(Code::PathMissing));
    assert_eq!(pick(&mut settings, &wish(&["/a", "/closed"])), Err(Code::LocalDenied));
    assert_eq!(pick(&mut settings, &wish(&["/stale"])), Err(Code::LocalFailed));
    assert_eq!(settings, Settings::default());
    for bad in ["", "a/b", "a b", "a\n", &"x".repeat(65)] {
        assert_eq!(pick(&mut settings, &named(bad, &["/a"])), Err(Code::NameInvalid), "{bad:?}");
    }
    // A folder that vanished later is the run's business: its last version is kept and reported.
    pick(&mut settings, &named("work", &["/a"])).unwrap();
    settings.sets.get_mut("work").unwrap().paths = vec![StoredPath("/x/gone".into())];
    assert_eq!(pick(&mut settings, &wish(&["/x/gone"])), chosen("work", Change::None));
}
