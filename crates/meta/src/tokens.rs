//! Activation tokens, and how a token becomes a device.

use crate::{Device, Hash, Result, User, Vault};
use async_trait::async_trait;
use model::{DeviceId, Timestamp, TokenId, UserId};

/// A token to store. The secret itself is never stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Whose device it will make.
    pub user: UserId,
    /// BLAKE3 of its secret.
    pub secret_hash: Hash,
    /// When it was made.
    pub created: Timestamp,
    /// From then on it is refused.
    pub expires: Timestamp,
    /// The device of that user as which the machine will go on; `None` for a new device.
    pub replaces: Option<DeviceId>,
}

/// A stored token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Names it in lists; opens nothing.
    pub id: TokenId,
    /// Whose device it makes.
    pub user: UserId,
    /// When it was made.
    pub created: Timestamp,
    /// From then on it is refused.
    pub expires: Timestamp,
    /// When it made a device.
    pub used: Option<Timestamp>,
    /// Which one.
    pub used_by: Option<DeviceId>,
    /// The device as which the machine goes on.
    pub replaces: Option<DeviceId>,
}

/// What a machine says about itself at activation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDevice {
    /// Public half of its age key pair; the same recipient is the same device.
    pub recipient: String,
    /// Name for people.
    pub name: String,
    /// System and version.
    pub os: String,
    /// BLAKE3 of its secret.
    pub secret_hash: Hash,
}

/// The answer to an activation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activation {
    /// The device that is active now.
    pub device: Device,
    /// Its user.
    pub user: User,
    /// The user's open vault.
    pub vault: Option<Vault>,
    /// True when this device had been made by this token before.
    pub repeated: bool,
}

/// Tokens.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// Stores a token.
    async fn create_token(&self, token: &NewToken) -> Result<Token>;

    /// The tokens of a user, newest first.
    async fn tokens(&self, user: UserId) -> Result<Vec<Token>>;

    /// Ends every token that was not used: from `now` on each is refused as expired. Gives how many there were.
    async fn end_unused_tokens(&self, now: Timestamp) -> Result<u64>;

    /// Turns a token into a device, or into the one that the token replaces: with its snapshots and sets, but none of
    /// its secrets, leases and counters.
    ///
    /// Repeated with the same recipient before the token expires, it gives the same device and stores the
    /// secret and names that were sent last: the first answer may have been lost. Otherwise a used token is
    /// refused, and so is one whose device may no longer work, or whose user may not.
    async fn activate(
        &self,
        token_secret_hash: &Hash,
        device: &NewDevice,
        now: Timestamp,
    ) -> Result<Activation>;
}
