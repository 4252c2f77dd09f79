//! How a policy names networks.

use super::TEXT_MAX;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Networks that have something in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkMatch {
    /// A part of the network's name, such as its SSID or the name of its connection; case does not matter.
    Name(String),
    /// The hardware address of its gateway, such as `00:1a:2b:3c:4d:5e`.
    Gateway(String),
    /// The addresses of the device there, such as `192.168.178.0/24`.
    Prefix(String),
}

impl NetworkMatch {
    /// Why it matches no network; none when it may.
    pub(super) fn problem(&self) -> Option<String> {
        match self {
            Self::Name(name) if name.trim().is_empty() || name.len() > TEXT_MAX => {
                Some(format!("has the name {name:?}; a name is not empty"))
            }
            Self::Gateway(address) if !is_hardware_address(address) => {
                Some(format!("has the gateway {address:?}; it is six bytes such as 00:1a:2b:3c:4d:5e"))
            }
            Self::Prefix(prefix) if parse_prefix(prefix).is_none() => Some(format!(
                "has the prefix {prefix:?}; it is an address and a length such as 192.168.178.0/24"
            )),
            _ => None,
        }
    }

    /// Whether a network is meant that has this name, this gateway, and these addresses of the device.
    pub fn matches(&self, name: Option<&str>, gateway: Option<&str>, addresses: &[IpAddr]) -> bool {
        match self {
            Self::Name(part) => {
                name.is_some_and(|name| name.to_lowercase().contains(&part.trim().to_lowercase()))
            }
            Self::Gateway(address) => gateway.is_some_and(|gateway| gateway.eq_ignore_ascii_case(address)),
            Self::Prefix(prefix) => parse_prefix(prefix).is_some_and(|(base, length)| {
                addresses.iter().any(|address| is_within(*address, base, length))
            }),
        }
    }
}

fn is_hardware_address(text: &str) -> bool {
    let mut bytes = 0;
    let all = text.split(':').all(|byte| {
        bytes += 1;
        byte.len() == 2 && byte.bytes().all(|digit| digit.is_ascii_hexdigit())
    });
    all && bytes == 6
}

fn parse_prefix(text: &str) -> Option<(IpAddr, u32)> {
    let (base, length) = text.split_once('/')?;
    let base: IpAddr = base.parse().ok()?;
    let length: u32 = length.parse().ok()?;
    let bits = if base.is_ipv4() { 32 } else { 128 };
    (length <= bits).then_some((base, length))
}

fn is_within(address: IpAddr, base: IpAddr, length: u32) -> bool {
    let same = |address: u128, base: u128, bits: u32| length == 0 || (address ^ base) >> (bits - length) == 0;
    match (address.to_canonical(), base) {
        (IpAddr::V4(address), IpAddr::V4(base)) => same(address.to_bits().into(), base.to_bits().into(), 32),
        (IpAddr::V6(address), IpAddr::V6(base)) => same(address.to_bits(), base.to_bits(), 128),
        _ => false,
    }
}
