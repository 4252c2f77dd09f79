//! What a test says that ends before its checks: by itself it would count as passed.

use std::fs::File;
use std::io::Write;

/// Names the file that `scripts/test` reads.
const VARIABLE: &str = "HOLDFAST_TEST_NOT_RUN";

/// Says that the test which calls this was not run, and why. `scripts/test` lists it among those that were skipped.
/// A test that needs root has a name that begins with `root_` instead: then it is run as root.
///
/// # Panics
/// When the file cannot be written: nobody would know.
#[allow(clippy::print_stdout, reason = "for those who run a test by hand")]
pub fn not_run(reason: &str) {
    println!("not run: {reason}");
    let Some(list) = std::env::var_os(VARIABLE) else { return };
    let program = std::env::var("NEXTEST_BINARY_ID").unwrap_or_default();
    let thread = std::thread::current();
    let line = format!("{program} {}: {reason}\n", thread.name().unwrap_or("?"));
    let list = File::options().create(true).append(true).open(list);
    // In one piece, since tests run at the same time.
    list.and_then(|mut list| list.write_all(line.as_bytes())).expect("the list of tests that were not run");
}
