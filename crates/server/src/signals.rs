//! The signals that ask this process to end.

use crate::{Error, Result};
use platform::signals::EndSignals;

/// Catches the signals from now on. Called inside a runtime.
pub fn catch() -> Result<EndSignals> {
    EndSignals::install()
        .map_err(|error| Error::Broken { problem: format!("cannot wait for signals: {error}") })
}
