//! How the vault's key comes to a new device: made here, wrapped for it by the server, or opened with the recovery
//! file. The key of a private vault is never taken from the server alone: whoever wrapped it could read what follows.

use super::{Activation, Origin, recovery};
use crate::AgentError;
use crate::state::identity::PinnedVault;
use crate::state::pending::{Pending, RecoveryPlan, VaultPlan};
use api::activation::{ActivateAnswer, OpenVault};
use api::vaults::{CreateVaultRequest, Holder, WrappedKey};
use api::{Blob, Credential};
use client::VaultCreation;
use format::keys::Keyring;
use format::record::FormatRecord;
use format::wrap::{Identity, Recipient};
use model::{Custody, VaultId, failpoint};

/// The vault with its keys; `None` when another device has created it since the answer, so that a new answer is needed.
pub(super) fn obtain(
    activation: &Activation<'_>,
    pending: &mut Pending,
    answer: &ActivateAnswer,
    credential: &Credential,
    raced: bool,
) -> Result<Option<(PinnedVault, Origin)>, AgentError> {
    let custody = answer.vault.map_or(answer.custody_default, |vault| vault.custody);
    refuse_managed_with_recovery_file(activation, custody)?;
    match answer.vault {
        Some(open) if pending.plan.as_ref().is_some_and(|plan| plan.vault.keyring.vault() == open.id) => {
            // An earlier try has created it; only the answer was lost.
            finish(pending, answer, open).map(Some)
        }
        Some(open) => {
            let joining = Joining { activation, pending, answer, credential, open };
            let keyring =
                if custody == Custody::Managed { joining.managed() } else { joining.private(raced) }?;
            Ok(Some((PinnedVault { keyring, format: joining.format()? }, Origin::Joined)))
        }
        None => create(activation, pending, answer, credential),
    }
}

/// Who gives a recovery file expects a vault that nobody else can open.
fn refuse_managed_with_recovery_file(
    activation: &Activation<'_>,
    custody: Custody,
) -> Result<(), AgentError> {
    match (custody, activation.recovery_file) {
        (Custody::Managed, Some(path)) => Err(AgentError::RecoveryWrong {
            path: path.to_owned(),
            reason: "this vault is managed: the organisation can open it and it has no recovery file; \
                     activate without --recovery-file if that is right",
        }),
        _ => Ok(()),
    }
}

fn create(
    activation: &Activation<'_>,
    pending: &mut Pending,
    answer: &ActivateAnswer,
    credential: &Credential,
) -> Result<Option<(PinnedVault, Origin)>, AgentError> {
    let plan = plan(activation, pending, answer)?;
    let (keyring, id) = (&plan.vault.keyring, plan.vault.keyring.vault());
    if let Some(recovery) = &plan.recovery {
        recovery::write(recovery, id, &answer.user)?;
        failpoint::hit("agent.after_recovery_file");
    }
    let wrap = |holder, recipient: &Recipient| match recipient.wrap_keyring(keyring) {
        Ok(bytes) => Ok(WrappedKey { holder, bytes: Blob(bytes) }),
        Err(error) => Err(AgentError::Defect(error.to_string())),
    };
    let own = wrap(Holder::Device(credential.device), &pending.key_pair.recipient())?;
    let other = match &plan.recovery {
        Some(recovery) => wrap(Holder::Recovery, &recovery.key_pair.recipient())?,
        None => wrap(Holder::Org, &organisation(answer)?)?,
    };
    let request = CreateVaultRequest {
        vault: id,
        custody: keyring.custody(),
        format_record: Blob(plan.vault.format.encode()),
        keys: vec![other, own],
    };
    failpoint::hit("agent.before_create_vault");
    let creation = activation.registrar.create_vault(credential, &request)?;
    failpoint::hit("agent.after_create_vault");
    match creation {
        VaultCreation::Created => {
            let recovery_file = plan.recovery.map(|recovery| recovery.path);
            Ok(Some((plan.vault, Origin::Created { recovery_file })))
        }
        VaultCreation::Exists(_) => {
            // Forgotten first: a plan whose recovery file is gone must not be taken up again.
            pending.plan = None;
            pending.write(activation.state)?;
            if let Some(recovery) = &plan.recovery {
                recovery::discard(recovery);
            }
            Ok(None)
        }
    }
}

