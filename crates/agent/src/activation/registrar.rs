//! What an activation asks of the server, and the same over the network.

use crate::AgentError;
use crate::session::Dialling;
use api::activation::{ActivateAnswer, ActivateRequest};
use api::vaults::{CreateVaultRequest, Holder, VaultAnswer};
use api::{Credential, Token};
use client::{Connection, Trust, VaultCreation};
use model::VaultId;
use std::sync::{Arc, OnceLock};

/// The server as an activation sees it. Every call may be repeated.
pub trait Registrar {
    /// Makes the token a device.
    fn activate(&self, request: &ActivateRequest) -> Result<ActivateAnswer, AgentError>;

    /// The certificate (DER) of the authority that the token pins, once a call succeeded.
    fn authority(&self) -> Option<Vec<u8>>;

    /// Creates the user's vault.
    fn create_vault(
        &self,
        by: &Credential,
        request: &CreateVaultRequest,
    ) -> Result<VaultCreation, AgentError>;

    /// A vault's custody and format.
    fn vault(&self, by: &Credential, vault: VaultId) -> Result<VaultAnswer, AgentError>;

    /// The vault's key, wrapped for `holder`.
    fn key(&self, by: &Credential, vault: VaultId, holder: Holder) -> Result<Vec<u8>, AgentError>;

    /// Stores the vault's key, wrapped for the device itself.
    fn put_key(&self, by: &Credential, vault: VaultId, bytes: Vec<u8>) -> Result<(), AgentError>;
}

/// The server that a token names.
#[derive(Debug)]
pub struct OverNetwork {
    dialling: Dialling,
    urls: Vec<String>,
    stranger: Arc<Connection>,
    device: OnceLock<Arc<Connection>>,
}

impl OverNetwork {
    /// Prepares the connection; nothing is sent yet.
    pub fn new(token: &Token, dialling: Dialling) -> Result<Self, AgentError> {
        let urls = token.urls().to_vec();
        let stranger = dialling.connect(&urls, Trust::from(token.pin()), None)?;
        Ok(Self { dialling, urls, stranger, device: OnceLock::new() })
    }

    /// The connection of the new device. One activation has one device, so the first credential is that of all calls.
    fn device(&self, by: &Credential) -> Result<&Connection, AgentError> {
        if let Some(known) = self.device.get() {
            return Ok(known);
        }
        let trust = self.authority().map_or(Trust::Os, Trust::Authority);
        let connection = self.dialling.connect(&self.urls, trust, Some(by.clone()))?;
        Ok(self.device.get_or_init(|| connection))
    }
}

impl Registrar for OverNetwork {
    fn activate(&self, request: &ActivateRequest) -> Result<ActivateAnswer, AgentError> {
        self.stranger.activate(request).map_err(Into::into)
    }

    fn authority(&self) -> Option<Vec<u8>> {
        self.stranger.authority()
    }

    fn create_vault(
        &self,
        by: &Credential,
        request: &CreateVaultRequest,
    ) -> Result<VaultCreation, AgentError> {
        self.device(by)?.create_vault(request).map_err(Into::into)
    }

    fn vault(&self, by: &Credential, vault: VaultId) -> Result<VaultAnswer, AgentError> {
        self.device(by)?.vault(vault).map_err(Into::into)
    }

    fn key(&self, by: &Credential, vault: VaultId, holder: Holder) -> Result<Vec<u8>, AgentError> {
        self.device(by)?.key(vault, holder).map_err(Into::into)
    }

    fn put_key(&self, by: &Credential, vault: VaultId, bytes: Vec<u8>) -> Result<(), AgentError> {
        self.device(by)?.put_key(vault, Holder::Device(by.device), bytes).map_err(Into::into)
    }
}
