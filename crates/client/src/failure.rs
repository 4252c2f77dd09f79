//! From what went wrong to a code: errors of the network and of TLS, refusals, and answers of strangers.

use api::Problem;
use engine::remote::RemoteError;
use model::Code;
use rustls::{CertificateError, Error as TlsError};
use std::error::Error;
use std::io;

/// An error with this code.
pub(crate) fn failure(code: Code, detail: impl Into<String>) -> RemoteError {
    RemoteError::new(code, detail)
}

/// What an error of the HTTP client means. `host` tells which address was asked.
pub(crate) fn of_network(error: &reqwest::Error, host: &str) -> RemoteError {
    let (code, reason) = find_tls(error).map_or((Code::ServerUnreachable, None), of_tls);
    let reason = reason.unwrap_or_else(|| innermost(error));
    failure(code, format!("{host}: {reason}"))
}

fn of_tls(error: &TlsError) -> (Code, Option<String>) {
    match error {
        TlsError::InvalidCertificate(error) => {
            let code = match error {
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. } => Code::CertificateExpired,
                _ => Code::CertificateUntrusted,
            };
            (code, Some(of_certificate(error)))
        }
        TlsError::NoCertificatesPresented | TlsError::UnsupportedNameType => {
            (Code::CertificateUntrusted, Some(error.to_string()))
        }
        // Something that does not speak TLS answered: a proxy, a log-in page, another service.
        TlsError::InvalidMessage(_) => (Code::ResponseInvalid, Some("the answer is not TLS".into())),
        other => (Code::ServerUnreachable, Some(other.to_string())),
    }
}

fn of_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet".into()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name".into()
        }
        CertificateError::UnknownIssuer => "its certificate is from an authority that is not trusted".into(),
        other => format!("its certificate is refused: {other}"),
    }
}

/// The TLS error among the causes, through the errors of other kinds around it.
fn find_tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a TlsError> {
    if let Some(tls) = error.downcast_ref::<TlsError>() {
        return Some(tls);
    }
    // The cause of an io::Error is the cause of what it wraps; what it wraps would be skipped.
    if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        return find_tls(inner);
    }
    error.source().and_then(find_tls)
}

/// The words of the last cause, which is the one that says something.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

/// What a refusal means.
pub(crate) fn of_problem(problem: Problem, status: u16) -> RemoteError {
    let known = problem.known_code();
    let code = known.unwrap_or(match status {
        429 => Code::RateLimited,
        500.. => Code::Internal,
        _ => Code::RequestInvalid,
    });
    let detail = match known {
        Some(_) => problem.detail,
        None => format!("{}: {}", problem.code, problem.detail),
    };
    RemoteError {
        retry_after_seconds: problem.retry_after_seconds,
        queue_place: problem.queue_place,
        missing: problem.missing,
        ..failure(code, detail)
    }
}

/// What an answer means that is neither what was asked for nor a refusal of ours.
pub(crate) fn of_stranger(status: u16, content_type: &str, host: &str) -> RemoteError {
    match status {
        502..=504 => {
            failure(Code::ServerUnreachable, format!("{host}: a proxy answered with status {status}"))
        }
        407 => failure(Code::ServerUnreachable, format!("{host}: the proxy asks for a name and password")),
        300..=399 => failure(
            Code::ResponseInvalid,
            format!("{host}: the answer sends to another address (status {status})"),
        ),
        _ => {
            let kind = if content_type.is_empty() { "without a type" } else { content_type };
            failure(Code::ResponseInvalid, format!("{host}: status {status}, content {kind}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::PackId;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);

    #[test]
    fn tls_errors_are_found_in_their_wraps() {
        let tls = TlsError::InvalidCertificate(CertificateError::UnknownIssuer);
        let wrapped = Outer(io::Error::other(Outer(io::Error::new(io::ErrorKind::InvalidData, tls.clone()))));
        assert_eq!(find_tls(&wrapped), Some(&tls));
        assert_eq!(find_tls(&Outer(io::Error::other("no"))), None);
    }

    #[test]
    fn certificates_have_two_codes() {
        let code = |error| of_tls(&TlsError::InvalidCertificate(error)).0;
        assert_eq!(code(CertificateError::Expired), Code::CertificateExpired);
        assert_eq!(code(CertificateError::NotValidYet), Code::CertificateExpired);
        assert_eq!(code(CertificateError::UnknownIssuer), Code::CertificateUntrusted);
        assert_eq!(code(CertificateError::NotValidForName), Code::CertificateUntrusted);
        assert_eq!(code(CertificateError::BadSignature), Code::CertificateUntrusted);
    }

    #[test]
    fn refusals_keep_what_they_say() {
        let pack = PackId::from_bytes([1; 16]);
        let problem = Problem::new(Code::RangesMissing, "two").missing(vec![(pack, 1), (pack, 2)]);
        let error = of_problem(problem, 409);
        assert_eq!((error.code, error.missing.len()), (Code::RangesMissing, 2));
        let error = of_problem(Problem::new(Code::ServerBusy, "").retry_after(9).queue_place(2), 503);
        assert_eq!((error.code, error.retry_after_seconds), (Code::ServerBusy, Some(9)));
        assert_eq!(error.queue_place, Some(2));
    }

    #[test]
    fn codes_of_a_newer_server_go_by_their_status() {
        let code = |status| {
            let mut problem = Problem::new(Code::Internal, "d");
            problem.code = "teapot".into();
            let error = of_problem(problem, status);
            assert_eq!(error.detail, "teapot: d");
            error.code
        };
        assert_eq!(code(418), Code::RequestInvalid);
        assert_eq!(code(429), Code::RateLimited);
        assert_eq!(code(503), Code::Internal);
    }

    #[test]
    fn strangers_are_recognised() {
        let code = |status| of_stranger(status, "text/html", "h").code;
        assert_eq!(code(200), Code::ResponseInvalid);
        assert_eq!(code(302), Code::ResponseInvalid);
        assert_eq!(code(404), Code::ResponseInvalid);
        assert_eq!(code(503), Code::ServerUnreachable);
    }
}
