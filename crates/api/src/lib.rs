//! The words of the protocol (`docs/protocol.md`): bodies, headers, routes, limits and the token.
//! Both sides use these types; nothing here opens a connection or knows how either side does its work.

pub mod activation;
pub mod binary;
pub mod control;
pub mod credential;
pub mod error;
pub mod events;
pub mod headers;
pub mod limits;
pub mod problem;
pub mod routes;
pub mod runs;
pub mod text;
pub mod token;
pub mod vaults;
pub mod version;

pub use credential::Credential;
pub use error::Error;
pub use problem::Problem;
pub use text::{Blob, Hash, Incarnation, Secret};
pub use token::{Pin, Token};
