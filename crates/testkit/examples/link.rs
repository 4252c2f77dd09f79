//! `link LISTEN SERVER DELAY_MS MBIT`: a link between agents and a server, for measurements. DELAY_MS is that of an
//! answer, both ways together; MBIT in a second and direction, 0 for as many as come.

use std::error::Error;
use std::net::TcpListener;
use std::time::Duration;
use testkit::link::Link;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [listen, server, delay, mbit] = &words[..] else {
        return Err("usage: link LISTEN SERVER DELAY_MS MBIT".into());
    };
    let answer = Duration::from_millis(delay.parse()?);
    let link = Link { delay: answer / 2, bytes_per_second: mbit.parse::<u64>()? * 1_000_000 / 8 };
    Ok(link.carry_all(&TcpListener::bind(listen)?, server.parse()?)?)
}
