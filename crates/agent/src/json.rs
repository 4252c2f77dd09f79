//! Parts of JSON documents that several commands share. Their names are stable; `docs/cli.md` lists them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use format::entry::{EntryKind, FileTime};
use model::Finding;
use serde::Serialize;

/// A path: text, and its bytes besides where the text could not hold them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct JsonPath {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_base64: Option<String>,
}

impl JsonPath {
    pub(crate) fn new(path: &[u8]) -> Self {
        let (path, path_base64) = text_and_bytes(path);
        Self { path, path_base64 }
    }
}

/// A name as text, and its bytes in base64 where the text cannot hold them.
pub(crate) fn text_and_bytes(name: &[u8]) -> (String, Option<String>) {
    let lossless = std::str::from_utf8(name).is_ok();
    (String::from_utf8_lossy(name).into_owned(), (!lossless).then(|| STANDARD.encode(name)))
}

/// Several paths: texts, and their bytes besides where one of the texts could not hold them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct JsonPaths {
    paths: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paths_base64: Option<Vec<String>>,
}

impl JsonPaths {
    pub(crate) fn new<'a>(paths: impl IntoIterator<Item = &'a [u8]> + Clone) -> Self {
        let lossless = paths.clone().into_iter().all(|path| std::str::from_utf8(path).is_ok());
        let encoded = || paths.clone().into_iter().map(|path| STANDARD.encode(path)).collect();
        Self {
            paths_base64: (!lossless).then(encoded),
            paths: paths.into_iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect(),
        }
    }

    /// The same for people.
    pub(crate) fn words(&self) -> String {
        crate::text::paths(self.paths.iter().map(std::path::Path::new))
    }
}

/// A finding.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct JsonFinding {
    #[serde(flatten)]
    path: JsonPath,
    reason: model::FindingReason,
    errno: i32,
    first_seen: model::Timestamp,
    kept_previous: bool,
}

impl JsonFinding {
    pub(crate) fn new(finding: &Finding) -> Self {
        Self {
            path: JsonPath::new(&finding.path),
            reason: finding.reason,
            errno: finding.errno,
            first_seen: finding.first_seen,
            kept_previous: finding.kept_previous,
        }
    }
}

/// The name of a kind of entries.
pub(crate) const fn kind_name(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File | EntryKind::Continuation => "file",
        EntryKind::Dir => "folder",
        EntryKind::Symlink => "symlink",
        EntryKind::Fifo => "fifo",
        EntryKind::Socket => "socket",
        EntryKind::CharDevice => "char_device",
        EntryKind::BlockDevice => "block_device",
    }
}

/// A time of a file; one outside the calendar in seconds.
pub(crate) fn file_time(time: FileTime) -> String {
    let nanos = i32::try_from(time.nanos).unwrap_or(0);
    jiff::Timestamp::new(time.secs, nanos)
        .map_or_else(|_| format!("{} s", time.secs), |time| time.to_string())
}

/// A line of a stream of events: the name of the event and its fields.
#[derive(Debug, Serialize)]
pub(crate) struct Event<T> {
    pub(crate) event: &'static str,
    #[serde(flatten)]
    pub(crate) fields: T,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bytes_come_along_only_where_text_cannot_hold_them() {
        assert_eq!(serde_json::to_value(JsonPath::new(b"/a")).unwrap(), json!({"path": "/a"}));
        let odd = serde_json::to_value(JsonPath::new(b"/\xff")).unwrap();
        assert_eq!(odd, json!({"path": "/\u{fffd}", "path_base64": "L/8="}));
        let both: [&[u8]; 2] = [b"/a", b"/\xff"];
        let paths = serde_json::to_value(JsonPaths::new(both)).unwrap();
        assert_eq!(paths["paths_base64"], json!(["L2E=", "L/8="]));
        assert!(serde_json::to_value(JsonPaths::new([&b"/a"[..]])).unwrap().get("paths_base64").is_none());
    }

    #[test]
    fn an_event_is_flat() {
        let finding = Finding {
            path: b"/a".to_vec(),
            reason: model::FindingReason::Denied,
            errno: 13,
            first_seen: model::Timestamp::from_secs(0),
            kept_previous: true,
        };
        let event = Event { event: "finding", fields: JsonFinding::new(&finding) };
        assert_eq!(
            serde_json::to_value(event).unwrap(),
            json!({"event": "finding", "path": "/a", "reason": "denied", "errno": 13,
                "first_seen": "1970-01-01T00:00:00Z", "kept_previous": true})
        );
    }

    #[test]
    fn times_outside_the_calendar_are_told_in_seconds() {
        assert_eq!(file_time(FileTime { secs: i64::MAX, nanos: 0 }), format!("{} s", i64::MAX));
        assert_eq!(file_time(FileTime { secs: -1, nanos: 500_000_000 }), "1969-12-31T23:59:59.5Z");
    }
}
