//! Health, activation and the end of a device.

use crate::{Error, Hash, Secret, limits};
use model::{Custody, DeviceId, ServerId, Timestamp, UserId, VaultId};
use serde::{Deserialize, Serialize};

/// Answer of `GET /health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `ok` while the server takes requests.
    pub status: String,
    /// The server's version.
    pub version: String,
    /// The newest protocol version it accepts.
    pub protocol: u32,
    /// The oldest protocol version it accepts.
    pub oldest_protocol: u32,
    /// Which installation it is.
    pub server_id: ServerId,
    /// The server's present time.
    pub time: Timestamp,
}

/// Body of `POST /activate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivateRequest {
    /// The secret of the token.
    pub token_secret: Secret,
    /// The machine that asks.
    pub device: NewDevice,
}

/// A machine that becomes a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewDevice {
    /// A name for people.
    pub name: String,
    /// Operating system and version.
    pub os: String,
    /// Public half of the device's age key pair.
    pub recipient: String,
    /// BLAKE3 of the device secret.
    pub secret_hash: Hash,
}

impl NewDevice {
    /// Checks the lengths and the characters of the fields.
    pub fn check(&self) -> Result<(), Error> {
        check_text("device.name", &self.name, limits::DEVICE_NAME)?;
        if self.name.is_empty() {
            return Err(Error::malformed("device.name", "at least one character"));
        }
        check_text("device.os", &self.os, limits::OS_NAME)?;
        Error::limit("device.recipient", self.recipient.len(), limits::RECIPIENT)?;
        let bech32 = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if !self.recipient.starts_with("age1") || !self.recipient.bytes().all(bech32) {
            return Err(Error::malformed("device.recipient", "age1 and lower-case letters and digits"));
        }
        Ok(())
    }
}

/// Control characters could forge lines of logs and terminals.
fn check_text(what: &'static str, text: &str, limit: usize) -> Result<(), Error> {
    Error::limit(what, text.len(), limit)?;
    if text.chars().any(char::is_control) {
        return Err(Error::malformed(what, "no control characters"));
    }
    Ok(())
}

/// Answer of `POST /activate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivateAnswer {
    /// The new device.
    pub device_id: DeviceId,
    /// The user it belongs to, whom the format record of a new vault names.
    pub user_id: UserId,
    /// That user's name.
    pub user: String,
    /// The user's open vault, if there is one.
    pub vault: Option<OpenVault>,
    /// Custody of a vault that this device creates.
    pub custody_default: Custody,
    /// The organisation's age recipient, which managed vaults are wrapped for.
    pub org_recipient: String,
    /// Which installation the server is.
    pub server_id: ServerId,
    /// The server's present time.
    pub server_time: Timestamp,
}

/// The vault that the devices of a user share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenVault {
    /// Its id.
    pub id: VaultId,
    /// Who holds its key. With `managed` the key for the new device is in the vault already.
    pub custody: Custody,
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Code;

    fn device() -> NewDevice {
        NewDevice {
            name: "laptop".into(),
            os: "Debian 13".into(),
            recipient: "age1qqqq".into(),
            secret_hash: Hash([1; 32]),
        }
    }

    #[test]
    fn fields_are_bounded() {
        assert_eq!(device().check(), Ok(()));
        let code = |change: fn(&mut NewDevice)| {
            let mut device = device();
            change(&mut device);
            device.check().unwrap_err().code()
        };
        assert_eq!(code(|d| d.name = "n".repeat(257)), Code::RequestTooLarge);
        assert_eq!(code(|d| d.os = "n".repeat(257)), Code::RequestTooLarge);
        assert_eq!(code(|d| d.recipient = format!("age1{}", "q".repeat(200))), Code::RequestTooLarge);
        assert_eq!(code(|d| d.name = String::new()), Code::RequestInvalid);
        assert_eq!(code(|d| d.name = "a\nb".into()), Code::RequestInvalid);
        assert_eq!(code(|d| d.recipient = "ssh-ed25519 AAAA".into()), Code::RequestInvalid);
    }

    #[test]
    fn fields_of_a_newer_agent_are_ignored_and_missing_ones_refused() {
        let mut json = serde_json::to_value(ActivateRequest {
            token_secret: Secret::from_bytes([0; 32]),
            device: device(),
        })
        .unwrap();
        json["device"]["battery"] = serde_json::json!(true);
        json["colour"] = serde_json::json!("blue");
        assert!(serde_json::from_value::<ActivateRequest>(json.clone()).is_ok());
        json["device"].as_object_mut().unwrap().remove("name");
        assert!(serde_json::from_value::<ActivateRequest>(json).is_err());
    }
}
