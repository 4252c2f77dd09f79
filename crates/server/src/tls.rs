//! The server's certificates: an authority of its own, and a leaf that is renewed while the server runs.
//! It knows files below `DATA/tls` and a clock, and nothing of requests.

mod authority;
mod error;
mod leaf;
mod live;
mod names;

pub use authority::Authority;
pub use error::TlsError;
pub use leaf::Leaf;
pub use live::{Certificates, keep_renewed};
pub use names::Names;

/// When the leaf that is stored in `dir` ends; `None` when none was made yet.
pub fn leaf_not_after(dir: &std::path::Path) -> Result<Option<model::Timestamp>, TlsError> {
    Ok(Leaf::open(dir)?.map(|leaf| leaf.not_after()))
}

#[cfg(test)]
mod tests;
