//! Makes the fixture of this format version in `testdata/`, once: `tests/e2e/src/fixture/make.rs` says how.

use e2e::fixture;
use std::path::Path;

/// Where the devices live while it is made; snapshots hold this path.
const WORK: &str = "/tmp/holdfast-fixture";

fn main() {
    let target = fixture::testdata().join(format!("vault-v{}", format::VERSION));
    // A fixture is what an earlier version left: making it anew would make it say nothing.
    assert!(!target.exists(), "{} is there; a fixture is never made anew", target.display());
    fixture::make::make(&target, Path::new(WORK));
    std::fs::remove_dir_all(WORK).unwrap_or_default();
}
