//! The calls that belong to no run: health, activation, events, creating a vault, its keys, the end of the device.

use crate::connection::Connection;
use crate::request::Call;
use api::activation::{ActivateAnswer, ActivateRequest, Health};
use api::control::{DeviceState, OrderAnswer, PolicyAnswer};
use api::events::{EventsAnswer, EventsRequest};
use api::runs::QuotaAnswer;
use api::vaults::{CreateVaultAnswer, CreateVaultRequest, Holder, VaultAnswer};
use api::{headers, limits, routes};
use engine::remote::RemoteError;
use model::{Code, OrderId, VaultId};
use reqwest::Method;

/// What became of the wish for a new vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VaultCreation {
    /// It was created, now or by an earlier try.
    Created,
    /// Another device of the user was first: this one is there.
    Exists(VaultId),
}

const JSON: Option<&str> = Some(headers::JSON);
const BINARY: Option<&str> = Some(headers::BINARY);

impl Connection {
    /// Whether the server is there, and what it speaks.
    pub fn health(&self) -> Result<Health, RemoteError> {
        self.json(&Call::new(Method::GET, routes::health(), JSON))
    }

    /// Turns a token into a device. With the same recipient it may be repeated.
    pub fn activate(&self, request: &ActivateRequest) -> Result<ActivateAnswer, RemoteError> {
        self.json(&Call::new(Method::POST, routes::activate(), JSON).json(request)?)
    }

    /// Ends this device's credentials. Snapshots stay.
    pub fn deactivate(&self) -> Result<(), RemoteError> {
        self.nothing(&Call::new(Method::POST, routes::deactivate(), None))
    }

    /// Tells what happened on this device. Sent again, nothing is stored twice.
    pub fn send_events(&self, request: &EventsRequest) -> Result<EventsAnswer, RemoteError> {
        self.json(&Call::new(Method::POST, routes::events(), JSON).json(request)?)
    }

    /// Where this device stands, and what is wanted of it.
    pub fn device_state(&self) -> Result<DeviceState, RemoteError> {
        self.json(&Call::new(Method::GET, routes::device_state(), JSON))
    }

    /// The policy that holds for this device.
    pub fn policy(&self) -> Result<PolicyAnswer, RemoteError> {
        self.json(&Call::new(Method::GET, routes::device_policy(), JSON))
    }

    /// Says what became of an order. It may be said again.
    pub fn answer_order(&self, order: OrderId, answer: &OrderAnswer) -> Result<(), RemoteError> {
        self.nothing(&Call::new(Method::PUT, routes::order(order), None).json(answer)?)
    }

    /// What this device's user has backed up, and may have.
    pub fn quota(&self) -> Result<QuotaAnswer, RemoteError> {
        self.json(&Call::new(Method::GET, routes::quota(), JSON))
    }

    /// Creates the user's vault.
    pub fn create_vault(&self, request: &CreateVaultRequest) -> Result<VaultCreation, RemoteError> {
        let call = Call::new(Method::POST, routes::vaults(), JSON).json(request)?;
        self.repeat(|_| match self.json_once::<CreateVaultAnswer>(&call) {
            Ok(_) => Ok(VaultCreation::Created),
            Err(refused) => match (refused.error.code, refused.vault) {
                (Code::VaultExists, Some(vault)) => Ok(VaultCreation::Exists(vault)),
                _ => Err(refused.into()),
            },
        })
    }

    /// A vault's format record and custody.
    pub fn vault(&self, vault: VaultId) -> Result<VaultAnswer, RemoteError> {
        self.json(&Call::new(Method::GET, routes::vault(vault), JSON))
    }

    /// A wrapped key: an age file.
    pub fn key(&self, vault: VaultId, holder: Holder) -> Result<Vec<u8>, RemoteError> {
        self.binary(&Call::new(Method::GET, routes::key(vault, holder), BINARY), limits::SMALL_OBJECT)
    }

    /// Stores the key wrapped for this device.
    pub fn put_key(&self, vault: VaultId, holder: Holder, bytes: Vec<u8>) -> Result<(), RemoteError> {
        self.nothing(&Call::new(Method::PUT, routes::key(vault, holder), None).binary(bytes.into()))
    }
}
