//! Tokens that are wrong, used, too old or not whole.

use crate::{devices, refused};
use api::{Secret, Token};
use e2e::{Agent, Outcome, Site};
use model::Code;
use std::io::Write;
use std::process::Stdio;

/// A machine that nobody has activated.
fn machine(site: &Site, name: &str) -> Agent {
    Agent::at(&site.path(&format!("state-{name}")))
}

#[track_caller]
fn assert_not_activated(site: &Site, agent: &Agent) {
    assert_eq!(devices(site, "anna"), 0);
    refused(agent.run(["snapshots"]), Code::NotActivated);
}

#[test]
fn a_token_that_the_server_does_not_know() {
    let site = Site::new();
    let good = Token::parse(&site.server.token("anna")).unwrap();
    let unknown = Token::new(good.urls().to_vec(), good.pin(), Secret::random()).unwrap();
    let agent = machine(&site, "laptop");
    refused(agent.run(["activate", &unknown.to_text()]), Code::TokenUnknown);
    assert_not_activated(&site, &agent);
    agent.activate(&good.to_text(), &[]);
    assert_eq!(devices(&site, "anna"), 1);
}

#[test]
fn a_token_serves_one_device() {
    let site = Site::new();
    let token = site.server.token("anna");
    let (first, second) = (machine(&site, "first"), machine(&site, "second"));
    first.activate(&token, &[]);
    refused(second.run(["activate", &token]), Code::TokenUsed);
    refused(second.run(["snapshots"]), Code::NotActivated);
    assert_eq!(devices(&site, "anna"), 1);
    // Not even after the first one has ended.
    first.run(["deactivate"]).ok();
    refused(first.run(["activate", &token]), Code::TokenUsed);
    refused(second.run(["activate", &token]), Code::TokenUsed);
    assert_not_activated(&site, &first);
    second.activate(&site.server.token("anna"), &[]);
}

#[test]
fn a_token_ends_with_its_time() {
    let mut site = Site::new();
    let clock = site.path("clock");
    site.server.stop();
    site.server.set("HOLDFAST_TEST_CLOCK", clock.to_str().unwrap());
    site.server.start();
    let create = |user| site.server.json(["token", "create", "--user", user, "--expires", "1h"]);
    let tokens = ["anna", "anna"].map(|user| create(user)["token"].as_str().unwrap().to_owned());
    let agent = machine(&site, "laptop");
    std::fs::write(&clock, "3900").unwrap();
    refused(agent.run(["activate", &tokens[0]]), Code::TokenExpired);
    assert_not_activated(&site, &agent);
    std::fs::write(&clock, "3300").unwrap();
    agent.activate(&tokens[1], &[]);
    // The one that served this device is good for it for ever, since it gives nothing new.
    std::fs::write(&clock, "7200").unwrap();
    agent.activate(&tokens[1], &[]);
    assert_eq!(devices(&site, "anna"), 1);
}

/// Gives the token on standard input.
fn activate_from_stdin(agent: &Agent, text: &str) -> Outcome {
    let mut command = agent.command();
    command.args(["activate", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that ended before it has read all is a failure that the outcome shows.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    Outcome::new(format!("{command:?}"), &child.wait_with_output().unwrap())
}

#[test]
fn a_token_that_is_not_whole() {
    let site = Site::new();
    let token = site.server.token("anna");
    let agent = machine(&site, "laptop");
    let middle = token.len() / 2;
    let mut changed = token.clone().into_bytes();
    changed[middle] = if changed[middle] == b'A' { b'B' } else { b'A' };
    let wrong = [
        token[..1].to_owned(),
        token[..middle].to_owned(),
        token[..token.len() - 1].to_owned(),
        token[1..].to_owned(),
        format!("{token}A"),
        format!("{token}{token}"),
        String::from_utf8(changed).unwrap(),
        "hf1-".to_owned(),
        "no token".to_owned(),
        "hf1-\u{e9}".to_owned(),
        "x".repeat(100_000),
    ];
    for text in &wrong {
        refused(agent.run(["activate", text]), Code::TokenMalformed);
    }
    let file = site.path("token");
    for bytes in [b"".as_slice(), b"\n", b"\xff\xfe\x00", &token.as_bytes()[..middle]] {
        std::fs::write(&file, bytes).unwrap();
        refused(agent.run(["activate", "--token-file", file.to_str().unwrap()]), Code::TokenMalformed);
    }
    refused(activate_from_stdin(&agent, ""), Code::TokenMalformed);
    refused(agent.run(["activate", "--token-file", site.path("none").to_str().unwrap()]), Code::PathMissing);
    agent.run(["activate"]).expect(2);
    assert!(!agent.state().exists(), "a token that cannot be read leaves no state");
    assert_eq!(devices(&site, "anna"), 0);

    // Wrapped by a terminal or a mail it is whole all the same.
    let wrapped = format!("  {}\r\n{} \n", &token[..middle], &token[middle..]);
    activate_from_stdin(&agent, &wrapped).ok();
    assert_eq!(devices(&site, "anna"), 1);
}

#[test]
fn an_error_in_json_is_one_document() {
    let site = Site::new();
    let agent = machine(&site, "laptop");
    let outcome = refused(agent.run(["activate", "no token", "--json"]), Code::TokenMalformed);
    let document = outcome.json();
    assert_eq!(document["error"]["code"], "token_malformed");
    assert_eq!(document["error"]["advice"], Code::TokenMalformed.advice());
    let outcome = site.server.run(["token", "create", "--user", "nobody", "--json"]);
    assert_eq!(outcome.json()["error"]["code"], "user_unknown", "{outcome}");
    refused(site.server.run(["token", "create", "--user", "nobody"]), Code::UserUnknown);
}
