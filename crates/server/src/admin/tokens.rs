//! `token create`, and the token of `device replace`.

use super::{show_time, users};
use crate::instance::Instance;
use crate::{Error, Result, blocking};
use api::{Pin, Secret, Token};
use meta::{Device, NewToken, State, User};
use model::{Code, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A new token. It holds the secret, so it is shown once and logged never.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// The token's text.
    pub token: String,
    /// The user whose device it makes.
    pub user: String,
    /// The name of the device as which the machine will go on; `None` for a new device.
    pub replaces: Option<String>,
    /// From then on it is refused.
    pub expires: Timestamp,
    /// The addresses in it.
    pub urls: Vec<String>,
    /// SHA-256 of the certificate of the authority that the agent will trust, in hexadecimal.
    pub authority: String,
}

/// Makes a token for a new device of a user.
pub(super) async fn create(instance: &Arc<Instance>, user: &str, expires_seconds: u64) -> Result<TokenView> {
    let user = users::find(instance, user).await?;
    make(instance, &user, None, expires_seconds).await
}

/// Makes a token for a device of this user, a new one or `replaces`.
pub(super) async fn make(
    instance: &Arc<Instance>,
    user: &User,
    replaces: Option<Device>,
    expires_seconds: u64,
) -> Result<TokenView> {
    if expires_seconds == 0 {
        return Err(Error::refused(Code::Usage, "a token must be good for 1s or more"));
    }
    if user.standing.state == State::Deleted {
        return Err(Error::refused(Code::StateConflict, "the user is deleted"));
    }
    let settings = instance.settings();
    let tls = instance.data.tls();
    let pin = blocking(move || crate::tls::Authority::open(&tls).map(|authority| authority.pin())).await?;
    let pin = Pin::Authority(pin);
    let secret = Secret::random();
    let token = Token::new(settings.urls.clone(), pin, secret.clone())?;
    let created = instance.clock.now();
    let expires = created.after(Duration::from_secs(expires_seconds));
    let new = NewToken {
        user: user.id,
        secret_hash: secret.hash().0,
        created,
        expires,
        replaces: replaces.as_ref().map(|device| device.id),
    };
    let stored = instance.meta.create_token(&new).await?;
    tracing::info!(user = %user.name, token = %stored.id, %expires, "token made");
    Ok(TokenView {
        token: token.to_text(),
        user: user.name.clone(),
        replaces: replaces.map(|device| device.name),
        expires,
        urls: settings.urls.clone(),
        authority: pin.to_string(),
    })
}

impl fmt::Debug for TokenView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenView")
            .field("user", &self.user)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl TokenView {
    /// What there is to say about it.
    pub(super) fn remark(&self) -> String {
        let Self { user, replaces, expires, .. } = self;
        let until = show_time(*expires);
        let whose = match replaces {
            Some(name) => format!("a machine that goes on as {name} of {user}"),
            None => format!("one device of {user}"),
        };
        format!("Token for {whose}, good until {until}. On that machine: holdfast activate TOKEN\n")
    }
}

/// The token alone, so that a file can take it: `token create > FILE`, then `activate --token-file FILE`.
impl fmt::Display for TokenView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.token)
    }
}
