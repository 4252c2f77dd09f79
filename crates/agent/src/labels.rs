//! Labels of snapshots: sealed here, kept by the server, and changed so that no label of another device gets lost.

use crate::AgentError;
use crate::session::Session;
use api::Hash;
use format::labels::{SealedLabels, is_label};
use format::{keys::Keyring, limits};
use model::{Code, SnapshotId};
use std::collections::{BTreeSet, HashMap};

/// The labels of one snapshot.
pub(crate) type Labels = BTreeSet<String>;

/// How often labels are read anew that another device has changed. Each time it has done its own work, so this many in
/// a row are no coincidence any more.
const TRIES: usize = 50;

/// What becomes of labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// These are added.
    Add(Labels),
    /// These are taken away.
    Remove(Labels),
    /// These stand for all that were there.
    Replace(Labels),
}

impl Change {
    fn apply(&self, before: &Labels) -> Result<Labels, AgentError> {
        let after: Labels = match self {
            Self::Add(labels) => before | labels,
            Self::Remove(labels) => before - labels,
            Self::Replace(labels) => labels.clone(),
        };
        if after.len() > limits::LABELS {
            let (count, most) = (after.len(), limits::LABELS);
            return Err(AgentError::Usage(format!(
                "the snapshot would have {count} labels, and {most} are the most"
            )));
        }
        Ok(after)
    }
}

/// The words of a command line as labels.
pub(crate) fn parse(words: &[String]) -> Result<Labels, AgentError> {
    match words.iter().find(|word| !is_label(word)) {
        None => Ok(words.iter().cloned().collect()),
        Some(word) => Err(AgentError::Usage(format!(
            "'{word}' is no label: a label has 1 to {} bytes and no control characters",
            limits::LABEL_MAX
        ))),
    }
}

/// The labels of all snapshots that have some, each or what is wrong with it.
pub(crate) fn all(session: &Session) -> Result<HashMap<SnapshotId, Result<Labels, AgentError>>, AgentError> {
    let sealed = session.vault.labels()?;
    Ok(sealed.into_iter().map(|(id, object)| (id, open(id, &object, session.keyring()))).collect())
}

/// The labels of one snapshot.
pub(crate) fn of(session: &Session, id: SnapshotId) -> Result<Labels, AgentError> {
    let object = session.vault.labels_of(id)?;
    object.map_or_else(|| Ok(Labels::new()), |object| open(id, &object, session.keyring()))
}

/// Changes the labels of a snapshot, and gives what they are then.
pub(crate) fn change(session: &Session, id: SnapshotId, change: &Change) -> Result<Labels, AgentError> {
    let mut tries = 1;
    loop {
        let object = session.vault.labels_of(id)?;
        let before = match object.as_deref().map(|object| open(id, object, session.keyring())) {
            None => Some(Labels::new()),
            Some(Ok(labels)) => Some(labels),
            // What is damaged can only be replaced; what a newer version wrote is not.
            Some(Err(error)) if error.code() == Code::DataDamaged && matches!(change, Change::Replace(_)) => {
                None
            }
            Some(Err(error)) => return Err(error),
        };
        let after = change.apply(before.as_ref().unwrap_or(&Labels::new()))?;
        if before.as_ref() == Some(&after) {
            return Ok(after);
        }
        let sealed = SealedLabels::seal(id, model::ids::random_bytes(), &after, session.keyring())
            .map_err(|source| AgentError::Labels { snapshot: id, source })?;
        let replaces = object.map(|object| Hash(*blake3::hash(&object).as_bytes()));
        match session.vault.put_labels(id, replaces, sealed.encode()) {
            Ok(()) => return Ok(after),
            Err(error) if error.code == Code::LabelsChanged && tries < TRIES => tries += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

fn open(id: SnapshotId, object: &[u8], keyring: &Keyring) -> Result<Labels, AgentError> {
    let labels = SealedLabels::decode(object).and_then(|sealed| sealed.open(id, keyring));
    labels.map_err(|source| AgentError::Labels { snapshot: id, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(labels: &[&str]) -> Labels {
        labels.iter().map(|label| (*label).to_owned()).collect()
    }

    #[test]
    fn changes_do_what_they_say_within_the_limit() {
        let before = set(&["a", "b"]);
        assert_eq!(Change::Add(set(&["b", "c"])).apply(&before).unwrap(), set(&["a", "b", "c"]));
        assert_eq!(Change::Remove(set(&["b", "c"])).apply(&before).unwrap(), set(&["a"]));
        assert_eq!(Change::Replace(set(&["c"])).apply(&before).unwrap(), set(&["c"]));
        let many: Labels = (0..limits::LABELS).map(|number| number.to_string()).collect();
        assert!(Change::Replace(many.clone()).apply(&before).is_ok());
        assert_eq!(Change::Add(many).apply(&before).unwrap_err().code(), Code::Usage);
    }

    #[test]
    fn words_that_are_no_labels_are_refused() {
        assert_eq!(parse(&["b".into(), "a".into(), "b".into()]).unwrap(), set(&["a", "b"]));
        for word in ["", "a\tb", &"x".repeat(65)] {
            assert_eq!(parse(&["a".into(), word.into()]).unwrap_err().code(), Code::Usage, "{word}");
        }
    }
}
