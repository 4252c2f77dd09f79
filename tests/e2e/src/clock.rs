//! The clock of programs under test: a file with the seconds by which it differs from the real one.

use crate::{Agent, Server};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// A clock that a test moves.
#[derive(Debug)]
pub struct Clock {
    file: PathBuf,
    offset: i64,
}

impl Clock {
    /// A clock that is this many seconds ahead, kept in a file that is made here.
    pub fn ahead(file: PathBuf, seconds: i64) -> Self {
        let clock = Self { file, offset: seconds };
        clock.write();
        clock
    }

    /// A clock that shows this time now, in seconds since 1970.
    pub fn showing(file: PathBuf, time: i64) -> Self {
        Self::ahead(file, time - real_now())
    }

    /// Moves it forward.
    pub fn advance(&mut self, seconds: i64) {
        self.offset += seconds;
        self.write();
    }

    /// What it shows, in seconds since 1970.
    pub fn now(&self) -> i64 {
        real_now() + self.offset
    }

    /// Gives it to a server, for processes that are started from now on.
    pub fn rule_server(&self, server: &mut Server) {
        server.set("HOLDFAST_TEST_CLOCK", self.file.to_str().unwrap());
    }

    /// Gives it to a device.
    pub fn rule_agent(&self, agent: &mut Agent) {
        agent.set("HOLDFAST_TEST_CLOCK", &self.file);
    }

    /// At once, so that a program that reads it meanwhile sees the old or the new number.
    fn write(&self) {
        let new = self.file.with_extension("new");
        std::fs::write(&new, self.offset.to_string()).unwrap();
        std::fs::rename(new, &self.file).unwrap();
    }
}

fn real_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed()
}
