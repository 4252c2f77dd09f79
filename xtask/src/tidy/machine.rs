//! Refuses what only holds on one machine: its absolute paths, and addresses of private hosts.
//! Names reserved for examples (RFC 2606, RFC 5737) and the loopback addresses are free to use.

use super::Problem;
use crate::repo::Repo;

/// Folders that exist on somebody's machine only. Spelled in two parts, so that this file passes its own check.
const FOLDERS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];

/// Last labels of hosts that no public resolver knows.
const PRIVATE_ENDINGS: &[&str] = &["corp", "home", "internal", "intranet", "lan", "local", "localdomain"];

/// Labels that mark a host as somebody's own copy of a package registry.
const MIRROR_LABELS: &[&str] = &["artifactory", "artifacts", "mirror", "nexus", "pkg", "proxy"];

const EXAMPLE_ENDINGS: &[&str] =
    &["example", "invalid", "localhost", "test", "example.com", "example.net", "example.org"];

pub(super) fn check(repo: &Repo) -> Vec<Problem> {
    repo.texts
        .iter()
        .flat_map(|(path, text)| {
            text.lines()
                .enumerate()
                .filter_map(|(number, line)| Some(Problem::new(path, number + 1, complaint(line)?)))
        })
        .collect()
}

fn complaint(line: &str) -> Option<String> {
    if let Some(folder) = FOLDERS.iter().find(|folder| names_folder(line, folder)) {
        return Some(format!("`{folder}` is a path of one machine"));
    }
    let host = hosts(line).find(|host| is_private(host))?;
    Some(format!("`{host}` is a host of one network; use a name under example.org"))
}

/// Whether `folder` stands in `line` as the start of an absolute path.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '}' | ')' | '*'))
    })
}

/// The host of each URL in `line`, without port and user.
fn hosts(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("://").filter_map(|(at, mark)| {
        let rest = &line[at + mark.len()..];
        let authority =
            rest.split(|c: char| !(c.is_ascii_alphanumeric() || "-._~@:[]%".contains(c))).next()?;
        let host = authority.rsplit('@').next()?;
        let host = if host.starts_with('[') { host } else { host.split(':').next()? };
        let host = host.trim_end_matches('.');
        (!host.is_empty()).then_some(host)
    })
}

fn is_private(host: &str) -> bool {
    if let Ok(address) = host.parse::<std::net::Ipv4Addr>() {
        return !(address.is_loopback() || address.is_documentation() || address.is_unspecified());
    }
    let host = host.to_ascii_lowercase();
    let ends = |ending: &&str| {
        host == **ending || host.strip_suffix(*ending).is_some_and(|rest| rest.ends_with('.'))
    };
    if EXAMPLE_ENDINGS.iter().any(ends) {
        return false;
    }
    PRIVATE_ENDINGS.iter().any(ends) || host.split('.').any(|label| MIRROR_LABELS.contains(&label))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::sample;

    fn found(text: &str) -> usize {
        check(&sample::files(&[("docs/a.md", text)])).len()
    }

    #[test]
    fn paths_of_one_machine_fail() {
        for folder in FOLDERS {
            assert_eq!(found(&format!("see {folder}main for it\n")), 1);
            assert_eq!(found(&format!("\"{folder}\"\n")), 1);
            assert_eq!(
                found(&format!("crates{folder}main and $dir{folder}x, https://example.org{folder}\n")),
                0
            );
        }
    }

    #[test]
    fn private_hosts_fail() {
        let url = |host: &str| format!("get it from https://user@{host}:443/simple\n");
        for host in
            ["10.1.2.3", "nas.lan", "NAS.Local", "crates-mirror.corp", "europe.pkg.dev", "nexus.firm.com"]
        {
            assert_eq!(found(&url(host)), 1, "{host}");
        }
    }

    #[test]
    fn public_and_example_hosts_pass() {
        let url = |host: &str| format!("(https://{host}/x)\n");
        for host in [
            "docs.rs",
            "127.0.0.1:8443",
            "localhost:1",
            "[::1]:9",
            "proxy.example.org",
            "192.0.2.7",
            "backup",
        ] {
            assert_eq!(found(&url(host)), 0, "{host}");
        }
    }
}
