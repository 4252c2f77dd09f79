//! Database and object store compared, and brought together where one of them only lags behind: a step was cut off,
//! or the database is an older copy or new. The store is the authority; what it has is adopted, never removed.

mod server;
mod vault;

pub use server::{Together, bring_together, run, unreadable};
pub use vault::{Compared, compare, forget_lost, mend_index, mend_record};
