//! The rule by which a copied device state shows itself. Pure: no database, no clock.
//!
//! Each grant gives the device a number greater than all before; the device stores it before it goes on.
//! A device that lost the answer asks with the number it had, a copy asks with one that the other has left.

/// What the server remembers of a device's numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counter {
    /// The number that the device showed last.
    pub confirmed: Option<u64>,
    /// The number given last. The device may or may not have it.
    pub given: Option<u64>,
}

/// The answer to a number shown at a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CounterOutcome {
    /// Accepted; the last answer had arrived. The device goes on with `next`.
    Rotated {
        /// The new number.
        next: u64,
    },
    /// Accepted; the last answer was lost and its number is void. The device goes on with `next`.
    Reissued {
        /// The new number.
        next: u64,
    },
    /// The number is one that somebody else has left.
    Cloned,
}

/// Numbers above are refused, so that every number fits a signed 64-bit column.
const LARGEST: u64 = i64::MAX as u64;

impl Counter {
    /// Accepts the number last confirmed, the number last given, or one greater than every number given:
    /// only a database that was restored from an older copy, or rebuilt, explains the last.
    pub fn rotate(&mut self, shown: Option<u64>) -> CounterOutcome {
        let newest = shown.max(self.given);
        let next = newest.map_or(1, |number| number.saturating_add(1));
        if next > LARGEST {
            return CounterOutcome::Cloned;
        }
        if shown.is_some() && shown >= self.given {
            *self = Self { confirmed: shown, given: Some(next) };
            CounterOutcome::Rotated { next }
        } else if shown == self.confirmed {
            let lost = self.given != self.confirmed;
            self.given = Some(next);
            if lost { CounterOutcome::Reissued { next } } else { CounterOutcome::Rotated { next } }
        } else {
            CounterOutcome::Cloned
        }
    }

    /// A request showed the number of its lease. True when that is news, to be stored.
    pub fn confirm(&mut self, shown: u64) -> bool {
        let news = self.given == Some(shown) && self.confirmed != self.given;
        if news {
            self.confirmed = self.given;
        }
        news
    }
}

#[cfg(test)]
mod tests;
