//! Somebody else answers: the log-in page of a hotel, a proxy in trouble, a port that says nothing of use.

use crate::{assert_all_is_well, documents, refused};
use e2e::{Agent, Site};
use model::Code;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

const PORTAL: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 25\r\nconnection: close\r\n\r\n\
    <html>Please log in</html>";
const REDIRECT: &str = "HTTP/1.1 302 Found\r\nlocation: https://portal.example/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const BAD_GATEWAY: &str = "HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbusy";
const OTHER_JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 15\r\nconnection: close\r\n\r\n{\"hello\":\"you\"}";
const NO_HTTP: &str = "SSH-2.0-OpenSSH_9.2\r\n";

/// Answers every connection with the same bytes; ends with the test's process.
struct Stranger {
    port: u16,
}

impl Stranger {
    /// Without TLS.
    fn plain(answer: &'static str) -> Self {
        Self::new(move |mut tcp| reply(&mut tcp, answer))
    }

    /// With the certificate of this server.
    fn behind_tls(data: &Path, answer: &'static str) -> Self {
        let leaf = data.join("tls/leaf.pem");
        let chain = CertificateDer::pem_file_iter(&leaf).unwrap().map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(&leaf).unwrap();
        let config =
            ServerConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(chain, key)
                .unwrap();
        let config = Arc::new(config);
        Self::new(move |tcp| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = StreamOwned::new(connection, tcp);
            reply(&mut tls, answer);
            tls.conn.send_close_notify();
            let _ = tls.flush();
        })
    }

    fn new(answer: impl Fn(TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
        Self { port }
    }

    fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }
}

/// Takes what comes first and answers it. A peer that is gone already has its own test to fail.
fn reply(stream: &mut (impl Read + Write), answer: &str) {
    let mut request = [0; 16 << 10];
    if stream.read(&mut request).is_ok() {
        let _ = stream.write_all(answer.as_bytes()).and_then(|()| stream.flush());
    }
}

#[test]
fn answers_that_come_from_no_server_of_ours() {
    let site = Site::new();
    let other = Site::new();
    let documents = documents(&site);
    let mut agent = site.device("laptop");
    let token = site.server.token("anna");
    let mut machine = Agent::at(&site.path("state-new"));
    for agent in [&mut agent, &mut machine] {
        agent.set("HOLDFAST_TEST_ATTEMPTS", "2");
    }
    let (own, foreign) = (site.server.data(), other.server.data());
    for (stranger, code) in [
        (Stranger::plain(PORTAL), Code::ResponseInvalid),
        (Stranger::plain(REDIRECT), Code::ResponseInvalid),
        (Stranger::plain(NO_HTTP), Code::ResponseInvalid),
        (Stranger::plain(""), Code::ServerUnreachable),
        (Stranger::behind_tls(foreign, PORTAL), Code::CertificateUntrusted),
        (Stranger::behind_tls(own, PORTAL), Code::ResponseInvalid),
        (Stranger::behind_tls(own, REDIRECT), Code::ResponseInvalid),
        (Stranger::behind_tls(own, OTHER_JSON), Code::ResponseInvalid),
        (Stranger::behind_tls(own, BAD_GATEWAY), Code::ServerUnreachable),
        (Stranger::behind_tls(own, NO_HTTP), Code::ServerUnreachable),
        (Stranger::behind_tls(own, ""), Code::ServerUnreachable),
    ] {
        agent.set("HOLDFAST_SERVER", stranger.url());
        machine.set("HOLDFAST_SERVER", stranger.url());
        refused(agent.run(["backup", documents.to_str().unwrap()]), code);
        refused(agent.run(["snapshots"]), code);
        refused(machine.run(["activate", &token]), code);
    }
    assert_eq!(site.server.json(["stats"])["snapshots"], 0);
    agent.unset("HOLDFAST_SERVER");
    machine.unset("HOLDFAST_SERVER");
    assert_all_is_well(&site, &agent, &documents);
    machine.activate(&token, &[]);
}
