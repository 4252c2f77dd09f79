//! Reads the findings of a run in every place where they are told, and checks that all tell the same.

use e2e::{Agent, Outcome};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One run of a backup.
#[derive(Debug)]
pub(crate) struct Run {
    /// The snapshot's id.
    pub(crate) snapshot: String,
    /// The summary event.
    pub(crate) summary: Value,
    findings: Vec<Value>,
}

impl Run {
    /// Backs these folders up; exit status and the list of the snapshot must agree with the events.
    #[track_caller]
    pub(crate) fn of(agent: &Agent, paths: &[&Path], arguments: &[&str]) -> Self {
        let mut command = agent.command();
        command.args(["--json", "backup"]).args(paths).args(arguments);
        Self::ended(agent, &Outcome::of(&mut command))
    }

    /// A run that ended.
    #[track_caller]
    pub(crate) fn ended(agent: &Agent, outcome: &Outcome) -> Self {
        let mut events = outcome.events();
        let summary = events.pop().unwrap_or_else(|| panic!("no summary: {outcome}"));
        assert_eq!(summary["event"], "summary", "{outcome}");
        let findings: Vec<Value> = events.into_iter().filter(|event| event["event"] == "finding").collect();
        assert_eq!(summary["findings"], findings.len(), "{outcome}");
        assert_eq!(outcome.status, if findings.is_empty() { 0 } else { 3 }, "{outcome}");

        let snapshot = summary["snapshot"].as_str().unwrap().to_owned();
        let listed = agent.run(["findings", &snapshot, "--json"]).ok().json();
        assert_eq!(listed["count"], findings.len(), "{listed}");
        let without_event = |finding: &Value| {
            let mut finding = finding.clone();
            finding.as_object_mut().unwrap().remove("event");
            finding
        };
        let expected: Vec<Value> = findings.iter().map(without_event).collect();
        assert_eq!(listed["findings"], Value::from(expected));
        let rows = agent.snapshots();
        let row = rows.iter().find(|row| row["id"] == snapshot.as_str()).expect("the snapshot is listed");
        assert_eq!(row["findings"], findings.len(), "{row}");
        Self { snapshot, summary, findings }
    }

    /// Path, reason, error number, and whether an earlier version was kept.
    pub(crate) fn findings(&self) -> BTreeMap<PathBuf, (String, i64, bool)> {
        let read = |finding: &Value| {
            let path = PathBuf::from(finding["path"].as_str().unwrap());
            let reason = finding["reason"].as_str().unwrap().to_owned();
            let (errno, kept) =
                (finding["errno"].as_i64().unwrap(), finding["kept_previous"].as_bool().unwrap());
            (path, (reason, errno, kept))
        };
        self.findings.iter().map(read).collect()
    }

    /// Fails unless exactly this was found.
    #[track_caller]
    pub(crate) fn assert_found(&self, expected: &[(&Path, &str, i64, bool)]) {
        let expected: BTreeMap<_, _> = expected
            .iter()
            .map(|(path, reason, errno, kept)| ((*path).to_owned(), ((*reason).to_owned(), *errno, *kept)))
            .collect();
        assert_eq!(self.findings(), expected);
    }

    /// When the finding of this path was first seen.
    #[track_caller]
    pub(crate) fn first_seen(&self, path: &Path) -> String {
        let of_path = |finding: &&Value| finding["path"] == path.to_str().unwrap();
        let finding = self.findings.iter().find(of_path).unwrap_or_else(|| panic!("{path:?}: {self:?}"));
        finding["first_seen"].as_str().unwrap().to_owned()
    }

    /// Restores this run's snapshot of `path` into `to`, which must be complete.
    #[track_caller]
    pub(crate) fn restore(&self, agent: &Agent, path: &Path, to: &Path) {
        agent.restore(&format!("{}:{}", self.snapshot, path.display()), to);
    }
}
