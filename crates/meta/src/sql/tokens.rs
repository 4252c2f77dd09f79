//! Tokens and activation in SQL.

use super::value::{FromRow, Row, args};
use super::{SqlMeta, Write, devices, users, vaults};
use crate::{
    Activation, Bar, Device, Error, Hash, NewDevice, NewToken, Result, Standing, State, Token, Tokens,
};
use async_trait::async_trait;
use model::{DeviceId, Timestamp, TokenId, UserId};

impl FromRow for Token {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            id: row.next()?,
            user: row.next()?,
            created: row.next()?,
            expires: row.next()?,
            used: row.next()?,
            used_by: row.next()?,
            replaces: row.next()?,
        })
    }
}

/// A statement on tokens that gives whole rows.
macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT id, user_id, created, expires, used, used_by, replaces FROM tokens ", $rest)
    };
}

#[async_trait]
impl Tokens for SqlMeta {
    async fn create_token(&self, token: &NewToken) -> Result<Token> {
        let NewToken { user, secret_hash, created, expires, replaces } = *token;
        let id = TokenId::random();
        let mut tx = self.begin().await?;
        users::required(&mut tx, user).await?;
        if let Some(device) = replaces
            && devices::required(&mut tx, device).await?.user != user
        {
            return Err(Error::DeviceUnknown { device });
        }
        tx.run(
            "INSERT INTO tokens (id, user_id, secret_hash, created, expires, replaces)
             VALUES ($1, $2, $3, $4, $5, $6)",
            args![id, user, secret_hash, created, expires, replaces],
        )
        .await?;
        tx.commit().await?;
        Ok(Token { id, user, created, expires, used: None, used_by: None, replaces })
    }

    async fn tokens(&self, user: UserId) -> Result<Vec<Token>> {
        self.all(select!("WHERE user_id = $1 ORDER BY created DESC, id"), args![user]).await
    }

    async fn end_unused_tokens(&self, now: Timestamp) -> Result<u64> {
        let mut tx = self.begin().await?;
        let ended =
            tx.run("UPDATE tokens SET expires = $1 WHERE used IS NULL AND expires > $1", args![now]).await?;
        tx.commit().await?;
        Ok(ended)
    }

    async fn activate(
        &self,
        token_secret_hash: &Hash,
        device: &NewDevice,
        now: Timestamp,
    ) -> Result<Activation> {
        let mut tx = self.begin().await?;
        let token: Token = tx
            .one(select!("WHERE secret_hash = $1"), args![token_secret_hash])
            .await?
            .ok_or(Error::TokenUnknown)?;
        // 'Used' before 'expired': it is what a person who holds an old token has to know.
        if let Some(used_by) = token.used_by {
            let first = devices::required(&mut tx, used_by).await?;
            let same = first.recipient.as_deref() == Some(device.recipient.as_str());
            if !same || first.standing.state != State::Active {
                return Err(Error::TokenUsed { device: used_by });
            }
        }
        if token.expires <= now {
            return Err(Error::TokenExpired { expired: token.expires });
        }
        let user = users::required(&mut tx, token.user).await?;
        match user.standing.state {
            State::Active => {}
            // Of a user who is gone there is nothing to be told.
            State::Removed => return Err(Error::TokenUnknown),
            _ => return Err(Error::Barred { bar: Bar::AccountDisabled }),
        }
        let vault = vaults::open(&mut tx, user.id).await?;
        let device = match token.used_by {
            Some(id) => again(&mut tx, id, device).await?,
            None => {
                let made = match token.replaces {
                    Some(id) => devices::replace(&mut tx, id, device, now).await?,
                    None => first(&mut tx, &token, device, now).await?,
                };
                tx.run(
                    "UPDATE tokens SET used = $2, used_by = $3 WHERE id = $1",
                    args![token.id, now, made.id],
                )
                .await?;
                made
            }
        };
        tx.commit().await?;
        Ok(Activation { device, user, vault, repeated: token.used_by.is_some() })
    }
}

async fn first(tx: &mut Write, token: &Token, new: &NewDevice, now: Timestamp) -> Result<Device> {
    let device = Device {
        id: DeviceId::random(),
        user: token.user,
        vault: None,
        name: new.name.clone(),
        os: new.os.clone(),
        recipient: Some(new.recipient.clone()),
        secret_hash: Some(new.secret_hash),
        former_secrets: Vec::new(),
        standing: Standing::active(now),
        created: now,
        last_seen: None,
        last_backup: None,
    };
    devices::insert(tx, &device).await?;
    Ok(device)
}

async fn again(tx: &mut Write, id: DeviceId, new: &NewDevice) -> Result<Device> {
    tx.run(
        "UPDATE devices SET secret_hash = $2, name = $3, os = $4 WHERE id = $1",
        args![id, new.secret_hash, new.name, new.os],
    )
    .await?;
    devices::required(tx, id).await
}
