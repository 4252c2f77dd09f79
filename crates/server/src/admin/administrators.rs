//! `admin reset`, and the first administrator.

use crate::instance::Instance;
use crate::names::check_name;
use crate::{Result, blocking, password};
use meta::{Administrator, Meta};
use model::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// The administrator that `init` makes.
pub(super) const FIRST: &str = "admin";

/// An administrator with a new password, which is shown once and has to be changed at the first log-in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdministratorView {
    /// The name.
    pub name: String,
    /// The one-time password.
    pub password: String,
}

/// Gives an administrator a new one-time password; makes the administrator when there is none of this name.
pub(super) async fn reset(instance: &Arc<Instance>, name: &str) -> Result<AdministratorView> {
    let view = give_password(&*instance.meta, name, instance.clock.now()).await?;
    tracing::info!(administrator = name, "new one-time password");
    Ok(view)
}

/// [`reset`] on a database alone.
pub(super) async fn give_password(meta: &dyn Meta, name: &str, now: Timestamp) -> Result<AdministratorView> {
    check_name(name)?;
    let password = password::generate();
    let text = password.clone();
    let password_hash = blocking(move || password::hash(&text)).await?;
    match meta.administrator(name).await? {
        Some(_) => meta.set_admin_password(name, &password_hash, true).await?,
        None => {
            let created = now;
            let new = Administrator { name: name.to_owned(), password_hash, must_change: true, created };
            meta.add_administrator(&new).await?;
        }
    }
    Ok(AdministratorView { name: name.to_owned(), password: password.to_string() })
}

impl fmt::Debug for AdministratorView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdministratorView").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Display for AdministratorView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, password } = self;
        writeln!(f, "Administrator {name}, one-time password: {password}")?;
        writeln!(f, "It is shown only now and has to be changed at the first log-in.")
    }
}
