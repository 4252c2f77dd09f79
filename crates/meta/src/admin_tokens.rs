//! Tokens by which programs use the interface for administrators. The secrets themselves are never stored.

use crate::{Hash, Result};
use async_trait::async_trait;
use model::{AdminTokenId, Timestamp};

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminToken {
    /// Names it in lists, and is a part of its text.
    pub id: AdminTokenId,
    /// The administrator in whose name it acts.
    pub administrator: String,
    /// What it is for, for people.
    pub label: String,
    /// BLAKE3 of its secret.
    pub secret_hash: Hash,
    /// When it was made.
    pub created: Timestamp,
    /// From then on it is refused; `None` for never.
    pub expires: Option<Timestamp>,
    /// When it was last used, at most a minute too early.
    pub last_used: Option<Timestamp>,
}

/// Tokens of administrators.
#[async_trait]
pub trait AdminTokens: Send + Sync {
    /// Stores a token of an administrator who is there.
    async fn create_admin_token(&self, token: &AdminToken) -> Result<()>;

    /// The token with this id.
    async fn admin_token(&self, token: AdminTokenId) -> Result<Option<AdminToken>>;

    /// All tokens, newest first.
    async fn admin_tokens(&self) -> Result<Vec<AdminToken>>;

    /// Notes that a token was used; written at most once a minute.
    async fn touch_admin_token(&self, token: AdminTokenId, now: Timestamp) -> Result<()>;

    /// Takes a token away for good; false when there is none.
    async fn revoke_admin_token(&self, token: AdminTokenId) -> Result<bool>;
}
