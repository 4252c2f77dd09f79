//! Refusals as problem documents (RFC 9457).

use crate::limits;
use model::{Code, PackId, VaultId};
use serde::{Deserialize, Serialize};

/// The body of a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:holdfast:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code, as text, since a newer server may have codes that this build does not know.
    pub code: String,
    /// What happened, without secrets, paths or names of files.
    pub detail: String,
    /// Seconds after which to ask again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
    /// With `server_busy`: the place in the queue of those who wait to back up; 1 comes next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_place: Option<u64>,
    /// With `ranges_missing`: the frames that may not be referred to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<(PackId, u32)>,
    /// With `vault_exists`: the vault that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<VaultId>,
}

impl Problem {
    /// A refusal with this code. Codes that have no HTTP status of their own are sent as 500.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let status = match code.http_status() {
            0 => 500,
            status => status,
        };
        Self {
            kind: format!("urn:holdfast:{code}"),
            title: code.as_str().replace('_', " "),
            status,
            code: code.as_str().to_owned(),
            detail: detail.into(),
            retry_after_seconds: None,
            queue_place: None,
            missing: Vec::new(),
            vault: None,
        }
    }

    /// Asks to come back after this many seconds; sent as header `retry-after` too.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// Tells the place in the queue.
    #[must_use]
    pub fn queue_place(mut self, place: u64) -> Self {
        self.queue_place = Some(place);
        self
    }

    /// Names frames that are missing, as many as the protocol allows.
    #[must_use]
    pub fn missing(mut self, mut frames: Vec<(PackId, u32)>) -> Self {
        frames.truncate(limits::MISSING);
        self.missing = frames;
        self
    }

    /// Names the vault that is there.
    #[must_use]
    pub fn vault(mut self, vault: VaultId) -> Self {
        self.vault = Some(vault);
        self
    }

    /// The code, when this build knows it.
    pub fn known_code(&self) -> Option<Code> {
        Code::parse(&self.code)
    }
}

impl From<&crate::Error> for Problem {
    fn from(error: &crate::Error) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_short_and_survives_json() {
        let problem =
            Problem::new(Code::ServerBusy, "12 of 12 backups are running").retry_after(40).queue_place(3);
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "urn:holdfast:server_busy",
                "title": "server busy",
                "status": 503,
                "code": "server_busy",
                "detail": "12 of 12 backups are running",
                "retry_after_seconds": 40,
                "queue_place": 3,
            })
        );
        assert_eq!(serde_json::from_value::<Problem>(json).unwrap(), problem);
    }

    #[test]
    fn missing_frames_are_pairs() {
        let pack = PackId::from_bytes([1; 16]);
        let problem = Problem::new(Code::RangesMissing, "").missing(vec![(pack, 3)]);
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(json["missing"], serde_json::json!([[pack.to_string(), 3]]));
        let many = Problem::new(Code::RangesMissing, "").missing(vec![(pack, 3); limits::MISSING + 1]);
        assert_eq!(many.missing.len(), limits::MISSING);
        let size = serde_json::to_vec(&many).unwrap().len();
        assert!(size < limits::PROBLEM_BODY, "{size}");
    }

    #[test]
    fn unknown_codes_and_fields_are_read() {
        let json = r#"{"type":"t","title":"t","status":418,"code":"teapot","detail":"d","new":1}"#;
        let problem: Problem = serde_json::from_str(json).unwrap();
        assert_eq!(problem.known_code(), None);
    }
}
