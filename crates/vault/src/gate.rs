//! Holds: how cleanup learns that no commit and no grant of a lease is half done. The argument stands in the crate's
//! first page. Nobody waits to get a hold; cleanup waits for those that were given out before it asked.

use crate::locks::lock;
use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

#[derive(Default)]
pub(crate) struct Gate {
    tickets: Mutex<Tickets>,
    returned: Condvar,
}

#[derive(Default)]
struct Tickets {
    next: u64,
    out: BTreeSet<u64>,
}

/// Taken before a lease is granted or checked, and dropped after the lease is recorded or the snapshot is durable
/// and known to the database. It may be sent between threads and kept across waits, but not for long: cleanup waits.
pub struct Hold {
    gate: Arc<Gate>,
    ticket: u64,
}

impl Gate {
    pub(crate) fn hold(self: &Arc<Self>) -> Hold {
        let mut tickets = lock(&self.tickets);
        let ticket = tickets.next;
        tickets.next += 1;
        tickets.out.insert(ticket);
        Hold { gate: Arc::clone(self), ticket }
    }

    /// Waits until every hold that was given out before this call is returned; false when that takes too long.
    pub(crate) fn drain(&self, patience: Duration) -> bool {
        let border = self.border();
        self.wait_for(border, patience)
    }

    /// The ticket of the next hold.
    fn border(&self) -> u64 {
        lock(&self.tickets).next
    }

    /// Waits until every hold below this ticket is returned.
    fn wait_for(&self, border: u64, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        let mut tickets = lock(&self.tickets);
        while tickets.out.first().is_some_and(|oldest| *oldest < border) {
            let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                return false;
            };
            let waited = self.returned.wait_timeout(tickets, left).unwrap_or_else(PoisonError::into_inner);
            tickets = waited.0;
        }
        true
    }
}

impl Hold {
    pub(crate) fn is_of(&self, gate: &Arc<Gate>) -> bool {
        Arc::ptr_eq(&self.gate, gate)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        lock(&self.gate.tickets).out.remove(&self.ticket);
        self.gate.returned.notify_all();
    }
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hold").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draining_waits_for_earlier_holds_and_not_for_later_ones() {
        let gate = Arc::new(Gate::default());
        assert!(gate.drain(Duration::ZERO));
        let early = gate.hold();
        assert!(!gate.drain(Duration::from_millis(1)));
        let border = gate.border();
        let late = gate.hold();
        assert!(!gate.wait_for(border, Duration::ZERO));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| gate.wait_for(border, Duration::from_secs(600)));
            drop(early);
            assert!(waiting.join().unwrap());
        });
        assert!(!gate.drain(Duration::ZERO));
        drop(late);
        assert!(gate.drain(Duration::ZERO));
    }
}
