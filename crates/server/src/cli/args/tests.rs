//! The command line is consistent, has examples, and reads what it should.

use super::*;

fn parse(line: &str) -> Result<Line, clap::Error> {
    let words = std::iter::once("holdfast-server").chain(line.split_whitespace());
    Line::from_arg_matches(&Line::command().try_get_matches_from(words)?)
}

#[test]
fn the_definition_is_consistent() {
    Line::command().debug_assert();
}

#[test]
fn every_command_has_an_example_that_the_parser_takes() {
    fn look(command: &clap::Command, path: &str) {
        for subcommand in command.get_subcommands() {
            let path = format!("{path} {}", subcommand.get_name());
            look(subcommand, &path);
            if subcommand.has_subcommands() {
                continue;
            }
            let after = subcommand.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples: Vec<&str> = after.lines().filter_map(|line| line.strip_prefix("  ")).collect();
            assert!(!examples.is_empty(), "{path}");
            for example in examples {
                let words = example.split(" > ").next().unwrap().strip_prefix("holdfast-server");
                assert!(example.starts_with(&path) && parse(words.unwrap()).is_ok(), "{example}");
            }
        }
    }
    look(&Line::command(), "holdfast-server");
}

#[test]
fn the_folder_may_stand_before_and_after() {
    for line in ["--data /d user list --json", "user list --data /d --json", "--json user --data /d list"] {
        let line = parse(line).unwrap();
        assert_eq!((line.data, line.json), (Some(PathBuf::from("/d")), true));
    }
}

#[test]
fn times_and_sizes_are_read_where_they_belong() {
    let Verb::Settings(Settings::Set(set)) =
        parse("settings set --grace 0s --undo 2d --reserve 8MiB").unwrap().verb
    else {
        panic!("another command");
    };
    let change = set.into_change();
    assert_eq!((change.grace_seconds, change.undo_seconds), (Some(0), Some(172_800)));
    assert_eq!((change.reserve_bytes, change.urls), (Some(8 << 20), None));
    assert!(parse("settings set").is_err());
    assert!(parse("retention set").is_err());
    assert!(parse("token create --user a --expires never").is_err());
}
