//! What a device proves itself with: the value of the header `authorization`.

use crate::{Error, Secret};
use model::DeviceId;

const SCHEME: &str = "Bearer ";

/// A device's id and secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The device.
    pub device: DeviceId,
    /// Its secret, of which the server keeps the hash.
    pub secret: Secret,
}

impl Credential {
    /// The header's value.
    pub fn to_header(&self) -> String {
        format!("{SCHEME}{}.{}", self.device, self.secret.to_text())
    }

    /// Reads the header's value. The scheme's case does not matter (RFC 9110).
    pub fn parse(header: &str) -> Result<Self, Error> {
        let token = header
            .split_at_checked(SCHEME.len())
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(SCHEME))
            .map(|(_, token)| token);
        let (device, secret) = token.and_then(|token| token.split_once('.')).ok_or(Error::Credential)?;
        let device = device.parse().map_err(|_| Error::Credential)?;
        let secret = Secret::parse(secret).ok_or(Error::Credential)?;
        Ok(Self { device, secret })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_survives_its_header() {
        let credential = Credential { device: DeviceId::random(), secret: Secret::random() };
        let header = credential.to_header();
        assert_eq!(Credential::parse(&header).unwrap(), credential);
        assert_eq!(Credential::parse(&header.replacen("Bearer", "bearer", 1)).unwrap(), credential);
    }

    #[test]
    fn other_headers_are_refused() {
        let good = Credential { device: DeviceId::random(), secret: Secret::random() }.to_header();
        let cut = &good[..good.len() - 1];
        let basic = good.replacen("Bearer", "Basic", 1);
        for header in ["", "Bearer", "Bearer ", "Bearer a.b", "é", "Bearé x", cut, &basic] {
            assert_eq!(Credential::parse(header), Err(Error::Credential), "{header}");
        }
    }
}
