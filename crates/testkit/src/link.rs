//! A link as between a laptop at home and its server: it delays every byte, and carries so many of them in a second,
//! all connections together.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bytes that are carried as one: 10 ms of 100 Mbit/s.
const PIECE: usize = 128 << 10;
/// What lies on the way at least, in pieces. With less, a link without delay would stop and go.
const PIECES_MIN: usize = 4;

/// What a link does to what it carries.
#[derive(Debug, Clone, Copy, Default)]
pub struct Link {
    /// On the way in one direction: half of the time of an answer.
    pub delay: Duration,
    /// Bytes in a second and direction; 0 for as many as come.
    pub bytes_per_second: u64,
}

/// One direction of the link: when it has carried all that was given to it so far.
type Busy = Arc<Mutex<Instant>>;

impl Link {
    /// Carries every connection that `listener` takes to `server`, until the process ends.
    ///
    /// # Errors
    /// Those of the listener. A connection that breaks ends alone.
    pub fn carry_all(self, listener: &TcpListener, server: SocketAddr) -> io::Result<()> {
        let (there, back) = (Busy::new(Mutex::new(Instant::now())), Busy::new(Mutex::new(Instant::now())));
        for client in listener.incoming() {
            let client = client?;
            let Ok(server) = TcpStream::connect(server) else { continue };
            for (from, to, busy) in [(&client, &server, &there), (&server, &client, &back)] {
                // A small write must not wait for its like: the delay is ours alone.
                to.set_nodelay(true)?;
                self.carry(from.try_clone()?, to.try_clone()?, Arc::clone(busy));
            }
        }
        Ok(())
    }

    /// Carries one direction of a connection, on two threads: what waits must not keep more from coming.
    fn carry(self, from: TcpStream, to: TcpStream, busy: Busy) {
        let (pieces, way) = sync_channel(self.pieces_on_the_way());
        std::thread::spawn(move || take_in(from, &pieces));
        std::thread::spawn(move || self.give_out(to, &way, &busy));
    }

    /// As many as fit on a link of this length, twice, so that one connection alone can fill it.
    fn pieces_on_the_way(self) -> usize {
        let bytes = 2.0 * self.delay.as_secs_f64() * self.bytes_per_second as f64;
        (2.0 * bytes / PIECE as f64) as usize + PIECES_MIN
    }

    fn give_out(self, mut to: TcpStream, way: &Receiver<(Instant, Vec<u8>)>, busy: &Busy) {
        for (came, piece) in way {
            let due = self.carried(came, piece.len(), busy) + self.delay;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&piece).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    }

    /// When the link will have taken in so many more bytes, which came then.
    fn carried(self, came: Instant, bytes: usize, busy: &Busy) -> Instant {
        if self.bytes_per_second == 0 {
            return came;
        }
        let takes = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        let mut until = busy.lock().unwrap_or_else(PoisonError::into_inner);
        *until = (*until).max(came) + takes;
        *until
    }
}

fn take_in(mut from: TcpStream, pieces: &SyncSender<(Instant, Vec<u8>)>) {
    let mut buffer = vec![0; PIECE];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if pieces.send((Instant::now(), buffer[..read].to_vec())).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Read);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that sends back what it gets, behind such a link.
    fn echo(link: Link) -> TcpStream {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        std::thread::spawn(move || {
            let (stream, _) = server.accept().unwrap();
            io::copy(&mut stream.try_clone().unwrap(), &mut &stream).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        });
        let entrance = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = entrance.local_addr().unwrap();
        std::thread::spawn(move || link.carry_all(&entrance, address));
        TcpStream::connect(here).unwrap()
    }

    #[test]
    fn an_answer_takes_both_ways_and_bytes_their_time() {
        let link = Link { delay: Duration::from_millis(30), bytes_per_second: 4 << 20 };
        let mut stream = echo(link);
        let sent: Vec<u8> = (0..1 << 20).map(|at: u32| at.to_le_bytes()[1]).collect();
        let began = Instant::now();
        let writer = {
            let (mut stream, sent) = (stream.try_clone().unwrap(), sent.clone());
            std::thread::spawn(move || {
                stream.write_all(&sent).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
            })
        };
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        writer.join().unwrap();
        assert!(answer == sent);
        // Two ways of delay, and 1 MiB at 4 MiB/s; how much longer it takes says the machine.
        assert!(began.elapsed() >= Duration::from_millis(2 * 30 + 250));
    }
}
