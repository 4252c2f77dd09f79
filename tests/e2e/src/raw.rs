//! Requests as no agent would send them: bytes over TLS, with the credentials of a real device where a test wants
//! them. It knows HTTP/1.1 and no more of the protocol than names of headers.

use crate::{Agent, Server};
use agent::state::State;
use agent::state::identity::Identity;
use model::Code;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

/// A connection to the server.
pub type Stream = StreamOwned<ClientConnection, TcpStream>;

/// Somebody who speaks to a server.
#[derive(Debug, Clone)]
pub struct Raw {
    port: u16,
    tls: Arc<ClientConfig>,
    authorization: Option<String>,
}

impl Raw {
    /// Somebody without credentials.
    pub fn stranger(server: &Server) -> Self {
        let authority = CertificateDer::from_pem_file(server.data().join("tls/authority.pem")).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(authority).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { port: server.port(), tls: Arc::new(tls), authorization: None }
    }

    /// The same server, with the credentials of this device.
    pub fn device(server: &Server, agent: &Agent) -> Self {
        let credential = identity(agent).credential();
        Self::stranger(server).with_authorization(&credential.to_header())
    }

    /// The same with this value of the header `authorization`.
    #[must_use]
    pub fn with_authorization(mut self, value: &str) -> Self {
        self.authorization = Some(value.to_owned());
        self
    }

    /// A request with the headers of an agent and without a body.
    pub fn request(&self, method: &str, path: impl Into<String>) -> Request {
        let mut request = Request {
            raw: self.clone(),
            method: method.to_owned(),
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
        .header("holdfast-protocol", "1");
        if let Some(value) = &self.authorization {
            request = request.header("authorization", value);
        }
        request
    }

    /// Shorthand for a `GET`.
    pub fn get(&self, path: impl Into<String>) -> Answer {
        self.request("GET", path).send()
    }

    /// A TLS connection.
    pub fn connect(&self) -> Stream {
        let tcp = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        StreamOwned::new(ClientConnection::new(Arc::clone(&self.tls), name).unwrap(), tcp)
    }
}

/// What a device has in its state.
///
/// # Panics
/// When the device is not activated.
pub fn identity(agent: &Agent) -> Identity {
    Identity::read(&State::at(agent.state().to_owned())).unwrap()
}

/// A request that is put together.
#[derive(Debug, Clone)]
pub struct Request {
    raw: Raw,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// Sets a header, in place of one with this name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Takes a header away.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// The header with the number of a lease.
    #[must_use]
    pub fn counter(self, number: u64) -> Self {
        self.header("holdfast-counter", &number.to_string())
    }

    /// A body in JSON.
    #[must_use]
    pub fn json(self, body: &impl serde::Serialize) -> Self {
        self.body("application/json", serde_json::to_vec(body).unwrap())
    }

    /// A body in binary.
    #[must_use]
    pub fn binary(self, body: impl Into<Vec<u8>>) -> Self {
        self.body("application/octet-stream", body)
    }

    /// A body of any type.
    #[must_use]
    pub fn body(mut self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let length = self.body.len().to_string();
        self.header("content-type", kind).header("content-length", &length)
    }

    /// Sends it and reads the answer.
    #[track_caller]
    pub fn send(mut self) -> Answer {
        let body = std::mem::take(&mut self.body);
        let mut stream = self.header("connection", "close").begin();
        // A server that refuses may stop reading; what it says is what counts.
        let _ = stream.write_all(&body).and_then(|()| stream.flush());
        Answer::read(&mut stream)
    }

    /// The same, for a request that the server may cut off: then there may be no answer.
    pub fn send_if_heard(self) -> Option<Answer> {
        Answer::read_if_any(&mut self.header("connection", "close").begin())
    }

    /// Sends the head alone. Whether the server has taken it shows when its answer is read.
    pub fn begin(&self) -> Stream {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: 127.0.0.1\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let mut stream = self.raw.connect();
        // A server that refuses early may have closed its side: its answer says why.
        let _ = stream.write_all(format!("{head}\r\n").as_bytes()).and_then(|()| stream.flush());
        stream
    }

    /// Sends the head and waits until the server asks for the body: from then on the request is under way there.
    #[track_caller]
    pub fn begin_body(self) -> Stream {
        let mut stream = self.header("expect", "100-continue").begin();
        let mut interim = Vec::new();
        while !interim.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("the server asks for the body");
            interim.push(byte[0]);
        }
        assert!(interim.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&interim));
        stream
    }
}

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The head as text, in lower case.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads an answer from a connection on which a request was sent.
    ///
    /// # Panics
    /// When the connection ends before an answer came.
    #[track_caller]
    pub fn read(stream: &mut impl Read) -> Self {
        Self::read_if_any(stream).expect("the connection ended without an answer")
    }

    /// The same; `None` when the connection ends before an answer came.
    pub fn read_if_any(stream: &mut impl Read) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return None;
            }
        }
        let head = head.to_ascii_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let header = |name: &str| {
            let value = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            value.map(str::trim)
        };
        let mut body = Vec::new();
        if header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = read_chunk(&mut reader) {
                body.extend_from_slice(&chunk);
            }
        } else if let Some(length) = header("content-length") {
            body.resize(length.parse().unwrap(), 0);
            reader.read_exact(&mut body).unwrap();
        }
        Some(Self { status, head, body })
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// Fails the test unless it is an answer of this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert!(self.status == status, "expected status {status}: {self}");
        self
    }

    /// Fails the test unless it is the problem document of this code, in all its parts; gives the document.
    #[track_caller]
    pub fn refused(&self, code: Code) -> Value {
        assert!(self.head.contains("content-type: application/problem+json"), "no refusal: {self}");
        let document = self.json();
        assert!(document["code"] == code.as_str(), "expected {code}: {self}");
        assert!(self.status == code.http_status(), "expected status {}: {self}", code.http_status());
        assert_eq!(document["status"], self.status, "{self}");
        assert_eq!(document["type"], format!("urn:holdfast:{code}"), "{self}");
        document
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(2_000)]);
        write!(f, "{}{body}", self.head)
    }
}

/// The next chunk of a body; `None` at its end.
fn read_chunk(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let length = usize::from_str_radix(line.trim(), 16).expect("the length of a chunk");
    let mut chunk = vec![0; length];
    reader.read_exact(&mut chunk).unwrap();
    line.clear();
    reader.read_line(&mut line).unwrap();
    (length > 0).then_some(chunk)
}
