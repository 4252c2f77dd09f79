//! The arguments of `holdfast-server`, as clap reads them, and the commands that they stand for.

mod policy;

use super::pages::Page;
use crate::admin::{Command, Deed, InitOptions, RecoverOptions, RetentionChange, SettingsChange};
use crate::data::file_error;
use clap::{Args as ClapArgs, CommandFactory, FromArgMatches, Subcommand};
use model::Custody;
use model::amounts::{parse_duration, parse_size};
use policy::{Group, Policy};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The backup server of Holdfast.
#[derive(Debug, clap::Parser)]
#[command(name = "holdfast-server", version, propagate_version = true)]
struct Line {
    /// The server's data folder
    #[arg(long, global = true, env = "HOLDFAST_DATA", value_name = "DIR")]
    data: Option<PathBuf>,

    /// Print one JSON document on standard output, and nothing else there
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a new server in an empty folder
    #[command(after_help = "Examples:
  holdfast-server init --data /srv/holdfast --url https://backup.example.org:8443
  holdfast-server init --data /srv/holdfast --store /mnt/disk/store --org-recovery recovery.txt")]
    Init(Init),
    /// Run the server until SIGTERM, SIGINT or SIGHUP
    #[command(after_help = "Examples:
  holdfast-server serve --data /srv/holdfast
  holdfast-server serve --data /srv/holdfast --listen 127.0.0.1:7640")]
    Serve {
        /// Listen here instead of where the settings say
        #[arg(long, value_name = "ADDR")]
        listen: Option<SocketAddr>,
    },
    /// Say whether a server runs, and where it listens
    #[command(after_help = "Example:
  holdfast-server status --data /srv/holdfast")]
    Status,
    /// The people whose machines are backed up
    #[command(subcommand)]
    User(User),
    /// Groups of users, which share a policy
    #[command(subcommand)]
    Group(Group),
    /// What devices may and must do, for all or for a group
    #[command(subcommand)]
    Policy(Policy),
    /// The machines that were activated
    #[command(subcommand)]
    Device(Device),
    /// Activation tokens
    #[command(subcommand)]
    Token(Token),
    /// Administrators
    #[command(subcommand)]
    Admin(Admin),
    /// Snapshots of all vaults
    #[command(subcommand)]
    Snapshot(Snapshot),
    /// Which snapshots are kept
    #[command(subcommand)]
    Retention(Retention),
    /// The settings of the server
    #[command(subcommand)]
    Settings(Settings),
    /// Apply the retention and free space, now
    #[command(after_help = "Examples:
  holdfast-server cleanup --data /srv/holdfast --dry-run
  holdfast-server cleanup --data /srv/holdfast")]
    Cleanup {
        /// Say what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Compare what is stored with its hashes
    #[command(after_help = "Examples:
  holdfast-server verify --data /srv/holdfast
  holdfast-server verify --data /srv/holdfast --read-data")]
    Verify {
        /// Read every stored byte, not only the tables
        #[arg(long)]
        read_data: bool,
    },
    /// Sizes, and counters of what was uploaded
    #[command(after_help = "Example:
  holdfast-server stats --data /srv/holdfast")]
    Stats,
    /// Say whether backups can be stored, and how much room there is
    #[command(after_help = "Example:
  holdfast-server storage --data /srv/holdfast")]
    Storage,
    /// Look for whatever is not as it should be
    #[command(after_help = "Examples:
  holdfast-server check --data /srv/holdfast
  holdfast-server check --data /srv/holdfast --json")]
    Check,
    /// Write database, certificate authority and keys into one file, sealed for the organisation's recovery file
    #[command(after_help = "Example:
  holdfast-server backup /var/backups/holdfast.age --data /srv/holdfast")]
    Backup {
        /// The file; an earlier backup there is replaced when the new one is complete
        file: PathBuf,
    },
    /// Make the server again, from a backup or from the object store, with the organisation's recovery file
    #[command(after_help = "Examples:
  holdfast-server recover --data /srv/holdfast --recovery-file recovery.txt --backup holdfast.age
  holdfast-server recover --data /srv/holdfast --recovery-file recovery.txt --store /mnt/disk/store")]
    Recover(Recover),
    #[command(flatten)]
    Page(Page),
}

#[derive(Debug, ClapArgs)]
struct Init {
    /// Where `serve` will listen
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// An address under which agents reach the server; may be given several times, best first
    #[arg(long = "url", value_name = "URL")]
    urls: Vec<String>,
    /// Folder of the object store, when it is to lie outside the data folder
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Where to write the organisation's recovery file
    #[arg(long, value_name = "FILE")]
    org_recovery: Option<PathBuf>,
    /// Who holds the keys of new vaults: managed (the organisation too) or private (the user alone)
    #[arg(long)]
    custody: Option<Custody>,
}

#[derive(Debug, ClapArgs)]
struct Recover {
    /// The organisation's recovery file
    #[arg(long, value_name = "FILE")]
    recovery_file: PathBuf,
    /// A file of `holdfast-server backup`; without it the database is made from the object store
    #[arg(long, value_name = "FILE")]
    backup: Option<PathBuf>,
    /// The object store, when it does not lie in the data folder
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum User {
    /// Add a user
    #[command(after_help = "Examples:
  holdfast-server user add anna --data /srv/holdfast
  holdfast-server user add anna --custody private --data /srv/holdfast")]
    Add {
        /// 1 to 64 letters, digits, dots, dashes, underscores or @
        name: String,
        /// Who holds the keys of this user's vault, when it differs from the server's setting
        #[arg(long)]
        custody: Option<Custody>,
    },
    /// List the users
    #[command(after_help = "Example:
  holdfast-server user list --data /srv/holdfast")]
    List,
    /// Keep all devices of a user from backing up and restoring; what is backed up stays
    #[command(after_help = "Example:
  holdfast-server user disable anna --data /srv/holdfast")]
    Disable {
        /// The user
        name: String,
    },
    /// Let the devices of a user work again
    #[command(after_help = "Example:
  holdfast-server user enable anna --data /srv/holdfast")]
    Enable {
        /// The user
        name: String,
    },
    /// Delete a user with all devices and snapshots; for seven days this can be undone
    #[command(after_help = "Example:
  holdfast-server user delete anna --data /srv/holdfast")]
    Delete {
        /// The user
        name: String,
    },
    /// Set how much a user may have backed up: the newest snapshots of all devices together
    #[command(after_help = "Examples:
  holdfast-server user quota anna 50GiB --data /srv/holdfast
  holdfast-server user quota anna 0 --data /srv/holdfast")]
    Quota {
        /// The user
        name: String,
        /// The size; 0 for any amount, `default` for what holds for all
        #[arg(value_name = "SIZE", value_parser = parse_quota)]
        quota: Quota,
    },
    /// Bring a deleted user back, as all was
    #[command(after_help = "Example:
  holdfast-server user undelete anna --data /srv/holdfast")]
    Undelete {
        /// The user
        name: String,
    },
}

/// A quota; `None` for what holds for all.
#[derive(Debug, Clone, Copy)]
struct Quota(Option<u64>);

fn parse_quota(text: &str) -> Result<Quota, String> {
    if text == "default" { Ok(Quota(None)) } else { parse_size(text).map(|bytes| Quota(Some(bytes))) }
}

#[derive(Debug, Subcommand)]
enum Device {
    /// List the devices, with their states, when they were last heard of, and when they were last backed up
    #[command(after_help = "Examples:
  holdfast-server device list --data /srv/holdfast
  holdfast-server device list --user anna --data /srv/holdfast")]
    List {
        /// Only those of this user
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// Show what happened to a device, newest first
    #[command(after_help = "Examples:
  holdfast-server device events laptop --data /srv/holdfast
  holdfast-server device events anna/laptop --limit 500 --data /srv/holdfast")]
    Events {
        #[command(flatten)]
        device: DeviceNamed,
        /// How many
        #[arg(long, value_name = "N", default_value_t = crate::admin::events::PAGE)]
        limit: u64,
        /// Only those before the one with this number
        #[arg(long, value_name = "NUMBER")]
        before: Option<u64>,
    },
    /// Keep a device from backing up and restoring; what is backed up stays
    #[command(after_help = "Example:
  holdfast-server device disable laptop --data /srv/holdfast")]
    Disable(DeviceNamed),
    /// Let a disabled device work again
    #[command(after_help = "Example:
  holdfast-server device enable laptop --data /srv/holdfast")]
    Enable(DeviceNamed),
    /// Delete a device with its snapshots; for seven days this can be undone
    #[command(after_help = "Example:
  holdfast-server device delete anna/laptop --data /srv/holdfast")]
    Delete(DeviceNamed),
    /// Bring a deleted device back, as it was
    #[command(after_help = "Example:
  holdfast-server device undelete anna/laptop --data /srv/holdfast")]
    Undelete(DeviceNamed),
    /// Let a device begin a backup now, or as soon as it comes
    #[command(after_help = "Example:
  holdfast-server device start anna/laptop --data /srv/holdfast")]
    Start(DeviceNamed),
    /// End the backup that a device makes; the next one goes on where it was
    #[command(after_help = "Example:
  holdfast-server device cancel-backup anna/laptop --data /srv/holdfast")]
    CancelBackup(DeviceNamed),
    /// Make a token by which another machine goes on as this device, with its snapshots
    #[command(after_help = "Example:
  holdfast-server device replace anna/laptop --data /srv/holdfast > token")]
    Replace {
        #[command(flatten)]
        device: DeviceNamed,
        /// How long the token is good
        #[arg(long, value_name = "TIME", default_value = "7d", value_parser = parse_duration)]
        expires: Duration,
    },
}

#[derive(Debug, ClapArgs)]
struct DeviceNamed {
    /// Its id, the beginning of it, its name, or USER/NAME
    #[arg(value_name = "DEVICE")]
    device: String,
}

#[derive(Debug, Subcommand)]
enum Token {
    /// Make a token that activates one device
    #[command(after_help = "Examples:
  holdfast-server token create --user anna --data /srv/holdfast
  holdfast-server token create --user anna --expires 12h --data /srv/holdfast > token")]
    Create {
        /// The user whose device it will be
        #[arg(long, value_name = "NAME")]
        user: String,
        /// How long it is good
        #[arg(long, value_name = "TIME", default_value = "7d", value_parser = parse_duration)]
        expires: Duration,
    },
}

#[derive(Debug, Subcommand)]
enum Admin {
    /// Give an administrator a new one-time password; makes the administrator when there is none of this name
    #[command(after_help = "Examples:
  holdfast-server admin reset --data /srv/holdfast
  holdfast-server admin reset berta --data /srv/holdfast")]
    Reset {
        /// The administrator
        #[arg(default_value = "admin")]
        name: String,
    },
    /// Tokens by which programs use the interface for administrators
    #[command(subcommand)]
    Token(AdminToken),
}

#[derive(Debug, Subcommand)]
enum AdminToken {
    /// Make a token; it is shown once
    #[command(after_help = "Examples:
  holdfast-server admin token create --label monitoring --data /srv/holdfast > token
  holdfast-server admin token create --admin berta --expires 90d --data /srv/holdfast")]
    Create {
        /// The administrator in whose name it acts
        #[arg(long, value_name = "NAME", default_value = "admin")]
        admin: String,
        /// What it is for
        #[arg(long, value_name = "TEXT", default_value = "")]
        label: String,
        /// How long it is good; for ever when nothing is said
        #[arg(long, value_name = "TIME", value_parser = parse_duration)]
        expires: Option<Duration>,
    },
    /// List the tokens
    #[command(after_help = "Example:
  holdfast-server admin token list --data /srv/holdfast")]
    List,
    /// Take a token away; its next request is refused
    #[command(after_help = "Example:
  holdfast-server admin token revoke 3fa09c2155d04b7eb83d6f4c9b1de2a7 --data /srv/holdfast")]
    Revoke {
        /// The token's id
        id: String,
    },
}

#[derive(Debug, Subcommand)]
enum Snapshot {
    /// List snapshots, newest first
    #[command(after_help = "Examples:
  holdfast-server snapshot list --user anna --data /srv/holdfast
  holdfast-server snapshot list --deleted --data /srv/holdfast")]
    List {
        /// Only those of this user
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// Also those that are deleted and can be brought back
        #[arg(long)]
        deleted: bool,
    },
    /// Hide snapshots; their space is freed when they can no longer be brought back
    #[command(after_help = "Example:
  holdfast-server snapshot delete 3fa09c21 --data /srv/holdfast")]
    Delete {
        /// Ids, or beginnings of ids that only one snapshot has
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Bring deleted snapshots back
    #[command(after_help = "Example:
  holdfast-server snapshot undelete 3fa09c21 --data /srv/holdfast")]
    Undelete {
        /// Ids, or beginnings of ids that only one snapshot has
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
enum Retention {
    /// Show the rule
    #[command(after_help = "Example:
  holdfast-server retention show --data /srv/holdfast")]
    Show,
    /// Change the rule; numbers that are not given stay
    #[command(after_help = "Example:
  holdfast-server retention set --keep-last 5 --daily 30 --data /srv/holdfast")]
    Set(RetentionSet),
}

#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = true)]
struct RetentionSet {
    /// Keep the newest N snapshots of a set
    #[arg(long, value_name = "N")]
    keep_last: Option<u32>,
    /// Keep the newest of each of the last N hours that have one
    #[arg(long, value_name = "N")]
    hourly: Option<u32>,
    /// Keep the newest of each of the last N days that have one
    #[arg(long, value_name = "N")]
    daily: Option<u32>,
    /// Keep the newest of each of the last N weeks that have one
    #[arg(long, value_name = "N")]
    weekly: Option<u32>,
    /// Keep the newest of each of the last N months that have one
    #[arg(long, value_name = "N")]
    monthly: Option<u32>,
}

#[derive(Debug, Subcommand)]
enum Settings {
    /// Show them
    #[command(after_help = "Example:
  holdfast-server settings show --data /srv/holdfast")]
    Show,
    /// Change them; what is not given stays
    #[command(after_help = "Examples:
  holdfast-server settings set --url https://backup.example.org:8443 --data /srv/holdfast
  holdfast-server settings set --undo 14d --reserve 20GiB --data /srv/holdfast")]
    Set(SettingsSet),
}

#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = true)]
struct SettingsSet {
    /// Where `serve` listens, from its next start on
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// The addresses of new tokens, best first; from the next start on the certificate is for them
    #[arg(long = "url", value_name = "URL")]
    urls: Vec<String>,
    /// Custody of new vaults
    #[arg(long)]
    custody: Option<Custody>,
    /// Time between the two passes of a cleanup
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    grace: Option<Duration>,
    /// How long a deleted snapshot can be brought back
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    undo: Option<Duration>,
    /// Time between scheduled cleanups
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    cleanup_every: Option<Duration>,
    /// Backups that may run at once
    #[arg(long, value_name = "N")]
    backups_at_once: Option<u64>,
    /// Disk space that uploads leave free
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    reserve: Option<u64>,
}

/// What to do, and for which folder.
#[derive(Debug)]
pub(super) struct Args {
    pub(super) data: Option<PathBuf>,
    pub(super) json: bool,
    pub(super) action: Action,
}

/// What to do.
#[derive(Debug)]
pub(super) enum Action {
    Init(InitOptions),
    Recover(RecoverOptions),
    Serve { listen: Option<SocketAddr> },
    Command(Command),
    Page(Page),
}

/// The definition of the command line.
pub(super) fn definition() -> clap::Command {
    Line::command()
}

impl Args {
    /// Reads the arguments of this process.
    pub(super) fn try_parse() -> Result<Self, clap::Error> {
        let matches = Line::command().try_get_matches()?;
        let Line { data, json, verb } = Line::from_arg_matches(&matches)?;
        Ok(Self { data, json, action: verb.into_action()? })
    }
}

impl Verb {
    fn into_action(self) -> Result<Action, clap::Error> {
        let command = match self {
            Self::Init(Init { listen, urls, store, org_recovery, custody }) => {
                let recovery_file = org_recovery;
                return Ok(Action::Init(InitOptions { listen, urls, store, recovery_file, custody }));
            }
            Self::Recover(Recover { recovery_file, backup, store }) => {
                return Ok(Action::Recover(RecoverOptions { recovery_file, backup, store }));
            }
            Self::Serve { listen } => return Ok(Action::Serve { listen }),
            Self::Page(page) => return Ok(Action::Page(page)),
            Self::Status => Command::Status,
            Self::User(User::Add { name, custody }) => Command::UserAdd { name, custody },
            Self::User(User::List) => Command::UserList,
            Self::User(User::Disable { name }) => Command::UserChange { name, deed: Deed::Disable },
            Self::User(User::Enable { name }) => Command::UserChange { name, deed: Deed::Enable },
            Self::User(User::Delete { name }) => Command::UserChange { name, deed: Deed::Delete },
            Self::User(User::Undelete { name }) => Command::UserChange { name, deed: Deed::Undelete },
            Self::User(User::Quota { name, quota: Quota(quota_bytes) }) => {
                Command::UserQuota { name, quota_bytes }
            }
            Self::Group(group) => group.into_command(),
            Self::Policy(policy) => policy.into_command(),
            Self::Device(device) => device.into_command(),
            Self::Token(Token::Create { user, expires }) => {
                Command::TokenCreate { user, expires_seconds: expires.as_secs() }
            }
            Self::Admin(Admin::Reset { name }) => Command::AdminReset { name },
            Self::Admin(Admin::Token(AdminToken::Create { admin, label, expires })) => {
                let expires_seconds = expires.map(|expires| expires.as_secs());
                Command::AdminTokenCreate { administrator: admin, label, expires_seconds }
            }
            Self::Admin(Admin::Token(AdminToken::List)) => Command::AdminTokenList,
            Self::Admin(Admin::Token(AdminToken::Revoke { id })) => Command::AdminTokenRevoke { id },
            Self::Snapshot(Snapshot::List { user, deleted }) => Command::SnapshotList { user, deleted },
            Self::Snapshot(Snapshot::Delete { ids }) => Command::SnapshotDelete { ids },
            Self::Snapshot(Snapshot::Undelete { ids }) => Command::SnapshotUndelete { ids },
            Self::Retention(Retention::Show) => Command::RetentionShow,
            Self::Retention(Retention::Set(set)) => {
                let RetentionSet { keep_last, hourly, daily, weekly, monthly } = set;
                Command::RetentionSet(RetentionChange { keep_last, hourly, daily, weekly, monthly })
            }
            Self::Settings(Settings::Show) => Command::SettingsShow,
            Self::Settings(Settings::Set(set)) => Command::SettingsSet(set.into_change()),
            Self::Cleanup { dry_run } => Command::Cleanup { dry_run },
            Self::Verify { read_data } => Command::Verify { read_data },
            Self::Stats => Command::Stats,
            Self::Storage => Command::Storage,
            Self::Check => Command::Check,
            // The server that runs it has another working folder.
            Self::Backup { file } => match std::path::absolute(&file) {
                Ok(file) => Command::Backup { file },
                Err(error) => {
                    let error = file_error(&file, &error, "resolve path");
                    return Err(Line::command().error(clap::error::ErrorKind::ValueValidation, error));
                }
            },
        };
        Ok(Action::Command(command))
    }
}

impl Device {
    fn into_command(self) -> Command {
        let change = |DeviceNamed { device }, deed| Command::DeviceChange { device, deed };
        match self {
            Self::List { user } => Command::DeviceList { user },
            Self::Events { device: DeviceNamed { device }, limit, before } => {
                Command::DeviceEvents { device, before, limit }
            }
            Self::Disable(named) => change(named, Deed::Disable),
            Self::Enable(named) => change(named, Deed::Enable),
            Self::Delete(named) => change(named, Deed::Delete),
            Self::Undelete(named) => change(named, Deed::Undelete),
            Self::Start(DeviceNamed { device }) => Command::DeviceStart { device },
            Self::CancelBackup(DeviceNamed { device }) => Command::DeviceCancel { device },
            Self::Replace { device: DeviceNamed { device }, expires } => {
                Command::DeviceReplace { device, expires_seconds: expires.as_secs() }
            }
        }
    }
}

impl SettingsSet {
    fn into_change(self) -> SettingsChange {
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs());
        SettingsChange {
            listen: self.listen,
            urls: Some(self.urls).filter(|urls| !urls.is_empty()),
            custody: self.custody,
            grace_seconds: seconds(self.grace),
            undo_seconds: seconds(self.undo),
            cleanup_every_seconds: seconds(self.cleanup_every),
            leases_max: self.backups_at_once,
            reserve_bytes: self.reserve,
        }
    }
}

#[cfg(test)]
mod tests;
