//! Every notice, in groups by what it is about. The rows are data; what they mean stands in `notice.rs`.

use crate::Notice;
use std::sync::LazyLock;

/// Writes rows as statics and joins them to the group of their file. The comment of a row is its description.
macro_rules! notices {
    ($($(#[doc = $description:literal])+ $name:ident = { $($fields:tt)* };)+) => {
        $(
            $(#[doc = $description])+
            pub static $name: crate::Notice = crate::Notice {
                description: concat!($($description),+).trim_ascii(),
                $($fields)*
                ..crate::Notice::BLANK
            };
        )+

        /// The rows of this file.
        pub(super) static GROUP: &[&crate::Notice] = &[$(&$name),+];
    };
}

mod account;
mod backup;
mod connection;
mod device;
mod mail;
mod restore;
mod schedule;

pub use account::*;
pub use backup::*;
pub use connection::*;
pub use device::*;
pub use mail::*;
pub use restore::*;
pub use schedule::*;

static ALL: LazyLock<Vec<&'static Notice>> = LazyLock::new(|| {
    let groups = [
        account::GROUP,
        backup::GROUP,
        connection::GROUP,
        device::GROUP,
        mail::GROUP,
        restore::GROUP,
        schedule::GROUP,
    ];
    let mut all = groups.concat();
    all.sort_by_key(|notice| (notice.seed.is_none(), notice.seed));
    all
});

/// Every notice: those of the seed in its order, then ours by groups.
pub fn all() -> &'static [&'static Notice] {
    &ALL
}

/// The notice with this code.
pub fn find(code: &str) -> Option<&'static Notice> {
    all().iter().copied().find(|notice| notice.code == code)
}

#[cfg(test)]
mod tests;
