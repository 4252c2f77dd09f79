//! What an administrator can ask for, as plain values: the same commands run in the server that is asked over its
//! socket and in a process of their own when no server runs. Nothing here reads a command line or prints.

mod admin_tokens;
mod administrators;
mod backup;
mod check;
mod cleanup;
pub(crate) mod devices;
pub(crate) mod events;
pub(crate) mod groups;
mod init;
pub(crate) mod policies;
mod recover;
mod retention;
mod settings;
mod snapshots;
mod stats;
pub(crate) mod storage;
mod tokens;
pub(crate) mod users;
mod verify;

use crate::instance::Instance;
use crate::watch::Watch;
use crate::{Error, Result};
use meta::OrderKind;
use model::{Custody, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use admin_tokens::{AdminTokenView, NewAdminTokenView};
pub use administrators::AdministratorView;
pub use backup::BackupView;
pub use check::{CheckView, Problem, Severity};
pub use cleanup::CleanupView;
pub use devices::{Deed, DeviceView, OrderView};
pub use events::{EventView, EventsView};
pub use groups::GroupView;
pub use init::{InitOptions, InitView, init};
pub use policies::{PolicyOf, PolicyView};
pub use recover::{RecoverOptions, RecoverView, recover};
pub use retention::{RetentionChange, RetentionView};
pub use settings::{SettingsChange, SettingsView};
pub use snapshots::{ChangedView, SnapshotView, SnapshotsView};
pub use stats::{StatsView, StatusView, VaultStats};
pub use storage::StorageView;
pub use tokens::TokenView;
pub use users::UserView;
pub use verify::{VaultReport, VerifyView};

/// Who is named by what a command has done.
pub const CONSOLE: &str = "console";

/// A command. New ones and new fields may come with each version; both sides are of one version, since the socket
/// belongs to the server that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Whether a server runs, and where it listens.
    Status,
    /// Adds a user.
    UserAdd {
        /// The name.
        name: String,
        /// Custody of the vaults of this user, when it differs from the server's.
        custody: Option<Custody>,
    },
    /// Lists the users.
    UserList,
    /// Changes where a user stands.
    UserChange {
        /// The name.
        name: String,
        /// What is done.
        deed: Deed,
    },
    /// Sets what a user may have backed up.
    UserQuota {
        /// The name.
        name: String,
        /// The size in bytes; 0 for any amount, `None` for what holds for all.
        quota_bytes: Option<u64>,
    },
    /// Adds a group of users.
    GroupAdd {
        /// The name.
        name: String,
    },
    /// Lists the groups.
    GroupList,
    /// Removes a group that nobody is in.
    GroupRemove {
        /// The name.
        name: String,
    },
    /// Puts a user into a group.
    GroupSetUser {
        /// The user's name.
        user: String,
        /// The group's name.
        group: String,
    },
    /// Shows a policy.
    PolicyShow(PolicyOf),
    /// Changes what the organisation or a group sets.
    PolicyChange {
        /// The group's name; `None` for the organisation.
        group: Option<String>,
        /// Fields with their new values; null for no longer set.
        change: serde_json::Map<String, serde_json::Value>,
    },
    /// Lists devices.
    DeviceList {
        /// Only those of this user.
        user: Option<String>,
    },
    /// Lists the events of a device, newest first.
    DeviceEvents {
        /// Its id, a beginning of it, its name, or `USER/NAME`.
        device: String,
        /// Only those with numbers below this.
        before: Option<u64>,
        /// The most.
        limit: u64,
    },
    /// Changes where a device stands.
    DeviceChange {
        /// Its id, a beginning of it, its name, or `USER/NAME`.
        device: String,
        /// What is done.
        deed: Deed,
    },
    /// Wants a device to begin a backup now.
    DeviceStart {
        /// As in `DeviceChange`.
        device: String,
    },
    /// Wants a device to end the backup that is under way.
    DeviceCancel {
        /// As in `DeviceChange`.
        device: String,
    },
    /// Makes a token by which another machine goes on as a device.
    DeviceReplace {
        /// As in `DeviceChange`.
        device: String,
        /// How long the token is good, in seconds.
        expires_seconds: u64,
    },
    /// Makes an activation token.
    TokenCreate {
        /// Name of the user.
        user: String,
        /// How long it is good, in seconds.
        expires_seconds: u64,
    },
    /// Gives an administrator a new password.
    AdminReset {
        /// Name of the administrator.
        name: String,
    },
    /// Makes a token of an administrator.
    AdminTokenCreate {
        /// Name of the administrator.
        administrator: String,
        /// What it is for.
        label: String,
        /// How long it is good, in seconds; `None` for ever.
        expires_seconds: Option<u64>,
    },
    /// Lists the tokens of administrators.
    AdminTokenList,
    /// Takes a token of an administrator away.
    AdminTokenRevoke {
        /// Its id.
        id: String,
    },
    /// Lists snapshots, newest first.
    SnapshotList {
        /// Only those of this user.
        user: Option<String>,
        /// Deleted ones too.
        deleted: bool,
    },
    /// Hides snapshots.
    SnapshotDelete {
        /// Ids, or beginnings of ids that only one snapshot has.
        ids: Vec<String>,
    },
    /// Brings hidden snapshots back.
    SnapshotUndelete {
        /// Ids, or beginnings of ids that only one snapshot has.
        ids: Vec<String>,
    },
    /// Shows which snapshots are kept.
    RetentionShow,
    /// Changes which snapshots are kept.
    RetentionSet(RetentionChange),
    /// Shows the settings.
    SettingsShow,
    /// Changes settings.
    SettingsSet(SettingsChange),
    /// Applies retention and frees space.
    Cleanup {
        /// Says what would be done.
        dry_run: bool,
    },
    /// Compares what is stored with its hashes.
    Verify {
        /// Reads the frames too.
        read_data: bool,
    },
    /// Sizes and counters.
    Stats,
    /// Whether backups can be stored.
    Storage,
    /// Looks for whatever is not as it should be.
    Check,
    /// Writes the server's own state into one file.
    Backup {
        /// The file, as an absolute path.
        file: PathBuf,
    },
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Answer {
    /// Of `init`.
    Init(InitView),
    /// Of `recover`.
    Recover(RecoverView),
    /// Of `status`.
    Status(StatusView),
    /// Of `user add`.
    User(UserView),
    /// Of `user disable`, `enable`, `delete` and `undelete`.
    UserChanged(UserView),
    /// Of `group add`.
    Group(GroupView),
    /// Of `group list`.
    Groups(Vec<GroupView>),
    /// Of `group remove`.
    GroupRemoved(GroupView),
    /// Of `policy`.
    Policy(Box<PolicyView>),
    /// Of `device list`.
    Devices(Vec<DeviceView>),
    /// Of `device disable`, `enable`, `delete` and `undelete`.
    Device(DeviceView),
    /// Of `device start` and `device cancel-backup`.
    Order(OrderView),
    /// Of `device events`.
    Events(EventsView),
    /// Of `admin token create`.
    AdminToken(NewAdminTokenView),
    /// Of `admin token list`.
    AdminTokens(Vec<AdminTokenView>),
    /// Of `admin token revoke`.
    AdminTokenRevoked(AdminTokenView),
    /// Of `user list`.
    Users(Vec<UserView>),
    /// Of `token create` and `device replace`.
    Token(TokenView),
    /// Of `admin reset`.
    Administrator(AdministratorView),
    /// Of `snapshot list`.
    Snapshots(SnapshotsView),
    /// Of `snapshot delete` and `snapshot undelete`.
    Changed(ChangedView),
    /// Of `retention`.
    Retention(RetentionView),
    /// Of `settings`.
    Settings(Box<SettingsView>),
    /// Of `cleanup`.
    Cleanup(CleanupView),
    /// Of `verify`.
    Verify(VerifyView),
    /// Of `stats`.
    Stats(StatsView),
    /// Of `storage`.
    Storage(StorageView),
    /// Of `check`.
    Check(CheckView),
    /// Of `backup`.
    Backup(BackupView),
}

/// Runs one command on an opened data folder.
pub async fn run(instance: &Arc<Instance>, command: Command, watch: &Watch) -> Result<Answer> {
    Ok(match command {
        Command::Status => Answer::Status(stats::status(instance)),
        Command::UserAdd { name, custody } => Answer::User(users::add(instance, &name, custody).await?),
        Command::UserList => Answer::Users(users::list(instance).await?),
        Command::TokenCreate { user, expires_seconds } => {
            Answer::Token(tokens::create(instance, &user, expires_seconds).await?)
        }
        Command::UserChange { name, deed } => {
            Answer::UserChanged(users::change(instance, &name, deed, CONSOLE).await?)
        }
        Command::UserQuota { name, quota_bytes } => {
            Answer::UserChanged(users::set_quota(instance, &name, quota_bytes, CONSOLE).await?)
        }
        Command::GroupAdd { name } => Answer::Group(groups::add(instance, &name, CONSOLE).await?),
        Command::GroupList => Answer::Groups(groups::list(instance).await?),
        Command::GroupRemove { name } => {
            Answer::GroupRemoved(groups::remove(instance, &name, CONSOLE).await?)
        }
        Command::GroupSetUser { user, group } => {
            Answer::UserChanged(groups::set_user(instance, &user, &group, CONSOLE).await?)
        }
        Command::PolicyShow(of) => Answer::Policy(Box::new(policies::show(instance, &of).await?)),
        Command::PolicyChange { group, change } => {
            let view = policies::change(instance, group.as_deref(), change, CONSOLE).await?;
            Answer::Policy(Box::new(view))
        }
        Command::DeviceList { user } => Answer::Devices(devices::list(instance, user.as_deref()).await?),
        Command::DeviceEvents { device, before, limit } => {
            let device = devices::find(instance, &device).await?;
            Answer::Events(events::list(instance, device, before, limit).await?)
        }
        Command::DeviceChange { device, deed } => {
            let device = devices::find(instance, &device).await?;
            Answer::Device(devices::change(instance, device, deed, CONSOLE).await?)
        }
        Command::DeviceStart { device } => order(instance, &device, OrderKind::Start).await?,
        Command::DeviceCancel { device } => order(instance, &device, OrderKind::Cancel).await?,
        Command::DeviceReplace { device, expires_seconds } => {
            let device = devices::find(instance, &device).await?;
            Answer::Token(devices::replace(instance, device, expires_seconds).await?)
        }
        Command::AdminTokenCreate { administrator, label, expires_seconds } => {
            Answer::AdminToken(admin_tokens::create(instance, &administrator, &label, expires_seconds).await?)
        }
        Command::AdminTokenList => Answer::AdminTokens(admin_tokens::list(instance).await?),
        Command::AdminTokenRevoke { id } => {
            Answer::AdminTokenRevoked(admin_tokens::revoke(instance, &id).await?)
        }
        Command::AdminReset { name } => Answer::Administrator(administrators::reset(instance, &name).await?),
        Command::SnapshotList { user, deleted } => {
            Answer::Snapshots(snapshots::list(instance, user.as_deref(), deleted).await?)
        }
        Command::SnapshotDelete { ids } => Answer::Changed(snapshots::delete(instance, &ids).await?),
        Command::SnapshotUndelete { ids } => Answer::Changed(snapshots::undelete(instance, &ids).await?),
        Command::RetentionShow => Answer::Retention(retention::show(instance)),
        Command::RetentionSet(change) => Answer::Retention(retention::set(instance, change).await?),
        Command::SettingsShow => Answer::Settings(Box::new(settings::show(instance))),
        Command::SettingsSet(change) => Answer::Settings(Box::new(settings::set(instance, change).await?)),
        Command::Cleanup { dry_run } => Answer::Cleanup(cleanup::run(instance, dry_run, watch).await?),
        Command::Verify { read_data } => Answer::Verify(verify::run(instance, read_data, watch).await?),
        Command::Stats => Answer::Stats(stats::collect(instance).await?),
        Command::Storage => Answer::Storage(storage::show(instance).await?),
        Command::Check => Answer::Check(check::run(instance).await?),
        Command::Backup { file } => Answer::Backup(backup::run(instance, &file, watch).await?),
    })
}

async fn order(instance: &Arc<Instance>, device: &str, kind: OrderKind) -> Result<Answer> {
    let device = devices::find(instance, device).await?;
    Ok(Answer::Order(devices::order(instance, device, kind, CONSOLE).await?))
}

impl Answer {
    /// The document of `--json`.
    pub fn to_json(&self) -> Result<serde_json::Value> {
        let broken = |error: serde_json::Error| Error::Broken { problem: format!("the answer: {error}") };
        if let Self::Snapshots(view) = self {
            return serde_json::to_value(&view.snapshots).map_err(broken);
        }
        match serde_json::to_value(self).map_err(broken)? {
            serde_json::Value::Object(mut object) => Ok(object.remove("value").unwrap_or_default()),
            other => Ok(other),
        }
    }

    /// Words for people that are no part of the result.
    pub fn remark(&self) -> Option<String> {
        match self {
            Self::Token(view) => Some(view.remark()),
            Self::AdminToken(view) => Some(view.remark()),
            Self::Snapshots(view) => view.remark(),
            _ => None,
        }
    }

    /// The exit status of the command.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Recover(view) => view.exit_status(),
            Self::Cleanup(view) => view.exit_status(),
            Self::Verify(view) => view.exit_status(),
            Self::Check(view) => view.exit_status(),
            Self::Snapshots(view) => view.exit_status(),
            Self::Stats(view) => view.exit_status(),
            Self::Storage(view) => view.exit_status(),
            _ => model::code::exit::COMPLETE,
        }
    }
}

