//! Where state and server are: the variables that move them, and the usual places.

use e2e::{Agent, OrdinaryUser, Outcome, Proxy, Site};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[test]
fn holdfast_state_moves_the_whole_state() {
    let site = Site::new();
    let root = site.path("tree");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("file"), "x").unwrap();
    let home = site.path("home");
    fs::create_dir(&home).unwrap();
    let mut agent = site.device("laptop");
    agent.set("HOME", &home);
    agent.set("XDG_STATE_HOME", &home);
    agent.backup(&[&root]);
    assert_eq!(fs::read_dir(&home).unwrap().count(), 0, "something was written beside the state");
    for part in ["identity", "settings", "cache"] {
        let mode = fs::metadata(agent.state().join(part)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{part}");
    }
    for entry in fs::read_dir(agent.state().join("identity")).unwrap() {
        let path = entry.unwrap().path();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
    // The state works wherever it is moved to.
    let moved = site.path("moved");
    fs::rename(agent.state(), &moved).unwrap();
    let agent = Agent::at(&moved);
    assert_eq!(agent.snapshots().len(), 1);
    // A path that is not absolute counts from the present folder.
    let mut relative = agent.command();
    relative.args(["snapshots", "--json"]).env("HOLDFAST_STATE", "moved").current_dir(site.folder());
    assert_eq!(Outcome::of(&mut relative).ok().json().as_array().unwrap().len(), 1);
}

#[test]
fn holdfast_server_overrides_the_stored_address() {
    let site = Site::new();
    let mut agent = site.device("laptop");
    let proxy = Proxy::to(site.server.port());
    agent.set("HOLDFAST_SERVER", proxy.url());
    // Held back at once: it is really this address that is asked.
    proxy.hold_after(0);
    let mut asking = agent.spawn(["snapshots"]);
    proxy.wait_until_held();
    proxy.release();
    assert!(asking.wait().unwrap().success());
    // An empty one counts as none.
    agent.set("HOLDFAST_SERVER", "");
    agent.run(["snapshots"]).ok();
}

#[test]
fn another_server_at_the_address_is_not_trusted() {
    let site = Site::new();
    let other = Site::new();
    let mut agent = site.device("laptop");
    agent.set("HOLDFAST_SERVER", format!("https://127.0.0.1:{}", other.server.port()));
    agent.run(["snapshots"]).fails_with(model::Code::CertificateUntrusted);
}

#[test]
fn root_without_variables_the_state_lies_in_the_users_home() {
    let site = Site::new();
    let user = OrdinaryUser::new();
    // Copies the program and opens the site's folder.
    user.device(&site, "first");
    let home = site.path("home");
    fs::create_dir(&home).unwrap();
    user.own(&home);
    let run = |variable: Option<(&str, &str)>, arguments: &[&str]| {
        let launcher = user.launcher();
        let mut command = Command::new(&launcher[0]);
        command.args(&launcher[1..]).arg(site.path("holdfast")).args(arguments);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", &home)
            .current_dir("/");
        command.envs(variable);
        Outcome::of(&mut command)
    };
    run(None, &["activate", &site.server.token("anna")]).ok();
    assert!(home.join(".local/state/holdfast/identity").is_dir());
    let elsewhere = home.join("elsewhere");
    run(Some(("XDG_STATE_HOME", elsewhere.to_str().unwrap())), &["activate", &site.server.token("anna")])
        .ok();
    assert!(elsewhere.join("holdfast/identity").is_dir());
    run(None, &["snapshots"]).ok();
}
