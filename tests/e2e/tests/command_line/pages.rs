//! What is made from the definitions of both command lines: a part of `docs/cli.md`, completions, manual pages.

use crate::shape::assert_document;
use e2e::Outcome;
use e2e::command::program;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

const PROGRAMS: [&str; 2] = ["holdfast", "holdfast-server"];
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");

/// The program in an environment that holds nothing of the user's.
fn run(name: &str, arguments: &[&str]) -> Outcome {
    let mut command = Command::new(program(name));
    Outcome::of(command.args(arguments).env_clear().env("PATH", "/usr/bin:/bin"))
}

fn help(command: &str) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    run(words[0], &[&words[1..], &["--help"]].concat()).ok().stdout
}

/// The commands that a command has, by their place in its help.
fn subcommands(command: &str) -> Vec<String> {
    let help = help(command);
    let listed = help.split_once("\nCommands:\n").map_or("", |(_, rest)| rest);
    let names = listed.lines().take_while(|line| !line.is_empty()).filter_map(|line| {
        // A description that goes on in the next line stands further to the right.
        let name = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))?.split(' ').next()?;
        (name != "help").then(|| format!("{command} {name}"))
    });
    names.collect()
}

/// Every command that does something.
fn commands() -> Vec<String> {
    let mut open: Vec<String> = PROGRAMS.map(str::to_owned).to_vec();
    let mut found = Vec::new();
    while let Some(command) = open.pop() {
        let below = subcommands(&command);
        if below.is_empty() {
            found.push(command);
        }
        open.extend(below);
    }
    found.sort();
    found
}

/// With `UPDATE_DOCS=1` the part of the page that is made from the definitions is written anew.
#[test]
fn the_page_has_the_help_of_every_command() {
    const BEGIN: &str = "## Help of every command\n";
    let page = fs::read_to_string(PAGE).unwrap();
    let (by_hand, _) = page.split_once(BEGIN).expect("the page has the heading of the part that is made");
    let mut made =
        format!("{by_hand}{BEGIN}\nThis part is made from the definitions of both command lines.\n");
    for command in PROGRAMS.map(str::to_owned).into_iter().chain(commands()) {
        made += &format!("\n### {command}\n\n```text\n{}```\n", help(&command));
    }
    if std::env::var("UPDATE_DOCS").is_ok_and(|value| value == "1") {
        fs::write(PAGE, &made).unwrap();
        return;
    }
    let differs = made.lines().zip(page.lines()).find(|(made, written)| made != written);
    assert!(made == page, "docs/cli.md is out of date, UPDATE_DOCS=1 writes it anew: {differs:?}");
}

/// What bash would offer for the last of these words.
fn completed(name: &str, script: &Path, words: &[&str]) -> Vec<String> {
    let line = r#"source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        function=$(complete -p "$1"); function=${function##*-F }; function=${function%% *}
        "$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", line, "bash"]).arg(script).arg(name).args(words);
    Outcome::of(&mut bash).ok().stdout.lines().map(str::to_owned).collect()
}

#[test]
fn a_shell_completes_commands_and_options() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&str, &[&str], &str); 4] = [
        ("holdfast", &["rest"], "restore"),
        ("holdfast", &["restore", "--conf"], "--conflict"),
        ("holdfast-server", &["user", "ad"], "add"),
        ("holdfast-server", &["settings", "set", "--gra"], "--grace"),
    ];
    for (name, words, expected) in cases {
        let script = folder.path().join(name);
        fs::write(&script, run(name, &["completions", "bash"]).ok().stdout).unwrap();
        assert_eq!(completed(name, &script, words), [expected], "{name} {words:?}");
    }
    for name in PROGRAMS {
        for shell in ["zsh", "fish"] {
            let document =
                assert_document(&run(name, &["completions", shell, "--json"]).ok(), "script:text shell:text");
            assert!(document["script"].as_str().unwrap().contains("completions"), "{name} {shell}");
        }
        run(name, &["completions", "cmd.exe"]).fails_with(model::Code::Usage);
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().to_str().unwrap();
    for name in PROGRAMS {
        run(name, &["man", to]).ok();
        run(name, &["man", &folder.path().join("missing").display().to_string()])
            .fails_with(model::Code::PathMissing);
    }
    // Into a folder with a name that is no text, too.
    let odd = folder.path().join(OsStr::from_bytes(b"\xff"));
    fs::create_dir(&odd).unwrap();
    for name in PROGRAMS {
        let outcome = Outcome::of(Command::new(program(name)).args(["man", "--json"]).arg(&odd)).ok();
        let document = assert_document(&outcome, "to:text to_base64:text");
        assert!(document["to"].as_str().unwrap().ends_with("/\u{fffd}"), "{document}");
    }
    for command in commands() {
        let page = folder.path().join(format!("{}.1", command.replace(' ', "-")));
        let text = fs::read_to_string(&page).unwrap_or_else(|error| panic!("{command}: {error}"));
        assert!(text.contains(".TH ") && text.contains("Example"), "{text}");
    }
}
