//! States of every kind: none, closed, damaged, locked, of a newer version, and an activated one without its server.

use crate::help::commands;
use crate::machine::{Ended, Machine};
use agent::state::State;
use model::Code;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;

/// Nobody listens here.
const NOWHERE: &str = "https://127.0.0.1:1";

#[test]
fn without_activation_every_command_says_so_and_makes_nothing() {
    let machine = Machine::new();
    std::fs::create_dir(machine.path().join("data")).unwrap();
    let all = [
        &["backup", "data"][..],
        &["status"],
        &["cancel"],
        &["pause", "1h"],
        &["resume"],
        &["history"],
        &["open"],
        &["folders", "list"],
        &["networks", "list"],
        &["settings"],
        &["snapshots"],
        &["tag", "latest"],
        &["ls", "latest"],
        &["find", "*"],
        &["diff", "latest:/a", "latest:/b"],
        &["top"],
        &["restore", "latest", "--to", "out"],
        &["mount", "data"],
        &["cat", "latest:/a"],
        &["verify"],
        &["findings"],
        &["why", "data"],
        &["diagnose"],
        &["agent", "run"],
        &["deactivate"],
    ];
    let mut commands = commands();
    // These need no device.
    commands.retain(|command| !["activate", "completions", "man", "notices"].contains(&command.as_str()));
    assert_eq!(all.map(|args| args[0]), commands[..]);
    for args in all {
        machine.run(args).is_error(Code::NotActivated).says("holdfast activate");
        machine.run(&[&["--json"], args].concat()).is_json_error(Code::NotActivated);
    }
    assert!(!machine.state().exists() && !machine.path().join("out").exists());
}

#[test]
fn the_usual_place_of_the_state_is_below_the_home_of_an_ordinary_user() {
    let machine = Machine::new();
    let home = machine.path().join("home");
    let run = |variable: &str, value: &Path| {
        let mut command = machine.command(&["snapshots"]);
        command.env_remove("HOLDFAST_STATE").env(variable, value);
        as_ordinary_user(&mut command, machine.path());
        Ended::of(command.output().unwrap())
    };
    let expected = |below: &str| home.join(below).display().to_string();
    run("HOME", &home).is_error(Code::NotActivated).says(&expected(".local/state/holdfast"));
    run("XDG_STATE_HOME", &home).is_error(Code::NotActivated).says(&expected("holdfast"));
    run("OTHER", &home).is_error(Code::StateDenied).says("HOLDFAST_STATE");
}

/// Whatever this test runs as, the program runs without special rights.
fn as_ordinary_user(command: &mut std::process::Command, folder: &Path) {
    const NOBODY: u32 = 65534;
    if std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
        // The program may lie where only root can go.
        let copy = folder.join("holdfast");
        std::fs::copy(env!("CARGO_BIN_EXE_holdfast"), &copy).unwrap();
        std::fs::set_permissions(&copy, PermissionsExt::from_mode(0o755)).unwrap();
        let mut other = std::process::Command::new(copy);
        other.args(command.get_args()).current_dir(folder).env_clear().uid(NOBODY).gid(NOBODY);
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                other.env(name, value);
            }
        }
        *command = other;
    }
}

#[test]
fn a_state_folder_without_permission_is_named() {
    let machine = Machine::activated(NOWHERE);
    let close = |mode| std::fs::set_permissions(machine.state(), PermissionsExt::from_mode(mode)).unwrap();
    let run = |args: &[&str]| {
        let mut command = machine.command(args);
        as_ordinary_user(&mut command, machine.path());
        Ended::of(command.output().unwrap())
    };
    close(0o000);
    let state = machine.state().display().to_string();
    run(&["snapshots"]).is_error(Code::StateDenied).says(&state).says("HOLDFAST_STATE");
    run(&["backup", "/etc"]).is_error(Code::StateDenied);
    run(&["deactivate"]).is_error(Code::StateDenied);
    run(&["--json", "verify"]).is_json_error(Code::StateDenied);
    close(0o700);
    assert!(machine.state().join("identity/device").exists(), "nothing was changed");
}

#[test]
fn a_state_that_cannot_be_made_is_named() {
    let machine = Machine::new();
    std::fs::write(machine.path().join("file"), b"").unwrap();
    let mut command = machine.command(&["activate", &token()]);
    command.env("HOLDFAST_STATE", machine.path().join("file/state"));
    Ended::of(command.output().unwrap()).is_error(Code::LocalFailed).says("file/state");
    let mut command = machine.command(&["activate", &token()]);
    as_ordinary_user(&mut command, machine.path());
    command.env("HOLDFAST_STATE", "/proc/state");
    let ended = Ended::of(command.output().unwrap());
    assert!(
        [Code::StateDenied, Code::LocalFailed].iter().any(|code| ended.stderr.contains(code.as_str())),
        "{ended:?}"
    );
}

