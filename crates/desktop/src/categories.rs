//! Which categories of notices come up on the desktop: what the policy says, and what the user chose.

use notices::Category;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the administrator decides about categories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CategoryPolicy {
    /// Those that come up where the user chose nothing.
    pub on: BTreeSet<Category>,
    /// The user may choose others.
    pub user_may_choose: bool,
    /// Critical notices may be switched off, here or by the user; otherwise they always come up.
    pub critical_may_be_off: bool,
}

impl Default for CategoryPolicy {
    fn default() -> Self {
        Self {
            on: [Category::Critical, Category::High, Category::Warning].into(),
            user_may_choose: true,
            critical_may_be_off: false,
        }
    }
}

impl CategoryPolicy {
    /// The categories that come up. A choice that the policy does not allow is kept by the caller, and counts again
    /// when the policy allows it.
    pub fn effective(&self, chosen: Option<&BTreeSet<Category>>) -> BTreeSet<Category> {
        let mut on = match chosen {
            Some(chosen) if self.user_may_choose => chosen.clone(),
            _ => self.on.clone(),
        };
        if !self.critical_may_be_off {
            on.insert(Category::Critical);
        }
        on
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn categories() -> impl Strategy<Value = BTreeSet<Category>> {
        proptest::sample::subsequence(Category::ALL.to_vec(), 0..=4).prop_map(BTreeSet::from_iter)
    }

    #[test]
    fn only_what_needs_nobody_is_off_by_default() {
        let on = CategoryPolicy::default().effective(None);
        assert_eq!(on, [Category::Critical, Category::High, Category::Warning].into());
        assert_eq!(serde_json::from_value::<CategoryPolicy>(json!({})).unwrap(), CategoryPolicy::default());
    }

    proptest! {
        #[test]
        fn the_policy_bounds_the_choice(
            on in categories(),
            chosen in proptest::option::of(categories()),
            user_may_choose: bool,
            critical_may_be_off: bool,
        ) {
            let policy = CategoryPolicy { on, user_may_choose, critical_may_be_off };
            let effective = policy.effective(chosen.as_ref());
            let wanted = chosen.filter(|_| user_may_choose).unwrap_or(policy.on);
            for category in Category::ALL {
                let forced = category == Category::Critical && !critical_may_be_off;
                prop_assert_eq!(effective.contains(&category), wanted.contains(&category) || forced);
            }
        }
    }
}
