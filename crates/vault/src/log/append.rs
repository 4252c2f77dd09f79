//! Writing the next number of the log: create-only, so that no number is taken twice, and in memory only after it
//! is durable.

use super::{Log, LogState};
use crate::Error;
use crate::locks::{lock, read, write};
use format::segment::Segment;
use model::failpoint;

/// Attempts at a number that other processes take.
const ATTEMPTS: usize = 16;

/// What is to be done about an entry, decided on the state of the log before it.
pub(crate) enum Entry<T> {
    /// Write this segment, of the number after the last, then answer.
    Write(Segment, T),
    /// There is nothing to write.
    Answer(T),
}

impl Log {
    /// Asks `decide` for the next entry and writes it; asks again when another process took the number.
    pub(crate) fn append<T>(
        &self,
        mut decide: impl FnMut(&LogState) -> Result<Entry<T>, Error>,
    ) -> Result<T, Error> {
        let mut in_doubt = lock(&self.writer);
        for _ in 0..ATTEMPTS {
            if *in_doubt {
                self.reload()?;
                *in_doubt = false;
            }
            let decision = {
                let state = read(&self.state);
                state.usable()?;
                decide(&state)?
            };
            let (segment, answer) = match decision {
                Entry::Write(segment, answer) => (segment, answer),
                Entry::Answer(answer) => return Ok(answer),
            };
            let bytes = segment.encode();
            let key = self.objects.names.segment(segment.from, segment.to)?;
            failpoint::hit("vault.append.before_put");
            *in_doubt = true;
            if self.objects.put_new(&key, &bytes)? {
                failpoint::hit("vault.append.after_put");
                let data_ids = segment.data_ids.ids.len() as u64;
                write(&self.state).apply(segment, data_ids, bytes.len() as u64);
                *in_doubt = false;
                return Ok(answer);
            }
        }
        Err(Error::Busy { what: "writing of the log by another process" })
    }
}
