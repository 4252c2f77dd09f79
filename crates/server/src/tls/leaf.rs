//! One leaf certificate with its chain and key, and whether it is due for renewal.

use super::authority::read;
use super::{Names, TlsError};
use model::Timestamp;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::net::IpAddr;
use std::path::Path;
use x509_parser::extensions::GeneralName;

/// Leaf, authority and the leaf's key, below `DATA/tls`. One file, so that a renewal is one rename.
pub(super) const FILE: &str = "leaf.pem";

/// A leaf certificate. `Debug` shows no key.
pub struct Leaf {
    chain: [CertificateDer<'static>; 2],
    key: PrivateKeyDer<'static>,
    not_before: Timestamp,
    not_after: Timestamp,
    names: Names,
}

impl Leaf {
    pub(super) fn new(
        certificate: CertificateDer<'static>,
        authority: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        let damaged = |rule| TlsError::damaged(FILE, rule);
        let (_, parsed) = x509_parser::parse_x509_certificate(&certificate)
            .map_err(|_| damaged("the certificate can be read"))?;
        let validity = parsed.validity();
        let not_before = Timestamp::from_secs(validity.not_before.timestamp());
        let not_after = Timestamp::from_secs(validity.not_after.timestamp());
        let alternatives =
            parsed.subject_alternative_name().ok().flatten().ok_or(damaged("it names its hosts"))?;
        let names = Names::from_certificate(alternatives.value.general_names.iter().filter_map(host));
        Ok(Self { chain: [certificate, authority], key, not_before, not_after, names })
    }

    /// Reads the leaf from `dir`; `None` when there is none.
    pub(super) fn open(dir: &Path) -> Result<Option<Self>, TlsError> {
        let Some(text) = read(dir, FILE)? else { return Ok(None) };
        let damaged = |rule| TlsError::damaged(FILE, rule);
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let chain = chain.ok().and_then(|chain| <[_; 2]>::try_from(chain).ok());
        let [certificate, authority] = chain.ok_or(damaged("it holds two certificates"))?;
        let key = PrivateKeyDer::from_pem_slice(&text).map_err(|_| damaged("it holds a private key"))?;
        Self::new(certificate, authority, key).map(Some)
    }

    /// Stores it durably in `dir`, in place of the one before.
    pub(super) fn store(&self, dir: &Path) -> Result<(), TlsError> {
        let certificates = self.chain.iter().map(|certificate| pem("CERTIFICATE", certificate));
        let mut text: String = certificates.collect();
        text += &pem("PRIVATE KEY", self.key.secret_der());
        platform::durable::write_file(&dir.join(FILE), text.as_bytes(), 0o600)
            .map_err(|source| TlsError::Storage { file: FILE, source })
    }

    /// When it ends.
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// True when less than a third of its life is left, it has not begun, it is for other names, or the authority is
    /// another one by now.
    pub(super) fn is_due(&self, names: &Names, authority: &CertificateDer<'_>, now: Timestamp) -> bool {
        let life = self.not_after.since(self.not_before);
        now < self.not_before
            || self.not_after.since(now) < life / 3
            || self.names != *names
            || self.chain[1] != *authority
    }

    /// Chain and key for a handshake.
    pub(super) fn certified_key(&self) -> Result<CertifiedKey, TlsError> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        Ok(CertifiedKey::from_der(self.chain.to_vec(), self.key.clone_key(), &provider)?)
    }
}

impl std::fmt::Debug for Leaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leaf")
            .field("not_before", &self.not_before)
            .field("not_after", &self.not_after)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

fn host(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let v6 = <[u8; 16]>::try_from(*bytes).map(IpAddr::from);
            v4.or(v6).ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

/// RFC 7468: base64 in lines of 64 characters between two marks.
fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(64) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}