/// The vault that this device wants to create, on disk before anybody hears of it.
fn plan(
    activation: &Activation<'_>,
    pending: &mut Pending,
    answer: &ActivateAnswer,
) -> Result<VaultPlan, AgentError> {
    let custody = answer.custody_default;
    let earlier = pending.plan.take().filter(|plan| plan.vault.keyring.custody() == custody);
    let named = activation.recovery_file.map(recovery::absolute).transpose()?;
    let plan = match earlier {
        Some(VaultPlan { vault, recovery }) => {
            // The file may go elsewhere than at the first try, whose place could not be written.
            let place = |recovery: RecoveryPlan| RecoveryPlan {
                path: named.clone().unwrap_or(recovery.path),
                key_pair: recovery.key_pair,
            };
            VaultPlan { vault, recovery: recovery.map(place) }
        }
        None => {
            let id = VaultId::random();
            let format = FormatRecord::new(id, answer.user_id, custody, answer.server_time);
            let vault = PinnedVault { keyring: Keyring::create(id, custody), format };
            let recovery = match custody {
                Custody::Managed => None,
                Custody::Private => {
                    let path = named.map_or_else(|| recovery::default_path(&answer.user), Ok)?;
                    Some(RecoveryPlan { key_pair: Identity::generate(), path })
                }
            };
            VaultPlan { vault, recovery }
        }
    };
    pending.plan = Some(plan.clone());
    pending.write(activation.state)?;
    Ok(plan)
}

/// Takes up a vault of our own that the server has.
fn finish(
    pending: &Pending,
    answer: &ActivateAnswer,
    open: OpenVault,
) -> Result<(PinnedVault, Origin), AgentError> {
    let contradiction = || contradiction(open.id, "it was created with another custody");
    let plan = pending.plan.clone().ok_or_else(contradiction)?;
    if plan.vault.keyring.custody() != open.custody {
        return Err(contradiction());
    }
    if let Some(recovery) = &plan.recovery {
        recovery::write(recovery, open.id, &answer.user)?;
    }
    let recovery_file = plan.recovery.map(|recovery| recovery.path);
    Ok((plan.vault, Origin::Created { recovery_file }))
}

/// A device that comes to a vault which is there.
struct Joining<'a> {
    activation: &'a Activation<'a>,
    pending: &'a Pending,
    answer: &'a ActivateAnswer,
    credential: &'a Credential,
    open: OpenVault,
}

impl Joining<'_> {
    /// The server has wrapped the key for this device, as it can for every device of the user.
    fn managed(&self) -> Result<Keyring, AgentError> {
        let holder = Holder::Device(self.credential.device);
        let wrapped = self.activation.registrar.key(self.credential, self.open.id, holder)?;
        let keyring = self.pending.key_pair.unwrap_keyring(&wrapped);
        self.check(keyring.map_err(|error| contradiction(self.open.id, &format!("its key: {error}")))?)
    }

    /// The recovery file opens the key, and this device stores it for itself.
    fn private(&self, raced: bool) -> Result<Keyring, AgentError> {
        // After a race the file named is the one that this device would have written.
        let path = self.activation.recovery_file.filter(|_| !raced).ok_or(AgentError::RecoveryNeeded)?;
        let recovery = recovery::read(path)?;
        let registrar = self.activation.registrar;
        let wrapped = registrar.key(self.credential, self.open.id, Holder::Recovery)?;
        let keyring = recovery.unwrap_keyring(&wrapped).map_err(|_| AgentError::RecoveryWrong {
            path: path.to_owned(),
            reason: "it does not open this vault",
        })?;
        let keyring = self.check(keyring)?;
        let own = self.pending.key_pair.recipient().wrap_keyring(&keyring);
        let own = own.map_err(|error| AgentError::Defect(error.to_string()))?;
        failpoint::hit("agent.before_put_key");
        registrar.put_key(self.credential, self.open.id, own)?;
        failpoint::hit("agent.after_put_key");
        Ok(keyring)
    }

    fn check(&self, keyring: Keyring) -> Result<Keyring, AgentError> {
        if (keyring.vault(), keyring.custody()) == (self.open.id, self.open.custody) {
            return Ok(keyring);
        }
        Err(contradiction(self.open.id, "its key is that of another vault or custody"))
    }

    fn format(&self) -> Result<FormatRecord, AgentError> {
        let told = self.activation.registrar.vault(self.credential, self.open.id)?;
        let format = FormatRecord::decode(&told.format_record.0)
            .map_err(|error| contradiction(self.open.id, &error.to_string()))?;
        let fits = (format.vault, format.custody) == (self.open.id, self.open.custody)
            && (told.id, told.custody) == (self.open.id, self.open.custody)
            && format.user == self.answer.user_id;
        if fits {
            Ok(format)
        } else {
            Err(contradiction(self.open.id, "its format record is another vault's"))
        }
    }
}

fn organisation(answer: &ActivateAnswer) -> Result<Recipient, AgentError> {
    Recipient::parse(&answer.org_recipient)
        .map_err(|_| AgentError::Answer { what: "the organisation's key is no age recipient".into() })
}

fn contradiction(vault: VaultId, what: &str) -> AgentError {
    AgentError::Answer { what: format!("vault {vault}: {what}") }
}
