//! Requests byte by byte over TLS, for what no client of ours would send.

use super::Site;
use super::device::Device;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// An answer: its status, its head in lower case, its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The code of a refusal.
    pub(crate) fn code(&self) -> String {
        assert!(self.head.contains("application/problem+json"), "{self:?}");
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["status"], self.status);
        problem["code"].as_str().unwrap().to_owned()
    }
}

/// Time stands still in these tests, also for certificates.
#[derive(Debug)]
struct FixedTime(u64);

impl rustls::time_provider::TimeProvider for FixedTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0)))
    }
}

impl Site {
    /// A TLS connection that speaks HTTP/1.1.
    pub(crate) fn stream(&self) -> Stream {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificates().authority().certificate().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let now = FixedTime(self.clock.now().as_secs() as u64);
        let mut config = ClientConfig::builder_with_details(provider, Arc::new(now))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let tls =
            ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
        StreamOwned::new(tls, TcpStream::connect(self.address()).unwrap())
    }

    /// Sends a request and reads the answer.
    pub(crate) fn send(&self, head: &str, body: &[u8]) -> Answer {
        let mut stream = self.stream();
        stream.write_all(head.as_bytes()).unwrap();
        // A server that refused already may have closed.
        let _ = stream.write_all(body);
        let _ = stream.flush();
        read(&mut stream)
    }

    /// A request of a device, with these headers besides.
    pub(crate) fn request(&self, device: &Device, line: &str, headers: &str, body: &[u8]) -> Answer {
        self.send(&head(device, line, headers, body.len()), body)
    }
}

/// The head of a request of a device.
pub(crate) fn head(device: &Device, line: &str, headers: &str, length: usize) -> String {
    let credential = device.credential.to_header();
    format!(
        "{line} HTTP/1.1\r\nhost: localhost\r\nholdfast-protocol: 1\r\nauthorization: {credential}\r\n\
         content-length: {length}\r\n{headers}\r\n"
    )
}

/// Reads one answer.
pub(crate) fn read(stream: &mut Stream) -> Answer {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut body = vec![0; field("content-length:").map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    Answer { status, head, body }
}
