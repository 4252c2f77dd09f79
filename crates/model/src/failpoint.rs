//! Places where a test may kill the process, named after the step around them.
//! Without the cargo feature `test-hooks` they are empty and cost nothing.

/// Ends the process as `kill -9` would when `HOLDFAST_FAIL` names this point.
///
/// `HOLDFAST_FAIL=name` stops at the first hit, `name:3` at the third, `*:40` at the fortieth hit of any.
/// With `HOLDFAST_FAIL_LOG=FILE` each hit is appended to FILE, so that a test can draw from what a run passes.
#[cfg(feature = "test-hooks")]
pub fn hit(name: &str) {
    hooks::hit(name);
}

/// Does nothing: this build has no fail points.
#[cfg(not(feature = "test-hooks"))]
#[inline(always)]
pub const fn hit(_name: &str) {}

#[cfg(feature = "test-hooks")]
mod hooks {
    use std::io::Write;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Plan {
        name: String,
        left: AtomicU64,
    }

    static PLAN: OnceLock<Option<Plan>> = OnceLock::new();

    fn plan() -> Option<&'static Plan> {
        PLAN.get_or_init(|| {
            let text = std::env::var("HOLDFAST_FAIL").ok()?;
            let (name, count) = text.rsplit_once(':').unwrap_or((&text, "1"));
            Some(Plan { name: name.to_owned(), left: AtomicU64::new(count.parse().unwrap_or(1).max(1)) })
        })
        .as_ref()
    }

    pub(super) fn hit(name: &str) {
        if let Some(path) = std::env::var_os("HOLDFAST_FAIL_LOG") {
            // A lost line only makes the test draw from fewer points.
            if let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(path) {
                let _ = file.write_all(format!("{name}\n").as_bytes());
            }
        }
        let Some(plan) = plan() else { return };
        if (plan.name == name || plan.name == "*") && plan.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            std::process::abort();
        }
    }
}
