//! Which servers an agent believes, and which not.

use crate::support::{TestServer, clock, healthy, listening, patient};
use client::{Connection, Options, RemoteError, Trust};
use model::{Clock, Code};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

fn ask(options: Options) -> Result<Connection, RemoteError> {
    let connection = Connection::open(options)?;
    connection.health()?;
    Ok(connection)
}

fn code(options: Options) -> Code {
    ask(options).map(|_| ()).unwrap_err().code
}

#[test]
fn a_pin_finds_the_authority_which_is_trusted_from_then_on() {
    let server = TestServer::with(healthy(), patient());
    let options = server.options();
    let fresh = Connection::open(options.clone()).unwrap();
    assert_eq!(fresh.authority(), None);
    let connection = ask(options.clone()).unwrap();
    let authority = connection.authority().unwrap();
    assert_eq!(authority, server.certificates.authority().certificate().to_vec());

    let trust = Trust::Authority(authority.clone());
    let connection = ask(Options { trust: trust.clone(), ..options.clone() }).unwrap();
    assert_eq!(connection.authority(), Some(authority));
    let by_name = vec![format!("https://localhost:{}/", server.address.port())];
    assert!(ask(Options { urls: by_name, trust, ..options }).is_ok());
}

#[test]
fn another_authority_is_not_trusted() {
    let server = TestServer::with(healthy(), patient());
    let other = TestServer::with(healthy(), patient());
    let pin = Trust::Pin(other.certificates.authority().pin());
    let authority = Trust::Authority(other.certificates.authority().certificate().to_vec());
    for trust in [pin, authority, Trust::Os] {
        assert_eq!(code(Options { trust, ..server.options() }), Code::CertificateUntrusted);
    }
}

#[test]
fn a_chain_that_only_quotes_the_authority_proves_nothing() {
    let genuine = TestServer::with(healthy(), patient());
    let quoted = genuine.certificates.authority().certificate().clone();
    let key = rcgen::KeyPair::generate().unwrap();
    let forged =
        rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![forged.der().clone(), quoted], key.into())
        .unwrap();
    let (_thread, address, _stop) =
        listening((Ipv4Addr::LOCALHOST, 0).into(), Arc::new(tls), healthy(), patient());
    let connection =
        Connection::open(Options { urls: vec![format!("https://{address}")], ..genuine.options() }).unwrap();
    assert_eq!(connection.health().unwrap_err().code, Code::CertificateUntrusted);
    assert_eq!(connection.authority(), None);
}

#[test]
fn another_host_name_is_not_trusted() {
    let server = TestServer::with(healthy(), patient());
    let tls = server.certificates.server_config().unwrap();
    // The same certificates, at an address that they do not name.
    let (_thread, address, _stop) =
        listening((Ipv4Addr::new(127, 0, 0, 2), 0).into(), tls, healthy(), patient());
    let urls = vec![format!("https://{address}")];
    let error = ask(Options { urls, ..server.options() }).unwrap_err();
    assert_eq!(error.code, Code::CertificateUntrusted);
    assert!(error.detail.contains("another name"), "{}", error.detail);
}

#[test]
fn times_that_do_not_fit_have_their_code() {
    let server = TestServer::with(healthy(), patient());
    let at = |days: i32| {
        let now = clock().now();
        let by = DAY * days.unsigned_abs();
        Clock::manual(if days < 0 { now.before(by) } else { now.after(by) })
    };
    assert_eq!(code(Options { clock: at(91), ..server.options() }), Code::CertificateExpired);
    assert_eq!(code(Options { clock: at(-2), ..server.options() }), Code::CertificateExpired);
    assert!(ask(Options { clock: at(89), ..server.options() }).is_ok());
}

#[test]
fn a_leaf_is_renewed_without_a_restart() {
    let clock = clock();
    let server = TestServer::start(healthy(), patient(), clock.clone(), &[]);
    let options = Options { clock: clock.clone(), ..server.options() };
    let connection = ask(options.clone()).unwrap();
    let trust = Trust::Authority(connection.authority().unwrap());
    let first = server.certificates.leaf_not_after();

    clock.advance(DAY * 100);
    assert_eq!(code(Options { trust: trust.clone(), ..options.clone() }), Code::CertificateExpired);
    assert!(server.certificates.renew_if_due().unwrap());
    assert!(server.certificates.leaf_not_after() > first);
    assert!(ask(Options { trust, ..options }).is_ok());
    assert!(connection.health().is_ok(), "the connection that is open stays");
}