/// A token of a server that is not there.
fn token() -> String {
    api::Token::new(vec![NOWHERE.into()], api::Pin::Authority([1; 32]), api::Secret::random())
        .unwrap()
        .to_text()
}

#[test]
fn a_damaged_identity_is_told_and_can_be_replaced() {
    let machine = Machine::activated(NOWHERE);
    let file = machine.state().join("identity/device");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 10]).unwrap();
    for args in [&["snapshots"][..], &["backup", "/etc"], &["deactivate"]] {
        machine.run(args).is_error(Code::IdentityDamaged).says("identity/device").says("new token");
    }
    // The way out of it that the advice names gets as far as the server.
    machine.run(&["activate", &token()]).says("[server_unreachable]");
    assert!(!file.exists());
    let kept = std::fs::read_dir(machine.state().join("identity")).unwrap();
    let kept: Vec<_> = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(kept.iter().any(|name| name.starts_with("damaged-")), "{kept:?}");

    let newer = String::from_utf8(bytes).unwrap().replacen("identity 1 ", "identity 2 ", 1);
    std::fs::write(&file, newer).unwrap();
    machine.run(&["snapshots"]).is_error(Code::FormatTooNew);
}

#[test]
fn one_run_at_a_time_works_on_a_state() {
    let machine = Machine::activated(NOWHERE);
    let _lock = State::at(machine.state()).lock().unwrap();
    let holder = format!("process {}", std::process::id());
    machine.run(&["backup", "/etc"]).is_error(Code::StateLocked).says(&holder);
    machine.run(&["deactivate"]).is_error(Code::StateLocked);
    machine.run(&["--json", "activate", &token()]).is_json_error(Code::StateLocked);
    // Reading needs no lock: it gets as far as the server.
    machine.run(&["snapshots"]).is_error(Code::ServerUnreachable);
}

#[test]
fn a_server_that_is_not_there_is_told_with_its_address() {
    let machine = Machine::activated(NOWHERE);
    machine.run(&["snapshots"]).is_error(Code::ServerUnreachable).says("127.0.0.1:1");
    machine.run(&["--json", "ls", "latest"]).is_json_error(Code::ServerUnreachable);
    let mut command = machine.command(&["snapshots"]);
    command.env("HOLDFAST_SERVER", "https://127.0.0.1:2");
    Ended::of(command.output().unwrap()).is_error(Code::ServerUnreachable).says("127.0.0.1:2");
    let mut command = machine.command(&["snapshots"]);
    command.env("HOLDFAST_SERVER", "http://127.0.0.1:2");
    Ended::of(command.output().unwrap()).is_error(Code::Usage).says("https");
    let mut command = machine.command(&["snapshots"]);
    command.env("HOLDFAST_SERVER", std::ffi::OsStr::from_bytes(b"\xff"));
    Ended::of(command.output().unwrap()).is_error(Code::Usage).says("\u{fffd}: ");

    let fresh = Machine::new();
    fresh.run(&["activate", &token()]).is_error(Code::ServerUnreachable);
    let mut kept = std::fs::read_dir(fresh.state().join("identity")).unwrap();
    let is_pending = |name: std::ffi::OsString| name.to_string_lossy().starts_with("pending-");
    assert!(kept.any(|entry| is_pending(entry.unwrap().file_name())), "the next try is the same device");
    fresh.run(&["snapshots"]).is_error(Code::NotActivated);
}

#[test]
fn a_filter_of_the_log_that_cannot_be_read_is_told() {
    let machine = Machine::new();
    for (filter, is_told) in [("client=debug", false), ("client=loud", true)] {
        let mut command = machine.command(&["snapshots"]);
        let ended = Ended::of(command.env("HOLDFAST_LOG", filter).output().unwrap());
        assert_eq!(ended.stderr.contains("warning: HOLDFAST_LOG='client=loud'"), is_told, "{ended:?}");
        ended.says("[not_activated]");
    }
}

#[test]
fn settings_with_a_mistake_are_told_with_its_line() {
    let machine = Machine::activated(NOWHERE);
    std::fs::write(machine.state().join("settings/settings.toml"), "version = 1\n[sets.a]\npath = []\n")
        .unwrap();
    machine.run(&["backup"]).is_error(Code::SettingsInvalid).says("settings.toml").says("line 3");
}

#[test]
fn what_to_back_up_is_checked_before_the_server_is_asked() {
    let machine = Machine::activated(NOWHERE);
    machine.run(&["backup"]).is_error(Code::SetEmpty).says("holdfast backup PATH");
    machine.run(&["backup", "--set", "work"]).is_error(Code::SetUnknown).says("'work'");
    machine.run(&["backup", "gone"]).is_error(Code::PathMissing).says("gone");
    machine.run(&["backup", "--set", "a/b", "."]).is_error(Code::NameInvalid);
}
