//! `token create`.

use super::{show_time, users};
use crate::instance::Instance;
use crate::{Error, Result, blocking};
use api::{Pin, Secret, Token};
use meta::NewToken;
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
    /// From then on it is refused.
    pub expires: Timestamp,
    /// The addresses in it.
    pub urls: Vec<String>,
    /// SHA-256 of the certificate of the authority that the agent will trust, in hexadecimal.
    pub authority: String,
}

/// Makes a token for a device of a user.
pub(super) async fn create(instance: &Arc<Instance>, user: &str, expires_seconds: u64) -> Result<TokenView> {
    if expires_seconds == 0 {
        return Err(Error::refused(Code::Usage, "a token must be good for 1s or more"));
    }
    let user = users::find(instance, user).await?;
    let settings = instance.settings();
    let tls = instance.data.tls();
    let pin = blocking(move || crate::tls::Authority::open(&tls).map(|authority| authority.pin())).await?;
    let pin = Pin::Authority(pin);
    let secret = Secret::random();
    let token = Token::new(settings.urls.clone(), pin, secret.clone())?;
    let created = instance.clock.now();
    let expires = created.after(Duration::from_secs(expires_seconds));
    let new = NewToken { user: user.id, secret_hash: secret.hash().0, created, expires };
    let stored = instance.meta.create_token(&new).await?;
    tracing::info!(user = %user.name, token = %stored.id, %expires, "token made");
    Ok(TokenView {
        token: token.to_text(),
        user: user.name,
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
        let Self { user, expires, .. } = self;
        let until = show_time(*expires);
        format!(
            "Token for one device of {user}, good until {until}. On that device: holdfast activate TOKEN\n"
        )
    }
}

/// The token alone, so that a file can take it: `token create > FILE`, then `activate --token-file FILE`.
impl fmt::Display for TokenView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.token)
    }
}
