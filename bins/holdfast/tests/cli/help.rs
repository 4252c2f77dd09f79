//! Help and version: on standard output, complete, and without colours where they are not wanted.

use crate::machine::{Ended, Machine};

/// Every command that there is.
pub(crate) fn commands() -> Vec<String> {
    agent::command().get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

#[test]
fn help_lists_every_command_and_each_has_its_own() {
    let machine = Machine::new();
    let help = machine.run(&["--help"]);
    assert_eq!((help.status, help.stderr.as_str()), (0, ""));
    let others = ["HOLDFAST_STATE", "HOLDFAST_SERVER", "Exit status", "--json"];
    for words in commands().iter().map(|command| format!("\n  {command} ")).chain(others.map(str::to_owned)) {
        assert!(help.stdout.contains(&words), "'{words}' is missing: {}", help.stdout);
    }
    for command in commands() {
        let help = machine.run(&[&command, "--help"]);
        assert_eq!((help.status, help.stderr.as_str()), (0, ""), "{command}");
        assert!(help.stdout.contains(&format!("Usage: holdfast {command}")), "{}", help.stdout);
    }
    let version = machine.run(&["--version"]);
    assert_eq!(version.stdout, format!("holdfast {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_default_exclusions_are_shown_without_a_state() {
    let machine = Machine::new();
    let shown = machine.run(&["backup", "--show-rules"]);
    assert_eq!(shown.status, 0);
    assert!(shown.stdout.contains(".cache/") && shown.stdout.contains("CACHEDIR.TAG"), "{}", shown.stdout);
    let json = machine.run(&["--json", "backup", "--show-rules"]);
    let rules: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert!(rules.as_array().unwrap().iter().all(|rule| rule["rule"].is_string()), "{rules}");
    assert!(!machine.state().exists());
}

#[test]
fn no_color_is_respected() {
    let machine = Machine::new();
    for args in [&["--help"][..], &["unknown"], &["snapshots"]] {
        let mut command = machine.command(args);
        let ended = Ended::of(command.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").output().unwrap());
        assert!(!format!("{}{}", ended.stdout, ended.stderr).contains('\x1b'), "{ended:?}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let machine = Machine::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = machine.command(&["backup", "--show-rules"]).stdout(writer).status().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn an_output_that_cannot_be_written_is_a_failure() {
    let machine = Machine::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ended = Ended::of(machine.command(&["backup", "--show-rules"]).stdout(full).output().unwrap());
    assert_eq!(ended.status, i32::from(model::code::exit::LOCAL), "{ended:?}");
    ended.says("standard output").says("[disk_full]");
}
