//! The server's own record, its settings and its administrators.

use crate::Result;
use async_trait::async_trait;
use model::{ServerId, Timestamp};
use serde_json::Value;

/// What makes this installation different from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerRecord {
    /// Drawn by `init`, the same for ever.
    pub id: ServerId,
    /// Shown to people.
    pub name: String,
    /// When `init` ran.
    pub created: Timestamp,
}

/// Someone who may use the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administrator {
    /// Unique whatever its case.
    pub name: String,
    /// The password as an argon2id PHC string, made by the server.
    pub password_hash: String,
    /// The password was given by someone else and has to be changed at the next log-in.
    pub must_change: bool,
    /// When the administrator was added.
    pub created: Timestamp,
}

/// The server's record, settings, administrators.
#[async_trait]
pub trait Installation: Send + Sync {
    /// Stores the record of a new server; a second one is refused.
    async fn create_server(&self, record: &ServerRecord) -> Result<()>;

    /// The record; `None` before `create_server`.
    async fn server(&self) -> Result<Option<ServerRecord>>;

    /// One setting; `None` when it was never set.
    async fn setting(&self, key: &str) -> Result<Option<Value>>;

    /// Sets one setting, in place of an earlier value.
    async fn set_setting(&self, key: &str, value: &Value) -> Result<()>;

    /// Adds an administrator.
    async fn add_administrator(&self, administrator: &Administrator) -> Result<()>;

    /// Gives an administrator another password.
    async fn set_admin_password(&self, name: &str, password_hash: &str, must_change: bool) -> Result<()>;

    /// The administrator with this name, whatever its case.
    async fn administrator(&self, name: &str) -> Result<Option<Administrator>>;
}
