//! Stands between agents and a server and can hold their bytes back, so that a test knows that a command is in the
//! middle of its work without waiting for a time.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// A test that waits longer than this for bytes waits for a command that failed.
const HANG: Duration = Duration::from_secs(120);

/// A port that leads to a server.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    gate: Arc<Gate>,
}

#[derive(Debug, Default)]
struct Gate {
    state: Mutex<State>,
    /// Somebody began to wait at the gate.
    held: Condvar,
    /// The gate is open again.
    opened: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes that passed in both directions since the gate was set.
    passed: u64,
    /// How many may pass.
    limit: Option<u64>,
    /// Somebody waits at the gate.
    is_held: bool,
    /// Bytes a second of each connection.
    rate: Option<u64>,
    /// Nothing gets through, and new connections are closed.
    is_cut: bool,
    /// Those that are open, and some that have ended.
    connections: Vec<TcpStream>,
}

impl Proxy {
    /// A new port of the loopback interface that leads to the port `server`. Everything passes.
    pub fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let gate = Arc::new(Gate::default());
        let shared = Arc::clone(&gate);
        // It ends with the test's process.
        std::thread::spawn(move || {
            for agent in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                if !shared.admits(&agent) {
                    continue;
                }
                for (from, to) in [(&agent, &server), (&server, &agent)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let gate = Arc::clone(&shared);
                    std::thread::spawn(move || carry(from, to, &gate));
                }
            }
        });
        Self { port, gate }
    }

    /// The address of the port.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// From now on so many bytes pass, in both directions together, and no more.
    pub fn hold_after(&self, bytes: u64) {
        let mut state = self.gate.state.lock().unwrap();
        (state.passed, state.limit, state.is_held) = (0, Some(bytes), false);
    }

    /// From now on each connection carries so many bytes a second.
    pub fn limit_rate(&self, bytes: u64) {
        self.gate.state.lock().unwrap().rate = Some(bytes);
    }

    /// Ends all connections, and lets no new ones through.
    pub fn cut(&self) {
        let mut state = self.gate.state.lock().unwrap();
        state.is_cut = true;
        for connection in state.connections.drain(..) {
            // It may have ended by itself.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Waits until bytes are held back.
    #[track_caller]
    pub fn wait_until_held(&self) {
        let state = self.gate.state.lock().unwrap();
        let (_state, waited) =
            self.gate.held.wait_timeout_while(state, HANG, |state| !state.is_held).unwrap();
        assert!(!waited.timed_out(), "the command never sent enough to be held back");
    }

    /// Lets everything pass again.
    pub fn release(&self) {
        let mut state = self.gate.state.lock().unwrap();
        let connections = std::mem::take(&mut state.connections);
        *state = State { connections, ..State::default() };
        drop(state);
        self.gate.opened.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.release();
    }
}

impl Gate {
    /// Notes a connection; false while the way is cut.
    fn admits(&self, connection: &TcpStream) -> bool {
        let mut state = self.state.lock().unwrap();
        if state.is_cut {
            return false;
        }
        state.connections.push(connection.try_clone().unwrap());
        true
    }

    /// How long so many bytes take.
    fn time_of(&self, bytes: u64) -> Duration {
        let rate = self.state.lock().unwrap().rate;
        rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(bytes as f64 / rate as f64))
    }

    fn pass(&self, bytes: u64) {
        let mut state = self.state.lock().unwrap();
        while state.limit.is_some_and(|limit| state.passed >= limit) {
            state.is_held = true;
            self.held.notify_all();
            state = self.opened.wait(state).unwrap();
        }
        state.passed += bytes;
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, gate: &Gate) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(read) => read,
        };
        gate.pass(read as u64);
        std::thread::sleep(gate.time_of(read as u64));
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}
