//! The server's certificate authority: made once by `init`, trusted by the agents through the pin in their token.

use super::leaf::Leaf;
use super::{Names, TlsError};
use model::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::time::Duration;

/// Certificate and key of the authority, below `DATA/tls`. One file, so that they cannot drift apart.
const FILE: &str = "authority.pem";
const DAY: Duration = Duration::from_secs(86_400);
const LIFE: Duration = Duration::from_secs(20 * 365 * 86_400);
const LEAF_LIFE: Duration = Duration::from_secs(90 * 86_400);

/// The authority: its certificate, and the key that signs leaves.
pub struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes the authority and stores it durably in `dir`. `label` tells it from other authorities in the lists that
    /// people see. Fails when there is one already: the agents' trust hangs on it.
    pub fn create(dir: &Path, label: &str, now: Timestamp) -> Result<Self, TlsError> {
        let key = KeyPair::generate()?;
        let mut params = params(&format!("Holdfast authority {label}"), now, LIFE);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key)?;
        let text = format!("{}{}", certificate.pem(), key.serialize_pem());
        let storage = |source| TlsError::Storage { file: FILE, source };
        platform::durable::create_dir_all(dir, 0o700).map_err(storage)?;
        platform::durable::write_new_file(&dir.join(FILE), text.as_bytes(), 0o600).map_err(storage)?;
        Ok(Self { certificate: certificate.der().clone(), issuer: Issuer::new(params, key) })
    }

    /// Reads the authority from `dir`.
    pub fn open(dir: &Path) -> Result<Self, TlsError> {
        let text = read(dir, FILE)?.ok_or(TlsError::Missing { file: FILE })?;
        let damaged = |rule| TlsError::damaged(FILE, rule);
        let certificate =
            CertificateDer::from_pem_slice(&text).map_err(|_| damaged("it holds a certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(&text).map_err(|_| damaged("it holds a private key"))?;
        let key = KeyPair::try_from(&key).map_err(|_| damaged("the private key is one of ours"))?;
        let (_, parsed) = x509_parser::parse_x509_certificate(&certificate)
            .map_err(|_| damaged("the certificate can be read"))?;
        if parsed.public_key().raw != rcgen::PublicKeyData::subject_public_key_info(&key) {
            return Err(damaged("certificate and private key fit together"));
        }
        let issuer = Issuer::from_ca_cert_der(&certificate, key)?;
        Ok(Self { certificate, issuer })
    }

    /// The certificate in DER.
    pub const fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// SHA-256 of the certificate: the pin of tokens.
    pub fn pin(&self) -> [u8; 32] {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.certificate);
        let mut pin = [0; 32];
        pin.copy_from_slice(digest.as_ref());
        pin
    }

    /// A new leaf for these names, good for 90 days. It begins a day early, for agents whose clocks are behind.
    pub(super) fn issue(&self, names: &Names, now: Timestamp) -> Result<Leaf, TlsError> {
        let key = KeyPair::generate()?;
        let common_name = names.iter().find(|name| name.contains('.') && !name.starts_with("127."));
        let mut params = params(common_name.unwrap_or("localhost"), now, LEAF_LIFE);
        params.subject_alt_names =
            CertificateParams::new(names.iter().map(str::to_owned).collect::<Vec<_>>())?.subject_alt_names;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Leaf::new(certificate.der().clone(), self.certificate.clone(), PrivateKeyDer::from(key))
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

fn params(common_name: &str, now: Timestamp, life: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    // The field holds 64 characters (RFC 5280); names longer than that stand in the alternative names alone.
    if common_name.len() <= 64 {
        params.distinguished_name.push(DnType::CommonName, common_name);
    }
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let since_epoch = |time: Timestamp| Duration::from_secs(u64::try_from(time.as_secs()).unwrap_or(0));
    params.not_before = epoch + since_epoch(now.before(DAY));
    params.not_after = epoch + since_epoch(now.after(life));
    // Random and positive: rcgen's own choice depends on the key alone, and a serial number is used once.
    let mut serial: [u8; 16] = model::ids::random_bytes();
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(serial.to_vec().into());
    params
}

/// A file of `dir`; `None` when it is not there.
pub(super) fn read(dir: &Path, file: &'static str) -> Result<Option<Vec<u8>>, TlsError> {
    match std::fs::read(dir.join(file)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let errno = error.raw_os_error().unwrap_or(0);
            Err(TlsError::Storage { file, source: platform::Error::Os { op: "read file", errno } })
        }
    }
}
