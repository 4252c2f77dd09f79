//! The recovery file of a private vault: written before the vault exists, and never over another file.

use crate::AgentError;
use crate::state::pending::RecoveryPlan;
use format::wrap::{Identity, recovery_file};
use model::VaultId;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const MODE: u32 = 0o600;
/// A recovery file is a few lines.
const LIMIT_BYTES: u64 = 64 << 10;

/// Where the file goes when nobody says where.
pub(super) fn default_path(user: &str) -> Result<PathBuf, AgentError> {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-._@".contains(c) { c } else { '-' };
    let name =
        PathBuf::from(format!("holdfast-recovery-{}.txt", user.chars().map(plain).collect::<String>()));
    absolute(&name)
}

/// The path from the root on, since a later try may come from another folder.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, AgentError> {
    std::path::absolute(path).map_err(|error| AgentError::local(path, error))
}

/// Writes the file, durably, unless an earlier try has.
pub(super) fn write(plan: &RecoveryPlan, vault: VaultId, user: &str) -> Result<(), AgentError> {
    if is_ours(plan) {
        return Ok(());
    }
    let vault = format!("vault {vault} of {user}");
    let comments = [
        "Holdfast recovery file",
        vault.as_str(),
        "It opens this vault when no activated device is left, and it is needed to activate a further one.",
        "Nobody else has this key, the server included. Keep the file away from this machine, and secret.",
    ];
    let text = recovery_file(&plan.key_pair, &comments);
    platform::durable::write_new_file(&plan.path, text.as_bytes(), MODE).map_err(|error| {
        if error.is_already_exists() {
            AgentError::RecoveryExists { path: plan.path.clone() }
        } else {
            AgentError::local(&plan.path, error)
        }
    })
}

/// Removes the file of a vault that was not created after all. One that cannot be removed opens nothing.
pub(super) fn discard(plan: &RecoveryPlan) {
    if is_ours(plan)
        && let Err(error) = std::fs::remove_file(&plan.path)
    {
        tracing::warn!(path = %plan.path.display(), %error, "a recovery file of no use could not be removed");
    }
}

/// The key in a recovery file.
pub(super) fn read(path: &Path) -> Result<Identity, AgentError> {
    let text = text(path)?;
    let reason = "it is not a recovery file: it has no line AGE-SECRET-KEY-1…";
    Identity::parse(&text).map_err(|_| AgentError::RecoveryWrong { path: path.to_owned(), reason })
}

fn is_ours(plan: &RecoveryPlan) -> bool {
    read(&plan.path).is_ok_and(|found| found.recipient() == plan.key_pair.recipient())
}

fn text(path: &Path) -> Result<Zeroizing<String>, AgentError> {
    use std::io::Read;
    let mut text = Zeroizing::new(String::new());
    let file = std::fs::File::open(path).map_err(|error| AgentError::local(path, error))?;
    match file.take(LIMIT_BYTES).read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            Err(AgentError::RecoveryWrong { path: path.to_owned(), reason: "it is not text" })
        }
        Err(error) => Err(AgentError::local(path, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Code;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_written_once_and_never_over_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let vault = VaultId::random();
        let plan = RecoveryPlan { key_pair: Identity::generate(), path: folder.path().join("r.txt") };
        write(&plan, vault, "ada").unwrap();
        write(&plan, vault, "ada").unwrap();
        let text = std::fs::read_to_string(&plan.path).unwrap();
        assert!(text.contains(&vault.to_string()) && text.contains("ada"), "{text}");
        assert_eq!(std::fs::metadata(&plan.path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&plan.path).unwrap().recipient(), plan.key_pair.recipient());

        let other = RecoveryPlan { key_pair: Identity::generate(), path: plan.path.clone() };
        assert_eq!(write(&other, vault, "ada").unwrap_err().code(), Code::TargetExists);
        discard(&other);
        assert!(plan.path.exists(), "only its own file is discarded");
        discard(&plan);
        assert!(!plan.path.exists());
    }

    #[test]
    fn other_files_are_no_recovery_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.txt");
        assert_eq!(read(&path).unwrap_err().code(), Code::PathMissing);
        for content in [&b"# only comments\n"[..], b"\xff\xfe", b"AGE-SECRET-KEY-1WRONG\n"] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(read(&path).unwrap_err().code(), Code::RecoveryWrong, "{content:?}");
        }
        let name = default_path("a/b c@x").unwrap();
        assert!(name.is_absolute() && name.ends_with("holdfast-recovery-a-b-c@x.txt"), "{name:?}");
    }
}
