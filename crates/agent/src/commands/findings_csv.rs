//! Findings as a table for other programs, by RFC 4180.

use super::show_findings::{detail, words};
use crate::json::text_and_bytes;
use model::Finding;
use std::io::{self, Write};

/// Writes all findings, those of one cause together.
pub(super) fn write(out: &mut dyn Write, findings: &[Finding]) -> io::Result<()> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by(|one, other| (one.reason, &one.path).cmp(&(other.reason, &other.path)));
    row(out, &["cause", "words", "path", "path_base64", "detail", "since", "kept_previous"])?;
    for finding in sorted {
        let (path, bytes) = text_and_bytes(&finding.path);
        // The parentheses are for lists that people read.
        let detail = detail(finding);
        let detail = detail.trim_start().trim_start_matches('(').trim_end_matches(')');
        row(
            out,
            &[
                finding.reason.as_str(),
                words(finding.reason),
                &path,
                &bytes.unwrap_or_default(),
                detail,
                &finding.first_seen.to_string(),
                if finding.kept_previous { "true" } else { "false" },
            ],
        )?;
    }
    Ok(())
}

fn row(out: &mut dyn Write, fields: &[&str]) -> io::Result<()> {
    let fields: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
    write!(out, "{}\r\n", fields.join(","))
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        return format!("\"{}\"", field.replace('"', "\"\""));
    }
    field.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{FindingReason, Timestamp};

    #[test]
    fn findings_of_one_cause_stand_together_and_names_may_hold_anything() {
        let finding = |reason, path: &[u8], errno| Finding {
            path: path.to_vec(),
            reason,
            errno,
            first_seen: Timestamp::from_secs(0),
            kept_previous: errno != 0,
        };
        let findings = [
            finding(FindingReason::Changing, b"/z", 0),
            finding(FindingReason::Denied, b"/a,\"b\"\n", 13),
            finding(FindingReason::Changing, b"/\xff", 0),
        ];
        let mut out = Vec::new();
        write(&mut out, &findings).unwrap();
        let text = String::from_utf8(out).unwrap();
        let expected = "cause,words,path,path_base64,detail,since,kept_previous\r\n\
            denied,no permission to read,\"/a,\"\"b\"\"\n\",,Permission denied (os error 13); the last version is \
            kept,1970-01-01T00:00:00Z,true\r\n\
            changing,changed while it was read,/z,,,1970-01-01T00:00:00Z,false\r\n\
            changing,changed while it was read,/\u{fffd},L/8=,,1970-01-01T00:00:00Z,false\r\n";
        assert_eq!(text, expected);
    }
}
