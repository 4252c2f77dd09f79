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

#[cfg(test)]
mod tests;
