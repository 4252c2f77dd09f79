//! Signals while the server does not answer: the program ends at once, with status 130.

use crate::machine::{Ended, Machine};
use model::Code;
use std::io::Read;
use std::net::TcpListener;
use std::process::{Command, Stdio};

#[test]
fn a_signal_ends_a_command_that_waits_for_the_server() {
    for (signal, args) in [("INT", &["snapshots"][..]), ("TERM", &["--json", "snapshots"])] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let machine = Machine::activated(&format!("https://{}", listener.local_addr().unwrap()));
        let child = machine.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // The program waits for an answer from here on.
        let (mut connection, _) = listener.accept().unwrap();
        connection.read_exact(&mut [0]).unwrap();
        let kill = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let ended = Ended::of(child.wait_with_output().unwrap());
        if args.len() == 1 {
            ended.is_error(Code::Interrupted);
        } else {
            ended.is_json_error(Code::Interrupted);
        }
        drop(connection);
    }
}

#[test]
fn a_signal_stops_a_backup_that_waits_for_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let machine = Machine::activated(&format!("https://{}", listener.local_addr().unwrap()));
    let child =
        machine.command(&["backup", "."]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (connection, _) = listener.accept().unwrap();
    let kill = |signal: &str| {
        assert!(
            Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap().success()
        );
    };
    kill("INT");
    // The connection breaks; a run that was not asked to stop would try again for minutes.
    drop((connection, listener));
    let ended = Ended::of(child.wait_with_output().unwrap());
    assert_eq!(ended.status, i32::from(model::code::exit::INTERRUPTED), "{ended:?}");
    ended.says("[interrupted]");
}
