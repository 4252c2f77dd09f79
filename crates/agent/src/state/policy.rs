//! The policy as the server handed it out last: what holds while the server is away.

use super::State;
use super::checked::CheckedFile;
use crate::AgentError;
use api::control::PolicyAnswer;
use model::policy::{Origins, Policy};

/// The policy that was kept last. None when there is none, and when it cannot be read: then the built-in one holds until
/// the server is asked, which is logged, since a device must not go without backups for it.
pub fn read_policy(state: &State) -> Option<PolicyAnswer> {
    file(state).read().unwrap_or_else(|error| {
        tracing::error!(%error, "the policy is asked for anew");
        None
    })
}

/// What holds by that, with where each value comes from; the built-in policy where none was kept.
pub fn policy_in_force(state: &State) -> (Policy, Origins) {
    read_policy(state).map_or_else(|| Policy::of_layers([]), |kept| (kept.policy, kept.origins))
}

/// Keeps the policy, durably. The caller holds the state's lock.
pub fn write_policy(state: &State, policy: &PolicyAnswer) -> Result<(), AgentError> {
    file(state).write(policy)
}

fn file(state: &State) -> CheckedFile {
    CheckedFile::new(state.settings_folder().join("policy"), "policy")
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_policy_comes_back_and_a_damaged_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path().to_owned());
        state.prepare().unwrap();
        assert_eq!(read_policy(&state), None);
        let (usual, origins) = Policy::of_layers([]);
        let policy = Policy { not_backed_up_days: 3, ..usual };
        let policy = PolicyAnswer { version: "7".into(), policy, origins };
        write_policy(&state, &policy).unwrap();
        assert_eq!(read_policy(&state), Some(policy.clone()));
        assert_eq!(policy_in_force(&state), (policy.policy, policy.origins));
        std::fs::write(file(&state).path(), "half").unwrap();
        assert_eq!(read_policy(&state), None);
    }
}
