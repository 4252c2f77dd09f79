//! Wrong command lines: status 2 and a hint, and with `--json` the same as a document.

use crate::machine::Machine;
use model::Code;

#[test]
fn the_parser_refuses_with_status_2() {
    let machine = Machine::new();
    for args in [
        &[][..],
        &["unknown"],
        &["activate"],
        &["activate", "hf1-x", "--token-file", "f"],
        &["restore", "latest"],
        &["restore", "latest", "--to", "x", "--in-place"],
        &["restore", "latest", "--to", "x", "--conflict", "destroy"],
        &["restore", "--to", "x"],
        &["ls"],
        &["find"],
        &["diff", "latest"],
        &["top", "--count", "many"],
        &["find", "a", "--snapshot", "latest", "--all"],
        &["find", "a", "--larger", "much"],
        &["cat"],
    ] {
        let ended = machine.run(args);
        assert_eq!(ended.status, 2, "{args:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{args:?}");
        assert!(ended.stderr.contains("--help") || ended.stderr.contains("Commands:"), "{args:?}: {ended:?}");
    }
}

#[test]
fn with_json_the_refusal_is_a_document() {
    let machine = Machine::new();
    machine.run(&["--json", "restore", "latest"]).is_json_error(Code::Usage);
    machine.run(&["snapshots", "--json", "--unknown"]).is_json_error(Code::Usage);
    // Behind `--` it is a path.
    let ended = machine.run(&["restore", "--unknown", "--", "--json"]);
    assert_eq!((ended.status, ended.stdout.as_str()), (2, ""));
}

#[test]
fn selectors_are_read_before_anything_is_asked() {
    // There is no state at all: what is wrong with the words comes first.
    let machine = Machine::new();
    for selector in ["newest", "abc", "latest:relative", "latest:/a/../b"] {
        machine.run(&["ls", selector]).is_error(Code::Usage).says("snapshot");
        machine.run(&["restore", selector, "--to", "x"]).is_error(Code::Usage);
    }
    machine.run(&["restore", "latest:/a", "abcd:/b", "--to", "x"]).is_error(Code::Usage);
    machine.run(&["cat", "latest"]).is_error(Code::Usage).says("SNAPSHOT:PATH");
    assert!(!machine.state().exists() && !machine.path().join("x").exists());
}

#[test]
fn tokens_are_checked_wherever_they_come_from() {
    let machine = Machine::new();
    machine.run(&["activate", "hf1-AAAA"]).is_error(Code::TokenMalformed).says("hf1-");
    machine.run(&["activate", "--token-file", "none"]).is_error(Code::PathMissing).says("none");
    std::fs::write(machine.path().join("token"), b"\xff\xfe").unwrap();
    machine.run(&["activate", "--token-file", "token"]).is_error(Code::TokenMalformed);
    // Standard input is empty.
    let mut command = machine.command(&["activate", "-"]);
    let ended = crate::machine::Ended::of(command.stdin(std::process::Stdio::null()).output().unwrap());
    ended.is_error(Code::TokenMalformed);
    assert!(!machine.state().exists(), "no state is made for a token that is none");
}
