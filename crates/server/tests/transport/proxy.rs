//! An agent behind a proxy: the connection goes through it, and TLS ends at the server all the same.

use crate::support::{TestServer, clock, healthy, patient};
use client::{Connection, Options, RetryPolicy, Trust};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;

const HOST: &str = "backup.example.org";
const PIN: &str = "HOLDFAST_TEST_PIN";

/// A proxy that brings every CONNECT to `server` and says for which host it was asked.
fn proxy(server: SocketAddr) -> (SocketAddr, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, hosts) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut down = stream.unwrap();
            let mut lines = BufReader::new(down.try_clone().unwrap()).lines().map(Result::unwrap);
            asked.send(lines.next().unwrap()).unwrap();
            while lines.next().is_some_and(|line| !line.is_empty()) {}
            down.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let up = TcpStream::connect(server).unwrap();
            for (mut from, mut to) in [(down.try_clone().unwrap(), up.try_clone().unwrap()), (up, down)] {
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            }
        }
    });
    (address, hosts)
}

#[test]
fn https_proxy_is_used() {
    let server = TestServer::start(healthy(), patient(), clock(), &[&format!("https://{HOST}")]);
    let (proxy, hosts) = proxy(server.address);
    let pin = api::Hash(server.certificates.authority().pin());
    // The environment of a test process belongs to all of its tests, so another process does the asking.
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "proxy::asks_through_the_proxy_of_its_environment", "--nocapture"])
        .env(PIN, pin.to_string())
        .env("HTTPS_PROXY", format!("http://{proxy}"))
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .env_remove("https_proxy")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(hosts.try_recv().unwrap(), format!("CONNECT {HOST}:443 HTTP/1.1"));
    assert!(hosts.try_recv().is_err(), "loopback addresses are asked directly");
}

/// The other half of the test above; by itself it only shows that the loopback needs no proxy.
#[test]
fn asks_through_the_proxy_of_its_environment() {
    let server = TestServer::with(healthy(), patient());
    assert!(Connection::open(server.options()).unwrap().health().is_ok());
    let Ok(pin) = std::env::var(PIN) else { return };
    let options = Options {
        clock: clock(),
        retry: RetryPolicy::never(),
        ..Options::new(vec![format!("https://{HOST}")], Trust::Pin(api::Hash::parse(&pin).unwrap().0))
    };
    Connection::open(options).unwrap().health().unwrap();
}
