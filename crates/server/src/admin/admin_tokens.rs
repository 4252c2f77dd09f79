//! `admin token create`, `list` and `revoke`: tokens by which programs use the interface for administrators.

use super::show_time;
use crate::admin_token::AdminSecret;
use crate::instance::Instance;
use crate::{Error, Result};
use api::Secret;
use meta::AdminToken;
use model::{AdminTokenId, Code, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

const LABEL_MAX: usize = 64;

/// A token, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminTokenView {
    /// The id.
    pub id: AdminTokenId,
    /// The administrator in whose name it acts.
    pub administrator: String,
    /// What it is for.
    pub label: String,
    /// When it was made.
    pub created: Timestamp,
    /// From then on it is refused; `None` for never.
    pub expires: Option<Timestamp>,
    /// When it was last used, at most a minute too early.
    pub last_used: Option<Timestamp>,
}

/// A new token. It holds the secret, so it is shown once and logged never.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewAdminTokenView {
    /// The token's text.
    pub token: String,
    /// What lists say of it.
    #[serde(flatten)]
    pub view: AdminTokenView,
}

fn view(token: AdminToken) -> AdminTokenView {
    let AdminToken { id, administrator, label, secret_hash: _, created, expires, last_used } = token;
    AdminTokenView { id, administrator, label, created, expires, last_used }
}

/// Makes a token of an administrator.
pub(super) async fn create(
    instance: &Arc<Instance>,
    administrator: &str,
    label: &str,
    expires_seconds: Option<u64>,
) -> Result<NewAdminTokenView> {
    if expires_seconds == Some(0) {
        return Err(Error::refused(Code::Usage, "a token must be good for 1s or more"));
    }
    if label.chars().count() > LABEL_MAX || label.chars().any(char::is_control) {
        let detail = format!("a label has at most {LABEL_MAX} characters and no control characters");
        return Err(Error::refused(Code::Usage, detail));
    }
    let found = instance.meta.administrator(administrator).await?;
    let administrator = found.ok_or_else(|| {
        Error::refused(Code::NotFound, format!("there is no administrator {administrator:?}"))
    })?;
    let secret = AdminSecret { id: AdminTokenId::random(), secret: Secret::random() };
    let created = instance.clock.now();
    let token = AdminToken {
        id: secret.id,
        administrator: administrator.name,
        label: label.to_owned(),
        secret_hash: secret.secret.hash().0,
        created,
        expires: expires_seconds.map(|seconds| created.after(Duration::from_secs(seconds))),
        last_used: None,
    };
    instance.meta.create_admin_token(&token).await?;
    tracing::info!(token = %token.id, administrator = token.administrator, "token of an administrator made");
    Ok(NewAdminTokenView { token: secret.to_text(), view: view(token) })
}

/// Lists the tokens, newest first.
pub(super) async fn list(instance: &Arc<Instance>) -> Result<Vec<AdminTokenView>> {
    Ok(instance.meta.admin_tokens().await?.into_iter().map(view).collect())
}

/// Takes a token away: its next request is refused.
pub(super) async fn revoke(instance: &Arc<Instance>, id: &str) -> Result<AdminTokenView> {
    let missing = || Error::refused(Code::NotFound, format!("there is no token {id}"));
    let id = id.parse().map_err(|_| missing())?;
    let token = instance.meta.admin_token(id).await?.ok_or_else(missing)?;
    instance.meta.revoke_admin_token(id).await?;
    tracing::info!(token = %id, "token of an administrator revoked");
    Ok(view(token))
}

/// The list for people.
pub(super) fn write_list(list: &[AdminTokenView], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if list.is_empty() {
        return writeln!(f, "There are no tokens of administrators.");
    }
    writeln!(f, "{:32}  {:23}  {:23}  {:23}  administrator, label", "id", "made", "expires", "last used")?;
    for view in list {
        let time = |time: Option<Timestamp>| time.map_or("never".to_owned(), show_time);
        let AdminTokenView { id, administrator, label, created, expires, last_used } = view;
        let (expires, last_used) = (time(*expires), time(*last_used));
        writeln!(
            f,
            "{id}  {:23}  {expires:23}  {last_used:23}  {administrator} {label}",
            show_time(*created)
        )?;
    }
    Ok(())
}

impl NewAdminTokenView {
    /// What there is to say about it.
    pub(super) fn remark(&self) -> String {
        let AdminTokenView { id, administrator, .. } = &self.view;
        format!("Token {id} of administrator {administrator}. It is shown only now.\n")
    }
}

impl fmt::Debug for NewAdminTokenView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewAdminTokenView").field("view", &self.view).finish_non_exhaustive()
    }
}

/// The token alone, so that a file can take it.
impl fmt::Display for NewAdminTokenView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.token)
    }
}
