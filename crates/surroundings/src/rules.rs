//! On which networks backups may run: what the administrator says, and what the user blocked. Pure.

use crate::{Network, Way};
use platform::network::Prefix;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What the administrator decides about networks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkRules {
    /// A network is allowed when one of these is a part of its name. Letter case counts; an empty text is part of none.
    pub allow: Vec<String>,
    /// A network is restricted when one of these is a part of its name, whatever `allow` says.
    pub restrict: Vec<String>,
    /// Any other network is restricted.
    pub restrict_others: bool,
    /// Below a VPN, a network that is restricted by its name, or blocked by the user, counts too.
    pub underlay_counts: bool,
    /// Users may block networks.
    pub user_may_block: bool,
    /// Users may block a network of IPv4 when its prefix is this long or longer: a hotspot, not the organisation's.
    pub user_block_min_prefix: u8,
}

/// Whether a backup may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'w> {
    /// It may.
    Allowed,
    /// It may not, because of this network.
    Disabled {
        /// The network to name.
        network: &'w Network,
        /// Who disabled it.
        by: DisabledBy,
    },
}

/// Who disabled backup on a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledBy {
    /// The administrator, by a rule.
    Administrator,
    /// The user.
    User,
}

/// Why the user may not block a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CannotBlock {
    /// The administrator does not let users block networks.
    #[error("the administrator does not let users block networks")]
    NotAllowed,
    /// It is too large for a hotspot.
    #[error("{prefix} is too large a network: only those of /{least} or longer can be blocked")]
    TooLarge {
        /// The network.
        prefix: Prefix,
        /// The shortest prefix that may be blocked.
        least: u8,
    },
    /// The server is on the device itself.
    #[error("the way to the server leads over no network")]
    NoNetwork,
}

impl Default for NetworkRules {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            restrict: Vec::new(),
            restrict_others: false,
            underlay_counts: true,
            user_may_block: true,
            user_block_min_prefix: 24,
        }
    }
}

impl NetworkRules {
    /// Whether the user may block this network.
    pub fn may_block(&self, network: &Network) -> Result<(), CannotBlock> {
        if !self.user_may_block {
            return Err(CannotBlock::NotAllowed);
        }
        if network.kind == crate::NetworkKind::Loopback {
            return Err(CannotBlock::NoNetwork);
        }
        let least = self.user_block_min_prefix;
        match network.prefix {
            // Of IPv6 every network has a /64, which says nothing about who is on it.
            Some(prefix) if matches!(prefix.address(), IpAddr::V4(_)) && prefix.length() < least => {
                Err(CannotBlock::TooLarge { prefix, least })
            }
            _ => Ok(()),
        }
    }

    /// Whether a backup may run over this way, of which the user has blocked these networks. A block that the user may
    /// not have (any more) does not count.
    pub fn judge<'w>(&self, way: &'w Way, blocked: &[Network]) -> Verdict<'w> {
        // The device itself is no network that anybody could mean.
        if way.network.kind == crate::NetworkKind::Loopback {
            return Verdict::Allowed;
        }
        let disabled = |network, by| Verdict::Disabled { network, by };
        let underlay = way.underlay.as_ref().filter(|_| self.underlay_counts);
        let networks = || std::iter::once(&way.network).chain(underlay);

        if let Some(network) = networks().find(|network| names_part(&self.restrict, network)) {
            return disabled(network, DisabledBy::Administrator);
        }
        if self.restrict_others && !names_part(&self.allow, &way.network) {
            return disabled(&way.network, DisabledBy::Administrator);
        }
        let is_blocked = |network: &&Network| {
            self.may_block(network).is_ok() && blocked.iter().any(|blocked| blocked.is_same_as(network))
        };
        match networks().find(is_blocked) {
            Some(network) => disabled(network, DisabledBy::User),
            None => Verdict::Allowed,
        }
    }
}

fn names_part(texts: &[String], network: &Network) -> bool {
    let mut texts = texts.iter().filter(|text| !text.is_empty());
    texts.any(|text| network.names().any(|name| name.contains(&text[..])))
}

#[cfg(test)]
mod tests;
