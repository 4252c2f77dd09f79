//! Whether the certificate that a server shows is to be trusted.

use crate::failure::failure;
use engine::remote::RemoteError;
use model::{Clock, Code};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
};
use rustls::{client, version};
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What the agent trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The operating system's certificate store.
    Os,
    /// The authority whose certificate has this SHA-256: at activation, when only the token is known.
    Pin([u8; 32]),
    /// The authority with this certificate (DER): ever after.
    Authority(Vec<u8>),
}

impl From<api::Pin> for Trust {
    fn from(pin: api::Pin) -> Self {
        match pin {
            api::Pin::Os => Self::Os,
            api::Pin::Authority(hash) => Self::Pin(hash),
        }
    }
}

/// The certificate of the authority that a pin has found, once it has.
pub(crate) type Found = Arc<OnceLock<CertificateDer<'static>>>;

/// The TLS settings for this trust: HTTP/1.1 only (`docs/adr/0003-http1-upload-lanes.md`), time by `clock`.
pub(crate) fn client_config(trust: &Trust, clock: Clock) -> Result<(ClientConfig, Found), RemoteError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let found = Found::default();
    let untrusted = |error: &dyn fmt::Display| failure(Code::CertificateUntrusted, error.to_string());
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Os => Arc::new(
            rustls_platform_verifier::Verifier::new(provider.clone())
                .map_err(|error| untrusted(&format!("the system's certificate store: {error}")))?,
        ),
        Trust::Pin(pin) => {
            Arc::new(PinVerifier { pin: *pin, provider: provider.clone(), found: found.clone() })
        }
        Trust::Authority(certificate) => {
            let certificate = CertificateDer::from(certificate.clone());
            only(&certificate, provider.clone()).map_err(|error| untrusted(&error))?
        }
    };
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(ClockTime(clock)))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(|error| failure(Code::Internal, error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = client::Resumption::in_memory_sessions(16);
    Ok((config, found))
}

/// A verifier that trusts this authority and no other.
fn only(
    authority: &CertificateDer<'_>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone().into_owned())?;
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| TlsError::General(error.to_string()))
}

/// Finds the pinned authority in the chain it is shown, then verifies the leaf as if that were the only root.
struct PinVerifier {
    pin: [u8; 32],
    provider: Arc<CryptoProvider>,
    found: Found,
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let authority = intermediates
            .iter()
            .find(|certificate| sha256(certificate) == self.pin)
            .ok_or(TlsError::InvalidCertificate(CertificateError::UnknownIssuer))?;
        let verified = only(authority, self.provider.clone())?.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )?;
        // Kept only now: a chain that merely quotes the authority proves nothing.
        self.found.get_or_init(|| authority.clone().into_owned());
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl fmt::Debug for PinVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinVerifier").field("pin", &api::Hash(self.pin)).finish_non_exhaustive()
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(::aws_lc_rs::digest::digest(&::aws_lc_rs::digest::SHA256, bytes).as_ref());
    hash
}

/// The time of our clock, for the validity of certificates.
struct ClockTime(Clock);

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        let micros = u64::try_from(self.0.now().as_micros()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_micros(micros)))
    }
}

impl fmt::Debug for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClockTime")
    }
}
