//! Under which names and addresses the server can be reached, as far as its certificate must say so.

use super::TlsError;
use axum::http::Uri;
use rustls::pki_types::ServerName;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

/// Host names in lower case and IP addresses, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(BTreeSet<String>);

impl Names {
    /// The hosts of the server's URLs and of the address it listens on, this machine's name, and the names of the
    /// loopback. An address that stands for all (`0.0.0.0`) names nothing. A host name of this machine that no
    /// certificate can carry is left out; a URL with such a name is an error.
    pub fn collect(urls: &[String], listen: &[SocketAddr], hostname: Option<&str>) -> Result<Self, TlsError> {
        let mut names: BTreeSet<_> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
        for url in urls {
            let host = url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
            let host = host.ok_or_else(|| TlsError::Name { name: url.clone() })?;
            names.insert(normalise(&host).ok_or(TlsError::Name { name: host })?);
        }
        for address in listen {
            if !address.ip().is_unspecified() {
                names.insert(address.ip().to_canonical().to_string());
            }
        }
        names.extend(hostname.and_then(normalise));
        Ok(Self(names))
    }

    /// The names in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Names as they stand in a certificate.
    pub(super) fn from_certificate(names: impl Iterator<Item = String>) -> Self {
        Self(names.collect())
    }
}

/// The form in which names are compared; `None` when it is no name.
fn normalise(host: &str) -> Option<String> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Some(address.to_string());
    }
    let name = bare.trim_end_matches('.').to_ascii_lowercase();
    matches!(ServerName::try_from(name.as_str()), Ok(ServerName::DnsName(_))).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(urls: &[&str], listen: &[&str], hostname: Option<&str>) -> Result<Vec<String>, TlsError> {
        let urls: Vec<_> = urls.iter().map(|url| (*url).to_owned()).collect();
        let listen: Vec<_> = listen.iter().map(|address| address.parse().unwrap()).collect();
        Ok(Names::collect(&urls, &listen, hostname)?.iter().map(str::to_owned).collect())
    }

    #[test]
    fn hosts_come_from_everywhere_once() {
        let found = names(
            &["https://Backup.Example.org:8443/x", "https://[2001:db8::1]:8443", "https://192.0.2.7"],
            &["192.0.2.7:8443", "0.0.0.0:8443", "[::]:8443"],
            Some("Server7"),
        );
        let expected =
            ["127.0.0.1", "192.0.2.7", "2001:db8::1", "::1", "backup.example.org", "localhost", "server7"];
        assert_eq!(found.unwrap(), expected);
    }

    #[test]
    fn what_is_no_name_is_refused_in_urls_only() {
        assert!(names(&["https://a b"], &[], None).is_err());
        assert!(names(&["/path"], &[], None).is_err());
        assert_eq!(names(&[], &[], Some("not a name")).unwrap().len(), 3);
    }
}