/// The text for people.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Init(view) => view.fmt(f),
            Self::Recover(view) => view.fmt(f),
            Self::Status(view) => view.fmt(f),
            Self::User(view) => writeln!(f, "Added user {}.", view.name),
            Self::UserChanged(view) => view.fmt(f),
            Self::Users(list) => users::write_list(list, f),
            Self::Group(view) => writeln!(f, "Added group {}.", view.name),
            Self::Groups(list) => groups::write_list(list, f),
            Self::GroupRemoved(view) => writeln!(f, "Removed group {}.", view.name),
            Self::Policy(view) => view.fmt(f),
            Self::Devices(list) => devices::write_list(list, f),
            Self::Device(view) => view.fmt(f),
            Self::Order(view) => view.fmt(f),
            Self::Events(view) => view.fmt(f),
            Self::AdminToken(view) => view.fmt(f),
            Self::AdminTokens(list) => admin_tokens::write_list(list, f),
            Self::AdminTokenRevoked(view) => writeln!(f, "Token {} opens nothing any more.", view.id),
            Self::Token(view) => view.fmt(f),
            Self::Administrator(view) => view.fmt(f),
            Self::Snapshots(view) => snapshots::write_list(&view.snapshots, f),
            Self::Changed(view) => view.fmt(f),
            Self::Retention(view) => view.fmt(f),
            Self::Settings(view) => view.fmt(f),
            Self::Cleanup(view) => view.fmt(f),
            Self::Verify(view) => view.fmt(f),
            Self::Stats(view) => view.fmt(f),
            Self::Storage(view) => view.fmt(f),
            Self::Check(view) => view.fmt(f),
            Self::Backup(view) => view.fmt(f),
        }
    }
}

/// A time for people: whole seconds, UTC.
fn show_time(time: Timestamp) -> String {
    Timestamp::from_secs(time.as_secs()).to_string().replace('T', " ").replace('Z', " UTC")
}
