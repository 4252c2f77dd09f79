//! Orders of the administrator that this device has obeyed, with the answers: an order that is told again is answered
//! again, and not obeyed again.

use super::State;
use super::checked::CheckedFile;
use crate::AgentError;
use api::control::OrderAnswer;
use model::OrderId;
use serde::{Deserialize, Serialize};

/// Those that are remembered: more than wait for a device at the same time.
const REMEMBERED: usize = 64;

/// Obeyed orders, the latest last.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Obeyed(Vec<(OrderId, OrderAnswer)>);

impl Obeyed {
    /// Those of this state. A file that cannot be read is an empty one, which is logged: at worst a backup is made once
    /// more.
    pub fn read(state: &State) -> Self {
        file(state)
            .read()
            .unwrap_or_else(|error| {
                tracing::error!(%error, "which orders were obeyed is not known any more");
                None
            })
            .unwrap_or_default()
    }

    /// The answer to this order, if it was obeyed.
    pub fn answer(&self, order: OrderId) -> Option<&OrderAnswer> {
        self.0.iter().find(|(known, _)| *known == order).map(|(_, answer)| answer)
    }

    /// Remembers an answer, durably. The caller holds the state's lock.
    pub fn add(&mut self, state: &State, order: OrderId, answer: OrderAnswer) -> Result<(), AgentError> {
        self.0.push((order, answer));
        let excess = self.0.len().saturating_sub(REMEMBERED);
        self.0.drain(..excess);
        file(state).write(self)
    }
}

fn file(state: &State) -> CheckedFile {
    CheckedFile::new(state.settings_folder().join("orders"), "orders")
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Code;

    #[test]
    fn answers_come_back_and_the_latest_stay() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path().to_owned());
        state.prepare().unwrap();
        let ids: Vec<OrderId> = (0..=REMEMBERED).map(|_| OrderId::random()).collect();
        let mut obeyed = Obeyed::read(&state);
        for id in &ids {
            obeyed.add(&state, *id, OrderAnswer::refused(Code::BackupPaused)).unwrap();
        }
        let obeyed = Obeyed::read(&state);
        assert_eq!(obeyed.answer(ids[0]), None);
        assert_eq!(obeyed.answer(ids[REMEMBERED]), Some(&OrderAnswer::refused(Code::BackupPaused)));
        assert_eq!(obeyed.answer(OrderId::random()), None);
    }
}
