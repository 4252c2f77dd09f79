//! Findings for people: grouped by reason, the first of each named, never more than a screen.

use crate::text;
use model::{Finding, FindingReason};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Lines with paths in all.
const SHOWN: usize = 20;

/// Writes the findings of a run; `count` is how many there were, `more` says how to see all.
pub(super) fn write(out: &mut dyn Write, findings: &[Finding], count: u64, more: &str) -> io::Result<()> {
    let mut groups: BTreeMap<FindingReason, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        groups.entry(finding.reason).or_default().push(finding);
    }
    // Each reason is named, and those with few findings leave their lines to the others.
    let mut shares: Vec<(usize, FindingReason)> =
        groups.iter().map(|(reason, of)| (of.len(), *reason)).collect();
    shares.sort_unstable();
    let mut left = SHOWN;
    let mut allowed = BTreeMap::new();
    for (at, (size, reason)) in shares.iter().enumerate() {
        let share = (left / (shares.len() - at)).min(*size);
        allowed.insert(*reason, share);
        left -= share;
    }
    let mut hidden = count.saturating_sub(findings.len() as u64);
    for (reason, of) in &groups {
        writeln!(out, "  {}: {}", words(*reason), text::counted(of.len() as u64, "finding"))?;
        let share = allowed.get(reason).copied().unwrap_or(0);
        for finding in &of[..share] {
            writeln!(out, "    {}{}", text::escaped(&finding.path), detail(finding))?;
        }
        hidden += (of.len() - share) as u64;
    }
    if hidden > 0 {
        writeln!(out, "  {} more: {more}", text::count(hidden))?;
    }
    Ok(())
}

/// What the system said, and whether an earlier version was kept.
pub(super) fn detail(finding: &Finding) -> String {
    let errno = (finding.errno != 0).then(|| io::Error::from_raw_os_error(finding.errno).to_string());
    let kept = finding.kept_previous.then(|| "the last version is kept".to_owned());
    let parts: Vec<String> = errno.into_iter().chain(kept).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join("; ")) }
}

/// A reason in words.
pub(super) const fn words(reason: FindingReason) -> &'static str {
    match reason {
        FindingReason::Denied => "no permission to read",
        FindingReason::ReadError => "the disk could not read it",
        FindingReason::Changing => "changed while it was read",
        FindingReason::Locked => "locked by another program",
        FindingReason::NameTooLong => "the name is too long",
        FindingReason::FolderUnreadable => "the folder could not be listed",
        FindingReason::RootMissing => "a folder of the set is gone",
        FindingReason::RootEmpty => "a folder of the set became empty",
        FindingReason::RootMoved => "a folder of the set lies on another file system than before",
        FindingReason::RootReplaced => "a folder or file of the set is something else now",
        FindingReason::MountMissing => {
            "a file system below a folder of the set is not mounted, or shows nothing"
        }
        FindingReason::ObjectStore => "an object store of a server, which is never backed up",
        FindingReason::PseudoFileSystem => "a view of the system's own state, which is never backed up",
        FindingReason::AttributesUnreadable => "attributes could not be read",
        FindingReason::Vanished => "vanished meanwhile",
        FindingReason::AttributesTooLarge => "attributes are too large and were left out",
        FindingReason::WriteFailed => "could not be written",
        FindingReason::AttributesNotRestored => "owner, mode, times or attributes could not be set",
        FindingReason::Damaged => "the stored content is damaged",
        FindingReason::Skipped => "left as it was",
        FindingReason::Unsupported => "the target cannot hold it",
        FindingReason::TargetFull => "the target is full",
        _ => "other",
    }
}

/// How to go on when roots of this set were not as before.
pub(super) fn advice(findings: &[Finding], set: &str) -> Option<String> {
    let roots = [
        FindingReason::RootMissing,
        FindingReason::RootEmpty,
        FindingReason::RootMoved,
        FindingReason::RootReplaced,
        FindingReason::MountMissing,
    ];
    // Without its name the command could accept what is missing in another set.
    findings.iter().any(|finding| roots.contains(&finding.reason)).then(|| {
        format!(
            "If the folder is meant to be so, say it once: holdfast backup {} --accept-changed-roots. Until then its \
             last version is kept.",
            text::set_option(set)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;

    fn finding(reason: FindingReason, path: &str, errno: i32) -> Finding {
        let path = path.as_bytes().to_vec();
        Finding { path, reason, errno, first_seen: Timestamp::from_secs(0), kept_previous: errno != 0 }
    }

    fn written(findings: &[Finding], count: u64) -> String {
        let mut out = Vec::new();
        write(&mut out, findings, count, "holdfast findings latest").unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn few_are_all_shown() {
        let text = written(&[finding(FindingReason::Denied, "/a\n", 13)], 1);
        assert_eq!(
            text,
            "  no permission to read: 1 finding\n    /a\\x0a (Permission denied (os error 13); the last version is kept)\n"
        );
    }

    #[test]
    fn many_are_cut_but_every_reason_is_named() {
        let mut findings: Vec<_> =
            (0..50).map(|number| finding(FindingReason::Changing, &format!("/c{number}"), 0)).collect();
        findings.push(finding(FindingReason::RootMissing, "/root", 2));
        let text = written(&findings, 60);
        assert_eq!(text.lines().filter(|line| line.starts_with("    ")).count(), SHOWN);
        assert!(text.contains("a folder of the set is gone: 1 finding"), "{text}");
        assert!(text.contains("changed while it was read: 50 findings"), "{text}");
        assert!(text.ends_with("  40 more: holdfast findings latest\n"), "{text}");
        assert!(advice(&findings[..50], "work").is_none());
        let words = advice(&findings, "my work").unwrap();
        assert!(words.contains("holdfast backup --set 'my work' --accept-changed-roots."), "{words}");
    }

    #[test]
    fn every_reason_has_words() {
        for reason in FindingReason::ALL {
            assert_ne!(words(*reason), "other", "{reason:?}");
        }
    }
}
