//! The certificates of a running server: what a handshake gets, and renewal without a restart.

use super::leaf::{FILE, Leaf};
use super::{Authority, Names, TlsError};
use model::{Clock, Timestamp};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

/// Authority and leaf of a running server.
pub struct Certificates {
    dir: PathBuf,
    names: Names,
    clock: Clock,
    authority: Authority,
    leaf: Mutex<Leaf>,
    live: Arc<Live>,
}

impl Certificates {
    /// Opens the authority in `dir`, and its leaf, which is made or renewed where that is due.
    pub fn open(dir: &Path, names: Names, clock: Clock) -> Result<Self, TlsError> {
        let authority = Authority::open(dir)?;
        let now = clock.now();
        let kept = match Leaf::open(dir) {
            Ok(leaf) => leaf.filter(|leaf| !leaf.is_due(&names, authority.certificate(), now)),
            // Nobody trusts this very leaf, so a new one mends it.
            Err(TlsError::Damaged { file, rule }) => {
                tracing::warn!(file, rule, "the certificate is damaged and will be made anew");
                None
            }
            Err(error) => return Err(error),
        };
        let leaf = match kept {
            Some(leaf) => leaf,
            None => {
                let leaf = authority.issue(&names, now)?;
                leaf.store(dir)?;
                leaf
            }
        };
        let live = Arc::new(Live(RwLock::new(Arc::new(leaf.certified_key()?))));
        Ok(Self { dir: dir.to_owned(), names, clock, authority, leaf: Mutex::new(leaf), live })
    }

    /// The authority.
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// When the present leaf ends.
    pub fn leaf_not_after(&self) -> Timestamp {
        self.leaf.lock().unwrap_or_else(PoisonError::into_inner).not_after()
    }

    /// Renews the leaf when that is due; the next handshake gets the new one. Gives whether it did. When the new leaf
    /// cannot be stored it is used all the same, and the error says so.
    pub fn renew_if_due(&self) -> Result<bool, TlsError> {
        let now = self.clock.now();
        let mut leaf = self.leaf.lock().unwrap_or_else(PoisonError::into_inner);
        if !leaf.is_due(&self.names, self.authority.certificate(), now) {
            return Ok(false);
        }
        let new = self.authority.issue(&self.names, now)?;
        let key = Arc::new(new.certified_key()?);
        *self.live.0.write().unwrap_or_else(PoisonError::into_inner) = key;
        *leaf = new;
        leaf.store(&self.dir)?;
        Ok(true)
    }

    /// TLS 1.3 and 1.2, HTTP/2 and HTTP/1.1, session tickets, and always the present leaf.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(self.live.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
        Ok(Arc::new(config))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates")
            .field("dir", &self.dir)
            .field("leaf", &self.leaf)
            .finish_non_exhaustive()
    }
}

/// Looks every `interval` whether the leaf is due, until `shutdown`. A failure is logged and tried again: a third of
/// a leaf's life is 30 days.
pub async fn keep_renewed(
    certificates: Arc<Certificates>,
    interval: Duration,
    shutdown: impl Future<Output = ()>,
) {
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return,
            () = tokio::time::sleep(interval) => {}
        }
        let worker = certificates.clone();
        match tokio::task::spawn_blocking(move || worker.renew_if_due()).await {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => {
                tracing::info!(until = %certificates.leaf_not_after(), "the certificate was renewed");
            }
            Ok(Err(error)) => {
                tracing::error!(file = FILE, %error, "the certificate could not be renewed or stored");
            }
            Err(error) => tracing::error!(%error, "the renewal of the certificate ended"),
        }
    }
}

/// What handshakes ask for the certificate.
struct Live(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Live {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Live")
    }
}
