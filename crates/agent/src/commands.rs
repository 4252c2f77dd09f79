//! What the commands share: where they find state and server, and how they end. One file per command below.

pub(crate) mod activate;
pub(crate) mod agent;
pub(crate) mod backup;
pub(crate) mod cancel;
pub(crate) mod cat;
pub(crate) mod completions;
pub(crate) mod deactivate;
pub(crate) mod diagnose;
pub(crate) mod diff;
pub(crate) mod find;
pub(crate) mod findings;
mod findings_csv;
pub(crate) mod folders;
pub(crate) mod history;
pub(crate) mod ls;
pub(crate) mod man;
pub(crate) mod mount;
pub(crate) mod networks;
pub(crate) mod notices;
pub(crate) mod open;
pub(crate) mod pause;
pub(crate) mod restore;
pub(crate) mod resume;
pub(crate) mod settings;
mod show_findings;
pub(crate) mod snapshots;
pub(crate) mod status;
pub(crate) mod tag;
pub(crate) mod top;
pub(crate) mod verify;
pub(crate) mod why;

use crate::select::{Selector, Wanted};
use crate::session::{Dialling, Session};
use crate::state::State;
use crate::{AgentError, Interrupts, Output, text};
use api::runs::SnapshotRow;
use client::RetryPolicy;
use engine::reader::SnapshotReader;
use engine::{EngineError, Gate};
use format::entry::Entry;
use model::Clock;
use model::code::exit;
use std::sync::Arc;

/// What every command works with.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) output: Arc<Output>,
    pub(crate) interrupts: Arc<Interrupts>,
}

/// How a command ended that did what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All of it.
    Complete,
    /// All of it, with findings.
    Findings,
    /// What it was asked shows an error: damage that it found, or what a dry run would be refused for.
    Failed(model::Code),
}

impl Outcome {
    pub(crate) const fn with(findings: u64) -> Self {
        if findings == 0 { Self::Complete } else { Self::Findings }
    }

    pub(crate) const fn exit_status(self) -> u8 {
        match self {
            Self::Complete => exit::COMPLETE,
            Self::Findings => exit::FINDINGS,
            Self::Failed(code) => code.exit_status(),
        }
    }
}

impl Context {
    /// How to reach a server for a person who waits.
    pub(crate) fn dialling(&self) -> Dialling {
        let (retry, interrupts) = (patience(RetryPolicy::brief()), Arc::clone(&self.interrupts));
        Dialling { retry, interrupts, clock: Clock::system(), gate: Gate::default() }
    }

    /// The same, for work that is worth some patience with the network.
    pub(crate) fn patient_dialling(&self) -> Dialling {
        Dialling { retry: patience(RetryPolicy::patient()), ..self.dialling() }
    }

    /// The session of this machine's device.
    pub(crate) fn session(&self) -> Result<Session, AgentError> {
        Session::open(State::locate()?, &self.dialling())
    }

    /// The same with that patience.
    pub(crate) fn patient_session(&self, state: State) -> Result<Session, AgentError> {
        Session::open(state, &self.patient_dialling())
    }

    /// The same, for answers that other programs wait for.
    pub(crate) fn waiting_session(&self, state: State) -> Result<Session, AgentError> {
        Session::open(state, &Dialling { retry: patience(RetryPolicy::waiting()), ..self.dialling() })
    }

    /// Opens the snapshot that is meant, and says which one `latest` is.
    pub(crate) fn open_snapshot<'a>(
        &self,
        session: &'a Session,
        wanted: &Wanted,
        set: Option<&str>,
    ) -> Result<SnapshotReader<'a>, AgentError> {
        let rows = session.vault.snapshot_rows()?;
        let row = pick(session, &rows, wanted, set)?;
        let reader = SnapshotReader::open(&session.vault, session.keyring(), row.id)?;
        if *wanted == Wanted::Latest {
            self.output.note(&latest_words(row, &reader));
        }
        Ok(reader)
    }
}

/// The snapshot that is meant, among `rows`.
pub(crate) fn pick<'r>(
    session: &Session,
    rows: &'r [SnapshotRow],
    wanted: &Wanted,
    set: Option<&str>,
) -> Result<&'r SnapshotRow, AgentError> {
    if set.is_some() && *wanted != Wanted::Latest {
        return Err(AgentError::Usage("--set says which 'latest' is meant; an id needs none".into()));
    }
    wanted.find(rows, session.identity.device, set)
}

#[cfg(not(feature = "test-hooks"))]
const fn patience(policy: RetryPolicy) -> RetryPolicy {
    policy
}

/// Tests of a server that stays away cannot wait as long as people do.
#[cfg(feature = "test-hooks")]
fn patience(policy: RetryPolicy) -> RetryPolicy {
    let attempts = std::env::var("HOLDFAST_TEST_ATTEMPTS").ok().and_then(|text| text.parse().ok());
    RetryPolicy { attempts: attempts.unwrap_or(policy.attempts), ..policy }
}

fn latest_words(row: &SnapshotRow, reader: &SnapshotReader<'_>) -> String {
    let set = text::escaped(&reader.sealed().set_name);
    let id = &row.id.to_string()[..8];
    format!("latest is snapshot {id} of set '{set}', {}", text::time(row.time))
}

/// The entry of this path; fails when nothing of the snapshot has it. The root of the file tree has no entry of its own
/// when only something below it is in the set.
pub(crate) fn entry_there(reader: &SnapshotReader<'_>, path: &[u8]) -> Result<Option<Entry>, AgentError> {
    match reader.find(path)? {
        None if path != b"/" => {
            let path = platform::path::from_bytes(path).to_owned();
            Err(EngineError::NotInSnapshot { path }.into())
        }
        found => Ok(found),
    }
}

/// All selectors of one command name the same snapshot; gives it with the paths.
pub(crate) fn one_snapshot(selectors: Vec<Selector>) -> Result<(Wanted, Vec<Vec<u8>>), AgentError> {
    let mut snapshots = selectors.iter().map(|selector| &selector.snapshot);
    let first = snapshots.next().cloned().ok_or_else(|| AgentError::Usage("no snapshot is named".into()))?;
    if !snapshots.all(|other| *other == first) {
        return Err(AgentError::Usage("paths of different snapshots need a command each".into()));
    }
    let whole = selectors.iter().any(|selector| selector.path.is_none());
    if whole && selectors.len() > 1 {
        return Err(AgentError::Usage(
            "the whole snapshot and a path in it are named: give one of both".into(),
        ));
    }
    Ok((first, selectors.into_iter().filter_map(|selector| selector.path).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Code;
    use std::ffi::OsStr;

    fn selectors(texts: &[&str]) -> Result<(Wanted, Vec<Vec<u8>>), Code> {
        let parsed = texts.iter().map(|text| Selector::parse(OsStr::new(text)).unwrap()).collect();
        one_snapshot(parsed).map_err(|error| error.code())
    }

    #[test]
    fn one_command_reads_one_snapshot() {
        assert_eq!(selectors(&["latest"]), Ok((Wanted::Latest, vec![])));
        let both = Ok((Wanted::Latest, vec![b"/a".to_vec(), b"/b".to_vec()]));
        assert_eq!(selectors(&["latest:/a", "latest:/b"]), both);
        assert_eq!(selectors(&["latest:/a", "abcd:/b"]), Err(Code::Usage));
        assert_eq!(selectors(&["latest", "latest:/b"]), Err(Code::Usage));
        assert_eq!(selectors(&[]), Err(Code::Usage));
    }
}
